// SPDX-License-Identifier: Apache-2.0
package dev.sonde.trace;

import java.nio.charset.StandardCharsets;
import org.jspecify.annotations.Nullable;

/**
 * A piece of work within a trace: the trace's id, its own id and its parent's.
 *
 * <p>Immutable. {@link #parentSpanId()} is 0 where there is no parent; it is never another id in
 * its place.
 */
public final class Span {
  /** Characters of a {@code traceparent} of version 00. */
  private static final int TRACEPARENT_LENGTH = 55;

  private static final int SAMPLED = 0x01;

  /** W3C Trace Context level 2: the lower 56 bits of the trace id are random. */
  private static final int RANDOM = 0x02;

  /** Not of the header, which has eight bits for flags: see {@link #suppressed()}. */
  private static final int SUPPRESSED = 0x100;

  private static final byte[] HEX = "0123456789abcdef".getBytes(StandardCharsets.ISO_8859_1);

  private final long traceIdHigh;
  private final long traceIdLow;
  private final long spanId;
  private final long parentSpanId;
  private final long localRootSpanId;
  private final int flags;
  private final @Nullable String traceState;

  private Span(
      long traceIdHigh,
      long traceIdLow,
      long spanId,
      long parentSpanId,
      long localRootSpanId,
      int flags,
      @Nullable String traceState) {
    this.traceIdHigh = traceIdHigh;
    this.traceIdLow = traceIdLow;
    this.spanId = spanId;
    this.parentSpanId = parentSpanId;
    this.localRootSpanId = localRootSpanId;
    this.flags = flags;
    this.traceState = traceState;
  }

  /** The first span of a new trace. */
  public static Span root() {
    long spanId = TraceIds.nextSpanId();
    return new Span(
        TraceIds.nextTraceIdHigh(),
        TraceIds.nextTraceIdLow(),
        spanId,
        0,
        spanId,
        SAMPLED | RANDOM,
        null);
  }

  /**
   * The first span of the trace of a request that nobody traces yet: always the same for the same
   * number, so that it need not be kept before somebody asks.
   *
   * @param requestNumber unique within this process
   */
  public static Span rootOf(long requestNumber) {
    long spanId = TraceIds.spanIdOf(requestNumber);
    return new Span(
        TraceIds.traceIdHighOf(requestNumber),
        TraceIds.traceIdLowOf(requestNumber),
        spanId,
        0,
        spanId,
        SAMPLED | RANDOM,
        null);
  }

  /**
   * A span whose ids were given out elsewhere, for instance by another tracing library.
   *
   * @throws IllegalArgumentException if the trace id or the span id is 0
   */
  public static Span of(
      long traceIdHigh, long traceIdLow, long spanId, long parentSpanId, boolean isSampled) {
    return of(traceIdHigh, traceIdLow, spanId, parentSpanId, 0, isSampled);
  }

  /**
   * A span whose ids were given out elsewhere, and which is part of what this process does.
   *
   * @param localRootSpanId as {@link #localRootSpanId()}, {@code spanId} itself for the outermost
   * @throws IllegalArgumentException if the trace id or the span id is 0
   */
  public static Span of(
      long traceIdHigh,
      long traceIdLow,
      long spanId,
      long parentSpanId,
      long localRootSpanId,
      boolean isSampled) {
    if ((traceIdHigh | traceIdLow) == 0) {
      throw new IllegalArgumentException("trace id must not be 0");
    }
    if (spanId == 0) {
      throw new IllegalArgumentException("spanId must not be 0");
    }
    int flags = isSampled ? SAMPLED : 0;
    return new Span(traceIdHigh, traceIdLow, spanId, parentSpanId, localRootSpanId, flags, null);
  }

  /**
   * The caller's span as told by the W3C headers of its request; the request itself is that span's
   * {@link #child()}.
   *
   * <p>Strict as W3C Trace Context level 2 demands: lower-case hexadecimal, no surrounding space,
   * exactly 55 characters in version 00; a later version may go on after a further {@code -}. At
   * most 56 characters are looked at and nothing is allocated for a header that is refused.
   *
   * @param traceparent value of the header, or null
   * @param traceState value of the header, passed on untouched, or null
   * @return null if the header is missing or invalid, in which case {@code traceState} is void too
   */
  public static @Nullable Span fromTraceparent(
      @Nullable CharSequence traceparent, @Nullable String traceState) {
    if (traceparent == null || traceparent.length() < TRACEPARENT_LENGTH) {
      return null;
    }
    int version = hexByte(traceparent, 0);
    if (version < 0 || version == 0xff || !hasShapeOf(version, traceparent)) {
      return null;
    }
    if (!isHex(traceparent, 3, 35) || !isHex(traceparent, 36, 52)) {
      return null;
    }
    long high = hexLong(traceparent, 3);
    long low = hexLong(traceparent, 19);
    long caller = hexLong(traceparent, 36);
    int flags = hexByte(traceparent, 53);
    if ((high | low) == 0 || caller == 0 || flags < 0) {
      return null;
    }
    return new Span(high, low, caller, 0, 0, flags & (SAMPLED | RANDOM), traceState);
  }

