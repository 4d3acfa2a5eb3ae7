// SPDX-License-Identifier: Apache-2.0
package dev.sonde.capture.helidon;

import dev.sonde.capture.http2.FrameScan;
import io.helidon.common.buffers.BufferData;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.IntUnaryOperator;

/** What comes in and goes out on an HTTP/2 connection, and the requests that it is about. */
final class Http2Frames {
  /*
   * One thread reads, and Helidon lets one write at a time, under its own lock. Requests begin and
   * end on the threads of their streams, hence the concurrent map.
   */

  /** Of RFC 9113 §7. */
  static final int NO_ERROR = 0;

  /** The requests by their streams, from where they are routed until their ends. */
  private final Map<Integer, ObservedRequest> open = new ConcurrentHashMap<>();

  private final FrameScan inbound = new FrameScan(new Received(), FrameScan.PREFACE_BYTES);
  private final FrameScan outbound = new FrameScan(new Sent(), 0);

  /** Those of which frames are being written; of the writing thread. */
  private final List<ObservedRequest> framed = new ArrayList<>(2);

  /** Why the connection is being given up by what is being written; of the writing thread. */
  private int goAway = NO_ERROR;

  void began(ObservedRequest request) {
    open.put(request.stream(), request);
  }

  void ended(ObservedRequest request) {
    open.remove(request.stream(), request);
  }

  /** Bytes came. */
  void received(int length, IntUnaryOperator bytes) {
    inbound.scan(length, bytes);
  }

  /** Bytes are about to go out. */
  void writing(BufferData bytes) {
    outbound.scan(bytes.available(), bytes::get);
  }

  /** They went out; returns the error of a GOAWAY among them. */
  int written(long nanos) {
    for (ObservedRequest request : framed) {
      request.framed(nanos);
    }
    return goAway;
  }

  /** The write is over, however it went. */
  void endWrite() {
    framed.clear();
    goAway = NO_ERROR;
  }

  /** What the client's frames say of an end. */
  private final class Received implements FrameScan.Frames {
    @Override
    public void data(int stream, int bodyBytes) {
      ObservedRequest request = open.get(stream);
      if (request != null) {
        request.exchange().bytesIn(bodyBytes);
      }
    }

    @Override
    public void reset(int stream) {
      ObservedRequest request = open.get(stream);
      if (request != null) {
        request.reset();
      }
    }
  }

  /** What the server's frames say, before they are written. */
  private final class Sent implements FrameScan.Frames {
    @Override
    public void head(int stream) {
      ObservedRequest request = open.get(stream);
      if (request != null && request.frameHead()) {
        framed.add(request);
      }
    }

    @Override
    public void data(int stream, int bodyBytes) {
      ObservedRequest request = open.get(stream);
      if (request != null) {
        request.frameBody(bodyBytes);
        framed.add(request);
      }
    }

    @Override
    public void end(int stream) {
      ObservedRequest request = open.get(stream);
      if (request != null) {
        request.frameEnd();
        framed.add(request);
      }
    }

    @Override
    public void goAway(int error) {
      goAway = error;
    }
  }
}
