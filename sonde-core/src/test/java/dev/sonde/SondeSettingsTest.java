// SPDX-License-Identifier: Apache-2.0
package dev.sonde;

import static java.util.Objects.requireNonNull;
import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import dev.sonde.capture.Capability;
import dev.sonde.capture.ListenerScope;
import dev.sonde.collect.CapturedLog;
import dev.sonde.collect.SondeThread;
import dev.sonde.digest.SinkHealth;
import dev.sonde.event.ConnectionOpened;
import dev.sonde.event.Event;
import dev.sonde.event.Outcome;
import dev.sonde.event.Protocol;
import dev.sonde.event.RequestEvent;
import dev.sonde.testing.BlockingSink;
import dev.sonde.testing.FailingSink;
import dev.sonde.testing.ManualClock;
import dev.sonde.testing.RecordingSink;
import dev.sonde.time.MonotonicClock;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.UnknownHostException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.time.Duration;
import java.time.Instant;
import java.util.EnumSet;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CountDownLatch;
import java.util.logging.Level;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** Every setting does what it says in a running {@link Sonde}, and is not only read. */
@Timeout(60)
final class SondeSettingsTest {
  private final RecordingSink<Event> sink = new RecordingSink<>();

  @Test
  void queueSize_boundsWhatWaitsForTheDigest() throws InterruptedException {
    StoppedClock clock = new StoppedClock();
    try (Sonde sonde = Sonde.start(config().queueSize(64).build(), null, clock)) {
      clock.awaitStopped();

      calls(sonde, 1_000);

      assertThat(sonde.health().counts().inQueue()).isEqualTo(64);
      assertThat(sonde.health().counts().droppedOldest()).isEqualTo(1_000 - 64);
      assertThat(sonde.health().queueCapacity()).isEqualTo(64);
      clock.release();
    }
  }

  @Test
  void sinkQueueSize_boundsWhatWaitsForASink() throws InterruptedException {
    BlockingSink<Event> hung = new BlockingSink<>();
    try (Sonde sonde =
        Sonde.start(
            config()
                .sinkQueueSize(16)
                .sinkBatchMax(1)
                .sinkFlushInterval(Duration.ofMillis(1))
                .build())) {
      sonde.addSink("hung", hung);
      calls(sonde, 1);
      hung.awaitEntered();

      calls(sonde, 100);

      await().until(() -> health(sonde).enqueued() == 101);
      assertThat(health(sonde).droppedOldest()).isEqualTo(100 - 16);
      hung.release();
    }
  }

  @Test
  void sinkBatchMax_boundsWhatASinkGetsAtOnce() {
    try (Sonde sonde = started(config().sinkBatchMax(3))) {
      calls(sonde, 100);
    }

    assertThat(sink.elements()).hasSize(100);
    assertThat(sink.batches()).allMatch(batch -> batch.size() <= 3);
  }

  @Test
  void sinkFlushInterval_isHowLongABatchMayFill() {
    RecordingSink<Event> soon = new RecordingSink<>();
    try (Sonde patient = started(config().sinkFlushInterval(Duration.ofMinutes(1)));
        Sonde eager = Sonde.start(config().sinkFlushInterval(Duration.ofMillis(700)).build())) {
      eager.addSink("soon", soon);
      calls(patient, 1);
      await().until(() -> health(patient).enqueued() == 1);

      calls(eager, 1);

      await().until(() -> !soon.elements().isEmpty());
      assertThat(sink.elements()).isEmpty();
    }
    assertThat(sink.elements()).hasSize(1);
  }

  @Test
  void sinkFailuresMaxAndRetriesSinks_decideOnAFailingSink() {
    FailingSink<Event> failing = new FailingSink<>(Integer.MAX_VALUE);
    try (CapturedLog log = new CapturedLog("dev.sonde.core", Level.INFO);
        Sonde sonde =
            Sonde.start(
                config()
                    .sinkFailuresMax(2)
                    .retriesSinks(false)
                    .sinkBatchMax(1)
                    .sinkFlushInterval(Duration.ofMillis(1))
                    .build())) {
      sonde.addSink("failing", failing);

      calls(sonde, 20);

      await().until(() -> health(sonde).droppedSinkFailed() == 20);
      assertThat(failing.attempts()).isEqualTo(2);
      assertThat(log.lines())
          .anyMatch(line -> line.contains("2 failed batches in a row; it is not tried again"));
    }
  }

