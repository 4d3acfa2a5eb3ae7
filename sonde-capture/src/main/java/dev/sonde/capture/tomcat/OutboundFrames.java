// SPDX-License-Identifier: Apache-2.0
package dev.sonde.capture.tomcat;

import dev.sonde.capture.http2.CloseGate;
import dev.sonde.capture.http2.FrameScan;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;

/** What goes out on an HTTP/2 connection, and the responses that end with it. */
final class OutboundFrames implements FrameScan.Frames {
  /*
   * Tomcat writes for one thread at a time, which hands over to the next by a lock or a semaphore.
   * Requests begin and end on the threads that serve them, hence the concurrent map.
   */

  private final ObservedConnection connection;
  private final FrameScan scan = new FrameScan(this, 0);
  private final CloseGate gate = new CloseGate();

  /** Requests by their streams, from their heads until their ends were told. */
  private final Map<Integer, ObservedRequest> open = new ConcurrentHashMap<>();

  /** Those whose last frame was written, if only into the buffer of TLS. */
  private final List<ObservedRequest> ending = new ArrayList<>();

  /** Those whose body was written as far as their heads have announced it. */
  private final List<ObservedRequest> whole = new ArrayList<>();

  OutboundFrames(ObservedConnection connection) {
    this.connection = connection;
  }

  void began(ObservedRequest request, long stream) {
    open.put((int) stream, request);
  }

  void ended(long stream) {
    open.remove((int) stream);
  }

  CloseGate gate() {
    return gate;
  }

  /** Bytes that lie between {@code start} and the buffer's position were written. */
  void written(ByteBuffer source, int start) {
    scan.scan(source, start);
  }

  /** Everything that was written is on the socket. */
  void flushed() {
    for (int i = 0; i < ending.size(); i++) {
      ending.get(i).endSent();
    }
    ending.clear();
    for (int i = 0; i < whole.size(); i++) {
      whole.get(i).bodySent();
    }
    whole.clear();
  }

  @Override
  public void data(int stream, int bodyBytes) {
    ObservedRequest request = open.get(stream);
    if (request != null && request.written(bodyBytes)) {
      whole.add(request);
    }
  }

  @Override
  public void end(int stream) {
    ObservedRequest request = open.get(stream);
    if (request != null) {
      ending.add(request);
    }
  }

  @Override
  public void goAway(int error) {
    connection.gaveUp(error);
  }
}
