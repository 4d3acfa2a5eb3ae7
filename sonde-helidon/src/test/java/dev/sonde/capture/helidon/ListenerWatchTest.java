// SPDX-License-Identifier: Apache-2.0
package dev.sonde.capture.helidon;

import static org.assertj.core.api.Assertions.assertThat;

import dev.sonde.capture.Capability;
import dev.sonde.capture.ListenerScope;
import dev.sonde.testkit.RecordingOutlet;
import io.helidon.webserver.ConnectionContext;
import io.helidon.webserver.ListenerConfig;
import io.helidon.webserver.ListenerContext;
import io.helidon.webserver.http.DirectHandlers;
import java.lang.reflect.InvocationHandler;
import java.lang.reflect.Proxy;
import java.util.EnumSet;
import org.junit.jupiter.api.Test;

final class ListenerWatchTest {
  @Test
  void connectionThatCannotBeObserved_isServedAllTheSame() {
    RecordingOutlet outlet = new RecordingOutlet();
    ListenerScope scope = outlet.listener("server", EnumSet.noneOf(Capability.class));
    ListenerConfig config = ListenerConfig.create();
    AssertionError fault = new AssertionError("on purpose");
    ListenerContext listener =
        proxy(ListenerContext.class, (proxy, method, arguments) -> DirectHandlers.create());
    ConnectionContext accepted =
        proxy(
            ConnectionContext.class,
            (proxy, method, arguments) ->
                switch (method.getName()) {
                  case "listenerContext" -> listener;
                  case "isSecure" -> true;
                  case "socketId" -> "socket";
                  case "dataWriter" -> throw fault;
                  default -> null;
                });

    ConnectionContext served = new ListenerWatch(scope, config).opened(accepted);

    assertThat(served).isNotInstanceOf(ObservedContext.class);
    assertThat(served.socketId()).isEqualTo("socket");
    assertThat(served.listenerContext().config()).isSameAs(config);
    assertThat(scope.firstFault()).isSameAs(fault);
    assertThat(scope.openConnections()).isEmpty();
    assertThat(outlet.connections).hasSize(1);
  }

  private static <T> T proxy(Class<T> type, InvocationHandler calls) {
    return type.cast(Proxy.newProxyInstance(type.getClassLoader(), new Class<?>[] {type}, calls));
  }
}