  @Test
  void closeTimeout_isHowLongClosingWaits() throws InterruptedException {
    BlockingSink<Event> hung = new BlockingSink<>();
    Sonde sonde = Sonde.start(config().closeTimeout(Duration.ZERO).build());
    sonde.addSink("hung", hung);
    calls(sonde, 1);
    hung.awaitEntered();
    long begin = System.nanoTime();

    sonde.close();

    assertThat(Duration.ofNanos(System.nanoTime() - begin))
        .as("the default waits for longer")
        .isLessThan(Duration.ofSeconds(2));
    hung.release();
  }

  @Test
  void samplingRate_thinsOutAllButErrorsAndSlowRequests() {
    try (Sonde sonde = started(config().samplingRate(0))) {
      request(sonde, "/fast", 200, Duration.ofMillis(999));
      request(sonde, "/failed", 500, Duration.ZERO);
      request(sonde, "/slow", 200, Duration.ofSeconds(1));
    }

    assertThat(paths()).containsExactly("/failed", "/slow");
  }

  @Test
  void samplingKeeps_canBeSwitchedOff() {
    try (Sonde sonde =
        started(
            config().samplingRate(0).samplingKeepsErrors(false).samplingKeepSlow(Duration.ZERO))) {
      request(sonde, "/failed", 500, Duration.ZERO);
      request(sonde, "/slow", 200, Duration.ofHours(1));
    }

    assertThat(paths()).isEmpty();
  }

  @Test
  void samplingKeepSlow_isTheLeastDurationThatIsKept() {
    try (Sonde sonde = started(config().samplingRate(0).samplingKeepSlow(Duration.ofMillis(10)))) {
      request(sonde, "/9", 200, Duration.ofMillis(9));
      request(sonde, "/10", 200, Duration.ofMillis(10));
    }

    assertThat(paths()).containsExactly("/10");
  }

  @Test
  void samplingExcludesAndOverrides_goByPath() {
    try (Sonde sonde =
        started(
            config()
                .samplingExcludes(List.of("/health"))
                .samplingOverrides(Map.of("/quiet", 0.0)))) {
      request(sonde, "/health", 200, Duration.ZERO);
      request(sonde, "/quiet", 200, Duration.ZERO);
      request(sonde, "/else", 200, Duration.ZERO);

      assertThat(sonde.stats().total().count()).isEqualTo(2);
      assertThat(sonde.health().counts().excluded()).isEqualTo(1);
    }
    assertThat(paths()).containsExactly("/else");
  }

  @Test
  void samplingSeed_makesDecisionsRepeatable() {
    List<String> first = keptWithSeed(new RecordingSink<>());
    List<String> second = keptWithSeed(new RecordingSink<>());

    assertThat(first).hasSizeBetween(1, 199).isEqualTo(second);
  }

  @Test
  void statsWindow_isWhatTheStatisticsCover() {
    ManualClock clock = new ManualClock();
    try (Sonde sonde =
        Sonde.start(config().statsWindow(Duration.ofMinutes(1)).build(), null, clock)) {
      clock.advance(Duration.ofSeconds(1));
      request(sonde, "/", 200, Duration.ZERO);
      assertThat(sonde.stats().total().count()).isEqualTo(1);

      clock.advance(Duration.ofMinutes(3));

      await().until(() -> sonde.stats().total().count() == 0);
    }
  }

  @Test
  void statsRoutesMax_boundsTheRoutes() {
    try (Sonde sonde = Sonde.start(config().statsRoutesMax(2).build())) {
      for (String route : List.of("/a", "/b", "/c", "/d")) {
        sonde.emitter().request("GET", route, route, 200, Outcome.COMPLETED, 1, 0, 0, null);
      }

      assertThat(sonde.stats().overflowCount()).isEqualTo(2);
      assertThat(sonde.stats().total().count()).isEqualTo(4);
    }
  }

