// SPDX-License-Identifier: Apache-2.0
package dev.sonde.testkit;

import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.util.concurrent.Executor;
import org.jspecify.annotations.Nullable;

/**
 * One request, in the few operations that a {@link ContractRoute} needs of a server.
 *
 * <p>All operations may block. Streams are the server's own: what they throw on a broken connection
 * must reach the caller.
 */
public interface ContractExchange {
  /** Path as received, without the query string. */
  String path();

  /** Query string without the question mark, or null. */
  @Nullable String query();

  /** Body of the request. */
  InputStream requestBody() throws IOException;

  /** Sets status and headers of a response without a body. */
  void respond(int status) throws IOException;

  /**
   * Sets status and headers of a response; the first flush or a full buffer sends them.
   *
   * @param contentLength bytes that will follow, or -1 for a stream of unknown length
   * @return where the body goes; a flush hands everything so far to the socket
   */
  OutputStream respond(int status, String contentType, long contentLength) throws IOException;

  /**
   * Gives the server's thread back and goes on in another.
   *
   * <p>The response is complete when the task returns; when it throws, the server is told that the
   * application failed. Must be the last thing that a handler does with the exchange.
   */
  void async(Executor executor, Task task);

  /** The rest of an asynchronous request. */
  @FunctionalInterface
  interface Task {
    /** Goes on. */
    void run(ContractExchange exchange) throws IOException, InterruptedException;
  }
}
