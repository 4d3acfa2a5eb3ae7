// SPDX-License-Identifier: Apache-2.0
package dev.sonde.capture.tomcat;

import jakarta.websocket.Endpoint;
import jakarta.websocket.EndpointConfig;
import jakarta.websocket.MessageHandler;
import jakarta.websocket.Session;
import java.io.IOException;
import java.io.UncheckedIOException;

/** Sends every text message back; made by Tomcat. */
public final class EchoEndpoint extends Endpoint {
  /** For Tomcat. */
  public EchoEndpoint() {}

  @Override
  public void onOpen(Session session, EndpointConfig config) {
    session.addMessageHandler(String.class, new Echo(session));
  }

  private record Echo(Session session) implements MessageHandler.Whole<String> {
    @Override
    public void onMessage(String message) {
      try {
        session.getBasicRemote().sendText(message);
      } catch (IOException e) {
        throw new UncheckedIOException(e);
      }
    }
  }
}
