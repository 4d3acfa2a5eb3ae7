// SPDX-License-Identifier: Apache-2.0
package dev.sonde.testkit.witness;

import java.time.Instant;
import java.util.List;

/**
 * One TCP connection to a server, as its packets tell it.
 *
 * @param begin time of its first packet
 * @param serverPort port that was connected to
 * @param clientPort port that it came from
 * @param isAccepted whether the server's side answered the handshake; its kernel does so for
 *     connections that wait in the backlog, too
 * @param requests heads of HTTP/1 requests and of HTTP/2 streams that the client sent
 * @param statuses of the final responses, in the order of their packets
 * @param bodyBytes of the responses, without heads and without the framing of chunks
 * @param payloadBytes TCP payload, both ways
 * @param firstToEnd whose FIN or RST came first
 */
public record WireConnection(
    Instant begin,
    int serverPort,
    int clientPort,
    boolean isAccepted,
    long requests,
    List<Integer> statuses,
    long bodyBytes,
    long payloadBytes,
    Side firstToEnd) {
  /** An end of a connection. */
  public enum Side {
    /** The one that connected. */
    CLIENT,
    /** The one that listened. */
    SERVER,
    /** Neither, as far as the capture goes. */
    NEITHER
  }
}
