// SPDX-License-Identifier: Apache-2.0
package dev.sonde.trace;

/** Work that has a span, which is made when somebody asks for it. */
public interface SpanSource {
  /** Its span, always the same; any thread. */
  Span span();

  /** Whether its span is, or is going to be, {@linkplain Span#isSuppressed() suppressed}. */
  boolean isSuppressed();
}
