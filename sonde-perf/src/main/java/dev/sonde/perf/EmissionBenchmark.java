// SPDX-License-Identifier: Apache-2.0
package dev.sonde.perf;

import dev.sonde.Sonde;
import dev.sonde.SondeConfig;
import dev.sonde.capture.Capability;
import dev.sonde.capture.ConnectionState;
import dev.sonde.capture.Exchange;
import dev.sonde.capture.Initiator;
import dev.sonde.collect.Emitter;
import dev.sonde.event.Outcome;
import dev.sonde.event.Protocol;
import java.util.EnumSet;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Fork;
import org.openjdk.jmh.annotations.Level;
import org.openjdk.jmh.annotations.Measurement;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.TearDown;
import org.openjdk.jmh.annotations.Warmup;

/**
 * What one event costs the thread that reports it, as installed: statistics, ring, trace ids.
 *
 * <p>The digest thread runs beside it, as it does in an application; no sink is configured.
 */
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.NANOSECONDS)
@Warmup(iterations = 3, time = 1)
@Measurement(iterations = 5, time = 1)
@Fork(1)
public class EmissionBenchmark {
  /** One observer for all threads. */
  @State(Scope.Benchmark)
  public static class Observer {
    Sonde sonde = Sonde.start(SondeConfig.builder().enabled(false).build());
    Sonde disabled = sonde;
    Emitter emitter = sonde.emitter();

    /** Starts it. */
    @Setup(Level.Trial)
    public void start() {
      sonde = Sonde.start(SondeConfig.builder().build());
      emitter = sonde.emitter();
    }

    /** Stops it. */
    @TearDown(Level.Trial)
    public void stop() {
      sonde.close();
    }
  }

  /** One connection for each thread. */
  @State(Scope.Thread)
  public static class Connection {
    @Nullable ConnectionState state;

    /** Opens it. */
    @Setup(Level.Trial)
    public void open(Observer observer) {
      state =
          observer
              .sonde
              .listener("benchmark", EnumSet.allOf(Capability.class))
              .opened(0, null, null, Protocol.H1, false, System.nanoTime());
    }

    /** Closes it. */
    @TearDown(Level.Trial)
    public void close() {
      if (state != null) {
        state.closed(Initiator.LOCAL, null, System.nanoTime());
      }
    }
  }

  /** The floor: no in-process tool can time a request with less. */
  @Benchmark
  public long twoClockReadings() {
    long begin = System.nanoTime();
    return System.nanoTime() - begin;
  }

  /** One request event of an application without an adapter. */
  @Benchmark
  public void request(Observer observer) {
    observer.emitter.request(
        "GET", "/users/{id}", "/users/17", 200, Outcome.COMPLETED, 1_000_000, 0, 512, null);
  }

  /** One function event. */
  @Benchmark
  public void function(Observer observer) {
    observer.emitter.function("price.quote", 1_000_000, null);
  }

  /** One request as an adapter reports it, from the parsed head to the last byte, two clocks. */
  @Benchmark
  public void exchange(Connection connection) {
    ConnectionState state = connection.state;
    if (state != null) {
      Exchange exchange = state.begin(0, 0, "GET", "/users/17", "HTTP/1.1", System.nanoTime());
      exchange.route("/users/{id}");
      exchange.completed(200, 512, System.nanoTime());
    }
  }

  /** Everything off. */
  @Benchmark
  public void disabled(Observer observer) {
    observer.disabled.emitter().function("price.quote", 1_000_000, null);
  }
}
