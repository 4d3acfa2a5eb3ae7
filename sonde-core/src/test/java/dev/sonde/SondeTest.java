// SPDX-License-Identifier: Apache-2.0
package dev.sonde;

import static java.util.Objects.requireNonNull;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import com.sun.management.ThreadMXBean;
import dev.sonde.capture.Capability;
import dev.sonde.capture.ConnectionState;
import dev.sonde.capture.Initiator;
import dev.sonde.capture.ListenerScope;
import dev.sonde.digest.HealthSnapshot;
import dev.sonde.digest.Hook;
import dev.sonde.digest.MemoryPart;
import dev.sonde.digest.SinkHealth;
import dev.sonde.event.ConnectionOpened;
import dev.sonde.event.Event;
import dev.sonde.event.FunctionEvent;
import dev.sonde.event.LifecycleEvent;
import dev.sonde.event.Outcome;
import dev.sonde.event.Protocol;
import dev.sonde.sink.ConsoleFormat;
import dev.sonde.testing.BlockingSink;
import dev.sonde.testing.RecordingSink;
import dev.sonde.trace.Span;
import dev.sonde.trace.TraceContext;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.PrintStream;
import java.lang.management.ManagementFactory;
import java.lang.ref.WeakReference;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.EnumSet;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.concurrent.CancellationException;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.Executor;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.function.BiConsumer;
import java.util.function.Supplier;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

final class SondeTest {
  private final RecordingSink<Event> sink = new RecordingSink<>();
  private final Sonde sonde = Sonde.start(SondeConfig.builder().build());

  SondeTest() {
    sonde.addSink("test", sink);
  }

  @AfterEach
  void close() {
    sonde.close();
  }

  @Test
  void profile_returnsTheResultAndReportsTheCall() {
    String result = sonde.profile("greet", () -> "hello");

    assertThat(result).isEqualTo("hello");
    FunctionEvent function = functions().get(0);
    assertThat(function.function()).isEqualTo("greet");
    assertThat(function.isError()).isFalse();
    assertThat(function.exceptionType()).isNull();
    assertThat(function.durationNanos()).isPositive();
  }

  @Test
  void profile_takesCallablesAndRunnablesToo() throws Exception {
    Callable<Integer> callable = () -> 7;
    List<String> ran = new ArrayList<>();
    Runnable runnable = () -> ran.add("ran");

    assertThat(sonde.profile("callable", callable)).isEqualTo(7);
    sonde.profile("runnable", runnable);
    sonde.profile("statement", () -> ran.clear());

    assertThat(ran).isEmpty();
    assertThat(functions())
        .extracting(FunctionEvent::function)
        .containsExactly("callable", "runnable", "statement");
  }

  @Test
  void profile_letsTheExceptionThroughUntouched() {
    IOException thrown = new IOException("disk");

    assertThatThrownBy(() -> sonde.profile("read", () -> fail(thrown))).isSameAs(thrown);

    FunctionEvent function = functions().get(0);
    assertThat(function.isError()).isTrue();
    assertThat(function.exceptionType()).isEqualTo("java.io.IOException");
    assertThat(sonde.errors().totalCount()).isEqualTo(1);
  }

  @Test
  void profile_nestsUnderTheCurrentSpan() {
    Span request = Span.root();
    try (TraceContext.Scope scope = TraceContext.use(request)) {
      sonde.profile("outer", () -> sonde.profile("inner", () -> 1));
    }

    List<FunctionEvent> functions = functions();
    assertThat(functions).extracting(FunctionEvent::function).containsExactly("inner", "outer");
    assertThat(functions.get(1).parentSpanId()).isEqualTo(request.spanId());
    assertThat(functions.get(0).parentSpanId()).isEqualTo(functions.get(1).spanId());
    assertThat(functions.get(0).traceIdLow()).isEqualTo(request.traceIdLow());
    assertThat(TraceContext.current()).isNull();
  }

