// SPDX-License-Identifier: Apache-2.0
package dev.sonde.perf;

import static java.util.concurrent.TimeUnit.NANOSECONDS;

import io.micrometer.core.instrument.MeterRegistry;
import io.micrometer.core.instrument.Timer;
import io.micrometer.core.instrument.simple.SimpleMeterRegistry;
import io.micrometer.prometheusmetrics.PrometheusConfig;
import io.micrometer.prometheusmetrics.PrometheusMeterRegistry;
import io.opentelemetry.api.common.AttributeKey;
import io.opentelemetry.api.common.Attributes;
import io.opentelemetry.api.metrics.DoubleHistogram;
import io.opentelemetry.api.trace.Span;
import io.opentelemetry.api.trace.SpanKind;
import io.opentelemetry.api.trace.Tracer;
import io.opentelemetry.sdk.common.CompletableResultCode;
import io.opentelemetry.sdk.metrics.Aggregation;
import io.opentelemetry.sdk.metrics.InstrumentSelector;
import io.opentelemetry.sdk.metrics.InstrumentType;
import io.opentelemetry.sdk.metrics.SdkMeterProvider;
import io.opentelemetry.sdk.metrics.View;
import io.opentelemetry.sdk.metrics.data.AggregationTemporality;
import io.opentelemetry.sdk.metrics.data.MetricData;
import io.opentelemetry.sdk.metrics.export.MetricExporter;
import io.opentelemetry.sdk.metrics.export.PeriodicMetricReader;
import io.opentelemetry.sdk.trace.SdkTracerProvider;
import io.opentelemetry.sdk.trace.data.SpanData;
import io.opentelemetry.sdk.trace.export.BatchSpanProcessor;
import io.opentelemetry.sdk.trace.export.SpanExporter;
import io.opentelemetry.sdk.trace.samplers.Sampler;
import io.prometheus.metrics.core.metrics.Histogram;
import io.prometheus.metrics.model.registry.PrometheusRegistry;
import java.util.Collection;
import jdk.jfr.Event;
import jdk.jfr.Name;
import jdk.jfr.Recording;
import jdk.jfr.StackTrace;
import org.HdrHistogram.Recorder;
import org.openjdk.jmh.annotations.Level;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.TearDown;

/**
 * Other libraries as {@link RecordBenchmark} uses them: with the defaults of their documentation,
 * the same facts of a request where they take any, and exporters that do nothing.
 */
public final class PeerStates {
  private static final String TIMER = "http.server.requests";
  private static final String DURATION = "http.server.request.duration";
  private static final double NANOS_PER_SECOND = 1e9;

  private PeerStates() {}

  /** Timers that an application keeps, and one that it looks up by its tags. */
  @State(Scope.Benchmark)
  public static class Micrometer {
    private final MeterRegistry registry = new SimpleMeterRegistry();
    private final Timer plain = Timer.builder(TIMER + ".plain").register(registry);
    private final Timer percentiles =
        Timer.builder(TIMER + ".percentiles")
            .publishPercentiles(0.5, 0.95, 0.99)
            .register(registry);
    private final Timer histogram =
        Timer.builder(TIMER)
            .publishPercentileHistogram()
            .register(new PrometheusMeterRegistry(PrometheusConfig.DEFAULT));

    void plain() {
      record(plain);
    }

    void percentiles() {
      record(percentiles);
    }

    void histogram() {
      record(histogram);
    }

    void lookedUp() {
      long begin = System.nanoTime();
      long nanos = System.nanoTime() - begin;
      registry
          .timer(
              TIMER,
              "method",
              RecordBenchmark.METHOD,
              "uri",
              RecordBenchmark.ROUTE,
              "status",
              "200")
          .record(nanos, NANOSECONDS);
    }

    private static void record(Timer timer) {
      long begin = System.nanoTime();
      timer.record(System.nanoTime() - begin, NANOSECONDS);
    }
  }

  /** A recorder with two significant digits. */
  @State(Scope.Benchmark)
  public static class Hdr {
    private static final long HOUR_NANOS = 3_600_000_000_000L;

    private final Recorder recorder = new Recorder(HOUR_NANOS, 2);

    void record() {
      long begin = System.nanoTime();
      recorder.recordValue(System.nanoTime() - begin);
    }
  }

  /** Spans through the batch processor. */
  @State(Scope.Benchmark)
  public static class OpenTelemetrySpans {
    /** Whether every trace is kept, or none. */
    @Param({"sampled", "unsampled"})
    public String sampling = "sampled";

    private SdkTracerProvider provider = SdkTracerProvider.builder().build();
    private Tracer tracer = provider.get("benchmark");

    /** Starts the processor's thread. */
    @Setup(Level.Trial)
    public void start() {
      provider =
          SdkTracerProvider.builder()
              .setSampler(sampling.equals("sampled") ? Sampler.alwaysOn() : Sampler.alwaysOff())
              .addSpanProcessor(BatchSpanProcessor.builder(new NoopSpanExporter()).build())
              .build();
      tracer = provider.get("benchmark");
    }

    /** Ends it. */
    @TearDown(Level.Trial)
    public void stop() {
      provider.close();
    }

    /** The SDK reads the clock itself. */
    void record() {
      Span span = tracer.spanBuilder("GET /users/{id}").setSpanKind(SpanKind.SERVER).startSpan();
      span.setAttribute(Keys.METHOD, RecordBenchmark.METHOD);
      span.setAttribute(Keys.PATH, RecordBenchmark.PATH);
      span.setAttribute(Keys.ROUTE, RecordBenchmark.ROUTE);
      span.setAttribute(Keys.STATUS, (long) RecordBenchmark.STATUS);
      span.setAttribute(Keys.BYTES, RecordBenchmark.BYTES);
      span.end();
    }
  }

