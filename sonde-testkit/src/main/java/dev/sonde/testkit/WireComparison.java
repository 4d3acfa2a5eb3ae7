// SPDX-License-Identifier: Apache-2.0
package dev.sonde.testkit;

import dev.sonde.capture.Capability;
import dev.sonde.event.ClientDisconnected;
import dev.sonde.event.CloseReason;
import dev.sonde.event.ConnectionClosed;
import dev.sonde.event.ConnectionOpened;
import dev.sonde.event.RequestStarted;
import dev.sonde.event.ResponseCompleted;
import dev.sonde.testkit.witness.WireConnection;
import dev.sonde.testkit.witness.WireConnection.Side;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/** Holds what an adapter told against what the wire shows. */
final class WireComparison {
  private static final String NOT_PARSED = "-";
  private static final int SWITCHING_PROTOCOLS = 101;
  private static final int REFUSED = 400;

  private final Set<Capability> capabilities;
  private final Set<Deviation> deviations;
  private final List<WireConnection> wire;
  private final List<String> differences = new ArrayList<>();
  private long connections;
  private long requests;
  private long bodyBytes;
  private long ends;

  /**
   * @param capabilities what the adapter declares
   * @param deviations how the server differs
   * @param wire all connections, in the order in which they began
   */
  WireComparison(
      Set<Capability> capabilities, Set<Deviation> deviations, List<WireConnection> wire) {
    this.capabilities = capabilities;
    this.deviations = deviations;
    this.wire = new ArrayList<>(wire);
  }

  /** Compares one scenario; they are given in the order in which they were played. */
  void compare(Scenario scenario) {
    for (ConnectionTrace trace : scenario.told) {
      ConnectionOpened opened = trace.only(ConnectionOpened.class);
      WireConnection seen = take(scenario, opened);
      if (seen == null) {
        differences.add(scenario.name + ": not on the wire: " + opened);
      } else {
        compare(scenario, trace, opened.tls(), seen);
      }
    }
    List<WireConnection> left = wire.stream().filter(seen -> isOf(scenario, seen)).toList();
    wire.removeAll(left);
    List<WireConnection> untold =
        new ArrayList<>(left.stream().filter(this::isReportable).toList());
    if (scenario.isProbed) {
      untold.removeIf(seen -> seen.payloadBytes() == 0);
    }
    if (deviations.contains(Deviation.WAKES_ITSELF)) {
      for (int port : scenario.tlsByPort.keySet()) {
        untold.stream()
            .filter(seen -> seen.serverPort() == port && seen.payloadBytes() == 0)
            .reduce((before, last) -> last)
            .ifPresent(untold::remove);
      }
    }
    // A door that is shut answers nothing.
    long refused = untold.stream().filter(seen -> seen.statuses().isEmpty()).count();
    if (untold.size() != scenario.rejected || refused != scenario.rejected) {
      differences.add(
          scenario.name + ": told of " + scenario.rejected + " rejected, but not of: " + untold);
    }
  }

  /** What differs, a line each; empty if nothing does. */
  List<String> differences() {
    return List.copyOf(differences);
  }

  /** How much was compared. */
  String summary() {
    return "connections %d, requests %d, body bytes %d, ends %d; differences %d"
        .formatted(connections, requests, bodyBytes, ends, differences.size());
  }

  private @Nullable WireConnection take(Scenario scenario, ConnectionOpened opened) {
    for (WireConnection seen : wire) {
      if (seen.clientPort() == opened.clientPort()
          && seen.serverPort() == opened.serverPort()
          && isOf(scenario, seen)) {
        wire.remove(seen);
        return seen;
      }
    }
    return null;
  }

  private static boolean isOf(Scenario scenario, WireConnection seen) {
    return scenario.tlsByPort.containsKey(seen.serverPort())
        && seen.begin().isAfter(scenario.begin)
        && seen.begin().isBefore(scenario.end);
  }

  private void compare(
      Scenario scenario, ConnectionTrace trace, boolean isTls, WireConnection seen) {
    connections++;
    String what = scenario.name + ": " + trace.shape() + " | " + seen;
    List<RequestStarted> started = trace.all(RequestStarted.class);
    boolean isParsed = started.stream().noneMatch(each -> each.method().equals(NOT_PARSED));
    CloseReason reason = trace.only(ConnectionClosed.class).reason();
    // Of what a server had enough of, the rest may still be on its way to it.
    if (!isTls && scenario.isHttp && isParsed && reason != CloseReason.BACKPRESSURE) {
      compareRequests(what, trace, started.size(), seen);
      compareResponses(what, trace, started, reason, seen);
    }
    Side side = sideThatMustEnd(reason);
    // A close that is only inferred may have been the other side's.
    boolean isInferred = reason == CloseReason.TIMEOUT && !capabilities.contains(Capability.ACCEPT);
    boolean isAnyEnd = !scenario.isHttp && deviations.contains(Deviation.MALFORMED_BODY_AS_LEAVE);
    if (!isInferred && !isAnyEnd && side != Side.NEITHER) {
      ends++;
      expect(what, "ended by", seen.firstToEnd(), side);
    }
  }

