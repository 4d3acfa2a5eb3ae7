// SPDX-License-Identifier: Apache-2.0
package dev.sonde.testkit;

import dev.sonde.event.ClientDisconnected;
import dev.sonde.event.CloseReason;
import dev.sonde.event.ConnectionClosed;
import dev.sonde.event.ConnectionOpened;
import dev.sonde.event.LifecycleEvent;
import dev.sonde.event.RequestStarted;
import dev.sonde.event.ResponseCompleted;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * What holds for every stream of lifecycle events, whatever the traffic was.
 *
 * <p>Meant for streams whose connections have all been closed: a connection without an end is a
 * violation.
 */
public final class LifecycleInvariants {
  private static final int SWITCHING_PROTOCOLS = 101;

  /** Characters of a sequence in a message: a connection may have had thousands of requests. */
  private static final int SHOWN = 200;

  private final Map<Integer, Boolean> tlsByServerPort;
  private final Routes routes;
  private final List<String> violations = new ArrayList<>();
  private final Set<Long> requestIds = new HashSet<>();

  /**
   * @param tlsByServerPort the ports that the server listens on, and whether with TLS
   * @param routes which template a completed request must carry
   */
  public LifecycleInvariants(Map<Integer, Boolean> tlsByServerPort, Routes routes) {
    this.tlsByServerPort = Map.copyOf(tlsByServerPort);
    this.routes = routes;
  }

  /** Checks all events of a server, and describes each violation in one line; empty if none. */
  public List<String> violations(List<LifecycleEvent> events) {
    violations.clear();
    requestIds.clear();
    for (ConnectionTrace connection : ConnectionTrace.split(events)) {
      int before = violations.size();
      checkOrder(connection);
      if (violations.size() == before) {
        checkConnection(connection);
        checkRequests(connection);
        checkSums(connection);
      }
    }
    return List.copyOf(violations);
  }

  /** One opening first, one close last. */
  private void checkOrder(ConnectionTrace connection) {
    List<LifecycleEvent> events = connection.events();
    int opened = connection.all(ConnectionOpened.class).size();
    int closed = connection.all(ConnectionClosed.class).size();
    if (opened != 1) {
      violate(connection, "is opened " + opened + " times");
    }
    if (closed != 1) {
      violate(connection, "is closed " + closed + " times");
    }
    if (!(events.get(0) instanceof ConnectionOpened)) {
      violate(connection, "does not begin with its opening");
    }
    if (closed > 0 && !(events.get(events.size() - 1) instanceof ConnectionClosed)) {
      violate(connection, "goes on after its close");
    }
  }

  private void checkConnection(ConnectionTrace connection) {
    ConnectionOpened opened = connection.only(ConnectionOpened.class);
    ConnectionClosed closed = connection.only(ConnectionClosed.class);
    if (opened.connectionId() <= 0) {
      violate(connection, "has no positive id");
    }
    if (!opened.clientAddress().equals("127.0.0.1") || opened.clientPort() <= 0) {
      violate(connection, "has no client: " + opened);
    }
    Boolean isTls = tlsByServerPort.get(opened.serverPort());
    if (!opened.serverAddress().equals("127.0.0.1") || isTls == null) {
      violate(connection, "was accepted by a port that the server does not have: " + opened);
    } else if (isTls != opened.tls()) {
      violate(connection, "is wrong about TLS: " + opened);
    }
    if (closed.durationNanos() != closed.timestampNanos() - opened.timestampNanos()) {
      violate(connection, "has a duration that is not from its opening to its close: " + closed);
    }
    // On HTTP/2 threads take the time and record at once, so the order of records of two streams
    // means nothing; what must hold there is checked by request.
    boolean isSequential =
        connection.all(RequestStarted.class).stream().allMatch(started -> started.streamId() == 0);
    long previous = opened.timestampNanos();
    for (LifecycleEvent event : connection.events()) {
      if (event.timestampNanos() - previous < 0) {
        violate(connection, "goes back in time at: " + event);
      }
      if (closed.timestampNanos() - event.timestampNanos() < 0) {
        violate(connection, "has an event later than its close: " + event);
      }
      if (isSequential) {
        previous = event.timestampNanos();
      }
    }
  }

  private void checkRequests(ConnectionTrace connection) {
    Map<Long, RequestStarted> open = new HashMap<>();
    Set<Long> upgraded = new HashSet<>();
    Set<Long> streams = new HashSet<>();
    for (LifecycleEvent event : connection.events()) {
      if (event instanceof RequestStarted started) {
        checkStart(connection, started, streams);
        open.put(started.requestId(), started);
      } else if (event instanceof ResponseCompleted completed) {
        checkCompletion(connection, open.remove(completed.requestId()), completed);
        if (completed.status() == SWITCHING_PROTOCOLS) {
          upgraded.add(completed.requestId());
        }
      } else if (event instanceof ClientDisconnected disconnected
          && !upgraded.remove(disconnected.requestId())) {
        checkDisconnect(connection, open.remove(disconnected.requestId()), disconnected);
      }
    }
    // A stream that the server reset has no end of its own, and says nothing of the connection.
    open.values().removeIf(started -> started.streamId() != 0);
    CloseReason reason = connection.only(ConnectionClosed.class).reason();
    if (!open.isEmpty()
        && (reason == CloseReason.COMPLETE || reason == CloseReason.CLIENT_DISCONNECT)) {
      violate(connection, "leaves requests without an end: " + open.values());
    }
  }

