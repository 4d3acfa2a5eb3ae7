// SPDX-License-Identifier: Apache-2.0
package dev.sonde.capture.helidon;

import io.helidon.common.buffers.BufferData;
import io.helidon.common.buffers.DataWriter;

/** Writes as Helidon does, with an eye on what goes out. */
final class ObservedWriter implements DataWriter {
  private final DataWriter writer;
  private final ObservedConnection connection;

  ObservedWriter(DataWriter writer, ObservedConnection connection) {
    this.writer = writer;
    this.connection = connection;
  }

  @Override
  public void write(BufferData... buffers) {
    write(BufferData.create(buffers));
  }

  @Override
  public void write(BufferData buffer) {
    observed(buffer, /* isNow= */ false);
  }

  @Override
  public void writeNow(BufferData... buffers) {
    writeNow(BufferData.create(buffers));
  }

  @Override
  public void writeNow(BufferData buffer) {
    observed(buffer, /* isNow= */ true);
  }

  @Override
  public void flush() {
    writer.flush();
  }

  @Override
  public void close() {
    writer.close();
  }

  private void observed(BufferData buffer, boolean isNow) {
    int length = buffer.available();
    boolean isHolding = connection.writing(buffer);
    long begin = System.nanoTime();
    try {
      if (isNow) {
        writer.writeNow(buffer);
      } else {
        writer.write(buffer);
      }
      connection.written(length, begin, System.nanoTime(), isHolding);
    } catch (RuntimeException e) {
      connection.writeFailed(e);
      throw e;
    } finally {
      if (isHolding) {
        connection.endWrite();
      }
    }
  }
}
