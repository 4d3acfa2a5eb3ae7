// SPDX-License-Identifier: Apache-2.0
package dev.sonde.capture.undertow;

import io.undertow.protocols.http2.Http2DataStreamSinkChannel;
import io.undertow.server.ServerConnection;
import io.undertow.server.protocol.http2.Http2ServerConnection;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import org.jspecify.annotations.Nullable;

/** Numbers of HTTP/2 streams, which Undertow knows but does not tell. */
final class Http2Streams {
  private static final @Nullable VarHandle RESPONSE = response();

  private Http2Streams() {}

  /**
   * Makes sure that they can be read.
   *
   * @throws UnsupportedOperationException if they cannot
   */
  static void check() {
    if (RESPONSE == null) {
      throw new UnsupportedOperationException(
          "this version of Undertow has no readable field "
              + Http2ServerConnection.class.getName()
              + ".responseChannel");
    }
  }

  /** The stream that is a connection of its own to Undertow, or 0 if it is none of HTTP/2. */
  static int of(ServerConnection connection) {
    VarHandle response = RESPONSE;
    return response != null && connection instanceof Http2ServerConnection stream
        ? ((Http2DataStreamSinkChannel) response.get(stream)).getStreamId()
        : 0;
  }

  private static @Nullable VarHandle response() {
    try {
      return MethodHandles.privateLookupIn(Http2ServerConnection.class, MethodHandles.lookup())
          .findVarHandle(
              Http2ServerConnection.class, "responseChannel", Http2DataStreamSinkChannel.class);
    } catch (ReflectiveOperationException e) {
      return null;
    }
  }
}
