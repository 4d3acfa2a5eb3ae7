// SPDX-License-Identifier: Apache-2.0
package dev.sonde.capture.tomcat;

import org.apache.tomcat.util.net.SocketWrapperBase;
import org.jspecify.annotations.Nullable;

/** A channel that carries what is known of its connection. */
interface ObservedSocket {
  /** The connection that uses the channel now, or null. */
  @Nullable ObservedConnection connection();

  /** The connection of a socket, or null if it is not observed or closed. */
  static @Nullable ObservedConnection connectionOf(SocketWrapperBase<?> socket) {
    return socket.getSocket() instanceof ObservedSocket observed ? observed.connection() : null;
  }
}
