// SPDX-License-Identifier: Apache-2.0
package dev.sonde.capture.jetty;

import java.util.Objects;
import org.eclipse.jetty.util.BufferUtil;
import org.eclipse.jetty.util.Callback;
import org.eclipse.jetty.websocket.core.CloseStatus;
import org.eclipse.jetty.websocket.core.CoreSession;
import org.eclipse.jetty.websocket.core.Frame;
import org.eclipse.jetty.websocket.core.FrameHandler;
import org.eclipse.jetty.websocket.core.OpCode;
import org.jspecify.annotations.Nullable;

/** Sends every text frame back. */
final class EchoFrames implements FrameHandler {
  private @Nullable CoreSession session;

  @Override
  public void onOpen(CoreSession opened, Callback callback) {
    session = opened;
    callback.succeeded();
    opened.demand();
  }

  @Override
  public void onFrame(Frame frame, Callback callback) {
    CoreSession open = Objects.requireNonNull(session);
    if (frame.getOpCode() == OpCode.TEXT) {
      String text = BufferUtil.toUTF8String(frame.getPayload());
      open.sendFrame(new Frame(OpCode.TEXT, text), Callback.from(callback, open::demand), false);
    } else {
      callback.succeeded();
      if (frame.getOpCode() != OpCode.CLOSE) {
        open.demand();
      }
    }
  }

  @Override
  public void onError(Throwable cause, Callback callback) {
    callback.succeeded();
  }

  @Override
  public void onClosed(CloseStatus status, Callback callback) {
    callback.succeeded();
  }
}
