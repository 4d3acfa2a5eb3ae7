// SPDX-License-Identifier: Apache-2.0
package dev.sonde.capture.helidon;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.sonde.capture.Capability;
import dev.sonde.capture.ConnectionState;
import dev.sonde.capture.ListenerScope;
import dev.sonde.event.Protocol;
import dev.sonde.testkit.RecordingOutlet;
import io.helidon.common.buffers.BufferData;
import io.helidon.common.buffers.DataWriter;
import java.lang.reflect.Proxy;
import java.util.EnumSet;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;

final class ObservedWriterTest {
  private static final byte[] PING = {0, 0, 0, 6, 0, 0, 0, 0, 0};

  private final RecordingOutlet outlet = new RecordingOutlet();
  private final ListenerScope scope = outlet.listener("server", EnumSet.noneOf(Capability.class));
  private final ConnectionState state = scope.opened(-1, null, null, Protocol.UNKNOWN, false, 0);
  private final ObservedConnection connection = new ObservedConnection(state);

  @Test
  void closeDuringAWrite_isToldOnceByTheWriter() {
    connection.http2();
    DataWriter writer =
        writer(
            () -> {
              boolean isFirst = !state.isClosed();
              connection.closed();
              assertThat(state.isClosed()).isEqualTo(!isFirst);
            });

    writer.write(BufferData.create(PING));
    writer.writeNow(BufferData.create(PING));

    assertThat(outlet.connections).containsExactly(state);
    assertThat(scope.lateCalls()).isZero();
  }

  @Test
  void errorOutOfAWrite_doesNotHoldTheCloseBack() {
    connection.http2();
    OutOfMemoryError error = new OutOfMemoryError("on purpose");
    DataWriter writer =
        writer(
            () -> {
              throw error;
            });

    assertThatThrownBy(() -> writer.write(BufferData.create(PING))).isSameAs(error);
    connection.closed();

    assertThat(outlet.connections).containsExactly(state);
  }

  @Test
  void faultOfTheAdapter_doesNotReachTheWriter() {
    AssertionError fault = new AssertionError("on purpose");
    BufferData unreadable =
        (BufferData)
            Proxy.newProxyInstance(
                BufferData.class.getClassLoader(),
                new Class<?>[] {BufferData.class},
                (proxy, method, arguments) -> {
                  if (method.getName().equals("available")) {
                    return PING.length;
                  }
                  throw fault;
                });
    AtomicInteger writes = new AtomicInteger();
    DataWriter writer = writer(writes::incrementAndGet);

    writer.write(unreadable);
    connection.http2();
    writer.write(unreadable);
    connection.closed();

    assertThat(writes).hasValue(2);
    assertThat(scope.faults()).isEqualTo(2);
    assertThat(scope.firstFault()).isSameAs(fault);
    assertThat(outlet.connections).containsExactly(state);
  }

  private DataWriter writer(Runnable write) {
    return new ObservedWriter(new RunningWriter(write), connection);
  }

  /** Its writes do what they are told to. */
  private record RunningWriter(Runnable write) implements DataWriter {
    @Override
    public void write(BufferData... buffers) {
      write.run();
    }

    @Override
    public void write(BufferData buffer) {
      write.run();
    }

    @Override
    public void writeNow(BufferData... buffers) {
      write.run();
    }

    @Override
    public void writeNow(BufferData buffer) {
      write.run();
    }
  }
}
