// SPDX-License-Identifier: Apache-2.0
package dev.sonde.recent;

import dev.sonde.event.ErrorInfo;
import dev.sonde.event.ProfileEvent;
import dev.sonde.event.RequestEvent;
import org.jspecify.annotations.Nullable;

/**
 * Reads records out of arrays, one after the other.
 *
 * <p>Whoever makes records decides how they lie there; who keeps them copies them as they are. For
 * one thread at a time.
 */
public interface RecordReader {
  /** Numbers of one record. */
  int longs();

  /** References of one record. */
  int refs();

  /** Reads records that lie in the same way in other arrays. */
  RecordReader over(long[] longs, @Nullable Object[] refs);

  /** Turns to the record with this index. */
  void select(int index);

  /** Copies the record at hand, to be the one with this index of other arrays. */
  void copyTo(long[] longs, @Nullable Object[] refs, int index);

  /** Its own span. */
  long spanId();

  /** The outermost span of the process around it, itself included. */
  long localRootSpanId();

  /** Monotonic time in nanoseconds of its end. */
  long timestampNanos();

  /** Nanoseconds from its start to its end. */
  long durationNanos();

  /** Characters of its texts, those of an error left out. */
  int textChars();

  /** A call or a statement as an event, of weight 1. */
  ProfileEvent part();

  /** A request as an event. */
  RequestEvent request(double weight);

  /** Number of a request. */
  long requestId();

  /**
   * What a request's application threw, or null.
   *
   * <p>From the first call on, the record refers to this instead of the exception.
   */
  @Nullable ErrorInfo error();

  /** Leaves of a request's error its type alone. */
  void forgetStack();

  /** Index of the event loop or worker that began a request, or -1 if unknown. */
  int workerId();

  /** HTTP/2 stream of a request, 0 on HTTP/1. */
  long streamId();

  /** Version of HTTP of a request, or empty if unknown. */
  String httpVersion();
}
