// SPDX-License-Identifier: Apache-2.0
package dev.sonde.collect;

import static java.util.Objects.requireNonNull;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatCode;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.networknt.schema.JsonSchema;
import com.networknt.schema.JsonSchemaFactory;
import com.networknt.schema.SpecVersion;
import dev.sonde.event.ClientDisconnected;
import dev.sonde.event.CloseReason;
import dev.sonde.event.ConnectionClosed;
import dev.sonde.event.ConnectionOpened;
import dev.sonde.event.LifecycleEvent;
import dev.sonde.event.Protocol;
import dev.sonde.event.RequestEvent.StreamKind;
import dev.sonde.event.RequestStarted;
import dev.sonde.event.ResponseCompleted;
import dev.sonde.json.EventJsonWriter;
import dev.sonde.time.ClockAnchor;
import dev.sonde.time.MonotonicClock;
import java.io.IOException;
import java.io.InputStream;
import java.time.Duration;
import java.util.List;
import java.util.logging.Handler;
import java.util.logging.Level;
import java.util.logging.LogRecord;
import java.util.logging.Logger;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

final class LoggingCollectorTest {
  private static final ObjectMapper MAPPER = new ObjectMapper();

  private CapturedLog log = new CapturedLog(LoggingCollector.LOGGER_NAME, Level.FINE);

  @AfterEach
  void releaseLog() {
    log.close();
  }

  @Test
  void record_logsEachEventAtItsLevel() {
    LoggingCollector collector = new LoggingCollector();

    List.of(
            new ConnectionOpened(1, 2, "127.0.0.1", 50_000, "::1", 443, Protocol.H2, 0, true),
            started(7, "/a b"),
            completed(7, Duration.ofSeconds(5).minusNanos(1)),
            completed(8, Duration.ofSeconds(5)),
            new ClientDisconnected(1, 2, 9, 3, true, 12, 0),
            new ConnectionClosed(1, 2, 3, 120, 1_500, CloseReason.TIMEOUT, null, 0))
        .forEach(collector::record);

    assertThat(log.lines())
        .containsExactly(
            "FINE ConnectionOpened connection_id=1 worker_id=2 client_addr=127.0.0.1"
                + " client_port=50000 server_addr=::1 server_port=443 protocol=h2 tls=true",
            "FINE RequestStarted connection_id=1 worker_id=2 request_id=7 stream_id=0 method=GET"
                + " path=\"/a b\" http_version=HTTP/1.1",
            "FINE ResponseCompleted connection_id=1 worker_id=2 request_id=7 stream_id=0"
                + " status=200 bytes_sent=10 duration_ms=4999.999999 route=/r",
            "INFO ResponseCompleted connection_id=1 worker_id=2 request_id=8 stream_id=0"
                + " status=200 bytes_sent=10 duration_ms=5000 route=/r slow=true",
            "WARNING ClientDisconnected connection_id=1 worker_id=2 request_id=9 stream_id=3"
                + " during_streaming=true bytes_sent=12",
            "FINE ConnectionClosed connection_id=1 worker_id=2 requests_served=3"
                + " total_bytes_sent=120 duration_ms=0.0015 reason=timeout");
  }

  @Test
  void record_takesNoStreamForSlowForBeingOpenLong() {
    LoggingCollector collector =
        new LoggingCollector(Duration.ofSeconds(5), LoggingCollector.Format.TEXT, null);
    long hour = Duration.ofHours(1).toNanos();
    for (StreamKind kind : StreamKind.values()) {
      collector.record(new ResponseCompleted(1, 2, 7, 0, 200, 10, hour, 0, 1_000, "/r", -1, kind));
    }

    // A connection's upgrade took as long as its request.
    assertThat(log.lines())
        .extracting(line -> line.startsWith("INFO"))
        .containsExactly(false, true, false, false);
  }

  @Test
  void record_logsJsonThatFollowsTheSchema() throws IOException {
    LoggingCollector collector =
        new LoggingCollector(Duration.ofSeconds(5), LoggingCollector.Format.JSON, null);
    JsonSchema schema = schema();
    List<LifecycleEvent> events =
        List.of(
            new ConnectionOpened(1, 2, "127.0.0.1", 50_000, "::1", 443, Protocol.H2, 3, true),
            started(7, "/a\u0000\u001b\u202e\uD800\n\"\\=" + "x".repeat(600)),
            completed(7, Duration.ofMillis(1)),
            completed(8, Duration.ofSeconds(5)),
            new ClientDisconnected(1, 2, 9, 3, true, 12, 0),
            new ConnectionClosed(1, 2, 3, 120, 1_500, CloseReason.TIMEOUT, null, 0));

    events.forEach(collector::record);

    assertThat(log.lines()).hasSameSizeAs(events);
    for (int i = 0; i < events.size(); i++) {
      String line = log.lines().get(i);
      LifecycleEvent event = events.get(i);
      boolean isSlow = i == 3;
      assertThat(schema.validate(MAPPER.readTree(line.substring(line.indexOf('{')))))
          .as(line)
          .isEmpty();
      assertThat(withoutDate(line))
          .endsWith(withoutDate(EventJsonWriter.toJson(event, new ClockAnchor(0, 0), isSlow)));
      assertThat(line.contains("\"slow\":true")).isEqualTo(isSlow);
    }
  }

