// SPDX-License-Identifier: Apache-2.0
package dev.sonde.capture.netty;

import io.netty.channel.ChannelFuture;
import io.netty.channel.ChannelFutureListener;
import io.netty.channel.FileRegion;
import org.jspecify.annotations.Nullable;

/** A part of a response body on its way to the socket, the last one excepted. */
final class BodyPart implements ChannelFutureListener {
  private final Http1Tap tap;
  private final Http1Request request;
  private final long bytes;
  private final @Nullable FileRegion region;
  private final long transferredBefore;

  BodyPart(Http1Tap tap, Http1Request request, long bytes, @Nullable FileRegion region) {
    this.tap = tap;
    this.request = request;
    this.bytes = bytes;
    this.region = region;
    transferredBefore = region == null ? 0 : region.transferred();
    request.partBegun();
  }

  @Override
  public void operationComplete(ChannelFuture future) {
    tap.written(this);
    if (future.isSuccess()) {
      request.sent(bytes);
    }
    request.partEnded();
  }

  /** The connection is closed: of a file it is known how much of it went out. */
  void cut() {
    if (region != null) {
      request.sent(region.transferred() - transferredBefore);
    }
  }
}