  private void compareRequests(
      String what, ConnectionTrace trace, int started, WireConnection seen) {
    requests += started;
    // A request whose body is cut short is none to the dissector.
    long cut =
        trace.all(ClientDisconnected.class).stream().filter(end -> !end.duringStreaming()).count();
    if (seen.requests() + cut != started) {
      expect(what, "requests", seen.requests(), started);
    }
  }

  private void compareResponses(
      String what,
      ConnectionTrace trace,
      List<RequestStarted> started,
      CloseReason reason,
      WireConnection seen) {
    List<ResponseCompleted> completed = trace.all(ResponseCompleted.class);
    boolean isH2 = started.stream().anyMatch(each -> each.streamId() != 0);
    if (completed.size() != started.size()) {
      int disconnected = trace.all(ClientDisconnected.class).size();
      int endless = started.size() - completed.size() - disconnected;
      // The server cuts a request short by an erroneous close, or by a reset of its stream.
      boolean isCutByServer =
          isH2 || (reason != CloseReason.COMPLETE && reason != CloseReason.CLIENT_DISCONNECT);
      if (endless < 0 || (endless > 0 && !isCutByServer)) {
        differences.add(what + ": requests told without an end: " + endless);
      }
      return;
    }
    boolean isPageUnseen =
        deviations.contains(Deviation.ERROR_PAGES_UNSEEN)
            && completed.stream().anyMatch(each -> each.status() >= REFUSED);
    if (!isPageUnseen) {
      long bytes = completed.stream().mapToLong(ResponseCompleted::bytesSent).sum();
      bodyBytes += bytes;
      expect(what, "body bytes", seen.bodyBytes(), bytes);
    }
    // An upgrade to HTTP/2 is not the answer to a request: that comes as its first stream.
    List<Integer> statuses =
        seen.statuses().stream()
            .filter(status -> !isH2 || status != SWITCHING_PROTOCOLS)
            .sorted()
            .toList();
    // The dissector takes no header table from HTTP2-Settings, and then reads no answer that uses
    // it.
    if (statuses.isEmpty() && isH2 && seen.statuses().contains(SWITCHING_PROTOCOLS)) {
      return;
    }
    List<Integer> told = completed.stream().map(ResponseCompleted::status).sorted().toList();
    boolean isHalfRead = isH2 && deviations.contains(Deviation.HEADER_TABLE_KEPT);
    if (!isHalfRead || !told.containsAll(statuses)) {
      expect(what, "statuses", statuses, told);
    }
  }

  private void expect(String what, String quantity, Object onTheWire, Object told) {
    // Counts come as int or long.
    if (!String.valueOf(onTheWire).equals(String.valueOf(told))) {
      differences.add(what + ": " + quantity + ": wire " + onTheWire + ", told " + told);
    }
  }

  private static Side sideThatMustEnd(CloseReason reason) {
    return switch (reason) {
      case CLIENT_DISCONNECT -> Side.CLIENT;
      case TIMEOUT, BACKPRESSURE -> Side.SERVER;
      // Either may end a connection that is complete, after an error, or when told of a shutdown.
      case COMPLETE, ERROR, SERVER_SHUTDOWN -> Side.NEITHER;
    };
  }

  /** Not what the kernel's backlog took and no server accepted, nor what the adapter cannot see. */
  private boolean isReportable(WireConnection seen) {
    boolean isAnswered = seen.statuses().stream().anyMatch(status -> status < REFUSED);
    if (!capabilities.contains(Capability.ACCEPT) && !isAnswered) {
      return false;
    }
    boolean isSilent = seen.payloadBytes() == 0;
    boolean isSeenLate = isSilent && !capabilities.contains(Capability.BYTELESS);
    boolean isBacklog = seen.statuses().isEmpty() && seen.firstToEnd() == Side.SERVER;
    return seen.isAccepted() && !isSeenLate && !(isSilent && isBacklog);
  }

  /**
   * What was told of one scenario.
   *
   * @param begin when it began: other processes may have had its ports before
   * @param end when it was over
   * @param tlsByPort the server's ports, and whether with TLS
   * @param isHttp whether all requests are such that a dissector understands them
   * @param isProbed whether silent connections are its own, which a server need not accept
   * @param told the connections
   * @param rejected connections that were turned away without becoming one
   */
  record Scenario(
      String name,
      Instant begin,
      Instant end,
      Map<Integer, Boolean> tlsByPort,
      boolean isHttp,
      boolean isProbed,
      List<ConnectionTrace> told,
      long rejected) {}
}