  private static boolean hasShapeOf(int version, CharSequence header) {
    int length = header.length();
    boolean isLengthRight =
        length == TRACEPARENT_LENGTH || (version != 0 && header.charAt(TRACEPARENT_LENGTH) == '-');
    return isLengthRight
        && header.charAt(2) == '-'
        && header.charAt(35) == '-'
        && header.charAt(52) == '-';
  }

  private static boolean isHex(CharSequence text, int from, int to) {
    for (int i = from; i < to; i++) {
      if (hexDigit(text.charAt(i)) < 0) {
        return false;
      }
    }
    return true;
  }

  private static long hexLong(CharSequence text, int from) {
    long value = 0;
    for (int i = from; i < from + 16; i++) {
      value = value << 4 | hexDigit(text.charAt(i));
    }
    return value;
  }

  /** The byte written at {@code at}, or a negative number. */
  private static int hexByte(CharSequence text, int at) {
    return hexDigit(text.charAt(at)) << 4 | hexDigit(text.charAt(at + 1));
  }

  /** The value of a digit, or -1; upper case is none, as the specification says. */
  private static int hexDigit(char c) {
    if (c >= '0' && c <= '9') {
      return c - '0';
    }
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
  }

  /** A new span of the same trace with this one as its parent. */
  public Span child() {
    long id = TraceIds.nextSpanId();
    long root = localRootSpanId == 0 ? id : localRootSpanId;
    return new Span(traceIdHigh, traceIdLow, id, spanId, root, flags, traceState);
  }

  /** The same span, for work that is to be left out, with all that happens within it. */
  public Span suppressed() {
    return new Span(
        traceIdHigh,
        traceIdLow,
        spanId,
        parentSpanId,
        localRootSpanId,
        flags | SUPPRESSED,
        traceState);
  }

  /** Whether it is left out, itself and all that happens within it. */
  public boolean isSuppressed() {
    return (flags & SUPPRESSED) != 0;
  }

  /** Upper half of the trace id. */
  public long traceIdHigh() {
    return traceIdHigh;
  }

  /** Lower half of the trace id. */
  public long traceIdLow() {
    return traceIdLow;
  }

  /** Its own id, never 0. */
  public long spanId() {
    return spanId;
  }

  /** The enclosing span, or 0. */
  public long parentSpanId() {
    return parentSpanId;
  }

  /**
   * Id of the outermost span of this process around this one, itself included: the request's; 0 of
   * a span that belongs to another process or library.
   */
  public long localRootSpanId() {
    return localRootSpanId;
  }

  /** Whether the caller, or this process for a trace of its own, may have recorded it. */
  public boolean isSampled() {
    return (flags & SAMPLED) != 0;
  }

  /** The {@code tracestate} header as received, or null. */
  public @Nullable String traceState() {
    return traceState;
  }

  /** The {@code traceparent} header for a call made within this span. */
  public String traceparent() {
    byte[] text = new byte[TRACEPARENT_LENGTH];
    text[0] = '0';
    text[1] = '0';
    text[2] = '-';
    putHex(text, 3, traceIdHigh, 16);
    putHex(text, 19, traceIdLow, 16);
    text[35] = '-';
    putHex(text, 36, spanId, 16);
    text[52] = '-';
    putHex(text, 53, flags, 2);
    return new String(text, StandardCharsets.ISO_8859_1);
  }

  private static void putHex(byte[] text, int at, long value, int digits) {
    long rest = value;
    for (int i = at + digits - 1; i >= at; i--) {
      text[i] = HEX[(int) rest & 0xf];
      rest >>>= 4;
    }
  }

  /** The {@code traceparent} form. */
  @Override
  public String toString() {
    return traceparent();
  }
}