  @Test
  void errorsMax_boundsTheKindsOfError() {
    Sonde sonde = Sonde.start(config().errorsMax(1).build());
    failure(sonde, new IllegalStateException());
    failure(sonde, new ArithmeticException());
    sonde.close();

    assertThat(sonde.errors().kinds()).hasSize(1);
    assertThat(sonde.errors().evictedKinds()).isEqualTo(1);
  }

  @Test
  void keepsErrorMessages_decidesOnTheMessages() {
    try (Sonde sonde = started(config().keepsErrorMessages(true))) {
      failure(sonde, new IllegalStateException("why"));
    }
    try (Sonde sonde = started(config())) {
      failure(sonde, new IllegalStateException("why"));
    }

    assertThat(requests())
        .<@Nullable String>map(request -> requireNonNull(request.error()).message())
        .containsExactly("why", null);
  }

  @Test
  void masksClientAddresses_cutsThemToTheirNetwork() throws UnknownHostException {
    try (Sonde sonde = started(config().masksClientAddresses(true))) {
      ListenerScope listener = sonde.listener("test", EnumSet.of(Capability.ACCEPT));
      InetAddress client = InetAddress.getByAddress(new byte[] {10, 1, 2, 77});
      listener.opened(
          0, new InetSocketAddress(client, 40_000), null, Protocol.H1, false, System.nanoTime());
    }

    assertThat(sink.elements())
        .filteredOn(ConnectionOpened.class::isInstance)
        .map(event -> ((ConnectionOpened) event).clientAddress())
        .containsExactly("10.1.2.0");
  }

  @Test
  void archive_isNamedAsConfigured(@TempDir Path directory) throws IOException {
    try (Sonde sonde =
        Sonde.start(
            config()
                .jsonlDir(directory)
                .jsonlPrefix("audit")
                .instanceId("web-7")
                .serviceName("shop & co")
                .build())) {
      calls(sonde, 1);
      assertThat(sonde.health().instanceId()).isEqualTo("web-7");
    }

    List<Path> files = files(directory, ".jsonl");
    assertThat(files).hasSize(1);
    assertThat(files.get(0).getFileName().toString()).startsWith("audit-web-7-");
    assertThat(Files.readAllLines(files.get(0)).get(0))
        .contains("\"service\":\"shop & co\",\"instance\":\"web-7\",\"prefix\":\"audit\"");
  }

  @Test
  void jsonlRotateBytesAndCompress_shapeTheFiles(@TempDir Path directory) throws IOException {
    try (Sonde sonde =
        Sonde.start(
            config().jsonlDir(directory).jsonlRotateBytes(64_000).compressesJsonl(true).build())) {
      String longName = "f".repeat(500);
      for (int i = 0; i < 300; i++) {
        sonde.profile(longName, () -> 1);
      }
    }

    assertThat(files(directory, ".jsonl.gz")).hasSizeGreaterThanOrEqualTo(2);
    assertThat(files(directory, ".jsonl")).isEmpty();
  }

  @Test
  void jsonlRotateInterval_finishesAFileOfThatAge(@TempDir Path directory) throws IOException {
    ManualClock clock = new ManualClock();
    SondeConfig config =
        config()
            .jsonlDir(directory)
            .jsonlRotateInterval(Duration.ofSeconds(30))
            .sinkFlushInterval(Duration.ofMillis(1))
            .build();
    try (Sonde sonde = Sonde.start(config, null, clock)) {
      calls(sonde, 1);
      clock.advance(Duration.ofSeconds(1));
      await().until(() -> health(sonde).processed() == 1);
      assertThat(files(directory, ".jsonl")).isEmpty();

      clock.advance(Duration.ofSeconds(31));

      await().until(() -> files(directory, ".jsonl").size() == 1);
    }
  }

  @Test
  void jsonlFilesMax_boundsTheFilesOfEarlierProcessesToo(@TempDir Path directory)
      throws IOException {
    fillArchive(directory);
    List<Path> before = files(directory, ".jsonl");

    Sonde.start(config().jsonlDir(directory).jsonlFilesMax(2).build()).close();

    assertThat(before).hasSizeGreaterThan(2);
    assertThat(files(directory, ".jsonl")).hasSize(2).isSubsetOf(before);
  }

