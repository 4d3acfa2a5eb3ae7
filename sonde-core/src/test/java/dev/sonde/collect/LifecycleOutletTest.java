// SPDX-License-Identifier: Apache-2.0
package dev.sonde.collect;

import static org.assertj.core.api.Assertions.assertThat;

import dev.sonde.capture.CloseHint;
import dev.sonde.capture.ConnectionState;
import dev.sonde.capture.Exchange;
import dev.sonde.capture.Initiator;
import dev.sonde.capture.ListenerScope;
import dev.sonde.event.LifecycleEvent;
import dev.sonde.event.Protocol;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import org.junit.jupiter.api.Test;

final class LifecycleOutletTest {
  private final List<LifecycleEvent> seen = new ArrayList<>();

  @Test
  void events_areRecordedAtOnceInOrder() {
    ListenerScope listener = listener(new LifecycleOutlet(seen::add));
    ConnectionState connection = listener.opened(1, null, null, Protocol.H1, false, 10);
    Exchange first = connection.begin(1, 0, "GET", "/", "HTTP/1.1", 20);
    first.completed(200, 7, 30);
    connection.begin(1, 0, "GET", "/2", "HTTP/1.1", 40);
    connection.closed(Initiator.REMOTE, null, 50);
    listener.rejected(CloseHint.MAX_CONNECTIONS, 60);

    assertThat(seen)
        .extracting(LifecycleEvent::type)
        .containsExactly(
            "ConnectionOpened",
            "RequestStarted",
            "ResponseCompleted",
            "RequestStarted",
            "ClientDisconnected",
            "ConnectionClosed");
    assertThat(seen).extracting(LifecycleEvent::timestampNanos).isSorted();
    assertThat(seen).extracting(LifecycleEvent::connectionId).containsOnly(connection.id());
  }

  @Test
  void response_hasNoEndOfItsOwnWhenTheServerBreaksItOff() {
    ListenerScope listener = listener(new LifecycleOutlet(seen::add));
    ConnectionState connection = listener.opened(1, null, null, Protocol.H1, false, 10);
    connection.begin(1, 0, "GET", "/", "HTTP/1.1", 20).committed(200, 25);
    connection.closed(Initiator.LOCAL, null, 30);

    assertThat(seen)
        .extracting(LifecycleEvent::type)
        .containsExactly("ConnectionOpened", "RequestStarted", "ConnectionClosed");
  }

  @Test
  void failures_areCountedAndReachNobody() {
    LifecycleOutlet outlet =
        new LifecycleOutlet(
            event -> {
              seen.add(event);
              throw new StackOverflowError("collector");
            });
    ListenerScope listener = listener(outlet);
    ConnectionState connection = listener.opened(1, null, null, Protocol.H1, false, 10);
    connection.begin(1, 0, "GET", "/", "HTTP/1.1", 20).completed(200, 7, 30);
    connection.closed(Initiator.REMOTE, null, 50);

    assertThat(seen).hasSize(4);
    assertThat(outlet.failures()).isEqualTo(4);
    assertThat(listener.faults()).isZero();
  }

  @Test
  void events_areNotBuiltWhenNobodyWantsThem() {
    ListenerScope listener = listener(new LifecycleOutlet(NoopCollector.INSTANCE));
    // An address that cannot be read would show that an event was built.
    ConnectionState connection = listener.opened(1, null, null, Protocol.H1, false, 10);
    connection.begin(1, 0, "GET", "/", "HTTP/1.1", 20).completed(200, 7, 30);
    connection.closed(Initiator.REMOTE, null, 50);

    assertThat(seen).isEmpty();
    assertThat(listener.faults()).isZero();
  }

  private static ListenerScope listener(LifecycleOutlet outlet) {
    return new ListenerScope("test", Set.of(), outlet);
  }
}
