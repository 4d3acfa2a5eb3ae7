// SPDX-License-Identifier: Apache-2.0
package dev.sonde.json;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.sun.management.ThreadMXBean;
import dev.sonde.event.FunctionEvent;
import dev.sonde.time.ClockAnchor;
import java.lang.management.ManagementFactory;
import java.math.BigDecimal;
import java.nio.charset.StandardCharsets;
import java.util.HexFormat;
import java.util.Random;
import java.util.stream.DoubleStream;
import java.util.stream.IntStream;
import java.util.stream.LongStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

final class JsonBufferTest {
  private static final byte[] NAME = JsonBuffer.name("n");
  private static final ObjectMapper MAPPER = new ObjectMapper();

  private final JsonBuffer buffer = new JsonBuffer(0);
  private final Random random = new Random(20_260_102);

  @Test
  void number_isThatOfTheJdkAtEveryLength() {
    long[] edges =
        LongStream.concat(
                IntStream.range(0, 63).mapToLong(bit -> 1L << bit),
                LongStream.iterate(1, n -> n * 10).limit(19))
            .flatMap(n -> LongStream.of(n - 1, n, n + 1, -n - 1, -n, 1 - n))
            .toArray();
    long[] others = random.longs(10_000).map(n -> n >> random.nextInt(64)).toArray();

    for (long number : concat(edges, others, Long.MIN_VALUE, Long.MAX_VALUE)) {
      buffer.clear();
      buffer.number(NAME, number);
      assertThat(text()).isEqualTo(",\"n\":" + number);
    }
  }

  @Test
  void millis_keepsEveryNanosecond() {
    long[] edges = {0, 1, 10, 999_999, 1_000_000, 1_000_001, 1_100_000, 123_456_789_000_000L};
    long[] others = random.longs(10_000).map(n -> n >> random.nextInt(64)).toArray();

    for (long nanos : concat(edges, others, Long.MIN_VALUE, Long.MAX_VALUE)) {
      for (long sign : new long[] {1, -1}) {
        buffer.clear();
        buffer.millis(NAME, sign * nanos);
        String expected = BigDecimal.valueOf(sign * nanos, 6).stripTrailingZeros().toPlainString();
        assertThat(text()).isEqualTo(",\"n\":" + expected);
      }
    }
  }

  @Test
  void decimal_isThatOfTheJdk() {
    double[] edges = {
      0.0, -0.0, 0.5, 1, -1, 1.5, 10, 1e7 - 1, 1e7, 1e7 + 1, 1e16, 1e300, 10.0 / 3, 0.1, -2
    };
    double[] others = random.doubles(10_000).map(x -> 1 / x).toArray();

    double[] values =
        DoubleStream.concat(DoubleStream.of(edges), DoubleStream.of(others)).toArray();
    for (double value : values) {
      for (int i = 0; i < 2; i++) {
        buffer.clear();
        buffer.decimal(NAME, value);
        assertThat(text()).isEqualTo(",\"n\":" + value);
      }
    }
  }

  @Test
  void id_isSixteenDigitsForEachHalf() {
    for (long id : concat(random.longs(1_000).toArray(), new long[] {1, -1}, Long.MIN_VALUE)) {
      buffer.clear();
      buffer.id(NAME, id);
      buffer.id(NAME, id, 0);
      String hex = HexFormat.of().toHexDigits(id);
      assertThat(text()).isEqualTo(",\"n\":\"%s\",\"n\":\"%s0000000000000000\"", hex, hex);
    }
  }

  @Test
  void id_isNullForZero() {
    buffer.id(NAME, 0);
    buffer.id(NAME, 0, 0);

    assertThat(text()).isEqualTo(",\"n\":null,\"n\":null");
  }

  /** Whatever the text, a parser of others reads what fits, up to a whole character. */
  @Test
  void text_isReadByAnotherParserUpToTheBound() throws JsonProcessingException {
    for (int i = 0; i < 20_000; i++) {
      String value = randomText();
      int maxBytes = random.nextInt(120);

      buffer.clear();
      boolean isWhole = buffer.text(NAME, value, maxBytes);

      String expected = prefix(value.replaceAll("[\uD800-\uDFFF]", "\uFFFD"), maxBytes);
      assertThat(MAPPER.readTree("{" + text().substring(1) + "}").get("n").textValue())
          .isEqualTo(expected);
      assertThat(isWhole).isEqualTo(expected.length() == value.length());
    }
  }

  @Test
  void text_isNullForNull() {
    assertThat(buffer.text(NAME, null, 0)).isTrue();

    assertThat(text()).isEqualTo(",\"n\":null");
  }

  @ParameterizedTest
  @ValueSource(strings = {"a", "\n", "\u0001", "\u20AC"})
  void clear_givesUpWhatOneHugeTextNeeded(String character) {
    buffer.text(NAME, character.repeat(400_000), Integer.MAX_VALUE);
    assertThat(buffer.size()).isGreaterThanOrEqualTo(400_000);

    buffer.clear();

    assertThat(buffer.size()).isZero();
    assertThat(buffer.array()).hasSizeLessThan(1 << 18);
  }

  @Test
  void write_leavesNothingOfAnEventThatItRefuses() {
    EventJsonWriter writer = new EventJsonWriter(new ClockAnchor(0, 0), buffer);
    writer.write(function(1));
    String before = text();

    assertThatIllegalArgumentException().isThrownBy(() -> writer.write(function(Double.NaN)));

    assertThat(text()).isEqualTo(before);
  }

  @Test
  void write_allocatesNothing() {
    EventJsonWriter writer = new EventJsonWriter(new ClockAnchor(0, 0), buffer);
    FunctionEvent event = function(10.0 / 3);
    var threads = (ThreadMXBean) ManagementFactory.getThreadMXBean();
    long least = Long.MAX_VALUE;

    for (int round = 0; round < 50; round++) {
      long before = threads.getCurrentThreadAllocatedBytes();
      for (int i = 1; i <= 1_000; i++) {
        writer.write(event, i);
      }
      least = Math.min(least, threads.getCurrentThreadAllocatedBytes() - before);
      buffer.clear();
    }

    assertThat(least).as("bytes for 1,000 events").isZero();
  }

  private static FunctionEvent function(double weight) {
    return new FunctionEvent(1, 0, 0, 0, 0, "f", 1, false, null, weight);
  }

  private String text() {
    return new String(buffer.array(), 0, buffer.size(), StandardCharsets.UTF_8);
  }

  private static long[] concat(long[] first, long[] second, long... third) {
    return Stream.of(first, second, third).flatMapToLong(LongStream::of).toArray();
  }

  /** Texts of ASCII, of Latin-1 and of all characters, halves of surrogate pairs included. */
  private String randomText() {
    int bits = random.nextInt(1, 17);
    return random
        .ints(random.nextInt(60), 0, 1 << bits)
        .collect(StringBuilder::new, (text, c) -> text.append((char) c), StringBuilder::append)
        .toString();
  }

  /** As many whole characters as {@code maxBytes} of UTF-8 hold. */
  private static String prefix(String text, int maxBytes) {
    int end = text.length();
    while (text.substring(0, end).getBytes(StandardCharsets.UTF_8).length > maxBytes) {
      end = text.offsetByCodePoints(end, -1);
    }
    return text.substring(0, end);
  }
}
