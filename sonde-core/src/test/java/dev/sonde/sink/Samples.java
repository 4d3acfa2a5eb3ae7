// SPDX-License-Identifier: Apache-2.0
package dev.sonde.sink;

import dev.sonde.event.ClientDisconnected;
import dev.sonde.event.CloseReason;
import dev.sonde.event.ConnectionClosed;
import dev.sonde.event.ConnectionOpened;
import dev.sonde.event.DatabaseEvent;
import dev.sonde.event.ErrorInfo;
import dev.sonde.event.Event;
import dev.sonde.event.FunctionEvent;
import dev.sonde.event.Outcome;
import dev.sonde.event.Protocol;
import dev.sonde.event.RequestEvent;
import dev.sonde.event.RequestEvent.StreamKind;
import dev.sonde.event.RequestStarted;
import dev.sonde.event.ResponseCompleted;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import org.jspecify.annotations.Nullable;

/** Events of every kind: typical, extreme and random ones. */
final class Samples {
  private Samples() {}

  /** One of each record, all fields set. */
  static List<Event> typical() {
    return List.of(
        new ConnectionOpened(7, 1, "192.0.2.9", 50123, "127.0.0.1", 8080, Protocol.H1, 1_000, true),
        new RequestStarted(7, 1, 9, 0, "GET", "/users/42", "HTTP/1.1", 2_000),
        new ResponseCompleted(7, 1, 9, 3, 200, 512, 1_234_567, 3_000, 1_000_000, "/users/{id}"),
        new ClientDisconnected(7, 1, 9, 3, true, 100, 4_000),
        new ConnectionClosed(
            7, 1, 2, 612, 9_000_001, CloseReason.TIMEOUT, "keep_alive_timeout", 5_000),
        new RequestEvent(
            6_000,
            0x0123456789abcdefL,
            0xfedcba9876543210L,
            0x00f067aa0ba902b7L,
            5,
            7,
            9,
            "POST",
            "/orders",
            "/orders",
            500,
            Outcome.APP_ERROR,
            1_500_000,
            10,
            20,
            new ErrorInfo("java.lang.IllegalStateException", "no", "at a.B.c(B.java:1)\nat d.E"),
            4.0),
        new FunctionEvent(7_000, 1, 2, 3, 4, "price", 900, true, "java.io.IOException", 1.0),
        new DatabaseEvent(
            8_000,
            1,
            2,
            3,
            4,
            "postgresql",
            "shop",
            "SELECT",
            "users",
            "SELECT * FROM users WHERE id = ?",
            -77,
            0,
            80_000,
            true,
            "23505",
            1,
            2.5),
        new ResponseCompleted(
            7,
            1,
            9,
            0,
            200,
            512,
            9_000_000,
            9_000,
            1_000_000,
            "/poll",
            2_000_000,
            StreamKind.LONG_POLL),
        new ClientDisconnected(7, 1, 9, 0, true, 100, 10_000, 0, StreamKind.SSE),
        new RequestEvent(
            11_000,
            1,
            2,
            3,
            4,
            7,
            9,
            "GET",
            "/ticks",
            "/ticks",
            200,
            Outcome.CLIENT_ABORT_DURING_BODY,
            1_500_000,
            0,
            20,
            null,
            1.0,
            500_000,
            400_000,
            StreamKind.SSE));
  }

  /** Smallest, largest and absent values. */
  static List<Event> extreme() {
    List<Event> events = new ArrayList<>();
    for (long number : new long[] {Long.MIN_VALUE, -1_000_001, -1, 0, 1, Long.MAX_VALUE}) {
      events.addAll(withNumbers(number));
    }
    return events;
  }

