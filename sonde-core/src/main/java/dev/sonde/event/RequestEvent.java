// SPDX-License-Identifier: Apache-2.0
package dev.sonde.event;

import org.jspecify.annotations.Nullable;

/**
 * One request ended, successfully or not.
 *
 * @param timestampNanos monotonic time in nanoseconds of its end
 * @param traceIdHigh upper half of the trace id
 * @param traceIdLow lower half of the trace id
 * @param spanId span of the request
 * @param parentSpanId span of the caller, or 0
 * @param connectionId number of its connection, or 0 if unknown
 * @param requestId number of the request
 * @param method HTTP method
 * @param route template such as {@code /users/{id}}, or null if none matched
 * @param path path as received, without the query string
 * @param status HTTP status code, or 0 if no response head was sent
 * @param outcome how it ended
 * @param durationNanos nanoseconds from the parsed head to the last byte
 * @param bytesIn body bytes received
 * @param bytesOut body bytes sent
 * @param error what the application threw, or null
 * @param weight number of requests that this one stands for after sampling
 * @param timeToFirstByteNanos nanoseconds from the parsed head to the response head, or -1 if none
 *     was sent or it is unknown
 * @param blockedNanos nanoseconds of the duration in which bytes of the response waited because the
 *     client took no more, or -1 if the server does not let it be known
 * @param stream what kind of stream it was, or null: then its duration is that of a request
 */
public record RequestEvent(
    long timestampNanos,
    long traceIdHigh,
    long traceIdLow,
    long spanId,
    long parentSpanId,
    long connectionId,
    long requestId,
    String method,
    @Nullable String route,
    String path,
    int status,
    Outcome outcome,
    long durationNanos,
    long bytesIn,
    long bytesOut,
    @Nullable ErrorInfo error,
    double weight,
    long timeToFirstByteNanos,
    long blockedNanos,
    @Nullable StreamKind stream)
    implements ProfileEvent {
  /**
   * What a request is that stays open for as long as somebody wants to hear from it.
   *
   * <p>Here alone it is decided by what a stream is known; never by how long it took.
   */
  public enum StreamKind {
    /** Server-sent events, known by the {@code Content-Type} of the response. */
    SSE("sse"),
    /** WebSocket, known by the upgrade: the request ends with it, and the stream begins. */
    WEBSOCKET("websocket"),
    /** A request that the server holds until there is news; known by the rules for its path. */
    LONG_POLL("long_poll"),
    /** A call of gRPC in which one side or both send a stream of messages; known by its method. */
    GRPC("grpc");

    private static final String EVENT_STREAM = "text/event-stream";

    private final String jsonName;

    StreamKind(String jsonName) {
      this.jsonName = jsonName;
    }

    /**
     * What a response of this content type is, or null if it is no stream; parameters may follow.
     */
    public static @Nullable StreamKind ofContentType(@Nullable CharSequence contentType) {
      if (contentType == null || contentType.length() < EVENT_STREAM.length()) {
        return null;
      }
      for (int i = 0; i < EVENT_STREAM.length(); i++) {
        char c = contentType.charAt(i);
        char lower = c >= 'A' && c <= 'Z' ? (char) (c + ('a' - 'A')) : c;
        if (lower != EVENT_STREAM.charAt(i)) {
          return null;
        }
      }
      boolean isWhole = contentType.length() == EVENT_STREAM.length();
      return isWhole || " \t;".indexOf(contentType.charAt(EVENT_STREAM.length())) >= 0 ? SSE : null;
    }

    /** What a connection is that was upgraded to this protocol, or null if it is no stream. */
    public static @Nullable StreamKind ofUpgrade(Protocol protocol) {
      return protocol == Protocol.WEBSOCKET ? WEBSOCKET : null;
    }

    /**
     * Nanoseconds by which it is told whether a request was slow. A stream is not slow for being
     * open long: of server-sent events it is the time to the first byte, 0 if unknown, and nothing
     * of a long poll or a stream of gRPC, which wait for news or for the client.
     *
     * @param kind null for what is no stream
     */
    public static long answerNanos(
        @Nullable StreamKind kind, long durationNanos, long timeToFirstByteNanos) {
      if (kind == SSE) {
        return Math.max(0, timeToFirstByteNanos);
      }
      return kind == LONG_POLL || kind == GRPC ? 0 : durationNanos;
    }

    /** Name in JSON and in labels. */
    public String jsonName() {
      return jsonName;
    }
  }

  /** A request of which it is not known when its response began and what it waited for. */
  public RequestEvent(
      long timestampNanos,
      long traceIdHigh,
      long traceIdLow,
      long spanId,
      long parentSpanId,
      long connectionId,
      long requestId,
      String method,
      @Nullable String route,
      String path,
      int status,
      Outcome outcome,
      long durationNanos,
      long bytesIn,
      long bytesOut,
      @Nullable ErrorInfo error,
      double weight) {
    this(
        timestampNanos,
        traceIdHigh,
        traceIdLow,
        spanId,
        parentSpanId,
        connectionId,
        requestId,
        method,
        route,
        path,
        status,
        outcome,
        durationNanos,
        bytesIn,
        bytesOut,
        error,
        weight,
        -1,
        -1,
        null);
  }

  /**
   * Nanoseconds of the duration in which it was the application, not the client, that the response
   * waited for; -1 if the server does not let it be known.
   */
  public long applicationNanos() {
    return blockedNanos < 0 ? -1 : durationNanos - blockedNanos;
  }

  @Override
  public String type() {
    return "REQ";
  }

  /** Whether the server failed: a status of 500 or more, an exception, or a failed outcome. */
  @Override
  public boolean isError() {
    return status >= 500
        || error != null
        || outcome == Outcome.APP_ERROR
        || outcome == Outcome.SERVER_TIMEOUT;
  }
}
