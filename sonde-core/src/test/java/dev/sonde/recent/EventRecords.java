// SPDX-License-Identifier: Apache-2.0
package dev.sonde.recent;

import static java.util.Objects.requireNonNull;

import dev.sonde.event.DatabaseEvent;
import dev.sonde.event.ErrorInfo;
import dev.sonde.event.FunctionEvent;
import dev.sonde.event.ProfileEvent;
import dev.sonde.event.RequestEvent;
import org.jspecify.annotations.Nullable;

/** Records of which each is an event and the id of its outermost span. */
final class EventRecords implements RecordReader {
  private final long[] longs;
  private final @Nullable Object[] refs;
  private int at;

  private EventRecords(long[] longs, @Nullable Object[] refs) {
    this.longs = longs;
    this.refs = refs;
  }

  static EventRecords of(ProfileEvent event, long localRootSpanId) {
    return new EventRecords(new long[] {localRootSpanId}, new @Nullable Object[] {event});
  }

  static EventRecords layout() {
    return new EventRecords(new long[0], new @Nullable Object[0]);
  }

  @Override
  public int longs() {
    return 1;
  }

  @Override
  public int refs() {
    return 1;
  }

  @Override
  public EventRecords over(long[] others, @Nullable Object[] otherRefs) {
    return new EventRecords(others, otherRefs);
  }

  @Override
  public void select(int index) {
    at = index;
  }

  @Override
  public void copyTo(long[] others, @Nullable Object[] otherRefs, int index) {
    others[index] = longs[at];
    otherRefs[index] = refs[at];
  }

  @Override
  public long spanId() {
    return part().spanId();
  }

  @Override
  public long localRootSpanId() {
    return longs[at];
  }

  @Override
  public long timestampNanos() {
    return part().timestampNanos();
  }

  @Override
  public long durationNanos() {
    return part().durationNanos();
  }

  @Override
  public int textChars() {
    ProfileEvent event = part();
    if (event instanceof RequestEvent request) {
      return request.method().length() + request.path().length();
    }
    return event instanceof DatabaseEvent statement
        ? requireNonNull(statement.query()).length()
        : ((FunctionEvent) event).function().length();
  }

  @Override
  public ProfileEvent part() {
    return (ProfileEvent) requireNonNull(refs[at]);
  }

  @Override
  public RequestEvent request(double weight) {
    return with(error(), weight);
  }

  private RequestEvent with(@Nullable ErrorInfo error, double weight) {
    RequestEvent e = (RequestEvent) part();
    return new RequestEvent(
        e.timestampNanos(),
        e.traceIdHigh(),
        e.traceIdLow(),
        e.spanId(),
        e.parentSpanId(),
        e.connectionId(),
        e.requestId(),
        e.method(),
        e.route(),
        e.path(),
        e.status(),
        e.outcome(),
        e.durationNanos(),
        e.bytesIn(),
        e.bytesOut(),
        error,
        weight);
  }

  @Override
  public long requestId() {
    return ((RequestEvent) part()).requestId();
  }

  @Override
  public @Nullable ErrorInfo error() {
    return ((RequestEvent) part()).error();
  }

  @Override
  public void forgetStack() {
    refs[at] = with(new ErrorInfo(requireNonNull(error()).type(), null, ""), 1);
  }

  @Override
  public int workerId() {
    return 3;
  }

  @Override
  public long streamId() {
    return 5;
  }

  @Override
  public String httpVersion() {
    return "HTTP/2";
  }
}
