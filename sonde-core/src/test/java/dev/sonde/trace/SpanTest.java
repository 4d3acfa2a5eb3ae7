// SPDX-License-Identifier: Apache-2.0
package dev.sonde.trace;

import static java.util.Objects.requireNonNull;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.sun.management.ThreadMXBean;
import java.lang.management.ManagementFactory;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

final class SpanTest {
  private static final String VALID = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

  @Test
  void of_keepsTheLocalRootThatItIsGiven() {
    Span request = Span.of(1, 2, 3, 4, 3, true);

    assertThat(request.localRootSpanId()).isEqualTo(3);
    assertThat(request.parentSpanId()).isEqualTo(4);
    assertThat(request.child().localRootSpanId()).isEqualTo(3);
    assertThat(Span.of(1, 2, 3, 4, true).localRootSpanId()).isZero();
  }

  @Test
  void root_hasIdsAndNoParent() {
    Span span = Span.root();

    assertThat(span.traceIdHigh()).isNotZero();
    assertThat(span.traceIdLow()).isNotZero();
    assertThat(span.spanId()).isNotZero();
    assertThat(span.parentSpanId()).isZero();
    assertThat(span.localRootSpanId()).isEqualTo(span.spanId());
    assertThat(span.isSampled()).isTrue();
    assertThat(span.traceparent()).hasSize(55).startsWith("00-").endsWith("-03");
  }

  @Test
  void child_keepsTheTraceAndNamesItsParent() {
    Span root = Span.root();

    Span child = root.child();

    assertThat(child.traceIdHigh()).isEqualTo(root.traceIdHigh());
    assertThat(child.traceIdLow()).isEqualTo(root.traceIdLow());
    assertThat(child.parentSpanId()).isEqualTo(root.spanId());
    assertThat(child.spanId()).isNotEqualTo(root.spanId());
    assertThat(child.child().localRootSpanId()).isEqualTo(root.spanId());
  }

  @Test
  void fromTraceparent_isTheCallersSpan() {
    Span caller = requireNonNull(Span.fromTraceparent(VALID, "vendor=a,other=b"));
    Span request = caller.child();

    assertThat(caller.traceIdHigh()).isEqualTo(0x4bf92f3577b34da6L);
    assertThat(caller.traceIdLow()).isEqualTo(0xa3ce929d0e0e4736L);
    assertThat(caller.spanId()).isEqualTo(0x00f067aa0ba902b7L);
    assertThat(caller.parentSpanId()).isZero();
    assertThat(caller.isSampled()).isTrue();
    assertThat(caller.traceparent()).isEqualTo(VALID);
    assertThat(request.parentSpanId()).isEqualTo(caller.spanId());
    assertThat(request.localRootSpanId()).isEqualTo(request.spanId());
    assertThat(request.traceState()).isEqualTo("vendor=a,other=b");
  }

  @Test
  void fromTraceparent_isUnsampledWhenTheFlagIsNotSet() {
    Span caller = requireNonNull(Span.fromTraceparent(VALID.substring(0, 53) + "02", null));

    assertThat(caller.isSampled()).isFalse();
    assertThat(caller.child().traceparent()).endsWith("-02");
  }

  @Test
  void fromTraceparent_clearsFlagsThatNobodyKnowsYet() {
    Span caller = requireNonNull(Span.fromTraceparent(VALID.substring(0, 53) + "ff", null));

    assertThat(caller.traceparent()).endsWith("-03");
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "01-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
        "cc-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-what-the-future-will-be-like",
        "fe-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-",
      })
  void fromTraceparent_acceptsFutureVersionsAndAnswersInItsOwn(String header) {
    assertThat(requireNonNull(Span.fromTraceparent(header, null)).traceparent()).isEqualTo(VALID);
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "",
        "00",
        "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-0",
        "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-",
        "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-extra",
        "01-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01.extra",
        "ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
        "0g-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
        "00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01",
        "00-4bf92f3577b34da6a3ce929d0e0e4736-00F067aa0ba902b7-01",
        "00-4bf92f3577b34da6a3ce929d0e0e473g-00f067aa0ba902b7-01",
        "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
        "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01",
        "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-0A",
        "00_4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
        "00-4bf92f3577b34da6a3ce929d0e0e4736_00f067aa0ba902b7-01",
        "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7_01",
        " 00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
        "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01 ",
        "00-\u0664bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
      })
  void fromTraceparent_isNullWhenTheHeaderIsInvalid(String header) {
    assertThat(Span.fromTraceparent(header, "a=b")).isNull();
  }

  @Test
  void fromTraceparent_isNullWithoutHeader() {
    assertThat(Span.fromTraceparent(null, "a=b")).isNull();
  }

  @Test
  void fromTraceparent_refusesEveryOtherCharacterAtEveryPlace() {
    for (int at = 0; at < VALID.length(); at++) {
      boolean isDash = at == 2 || at == 35 || at == 52;
      for (int c = 0; c < 0x10000; c++) {
        boolean isHex = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
        if (isDash ? c == '-' : isHex) {
          continue;
        }
        String header = VALID.substring(0, at) + (char) c + VALID.substring(at + 1);

        assertThat(Span.fromTraceparent(header, null) == null).isTrue();
      }
    }
  }

  @Test
  void traceparent_comesBackUnchangedForAnyIds() {
    Random random = new Random(20260101);
    for (int i = 0; i < 10_000; i++) {
      Span span =
          Span.of(random.nextLong(), random.nextLong(), random.nextLong() | 1, 0, (i & 1) == 0);

      Span back = requireNonNull(Span.fromTraceparent(span.traceparent(), null));

      assertThat(back.traceIdHigh()).isEqualTo(span.traceIdHigh());
      assertThat(back.traceIdLow()).isEqualTo(span.traceIdLow());
      assertThat(back.spanId()).isEqualTo(span.spanId());
      assertThat(back.isSampled()).isEqualTo(span.isSampled());
    }
  }

  @Test
  void fromTraceparent_allocatesNothingForHugeHeader() {
    String valid = VALID + "-" + "a".repeat(1 << 20);
    String garbage = "0".repeat(1 << 20);
    for (int i = 0; i < 20_000; i++) {
      assertThat(Span.fromTraceparent(valid, garbage) == null).isTrue();
    }

    long before = allocatedBytes();
    int accepted = 0;
    for (int i = 0; i < 1_000; i++) {
      accepted += Span.fromTraceparent(valid, garbage) == null ? 0 : 1;
      accepted += Span.fromTraceparent(garbage, valid) == null ? 0 : 1;
    }
    long allocated = allocatedBytes() - before;

    assertThat(accepted).isZero();
    assertThat(allocated).isLessThan(1_000);
  }

  @Test
  void of_refusesMissingIds() {
    assertThatThrownBy(() -> Span.of(0, 0, 1, 0, true)).hasMessageContaining("trace id");
    assertThatThrownBy(() -> Span.of(1, 0, 0, 0, true)).hasMessageContaining("spanId");
    assertThat(Span.of(0, 1, 1, 0, true).child().localRootSpanId()).isNotZero();
  }

  private static long allocatedBytes() {
    var threads = (ThreadMXBean) ManagementFactory.getThreadMXBean();
    return threads.getCurrentThreadAllocatedBytes();
  }
}