  @Test
  void jsonlTotalBytesMax_boundsTheSizeOfAllFiles(@TempDir Path directory) throws IOException {
    fillArchive(directory);
    List<Path> before = files(directory, ".jsonl");

    Sonde.start(
            config()
                .jsonlDir(directory)
                .jsonlRotateBytes(64_000)
                .jsonlTotalBytesMax(140_000)
                .build())
        .close();

    List<Path> after = files(directory, ".jsonl");
    long bytes = 0;
    for (Path file : after) {
      bytes += Files.size(file);
    }
    assertThat(before).hasSizeGreaterThan(after.size());
    assertThat(bytes).isBetween(70_000L, 140_000L);
  }

  @Test
  void jsonlAgeMax_deletesWhatIsOlder(@TempDir Path directory) throws IOException {
    fillArchive(directory);
    List<Path> files = files(directory, ".jsonl");
    Path old = files.get(0);
    Files.setLastModifiedTime(old, FileTime.from(Instant.now().minus(Duration.ofHours(2))));

    Sonde.start(config().jsonlDir(directory).jsonlAgeMax(Duration.ofHours(1)).build()).close();

    assertThat(files(directory, ".jsonl"))
        .containsExactlyInAnyOrderElementsOf(files.subList(1, files.size()));
  }

  /** At least three files of about 64 kB, by a process of its own as it were. */
  private static void fillArchive(Path directory) {
    try (Sonde sonde = Sonde.start(config().jsonlDir(directory).jsonlRotateBytes(64_000).build())) {
      String longName = "f".repeat(500);
      for (int i = 0; i < 400; i++) {
        sonde.profile(longName, () -> 1);
      }
    }
  }

  private static SondeConfig.Builder config() {
    return SondeConfig.builder();
  }

  private Sonde started(SondeConfig.Builder config) {
    Sonde sonde = Sonde.start(config.build());
    sonde.addSink("test", sink);
    return sonde;
  }

  private static List<String> keptWithSeed(RecordingSink<Event> kept) {
    try (Sonde sonde = Sonde.start(config().samplingRate(0.5).samplingSeed(7).build())) {
      sonde.addSink("test", kept);
      for (int i = 0; i < 200; i++) {
        request(sonde, "/" + i, 200, Duration.ZERO);
      }
    }
    return paths(kept);
  }

  private static void calls(Sonde sonde, int count) {
    for (int i = 0; i < count; i++) {
      sonde.profile("work", () -> 1);
    }
  }

  private static void request(Sonde sonde, String path, int status, Duration duration) {
    sonde
        .emitter()
        .request("GET", null, path, status, Outcome.COMPLETED, duration.toNanos(), 0, 0, null);
  }

  private static void failure(Sonde sonde, Throwable thrown) {
    sonde.emitter().request("GET", null, "/", 500, Outcome.APP_ERROR, 1, 0, 0, thrown);
  }

  private static SinkHealth health(Sonde sonde) {
    return sonde.health().sinks().get(0);
  }

  private List<RequestEvent> requests() {
    return requests(sink);
  }

  private List<String> paths() {
    return paths(sink);
  }

  private static List<RequestEvent> requests(RecordingSink<Event> sink) {
    return sink.elements().stream()
        .filter(RequestEvent.class::isInstance)
        .map(RequestEvent.class::cast)
        .toList();
  }

  private static List<String> paths(RecordingSink<Event> sink) {
    return requests(sink).stream().map(RequestEvent::path).toList();
  }

  private static List<Path> files(Path directory, String suffix) throws IOException {
    try (Stream<Path> files = Files.list(directory)) {
      return files.filter(file -> file.toString().endsWith(suffix)).toList();
    }
  }

  /** A clock on which the digest thread hangs, and nobody else. */
  private static final class StoppedClock implements MonotonicClock {
    private final CountDownLatch stopped = new CountDownLatch(1);
    private final CountDownLatch released = new CountDownLatch(1);

    @Override
    public long nanoTime() {
      if (Thread.currentThread() instanceof SondeThread) {
        stopped.countDown();
        try {
          released.await();
        } catch (InterruptedException e) {
          throw new IllegalStateException(e);
        }
      }
      return System.nanoTime();
    }

    void awaitStopped() throws InterruptedException {
      stopped.await();
    }

    void release() {
      released.countDown();
    }
  }
}