  @Test
  void profile_parentsAreRightAcrossWrappedThreads() throws Exception {
    ExecutorService pool = Executors.newFixedThreadPool(2);
    Executor wrapped = TraceContext.wrap((Executor) pool);

    sonde.profile(
        "outer",
        () ->
            CompletableFuture.allOf(
                    CompletableFuture.runAsync(() -> sonde.profile("a", () -> 1), wrapped),
                    CompletableFuture.runAsync(() -> sonde.profile("b", () -> 2), wrapped))
                .join());
    pool.shutdown();

    List<FunctionEvent> functions = functions();
    FunctionEvent outer = functions.get(2);
    assertThat(outer.function()).isEqualTo("outer");
    assertThat(functions.get(0).parentSpanId()).isEqualTo(outer.spanId());
    assertThat(functions.get(1).parentSpanId()).isEqualTo(outer.spanId());
  }

  @Test
  void profileAsync_lastsUntilTheStageEnds() {
    CompletableFuture<String> future = new CompletableFuture<>();

    CompletionStage<String> stage = sonde.profileAsync("async", () -> future);

    assertThat(stage).isSameAs(future);
    assertThat(sonde.stats().functions()).isEmpty();
    future.complete("done");
    assertThat(functions()).hasSize(1).allMatch(function -> !function.isError());
  }

  @Test
  void profileAsync_tellsFailureCancellationAndThrowingStartersApart() {
    CompletableFuture<String> failing = new CompletableFuture<>();
    CompletableFuture<String> cancelled = new CompletableFuture<>();
    sonde.profileAsync("failing", () -> failing.thenApply(value -> value));
    sonde.profileAsync("cancelled", () -> cancelled.thenApply(value -> value));

    failing.completeExceptionally(new IllegalStateException());
    cancelled.cancel(true);
    assertThatThrownBy(
            () ->
                sonde.profileAsync(
                    "throwing",
                    () -> {
                      throw new ArithmeticException();
                    }))
        .isInstanceOf(ArithmeticException.class);

    List<FunctionEvent> functions = functions();
    assertThat(functions)
        .extracting(FunctionEvent::exceptionType)
        .containsExactly(
            IllegalStateException.class.getName(),
            CancellationException.class.getName(),
            ArithmeticException.class.getName());
    assertThat(functions).extracting(FunctionEvent::isError).containsExactly(true, false, true);
  }

  @Test
  void profileAsync_returnsWhatTheStarterReturnedWhenItsEndCannotBeObserved() {
    RuntimeException ofItsOwn = new IllegalStateException("whenComplete");
    CompletableFuture<String> hostile =
        new CompletableFuture<>() {
          @Override
          public CompletableFuture<String> whenComplete(
              BiConsumer<? super @Nullable String, ? super @Nullable Throwable> action) {
            throw ofItsOwn;
          }
        };

    assertThat(sonde.profileAsync("none", SondeTest::noStage)).isNull();
    assertThat(sonde.profileAsync("hostile", () -> hostile)).isSameAs(hostile);

    assertThat(sonde.health().faults()).containsEntry("stage", 2L);
    assertThat(functions()).extracting(FunctionEvent::function).containsExactly("none", "hostile");
  }

  /** What callers without null checks do. */
  @SuppressWarnings("NullAway")
  private static CompletionStage<String> noStage() {
    return null;
  }

  @Test
  void collector_getsLifecycleEventsAtOnceAndItsFailuresAreCounted() {
    List<LifecycleEvent> seen = new ArrayList<>();
    try (Sonde observed =
        Sonde.start(
            SondeConfig.builder().build(),
            event -> {
              seen.add(event);
              if (event instanceof ConnectionOpened) {
                throw new IllegalStateException("collector");
              }
            })) {
      ListenerScope listener = observed.listener("test", EnumSet.of(Capability.ACCEPT));
      ConnectionState connection =
          listener.opened(0, null, null, Protocol.H1, false, System.nanoTime());
      connection.closed(Initiator.LOCAL, null, System.nanoTime());

      assertThat(seen).hasSize(2);
      assertThat(observed.health().faults()).containsEntry("collector", 1L);
      assertThat(observed.health().hooks())
          .containsExactly(new Hook("test", EnumSet.of(Capability.ACCEPT)));
      assertThat(observed.stats().connections().closed().count()).isEqualTo(1);
    }
  }