  /** The histogram of the semantic conventions, with attributes made for each request. */
  @State(Scope.Benchmark)
  public static class OpenTelemetryHistogram {
    /** How values are put into buckets. */
    @Param({"explicit", "exponential"})
    public String buckets = "explicit";

    private SdkMeterProvider provider = SdkMeterProvider.builder().build();
    private DoubleHistogram histogram = histogram();

    /** Starts the reader's thread. */
    @Setup(Level.Trial)
    public void start() {
      Aggregation aggregation =
          buckets.equals("explicit")
              ? Aggregation.explicitBucketHistogram()
              : Aggregation.base2ExponentialBucketHistogram();
      provider =
          SdkMeterProvider.builder()
              .registerMetricReader(PeriodicMetricReader.create(new NoopMetricExporter()))
              .registerView(
                  InstrumentSelector.builder().setName(DURATION).build(),
                  View.builder().setAggregation(aggregation).build())
              .build();
      histogram = histogram();
    }

    /** Ends it. */
    @TearDown(Level.Trial)
    public void stop() {
      provider.close();
    }

    private DoubleHistogram histogram() {
      return provider.get("benchmark").histogramBuilder(DURATION).setUnit("s").build();
    }

    void record() {
      long begin = System.nanoTime();
      long nanos = System.nanoTime() - begin;
      histogram.record(
          nanos / NANOS_PER_SECOND,
          Attributes.of(
              Keys.METHOD,
              RecordBenchmark.METHOD,
              Keys.ROUTE,
              RecordBenchmark.ROUTE,
              Keys.STATUS,
              (long) RecordBenchmark.STATUS));
    }
  }

  private static final class Keys {
    static final AttributeKey<String> METHOD = AttributeKey.stringKey("http.request.method");
    static final AttributeKey<String> PATH = AttributeKey.stringKey("url.path");
    static final AttributeKey<String> ROUTE = AttributeKey.stringKey("http.route");
    static final AttributeKey<Long> STATUS = AttributeKey.longKey("http.response.status_code");
    static final AttributeKey<Long> BYTES = AttributeKey.longKey("http.response.body.size");
  }

  private static final class NoopSpanExporter implements SpanExporter {
    @Override
    public CompletableResultCode export(Collection<SpanData> spans) {
      return CompletableResultCode.ofSuccess();
    }

    @Override
    public CompletableResultCode flush() {
      return CompletableResultCode.ofSuccess();
    }

    @Override
    public CompletableResultCode shutdown() {
      return CompletableResultCode.ofSuccess();
    }
  }

  private static final class NoopMetricExporter implements MetricExporter {
    @Override
    public CompletableResultCode export(Collection<MetricData> metrics) {
      return CompletableResultCode.ofSuccess();
    }

    @Override
    public CompletableResultCode flush() {
      return CompletableResultCode.ofSuccess();
    }

    @Override
    public CompletableResultCode shutdown() {
      return CompletableResultCode.ofSuccess();
    }

    @Override
    public AggregationTemporality getAggregationTemporality(InstrumentType type) {
      return AggregationTemporality.CUMULATIVE;
    }
  }

  /** Histograms whose labels are looked up for each request. */
  @State(Scope.Benchmark)
  public static class Prometheus {
    /** Fixed buckets, or native ones. */
    @Param({"classic", "native"})
    public String buckets = "classic";

    private Histogram histogram = histogram(true);

    /** Makes the histogram. */
    @Setup(Level.Trial)
    public void start() {
      histogram = histogram(buckets.equals("classic"));
    }

    private static Histogram histogram(boolean isClassic) {
      Histogram.Builder builder =
          Histogram.builder()
              .name("http_server_request_duration_seconds")
              .labelNames("method", "route", "status");
      return (isClassic ? builder.classicOnly() : builder.nativeOnly())
          .register(new PrometheusRegistry());
    }

    void record() {
      long begin = System.nanoTime();
      long nanos = System.nanoTime() - begin;
      histogram
          .labelValues(RecordBenchmark.METHOD, RecordBenchmark.ROUTE, "200")
          .observe(nanos / NANOS_PER_SECOND);
    }
  }

  /** A timer with its default reservoir. */
  @State(Scope.Benchmark)
  public static class Dropwizard {
    private final com.codahale.metrics.Timer timer = new com.codahale.metrics.Timer();

    void record() {
      long begin = System.nanoTime();
      timer.update(System.nanoTime() - begin, NANOSECONDS);
    }
  }

  /** An event of the flight recorder, committed to a running recording in memory. */
  @State(Scope.Benchmark)
  public static class FlightRecorder {
    private final Recording recording = new Recording();

    /** Starts the recording. */
    @Setup(Level.Trial)
    public void start() {
      recording.setToDisk(false);
      recording.enable(RequestEvent.class).withoutThreshold().withoutStackTrace();
      recording.start();
    }

    /** Ends it. */
    @TearDown(Level.Trial)
    public void stop() {
      recording.close();
    }

    /** The event reads the recorder's clock, which is not the system's. */
    @SuppressWarnings("MethodCanBeStatic") // the recording has to run
    void record() {
      RequestEvent event = new RequestEvent();
      event.begin();
      event.end();
      event.method = RecordBenchmark.METHOD;
      event.path = RecordBenchmark.PATH;
      event.route = RecordBenchmark.ROUTE;
      event.status = RecordBenchmark.STATUS;
      event.bytes = RecordBenchmark.BYTES;
      event.commit();
    }
  }

  @Name("dev.sonde.perf.Request")
  @StackTrace(false)
  private static final class RequestEvent extends Event {
    String method = "";
    String path = "";
    String route = "";
    int status;
    long bytes;
  }
}