  private void checkStart(ConnectionTrace connection, RequestStarted started, Set<Long> streams) {
    if (started.requestId() <= 0 || !requestIds.add(started.requestId())) {
      violate(connection, "has a request whose id is not unique: " + started);
    }
    boolean isH2 = started.httpVersion().startsWith("HTTP/2");
    if (started.streamId() < 0 || (!isH2 && started.streamId() != 0)) {
      violate(connection, "has a stream where there is none: " + started);
    }
    if (started.streamId() != 0 && !streams.add(started.streamId())) {
      violate(connection, "starts a stream twice: " + started);
    }
    if (started.method().isEmpty() || started.path().isEmpty() || started.path().contains("?")) {
      violate(connection, "has a request without method or plain path: " + started);
    }
  }

  private void checkCompletion(
      ConnectionTrace connection, @Nullable RequestStarted started, ResponseCompleted completed) {
    if (started == null) {
      violate(connection, "completes what is not open: " + completed);
      return;
    }
    checkEnd(connection, started, completed.streamId(), completed);
    long duration = completed.durationNanos();
    if (duration != completed.timestampNanos() - started.timestampNanos()) {
      violate(connection, "has a duration that is not from start to end: " + completed);
    }
    long firstByte = completed.timeToFirstByteNanos();
    if (firstByte < -1 || firstByte > duration) {
      violate(connection, "has its first byte after its last: " + completed);
    }
    if (completed.blockedNanos() < -1 || completed.blockedNanos() > duration) {
      violate(connection, "waited for its client for longer than it took: " + completed);
    }
    boolean isInterim = completed.status() < 200 && completed.status() != SWITCHING_PROTOCOLS;
    if (isInterim || completed.status() > 599 || completed.bytesSent() < 0) {
      violate(connection, "has no true status or size: " + completed);
    }
    String route = routes.templateOf(started.path());
    boolean isUnrouted = completed.route() == null && routes.isUnrouted(completed.status());
    if (route != null && !isUnrouted && !route.equals(completed.route())) {
      violate(connection, "has not the route " + route + ": " + completed);
    }
  }

  private void checkDisconnect(
      ConnectionTrace connection,
      @Nullable RequestStarted started,
      ClientDisconnected disconnected) {
    if (started == null) {
      violate(connection, "disconnects what is not open: " + disconnected);
      return;
    }
    checkEnd(connection, started, disconnected.streamId(), disconnected);
    if (disconnected.bytesSent() < 0) {
      violate(connection, "has no true size: " + disconnected);
    }
  }

  private void checkEnd(
      ConnectionTrace connection, RequestStarted started, long streamId, LifecycleEvent end) {
    if (streamId != started.streamId()) {
      violate(connection, "ends a request on another stream: " + started + ", " + end);
    }
    if (end.timestampNanos() - started.timestampNanos() < 0) {
      violate(connection, "ends a request before its start: " + started + ", " + end);
    }
  }

  private void checkSums(ConnectionTrace connection) {
    ConnectionClosed closed = connection.only(ConnectionClosed.class);
    List<ResponseCompleted> completed = connection.all(ResponseCompleted.class);
    List<ClientDisconnected> disconnected = connection.all(ClientDisconnected.class);
    if (closed.requestsServed() != completed.size()) {
      violate(connection, "served not " + completed.size() + " requests: " + closed);
    }
    long bytes =
        completed.stream().mapToLong(ResponseCompleted::bytesSent).sum()
            + disconnected.stream().mapToLong(ClientDisconnected::bytesSent).sum();
    int started = connection.all(RequestStarted.class).size();
    // A response that failed on the server has no event of its own, but its bytes count.
    boolean hasSilentEnds = started > completed.size() + disconnected.size();
    if (hasSilentEnds ? closed.totalBytesSent() < bytes : closed.totalBytesSent() != bytes) {
      violate(connection, "sent not " + bytes + " bytes: " + closed);
    }
  }

  private void violate(ConnectionTrace connection, String what) {
    String shape = connection.shape();
    String shown = shape.length() <= SHOWN ? shape : shape.substring(0, SHOWN) + "...";
    violations.add(
        "connection " + connection.events().get(0).connectionId() + " [" + shown + "] " + what);
  }

  /** Which template belongs to a path. */
  @FunctionalInterface
  public interface Routes {
    /** The template that a completed request to a path must carry, or null if any will do. */
    @Nullable String templateOf(String path);

    /** Whether a request that was answered so may have no template at all. */
    default boolean isUnrouted(int status) {
      return false;
    }
  }
}