  static List<Event> withNumbers(long n) {
    int i = (int) Math.max(Integer.MIN_VALUE, Math.min(Integer.MAX_VALUE, n));
    return List.of(
        new ConnectionOpened(n, i, "", i, "", i, Protocol.UNKNOWN, n, false),
        new RequestStarted(n, i, n, n, "", "", "", n),
        new ResponseCompleted(n, i, n, n, i, n, n, n, n, null),
        new ClientDisconnected(n, i, n, n, false, n, n),
        new ConnectionClosed(n, i, n, n, n, CloseReason.COMPLETE, null, n),
        new RequestEvent(
            n, n, n, n, n, n, n, "", null, "", i, Outcome.COMPLETED, n, n, n, null, 1.0),
        new RequestEvent(
            n, n, n, n, n, n, n, "", null, "", i, Outcome.REJECTED, n, n, n, error(null), 1e300),
        new FunctionEvent(n, n, n, n, n, "", n, false, null, Double.MIN_VALUE),
        new DatabaseEvent(
            n, n, n, n, n, "", null, "", null, null, n, n, n, false, null, i, Double.MAX_VALUE));
  }

  private static ErrorInfo error(@Nullable String message) {
    return new ErrorInfo("E", message, "");
  }

  /** An event of a random kind with random content; every text stays whole. */
  static Event random(Random random) {
    long[] n = random.longs(16).map(value -> value >> random.nextInt(64)).toArray();
    int i = (int) n[0];
    return switch (random.nextInt(8)) {
      case 0 ->
          new ConnectionOpened(
              n[1],
              i,
              text(random),
              (int) n[2],
              text(random),
              (int) n[3],
              pick(random, Protocol.values()),
              n[4],
              random.nextBoolean());
      case 1 ->
          new RequestStarted(n[1], i, n[2], n[3], text(random), text(random), text(random), n[4]);
      case 2 ->
          new ResponseCompleted(
              n[1],
              i,
              n[2],
              n[3],
              (int) n[4],
              n[5],
              n[6],
              n[7],
              n[8],
              maybe(random),
              orUnknown(n[9]),
              maybeStream(random));
      case 3 ->
          new ClientDisconnected(
              n[1],
              i,
              n[2],
              n[3],
              random.nextBoolean(),
              n[4],
              n[5],
              orUnknown(n[6]),
              maybeStream(random));
      case 4 ->
          new ConnectionClosed(
              n[1], i, n[2], n[3], n[4], pick(random, CloseReason.values()), maybe(random), n[5]);
      case 5 ->
          new RequestEvent(
              n[1],
              n[2],
              n[3],
              n[4],
              n[5],
              n[6],
              n[7],
              text(random),
              maybe(random),
              text(random),
              (int) n[8],
              pick(random, Outcome.values()),
              n[9],
              n[10],
              n[11],
              random.nextBoolean()
                  ? null
                  : new ErrorInfo(text(random), maybe(random), text(random)),
              random.nextDouble() * 1000,
              orUnknown(n[12]),
              orUnknown(n[13]),
              maybeStream(random));
      case 6 ->
          new FunctionEvent(
              n[1],
              n[2],
              n[3],
              n[4],
              n[5],
              text(random),
              n[6],
              random.nextBoolean(),
              maybe(random),
              1 / random.nextDouble());
      default ->
          new DatabaseEvent(
              n[1],
              n[2],
              n[3],
              n[4],
              n[5],
              text(random),
              maybe(random),
              text(random),
              maybe(random),
              maybe(random),
              n[6],
              n[7],
              n[8],
              random.nextBoolean(),
              maybe(random),
              (int) n[9],
              1.0);
    };
  }

  private static <T> T pick(Random random, T[] values) {
    return values[random.nextInt(values.length)];
  }

  private static long orUnknown(long nanos) {
    return Math.max(-1, nanos);
  }

  private static @Nullable StreamKind maybeStream(Random random) {
    return random.nextBoolean() ? null : pick(random, StreamKind.values());
  }

  private static @Nullable String maybe(Random random) {
    return random.nextInt(4) == 0 ? null : text(random);
  }

  /** Up to 100 code points of all planes, without lone surrogates. */
  private static String text(Random random) {
    return random
        .ints(random.nextInt(100), 0, 0x110000)
        .map(codePoint -> codePoint >> random.nextInt(16))
        .filter(codePoint -> codePoint < 0xD800 || codePoint > 0xDFFF)
        .collect(StringBuilder::new, StringBuilder::appendCodePoint, StringBuilder::append)
        .toString();
  }
}