  @Test
  void record_datesJsonByTheWallClock() throws IOException {
    long before = ClockAnchor.take(MonotonicClock.system()).epochNanos();

    new LoggingCollector(Duration.ZERO, LoggingCollector.Format.JSON, null)
        .record(new ClientDisconnected(1, 2, 9, 3, true, 12, System.nanoTime()));

    String line = log.lines().get(0);
    long date = MAPPER.readTree(line.substring(line.indexOf('{'))).get("ts_ns").longValue();
    // As far as the wall clock may be set while the test runs.
    assertThat(Duration.ofNanos(date - before).abs()).isLessThan(Duration.ofMinutes(10));
  }

  @Test
  void record_escapesWhatTerminalsObey() {
    new LoggingCollector().record(started(1, "/\u001b[2J\r\nINFO forged\u202e\"=\\"));

    assertThat(log.lines().get(0))
        .contains("path=\"/\\u001b[2J\\r\\nINFO forged\\u202e\\\"=\\\\\"");
  }

  @Test
  void record_buildsNothingWhenLevelIsOff() {
    log.close();
    log = new CapturedLog(LoggingCollector.LOGGER_NAME, Level.WARNING);
    LoggingCollector collector = new LoggingCollector();

    collector.record(started(1, "/"));
    collector.record(completed(1, Duration.ofHours(1)));
    collector.record(new ClientDisconnected(1, 2, 9, 3, true, 12, 0));

    assertThat(log.lines()).hasSize(1);
  }

  @Test
  void record_leavesHealthChecksOutAsAWhole() {
    LoggingCollector collector = withHealthPath();

    collector.record(started(1, "/health"));
    collector.record(started(2, "/health?full"));
    collector.record(started(3, "/health"));
    collector.record(completed(1, Duration.ofMinutes(1)));
    collector.record(new ClientDisconnected(1, 2, 2, 0, false, 0, 0));
    collector.record(new ConnectionClosed(1, 2, 2, 0, 0, CloseReason.ERROR, "connection_reset", 0));
    collector.record(completed(3, Duration.ofMillis(1)));
    collector.record(started(4, "/healthcare"));
    collector.record(completed(4, Duration.ofMillis(1)));

    assertThat(log.lines())
        .map(line -> line.replaceAll(" connection_id.*request_id=", " ").substring(5, 26))
        .containsExactly(
            "ConnectionClosed conn",
            "ResponseCompleted 3 s",
            "RequestStarted 4 stre",
            "ResponseCompleted 4 s");
  }

  @Test
  void record_remembersBoundedNumberOfHealthChecks() {
    LoggingCollector collector = withHealthPath();
    int requests = LoggingCollector.MAX_OPEN_HEALTH_REQUESTS + 2;

    for (int id = 0; id < requests; id++) {
      collector.record(started(id, "/health"));
    }
    for (int id = 0; id < requests; id++) {
      collector.record(completed(id, Duration.ofMillis(1)));
    }

    assertThat(log.lines()).hasSize(2).allMatch(line -> line.contains("ResponseCompleted"));
  }

  @Test
  void record_countsWhatTheLoggerThrowsErrorsToo() {
    LoggingCollector collector = new LoggingCollector();
    List<Throwable> thrown =
        List.of(new IllegalStateException("broken"), new LinkageError("missing class"));
    Logger logger = Logger.getLogger(LoggingCollector.LOGGER_NAME);
    for (Throwable failure : thrown) {
      Handler broken = new BrokenHandler(failure);
      logger.addHandler(broken);
      try {
        assertThatCode(() -> collector.record(started(1, "/"))).doesNotThrowAnyException();
      } finally {
        logger.removeHandler(broken);
      }
    }

    assertThat(collector.failures()).isEqualTo(2);
  }

  @Test
  void new_refusesBadValues() {
    assertThatIllegalArgumentException()
        .isThrownBy(
            () -> new LoggingCollector(Duration.ofNanos(-1), LoggingCollector.Format.TEXT, null))
        .withMessage("slowRequestThreshold must be >= 0, was PT-0.000000001S");
    assertThatIllegalArgumentException()
        .isThrownBy(
            () -> new LoggingCollector(Duration.ZERO, LoggingCollector.Format.TEXT, "health"))
        .withMessage("healthCheckPath must start with '/', was 'health'");
  }

  private static LoggingCollector withHealthPath() {
    return new LoggingCollector(Duration.ofSeconds(5), LoggingCollector.Format.TEXT, "/health");
  }

  private static LifecycleEvent started(long requestId, String path) {
    return new RequestStarted(1, 2, requestId, 0, "GET", path, "HTTP/1.1", 0);
  }

  private static LifecycleEvent completed(long requestId, Duration duration) {
    return new ResponseCompleted(1, 2, requestId, 0, 200, 10, duration.toNanos(), 0, -1, "/r");
  }

  private static String withoutDate(String line) {
    return line.replaceFirst("\"ts_ns\":-?\\d+", "\"ts_ns\":0");
  }

  private static JsonSchema schema() throws IOException {
    try (InputStream in =
        LoggingCollector.class.getResourceAsStream("/dev/sonde/sink/event-v1.schema.json")) {
      return JsonSchemaFactory.getInstance(SpecVersion.VersionFlag.V202012)
          .getSchema(MAPPER.readTree(requireNonNull(in)));
    }
  }

  private static final class BrokenHandler extends Handler {
    private final Throwable failure;

    BrokenHandler(Throwable failure) {
      this.failure = failure;
    }

    @Override
    public void publish(LogRecord record) {
      if (failure instanceof Error error) {
        throw error;
      }
      throw (RuntimeException) failure;
    }

    @Override
    public void flush() {}

    @Override
    public void close() {}
  }
}
