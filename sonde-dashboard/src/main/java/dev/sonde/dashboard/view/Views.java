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

  /**
   * A document of the requests that ended since the last call, newest first, or null if there was
   * none; called by one thread.
   *
   * @param isFirst whether nobody has watched until now: what ended earlier is then no news
   */
  byte @Nullable [] news(boolean isFirst);
}
