// SPDX-License-Identifier: Apache-2.0
package dev.sonde.spring;

import dev.sonde.Sonde;
import dev.sonde.trace.Span;
import dev.sonde.trace.TraceContext;
import java.util.concurrent.CancellationException;
import java.util.concurrent.atomic.AtomicReference;
import org.jspecify.annotations.Nullable;
import reactor.core.publisher.Flux;
import reactor.core.publisher.Mono;
import reactor.core.publisher.SignalType;

/** Measures publishers of Reactor, each subscription from its start to its end. */
final class ProfiledPublishers {
  private ProfiledPublishers() {}

  static boolean isOne(Class<?> type) {
    return Mono.class.isAssignableFrom(type) || Flux.class.isAssignableFrom(type);
  }

  /** The same publisher, measured; anything else is returned as it is. */
  static @Nullable Object observe(Sonde sonde, String name, @Nullable Object publisher) {
    // The caller's, because a subscription may come from a thread that knows nothing of it.
    Span caller = TraceContext.current();
    if (publisher instanceof Mono<?> mono) {
      return Mono.defer(
          () -> {
            Call call = new Call(sonde, name, caller);
            return mono.doOnError(call::failed).doFinally(call::ended);
          });
    }
    if (publisher instanceof Flux<?> flux) {
      return Flux.defer(
          () -> {
            Call call = new Call(sonde, name, caller);
            return flux.doOnError(call::failed).doFinally(call::ended);
          });
    }
    return publisher;
  }

  /** One subscription. */
  private static final class Call {
    private final Sonde sonde;
    private final String name;
    private final Span span;
    private final long startNanos = System.nanoTime();
    private final AtomicReference<@Nullable Throwable> failure = new AtomicReference<>();

    Call(Sonde sonde, String name, @Nullable Span caller) {
      this.sonde = sonde;
      this.name = name;
      span = caller == null ? TraceContext.childOfCurrent() : caller.child();
    }

    void failed(Throwable thrown) {
      failure.set(thrown);
    }

    void ended(SignalType signal) {
      long end = System.nanoTime();
      Throwable thrown = signal == SignalType.CANCEL ? new CancellationException() : failure.get();
      if (!span.isSuppressed()) {
        sonde.emitter().function(span, name, end - startNanos, end, thrown);
      }
    }
  }
}
