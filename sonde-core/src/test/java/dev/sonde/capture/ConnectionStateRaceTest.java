// SPDX-License-Identifier: Apache-2.0
package dev.sonde.capture;

import static org.assertj.core.api.Assertions.assertThat;

import dev.sonde.event.Protocol;
import java.util.ArrayList;
import java.util.EnumSet;
import java.util.List;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CyclicBarrier;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** Ends, starts and closes on three threads at once: what is handed on stays in order. */
final class ConnectionStateRaceTest {
  private static final int ROUNDS = 20_000;
  private static final int STREAMS = 500;

  private final ExecutorService threads = Executors.newFixedThreadPool(3);

  @AfterEach
  void stop() throws InterruptedException {
    threads.shutdownNow();
    assertThat(threads.awaitTermination(10, TimeUnit.SECONDS)).isTrue();
  }

  @Test
  void close_comesLastAndEveryStartHasOneEnd()
      throws ExecutionException, InterruptedException, TimeoutException {
    CyclicBarrier barrier = new CyclicBarrier(3);

    for (int round = 0; round < ROUNDS; round++) {
      TranscriptOutlet outlet = new TranscriptOutlet();
      ListenerScope listener = new ListenerScope("race", EnumSet.noneOf(Capability.class), outlet);
      ConnectionState connection = listener.opened(0, null, null, Protocol.H2, false, 0);
      Exchange first = connection.begin(0, 1, "GET", "/a", "HTTP/2.0", 1);
      Exchange second = connection.begin(0, 3, "GET", "/b", "HTTP/2.0", 1);
      // Whoever ends them, they are complete.
      first.announced(1);
      first.committed(200, 1);
      first.sent(1);
      second.announced(1);
      second.committed(200, 1);
      second.sent(1);

      Future<?> ender =
          threads.submit(
              () -> {
                barrier.await();
                first.completed(200, 1, 2);
                second.aborted(AbortKind.CLIENT_RESET, null, 1, 2);
                return null;
              });
      Future<?> beginner =
          threads.submit(
              () -> {
                barrier.await();
                connection.begin(0, 5, "GET", "/c", "HTTP/2.0", 1).completed(200, 1, 2);
                return null;
              });
      Future<?> closer =
          threads.submit(
              () -> {
                barrier.await();
                connection.closed(Initiator.UNKNOWN, null, 3);
                return null;
              });
      ender.get(10, TimeUnit.SECONDS);
      beginner.get(10, TimeUnit.SECONDS);
      closer.get(10, TimeUnit.SECONDS);

      long started = outlet.lines.stream().filter(line -> line.startsWith("started")).count();
      long ended = outlet.lines.stream().filter(line -> line.startsWith("ended")).count();
      long closed = outlet.lines.stream().filter(line -> line.startsWith("closed")).count();
      assertThat(ended).as("%s", outlet.lines).isEqualTo(started).isBetween(2L, 3L);
      assertThat(closed).as("%s", outlet.lines).isEqualTo(1);
      assertThat(outlet.lines)
          .filteredOn(line -> line.startsWith("ended completed 200 1 bytes"))
          .hasSizeGreaterThanOrEqualTo(2);
      assertThat(outlet.lines).last().asString().startsWith("closed");
      assertThat(connection.openRequests()).isZero();
      assertThat(listener.openConnections()).isEmpty();
      assertThat(listener.faults()).isZero();
    }
  }

  @Test
  void begin_givesStreamsOfSeveralThreadsTheirOwnNumbers()
      throws ExecutionException, InterruptedException, TimeoutException {
    TranscriptOutlet outlet = new TranscriptOutlet(/* tellsEveryStart= */ false);
    ListenerScope listener = new ListenerScope("race", EnumSet.noneOf(Capability.class), outlet);
    ConnectionState connection = listener.opened(0, null, null, Protocol.H2, false, 0);
    CyclicBarrier barrier = new CyclicBarrier(3);
    Set<Long> ids = ConcurrentHashMap.newKeySet();

    List<Future<?>> streams = new ArrayList<>();
    for (int thread = 0; thread < 3; thread++) {
      int first = 2 * thread + 1;
      streams.add(
          threads.submit(
              () -> {
                barrier.await();
                for (int round = 0; round < STREAMS; round++) {
                  Exchange stream =
                      connection.begin(0, first + 6L * round, "GET", "/a", "HTTP/2.0", 1);
                  ids.add(stream.id());
                  stream.completed(200, 1, 2);
                }
                return null;
              }));
    }
    for (Future<?> stream : streams) {
      stream.get(10, TimeUnit.SECONDS);
    }

    assertThat(ids).hasSize(3 * STREAMS);
  }

  @Test
  void close_comesLastAndALoneRequestEndsOnceOrWasNever()
      throws ExecutionException, InterruptedException, TimeoutException {
    CyclicBarrier barrier = new CyclicBarrier(2);
    for (int round = 0; round < ROUNDS; round++) {
      TranscriptOutlet outlet = new TranscriptOutlet(/* tellsEveryStart= */ false);
      ListenerScope listener = new ListenerScope("race", EnumSet.noneOf(Capability.class), outlet);
      ConnectionState connection = listener.opened(0, null, null, Protocol.H1, false, 0);
      Exchange first = connection.begin(0, 0, "GET", "/a", "HTTP/1.1", 1);
      if (round % 2 == 0) {
        first.completed(200, 1, 2);
        first.release();
      }

      Future<?> server =
          threads.submit(
              () -> {
                barrier.await();
                first.completed(200, 1, 2);
                first.release();
                for (int i = 0; i < 3; i++) {
                  Exchange next = connection.begin(0, 0, "GET", "/b", "HTTP/1.1", 3);
                  next.completed(200, 1, 4);
                  next.release();
                }
                return null;
              });
      Future<?> closer =
          threads.submit(
              () -> {
                barrier.await();
                connection.closed(Initiator.UNKNOWN, null, 3);
                return null;
              });
      server.get(10, TimeUnit.SECONDS);
      closer.get(10, TimeUnit.SECONDS);
      listener.sweep();

      long ended = outlet.lines.stream().filter(line -> line.startsWith("ended")).count();
      long closed = outlet.lines.stream().filter(line -> line.startsWith("closed")).count();
      assertThat(ended).as("%s", outlet.lines).isBetween(1L, 4L);
      assertThat(closed).as("%s", outlet.lines).isEqualTo(1);
      assertThat(outlet.lines)
          .filteredOn(line -> !line.startsWith("started"))
          .last()
          .asString()
          .startsWith("closed");
      assertThat(connection.openRequests()).isZero();
      assertThat(listener.openConnections()).isEmpty();
      assertThat(listener.faults()).isZero();
    }
  }
}
