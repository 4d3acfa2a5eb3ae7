// SPDX-License-Identifier: Apache-2.0
package dev.sonde.perf;

import dev.sonde.collect.SegmentRing;
import dev.sonde.collect.SlotEncoder;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Fork;
import org.openjdk.jmh.annotations.Level;
import org.openjdk.jmh.annotations.Measurement;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.Warmup;

/**
 * Events of three kinds put in turn, each from a source object of its own that must not be
 * allocated: the compiler has to see through {@code put} into an encoder of which there are many.
 *
 * <p>No consumer takes them: each beyond the capacity drops the oldest.
 */
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.NANOSECONDS)
@Warmup(iterations = 3, time = 1)
@Measurement(iterations = 5, time = 1)
@Fork(1)
@State(Scope.Benchmark)
public class RingSourceBenchmark {
  private record Request(
      String method, String path, @Nullable String route, long nanos, long bytes, int status) {}

  private record Call(String name, long nanos, boolean isError) {}

  private record Statement(
      String vendor, String operation, @Nullable String target, long nanos, long rows) {}

  private static final SlotEncoder<Request> REQUEST = RingSourceBenchmark::encodeRequest;
  private static final SlotEncoder<Call> CALL = RingSourceBenchmark::encodeCall;
  private static final SlotEncoder<Statement> STATEMENT = RingSourceBenchmark::encodeStatement;

  /** Whether somebody is told of what is dropped. */
  @Param({"false", "true"})
  public boolean onDrop;

  private SegmentRing ring = new SegmentRing(1, 1, 1);
  private long nanos;

  /** Creates the ring. */
  @Setup(Level.Trial)
  public void setUp() {
    ring =
        onDrop
            ? new SegmentRing(2048, 13, 6, (time, longs, l, refs, r) -> {})
            : new SegmentRing(2048, 13, 6);
    for (int i = 0; i < 10_000; i++) {
      threeKinds();
    }
    // As in a server that has run for a while: references go into arrays of the old generation.
    System.gc();
  }

  /** Three events. */
  @Benchmark
  public boolean threeKinds() {
    long now = nanos++;
    return ring.put(REQUEST, new Request("GET", "/users/1", "/users/{id}", now, 200, 200), now)
        & ring.put(CALL, new Call("render", now, false), now)
        & ring.put(STATEMENT, new Statement("h2", "SELECT", "users", now, 3), now);
  }

  private static void encodeRequest(
      Request request, long[] longs, int l, @Nullable Object[] refs, int r) {
    longs[l] = request.status;
    longs[l + 1] = request.nanos;
    longs[l + 2] = request.bytes;
    refs[r] = request.method;
    refs[r + 1] = request.path;
    refs[r + 2] = request.route;
  }

  private static void encodeCall(Call call, long[] longs, int l, @Nullable Object[] refs, int r) {
    longs[l] = call.isError ? 1 : 0;
    longs[l + 1] = call.nanos;
    refs[r] = call.name;
  }

  private static void encodeStatement(
      Statement statement, long[] longs, int l, @Nullable Object[] refs, int r) {
    longs[l] = statement.rows;
    longs[l + 1] = statement.nanos;
    refs[r] = statement.vendor;
    refs[r + 1] = statement.operation;
    refs[r + 2] = statement.target;
  }
}
