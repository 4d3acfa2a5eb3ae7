// SPDX-License-Identifier: Apache-2.0
package dev.sonde.dashboard.view;

import org.jspecify.annotations.Nullable;

/** What the server serves: JSON documents in UTF-8, each made from one snapshot. */
public interface Views {
  /**
   * The document at this path, or null if there is none.
   *
   * @param windowSeconds part of the past that it describes: 60, 300 or 900
   */
  byte @Nullable [] document(String path, int windowSeconds);

  /** One recent request with what was done for it, or null if it is not kept any more. */
  byte @Nullable [] request(long requestId);

  /** State of everything that changes every second, for the live stream. */
  byte[] tick();

  /** Requests that ended after the given mark, newest first. */
  Newest newest(long afterMark);

  /** Requests for the live stream. */
  final class Newest {
    private final byte @Nullable [] json;
    private final long mark;

    public Newest(byte @Nullable [] json, long mark) {
      this.json = json;
      this.mark = mark;
    }

    /** The document, or null if there was nothing new. */
    public byte @Nullable [] json() {
      return json;
    }

    /** Where to go on the next time. */
    public long mark() {
      return mark;
    }
  }
}
