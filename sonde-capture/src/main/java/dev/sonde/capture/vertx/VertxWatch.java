// SPDX-License-Identifier: Apache-2.0
package dev.sonde.capture.vertx;

import static java.util.Objects.requireNonNull;

import dev.sonde.capture.Capability;
import dev.sonde.capture.ListenerScope;
import dev.sonde.capture.netty.ServedLoops;
import io.netty.channel.EventLoopGroup;
import io.vertx.core.Vertx;
import io.vertx.core.spi.metrics.VertxMetrics;
import java.lang.reflect.InvocationHandler;
import java.lang.reflect.Method;
import java.lang.reflect.Proxy;
import java.util.Set;
import java.util.function.BiFunction;
import org.jspecify.annotations.Nullable;

/** The metrics of one Vert.x, which have its connections watched for as long as it runs. */
final class VertxWatch implements InvocationHandler {
  /*
   * A proxy, because Vert.x 5 makes the metrics of a server with parameters of types that Vert.x 4
   * does not have. It is called when a Vert.x, a server, a client or a pool is made, and never for
   * a request.
   */
  private final BiFunction<String, Set<Capability>, ListenerScope> listeners;
  private @Nullable EventLoopGroup loops;

  private VertxWatch(BiFunction<String, Set<Capability>, ListenerScope> listeners) {
    this.listeners = listeners;
  }

  static VertxMetrics metrics(BiFunction<String, Set<Capability>, ListenerScope> listeners) {
    return (VertxMetrics)
        Proxy.newProxyInstance(
            VertxMetrics.class.getClassLoader(),
            new Class<?>[] {VertxMetrics.class},
            new VertxWatch(listeners));
  }

  @Override
  public @Nullable Object invoke(Object proxy, Method method, Object @Nullable [] arguments)
      throws Throwable {
    switch (method.getName()) {
      case "vertxCreated" -> created((Vertx) requireNonNull(arguments)[0]);
      case "createHttpServerMetrics" -> {
        return new ServerMetrics();
      }
      case "isMetricsEnabled" -> {
        return true;
      }
      case "close" -> closed();
      case "hashCode" -> {
        return System.identityHashCode(proxy);
      }
      case "equals" -> {
        return proxy == requireNonNull(arguments)[0];
      }
      case "toString" -> {
        return "Sonde";
      }
      default -> {
        return InvocationHandler.invokeDefault(proxy, method, arguments);
      }
    }
    return null;
  }

  private void created(Vertx vertx) throws ReflectiveOperationException {
    EventLoopGroup own = loopsOf(vertx);
    loops = own;
    ServedLoops.watch(own, listeners);
  }

  private void closed() {
    if (loops != null) {
      ServedLoops.forget(loops);
    }
  }

  /** Public in Vert.x 4, and with another interface in Vert.x 5. */
  private static EventLoopGroup loopsOf(Vertx vertx) throws ReflectiveOperationException {
    Class<?> type = Vertx.class;
    try {
      return (EventLoopGroup) type.getMethod("nettyEventLoopGroup").invoke(vertx);
    } catch (NoSuchMethodException e) {
      type = Class.forName("io.vertx.core.internal.VertxInternal", false, type.getClassLoader());
      return (EventLoopGroup) type.getMethod("nettyEventLoopGroup").invoke(vertx);
    }
  }
}
