// SPDX-License-Identifier: Apache-2.0
package dev.sonde.dashboard;

import dev.sonde.dashboard.view.Views;
import java.nio.charset.StandardCharsets;
import org.jspecify.annotations.NullMarked;
import org.jspecify.annotations.Nullable;

/** Documents of a given size, for tests of the port alone. */
@NullMarked
final class CannedViews implements Views {
  private final byte[] tick;

  CannedViews(int tickBytes) {
    tick = ("{\"filler\":\"" + "x".repeat(tickBytes) + "\"}").getBytes(StandardCharsets.UTF_8);
  }

  @Override
  public byte[] document(String path, int windowSeconds) {
    return ("{\"path\":\"" + path + "\"}").getBytes(StandardCharsets.UTF_8);
  }

  @Override
  public byte @Nullable [] request(long requestId) {
    return requestId == 1 ? "{\"request_id\":\"1\"}".getBytes(StandardCharsets.UTF_8) : null;
  }

  @Override
  public byte[] tick() {
    return tick;
  }

  @Override
  public byte @Nullable [] news(boolean isFirst) {
    return null;
  }
}
