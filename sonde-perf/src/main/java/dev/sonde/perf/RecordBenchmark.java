// SPDX-License-Identifier: Apache-2.0
package dev.sonde.perf;

import dev.sonde.event.Outcome;
import dev.sonde.perf.PeerStates.Dropwizard;
import dev.sonde.perf.PeerStates.FlightRecorder;
import dev.sonde.perf.PeerStates.Hdr;
import dev.sonde.perf.PeerStates.Micrometer;
import dev.sonde.perf.PeerStates.OpenTelemetryHistogram;
import dev.sonde.perf.PeerStates.OpenTelemetrySpans;
import dev.sonde.perf.PeerStates.Prometheus;
import dev.sonde.perf.SondeStates.Caller;
import dev.sonde.perf.SondeStates.Mix;
import dev.sonde.perf.SondeStates.Observer;
import dev.sonde.perf.SondeStates.Off;
import dev.sonde.perf.SondeStates.Pace;
import java.util.concurrent.TimeUnit;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Fork;
import org.openjdk.jmh.annotations.Measurement;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Warmup;
import org.openjdk.jmh.infra.Blackhole;

/**
 * What recording one request costs its thread: with Sonde as installed, with its peers, and with
 * two clock readings alone, below which nothing inside the process can time anything.
 *
 * <p>Each row reads the clock at the begin and at the end, by itself or within the library. The
 * figure to look at is {@code caller.cpu} of {@link CallerProfiler}.
 */
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.NANOSECONDS)
@Warmup(iterations = 3, time = 1)
@Measurement(iterations = 5, time = 1)
@Fork(1)
public class RecordBenchmark {
  static final String METHOD = "GET";
  static final String ROUTE = "/users/{id}";
  static final String PATH = "/users/17";
  static final int STATUS = 200;
  static final long BYTES = 512;

  /** The floor. */
  @Benchmark
  public long floor() {
    long begin = System.nanoTime();
    return System.nanoTime() - begin;
  }

  /** The floor of a thread that pauses as the callers do whose records are all digested. */
  @Benchmark
  public long floorPaced(Pace pace) {
    long begin = System.nanoTime();
    long nanos = System.nanoTime() - begin;
    pace.rest();
    return nanos;
  }

  /** A request as an adapter reports it, from the parsed head to the last byte. */
  @Benchmark
  public void sondeExchange(Observer observer, Caller caller, Pace pace) {
    caller.exchange(PATH, ROUTE);
    observer.rest(pace);
  }

  /** A request of an application without an adapter. */
  @Benchmark
  public void sondeRequest(Observer observer, Caller caller, Pace pace) {
    observer.request();
    observer.rest(pace);
  }

  /** A call that the application has measured. */
  @Benchmark
  public void sondeFunction(Observer observer, Caller caller, Pace pace) {
    observer.function();
    observer.rest(pace);
  }

  /** A call that Sonde measures, as a span of its own. */
  @Benchmark
  public int sondeProfile(Observer observer, Caller caller, Pace pace) {
    int result = observer.profile();
    observer.rest(pace);
    return result;
  }

  /** A statement. */
  @Benchmark
  public void sondeStatement(Observer observer, Caller caller, Pace pace) {
    observer.statement();
    observer.rest(pace);
  }

  /** The floor of 100 routes: a new path, and two clock readings. */
  @Benchmark
  public long floorMixed(Mix mix, Blackhole blackhole) {
    long begin = System.nanoTime();
    mix.next();
    blackhole.consume(mix.newPath());
    blackhole.consume(mix.route());
    return System.nanoTime() - begin;
  }

  /** Requests of 100 routes. */
  @Benchmark
  public void sondeMixed(Observer observer, Caller caller, Pace pace, Mix mix) {
    mix.next();
    caller.exchange(mix.newPath(), mix.route());
    observer.rest(pace);
  }

  /** Everything off: a report of the application. */
  @Benchmark
  public void offRequest(Off off) {
    off.emitter.request(METHOD, ROUTE, PATH, STATUS, Outcome.COMPLETED, 1_000, 0, BYTES, null);
  }

  /** Everything off: what an adapter asks before it observes a connection. */
  @Benchmark
  public boolean offAdapter(Off off) {
    return off.listener.isEnabled();
  }

  /** Everything off: the collector that takes nothing. */
  @Benchmark
  public boolean offCollector(Off off) {
    return off.collector.isEnabled();
  }

  /** Peer. */
  @Benchmark
  public void micrometerTimer(Micrometer peer) {
    peer.plain();
  }

  /** Peer. */
  @Benchmark
  public void micrometerPercentiles(Micrometer peer) {
    peer.percentiles();
  }

  /** Peer. */
  @Benchmark
  public void micrometerHistogram(Micrometer peer) {
    peer.histogram();
  }

  /** Peer. */
  @Benchmark
  public void micrometerLookedUp(Micrometer peer) {
    peer.lookedUp();
  }

  /** Peer. */
  @Benchmark
  public void hdrRecorder(Hdr peer) {
    peer.record();
  }

  /** Peer. */
  @Benchmark
  public void openTelemetrySpan(OpenTelemetrySpans peer) {
    peer.record();
  }

  /** Peer. */
  @Benchmark
  public void openTelemetryHistogram(OpenTelemetryHistogram peer) {
    peer.record();
  }

  /** Peer. */
  @Benchmark
  public void prometheusHistogram(Prometheus peer) {
    peer.record();
  }

  /** Peer. */
  @Benchmark
  public void dropwizardTimer(Dropwizard peer) {
    peer.record();
  }

  /** Peer. */
  @Benchmark
  public void flightRecorderEvent(FlightRecorder peer) {
    peer.record();
  }
}
