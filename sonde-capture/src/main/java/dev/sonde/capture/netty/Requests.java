// SPDX-License-Identifier: Apache-2.0
package dev.sonde.capture.netty;

import dev.sonde.capture.Exchange;
import io.netty.channel.Channel;
import org.jspecify.annotations.Nullable;

/** The requests of one connection, in the protocol that is spoken on it. */
interface Requests {
  /** The open request that a handler of {@code channel} works on, or null. */
  @Nullable Exchange request(Channel channel);

  /** Whether the body of a request is arriving. */
  boolean isReceiving();

  /** Whether the protocol shows why the server would close the connection now. */
  boolean isClosing();

  /** Ends the requests whose answer was written as a whole. */
  void settle();

  /** What was written has been offered to the socket, which may not have taken all of it. */
  void flushed();

  /** The connection is closed, and what it has not told yet it must tell now. */
  void closing(long nanos);
}
