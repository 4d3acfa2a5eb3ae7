// SPDX-License-Identifier: Apache-2.0
package dev.sonde.capture.jetty;

import dev.sonde.capture.CloseHint;
import org.eclipse.jetty.http2.ErrorCode;
import org.eclipse.jetty.http2.HTTP2Session;
import org.eclipse.jetty.http2.api.Session;
import org.eclipse.jetty.http2.frames.Frame;
import org.eclipse.jetty.http2.frames.GoAwayFrame;
import org.eclipse.jetty.http2.server.AbstractHTTP2ServerConnectionFactory;
import org.eclipse.jetty.server.ConnectionFactory;
import org.eclipse.jetty.server.Connector;

/** Reads in the server's own GOAWAY why it gives up an HTTP/2 connection. */
final class Http2Watch implements HTTP2Session.FrameListener {
  private final SondeJetty jetty;

  private Http2Watch(SondeJetty jetty) {
    this.jetty = jetty;
  }

  /** Watches what the connector will speak; does nothing where Jetty's HTTP/2 is missing. */
  static void install(SondeJetty jetty, Connector connector) {
    for (ConnectionFactory factory : connector.getConnectionFactories()) {
      if (factory instanceof AbstractHTTP2ServerConnectionFactory http2) {
        http2.addEventListener(new Http2Watch(jetty));
      }
    }
  }

  @Override
  public void onOutgoingFrame(Session session, Frame frame) {
    if (!(frame instanceof GoAwayFrame goAway) || !(session instanceof HTTP2Session http2)) {
      return;
    }
    ObservedConnection connection = jetty.find(http2.getEndPoint());
    int error = goAway.getError();
    if (connection == null || error == ErrorCode.NO_ERROR.code) {
      return;
    }
    connection
        .state()
        .hint(
            error == ErrorCode.ENHANCE_YOUR_CALM_ERROR.code
                ? CloseHint.RAPID_RESET
                : CloseHint.PROTOCOL_ERROR);
  }
}