  @Test
  void health_tellsWhereEverythingWentAndWhatItCosts() {
    for (int i = 0; i < 5_000; i++) {
      request("/" + i % 7);
    }
    sonde.close();

    HealthSnapshot health = sonde.health();
    assertThat(health.isEnabled()).isTrue();
    assertThat(health.counts().offered()).isEqualTo(5_000);
    assertThat(health.counts().droppedOldest() + health.counts().kept()).isEqualTo(5_000);
    assertThat(health.sinks()).hasSize(1);
    assertThat(health.sinks().get(0).state()).isEqualTo("CLOSED");
    assertThat(health.sinks().get(0).enqueued()).isEqualTo(health.counts().published());
    assertThat(health.memory())
        .extracting(MemoryPart::name)
        .containsExactly(
            "queue", "statistics", "recent requests", "errors", "names", "sink queues");
    assertThat(health.memory())
        .allMatch(part -> part.heldBytes() >= 0 && part.heldBytes() <= part.boundBytes());
    assertThat(health.heldBytes()).isPositive().isLessThan(health.memoryBoundBytes());
    assertThat(health.nanosPerRecord()).isPositive();
    assertThat(health.uptimeNanos()).isPositive();
    assertThat(health.faults()).isEmpty();
    assertThat(sonde.recent().newest()).isNotEmpty();
    long newest = sonde.recent().newest().get(0).request().requestId();
    assertThat(requireNonNull(sonde.request(newest)).request().requestId()).isEqualTo(newest);
    assertThat(sonde.request(-1)).isNull();
  }

  @Test
  void close_returnsInTimeWhenASinkHangs() throws InterruptedException {
    BlockingSink<Event> hung = new BlockingSink<>();
    sonde.addSink("hung", hung);
    request("/");
    hung.awaitEntered();
    long begin = System.nanoTime();

    sonde.close(Duration.ofMillis(200));

    assertThat(System.nanoTime() - begin).isLessThan(Duration.ofSeconds(2).toNanos());
    assertThat(sink.closes()).isEqualTo(1);
    assertThat(sonde.health().sinks().get(1).droppedClosed()).isEqualTo(1);
    hung.release();
  }

  @Test
  void close_waitsForTheFirstCloseWithinItsOwnTimeout() throws InterruptedException {
    BlockingSink<Event> slow = new BlockingSink<>();
    sonde.addSink("slow", slow);
    request("/");
    slow.awaitEntered();
    Thread first = new Thread(() -> sonde.close(Duration.ofMinutes(1)), "first");
    first.start();
    await().until(() -> sondeThreads().contains("sonde-close"));

    sonde.close(Duration.ZERO);
    assertThat(first.isAlive()).isTrue();
    Thread second = new Thread(() -> sonde.close(Duration.ofMinutes(1)), "second");
    second.start();
    await().until(() -> second.getState() == Thread.State.TIMED_WAITING);
    slow.release();
    second.join();

    assertThat(sonde.health().sinks())
        .extracting(SinkHealth::state)
        .containsExactly("CLOSED", "CLOSED");
    first.join();
  }

  @Test
  void close_takesATimeoutBeyondWhatNanosecondsCanCount() {
    request("/");

    sonde.close(Duration.ofSeconds(Long.MAX_VALUE));

    assertThat(sink.closes()).isEqualTo(1);
    assertThat(sink.elements()).hasSize(1);
  }

  @Test
  void start_keepsNothingForBeingSlowWhenTheThresholdIsZero() {
    SondeConfig config =
        SondeConfig.builder().samplingRate(0).samplingKeepSlow(Duration.ZERO).build();
    RecordingSink<Event> kept = new RecordingSink<>();
    try (Sonde sampling = Sonde.start(config)) {
      sampling.addSink("kept", kept);
      sampling.emitter().function("slow", Duration.ofHours(1).toNanos(), null);
    }

    assertThat(kept.elements()).isEmpty();
  }

  @Test
  void start_writesAnArchiveWhenADirectoryIsGiven(@TempDir Path directory) throws IOException {
    try (Sonde archiving = Sonde.start(SondeConfig.builder().jsonlDir(directory).build())) {
      archiving.profile("archived", () -> 1);
    }

    try (Stream<Path> files = Files.list(directory)) {
      Path file = files.findFirst().orElseThrow();
      assertThat(file.getFileName().toString()).endsWith(".jsonl");
      assertThat(Files.readString(file)).contains("\"archived\"");
    }
  }

