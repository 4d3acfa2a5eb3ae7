// SPDX-License-Identifier: Apache-2.0
package dev.sonde.capture.helidon;

import io.helidon.common.buffers.DataReader;
import io.helidon.common.buffers.DataWriter;
import io.helidon.common.socket.HelidonSocket;
import io.helidon.http.Headers;
import io.helidon.webserver.ConnectionContext;
import io.helidon.webserver.ListenerContext;
import io.helidon.webserver.Router;
import io.helidon.webserver.ServerConnectionException;
import java.io.UncheckedIOException;
import org.jspecify.annotations.Nullable;

/** What Helidon serves a connection with: its bytes and its routing pass by here. */
final class ObservedContext extends ForwardingContext {
  private final ObservedConnection connection;
  private final HelidonSocket socket;
  private final DataReader reader;
  private final DataWriter writer;
  private final Router router;
  private final ListenerContext listener;

  ObservedContext(ConnectionContext context, ListenerWatch watch, ObservedConnection connection) {
    super(context);
    this.connection = connection;
    socket = context.serverSocket();
    reader = DataReader.create(this::read);
    writer = new ObservedWriter(context.dataWriter(), connection);
    router = watch.observed(context.router());
    listener = watch.original(context.listenerContext());
    connection.buffered(reader);
  }

  ObservedConnection connection() {
    return connection;
  }

  /** The head of a request of HTTP/1 is parsed. */
  void head(Headers headers) {
    connection.head(this, headers);
  }

  @Override
  public DataReader dataReader() {
    return reader;
  }

  @Override
  public DataWriter dataWriter() {
    return writer;
  }

  @Override
  public Router router() {
    return router;
  }

  @Override
  public ListenerContext listenerContext() {
    return listener;
  }

  /** Reads as the reader does that Helidon would use. */
  private byte @Nullable [] read() {
    byte[] bytes;
    try {
      bytes = socket.get();
    } catch (UncheckedIOException e) {
      Throwable cause = e.getCause();
      connection.readFailed(cause == null ? e : cause);
      throw new ServerConnectionException("the socket could not be read", e);
    } catch (RuntimeException e) {
      connection.readFailed(e);
      throw e;
    }
    connection.received(bytes);
    return bytes;
  }
}