  @Test
  @SuppressWarnings("SystemOut") // what the setting writes to
  void start_printsToStandardOutputWhenAFormatIsGiven() {
    PrintStream before = System.out;
    ByteArrayOutputStream printed = new ByteArrayOutputStream();
    System.setOut(new PrintStream(printed, true, StandardCharsets.UTF_8));
    try (Sonde printing =
        Sonde.start(SondeConfig.builder().console(ConsoleFormat.COMPACT).build())) {
      printing.profile("printed", () -> 1);
    } finally {
      System.setOut(before);
    }

    assertThat(printed.toString(StandardCharsets.UTF_8)).contains("printed");
  }

  @Test
  void start_refusesADirectoryThatIsAFileAndLeavesNothingRunning(@TempDir Path directory)
      throws IOException {
    Path file = Files.writeString(directory.resolve("file"), "");
    int threads = sondeThreads().size();
    SondeConfig config = SondeConfig.builder().jsonlDir(file).build();

    assertThatThrownBy(() -> Sonde.start(config)).isInstanceOf(IllegalArgumentException.class);
    assertThat(sondeThreads()).hasSize(threads);
  }

  @Test
  void startAndClose_leaveNothingBehindAThousandTimes() {
    List<WeakReference<Sonde>> closed = new ArrayList<>();
    for (int i = 0; i < 1_000; i++) {
      closed.add(new WeakReference<>(startAndClose(i)));
    }
    sonde.close();

    await().until(() -> sondeThreads().isEmpty());
    // The exit hook would hold on to it.
    await()
        .until(
            () -> {
              System.gc();
              return closed.stream().allMatch(reference -> reference.get() == null);
            });
  }

  private static Sonde startAndClose(int number) {
    RecordingSink<Event> recorded = new RecordingSink<>();
    Sonde started = Sonde.start(SondeConfig.builder().queueSize(64).build());
    started.addSink("cycle", recorded);
    started.profile("cycle" + number, () -> number);
    started.close();
    assertThat(recorded.elements()).hasSize(1);
    assertThat(recorded.closes()).isEqualTo(1);
    return started;
  }

  @Test
  void disabled_doesNothingAtNoCost() throws Exception {
    int threads = sondeThreads().size();
    try (Sonde off = Sonde.start(SondeConfig.builder().enabled(false).build())) {
      off.addSink("none", sink);
      Callable<String> work = () -> "result";
      CompletionStage<String> stage = CompletableFuture.completedFuture("stage");
      Supplier<CompletionStage<String>> starter = () -> stage;
      for (int i = 0; i < 20_000; i++) {
        callAll(off, work, starter);
      }
      // The first reading of a process allocates.
      allocatedBytes();
      long before = allocatedBytes();
      for (int i = 0; i < 1_000; i++) {
        callAll(off, work, starter);
      }

      assertThat(allocatedBytes() - before).isLessThan(1_000);
      assertThat(off.isEnabled()).isFalse();
      assertThat(off.emitter().isEnabled()).isFalse();
      assertThat(off.health().isEnabled()).isFalse();
      assertThat(off.stats().total().count()).isZero();
      assertThat(off.recent().newest()).isEmpty();
      assertThat(sondeThreads()).hasSize(threads);
    }
  }

  private static void callAll(
      Sonde off, Callable<String> work, Supplier<CompletionStage<String>> starter)
      throws Exception {
    off.profile("f", work);
    off.profileAsync("g", starter);
    off.emitter().request("GET", null, "/", 200, Outcome.COMPLETED, 1, 1, 1, null);
    off.emitter().database("h2", null, "SELECT", null, null, 0, 1, 1, 1, false, null, 1);
    off.emitter().function("f", 1, null);
  }

  private void request(String path) {
    sonde.emitter().request("GET", null, path, 200, Outcome.COMPLETED, 1_000, 0, 9, null);
  }

  private List<FunctionEvent> functions() {
    sonde.close();
    return sink.elements().stream()
        .filter(FunctionEvent.class::isInstance)
        .map(FunctionEvent.class::cast)
        .toList();
  }

  private static String fail(IOException thrown) throws IOException {
    throw thrown;
  }

  private static List<String> sondeThreads() {
    return Thread.getAllStackTraces().keySet().stream()
        .map(Thread::getName)
        .filter(name -> name.startsWith("sonde-"))
        .toList();
  }

  private static long allocatedBytes() {
    var bean = (ThreadMXBean) ManagementFactory.getThreadMXBean();
    return bean.getCurrentThreadAllocatedBytes();
  }
}
