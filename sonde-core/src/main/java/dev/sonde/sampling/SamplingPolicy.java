// SPDX-License-Identifier: Apache-2.0
package dev.sonde.sampling;

import dev.sonde.event.ProfileEvent;
import dev.sonde.event.RequestEvent;
import dev.sonde.event.RequestEvent.StreamKind;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.DoubleSupplier;
import org.jspecify.annotations.Nullable;

/**
 * Decides which events are passed on to the sinks, and how many each of them stands for.
 *
 * <p>It thins events, never statistics. Without a seed or a generator the decision is a threshold
 * on the trace id (the rightmost 56 bits, as W3C Trace Context level 2 has it), so that all
 * services with the same rate keep the same traces. May be asked from any thread.
 */
public final class SamplingPolicy {
  /** The answer for an event that is not passed on. */
  public static final double DROP = 0.0;

  private static final double KEEP_ONE = 1.0;
  private static final long TRACE_RANDOM_VALUES = 1L << 56;
  private static final long TRACE_RANDOM_MASK = TRACE_RANDOM_VALUES - 1;

  private final double rate;
  private final List<PathRule> excludes;
  private final List<RateRule> overrides;
  private final boolean alwaysKeepErrors;
  private final long slowNanos;
  private final @Nullable DoubleSupplier generator;

  private SamplingPolicy(Builder builder) {
    rate = builder.rate;
    excludes = List.copyOf(builder.excludes);
    overrides = List.copyOf(builder.overrides);
    alwaysKeepErrors = builder.alwaysKeepErrors;
    slowNanos = builder.slowNanos;
    generator = builder.generator;
  }

  /** A builder in which every setting has its default. */
  public static Builder builder() {
    return new Builder();
  }

  /** The policy that passes everything on. */
  public static SamplingPolicy keepAll() {
    return builder().build();
  }

  /** Whether there is anything that it excludes. */
  public boolean hasExcludes() {
    return !excludes.isEmpty();
  }

  /** Whether requests of this path emit no events and stay out of the statistics. */
  public boolean excludes(String path) {
    // By index: this is asked on request threads, where an iterator would be an allocation.
    for (int i = 0; i < excludes.size(); i++) {
      if (excludes.get(i).matches(path)) {
        return true;
      }
    }
    return false;
  }

  /** Whether a request is excluded by its path or by its route, if that is known. */
  public boolean excludes(String path, @Nullable String route) {
    return excludes(path) || (route != null && excludes(route));
  }

  /** Whether all that is not excluded is kept with weight 1, so that nobody need be asked. */
  public boolean keepsAll() {
    return rate >= 1.0 && overrides.stream().allMatch(rule -> rule.rate() >= 1.0);
  }

  /** Part of the requests of this path that is kept: that of the first override, or the rate. */
  public double rateOf(String path) {
    return rateOf(path, null);
  }

  /**
   * Part of the requests of this path and route that is kept: that of the first override that
   * matches either of them, or the rate.
   */
  public double rateOf(String path, @Nullable String route) {
    for (int i = 0; i < overrides.size(); i++) {
      PathRule rule = overrides.get(i).rule();
      if (rule.matches(path) || (route != null && rule.matches(route))) {
        return overrides.get(i).rate();
      }
    }
    return rate;
  }

  /**
   * Weight of a request: the number of requests that it stands for, or {@link #DROP}.
   *
   * <p>One that is kept because it failed or was slow stands for itself alone, since each of its
   * like is kept.
   */
  public double weightOf(RequestEvent request) {
    return weightOf(
        request.path(),
        request.route(),
        request.isError(),
        request.stream(),
        request.durationNanos(),
        request.timeToFirstByteNanos(),
        request.traceIdHigh(),
        request.traceIdLow());
  }

  /** The same of a request of which no event has been made; most are dropped without one. */
  public double weightOf(
      String path,
      @Nullable String route,
      boolean isError,
      @Nullable StreamKind stream,
      long durationNanos,
      long timeToFirstByteNanos,
      long traceIdHigh,
      long traceIdLow) {
    if (excludes(path, route)) {
      return DROP;
    }
    long answerNanos = StreamKind.answerNanos(stream, durationNanos, timeToFirstByteNanos);
    if (isKeptAlways(isError, answerNanos)) {
      return KEEP_ONE;
    }
    return weightOf(rateOf(path, route), traceIdHigh, traceIdLow);
  }

  /**
   * Weight of a function call or a statement within a request: it goes with its request.
   *
   * @param isError whether the call or the statement failed
   * @param requestWeight what {@link #weightOf(RequestEvent)} said of its request
   */
  public double weightOf(boolean isError, double requestWeight) {
    if (requestWeight > 0) {
      return requestWeight;
    }
    return alwaysKeepErrors && isError ? KEEP_ONE : DROP;
  }

  /** Weight of a function call or a statement outside of any request. */
  public double weightOfOrphan(ProfileEvent event) {
    return weightOfOrphan(
        event.isError(), event.durationNanos(), event.traceIdHigh(), event.traceIdLow());
  }

  /** The same of a call or a statement of which no event has been made. */
  public double weightOfOrphan(
      boolean isError, long durationNanos, long traceIdHigh, long traceIdLow) {
    return isKeptAlways(isError, durationNanos)
        ? KEEP_ONE
        : weightOf(rate, traceIdHigh, traceIdLow);
  }

  private boolean isKeptAlways(boolean isError, long durationNanos) {
    return (alwaysKeepErrors && isError) || durationNanos >= slowNanos;
  }

  private double weightOf(double rate, long traceIdHigh, long traceIdLow) {
    if (rate >= 1.0) {
      return KEEP_ONE;
    }
    if (rate <= 0.0) {
      return DROP;
    }
    return isChosen(rate, traceIdHigh, traceIdLow) ? 1.0 / rate : DROP;
  }

  private boolean isChosen(double rate, long traceIdHigh, long traceIdLow) {
    if (generator != null) {
      return generator.getAsDouble() <= rate;
    }
    if (traceIdHigh == 0 && traceIdLow == 0) {
      return ThreadLocalRandom.current().nextDouble() < rate;
    }
    long threshold = Math.round((1.0 - rate) * TRACE_RANDOM_VALUES);
    return (traceIdLow & TRACE_RANDOM_MASK) >= threshold;
  }

  /** Collects settings; every one has a default. */
  public static final class Builder {
    private final List<PathRule> excludes = new ArrayList<>();
    private final List<RateRule> overrides = new ArrayList<>();
    private double rate = 1.0;
    private boolean alwaysKeepErrors = true;
    private long slowNanos = Duration.ofSeconds(1).toNanos();
    private @Nullable DoubleSupplier generator;

    private Builder() {}

    /** Part of the requests that is kept, 0 to 1. Default 1. */
    public Builder rate(double rate) {
      this.rate = checked("rate", rate);
      return this;
    }

    /** Adds a rule (see {@link PathRule}) for requests to leave out altogether. */
    public Builder exclude(String rule) {
      excludes.add(PathRule.parse(rule));
      return this;
    }

    /** Adds a rule (see {@link PathRule}) with a rate of its own; the first that matches wins. */
    public Builder override(String rule, double rate) {
      PathRule parsed = PathRule.parse(rule);
      overrides.add(new RateRule(parsed, checked("rate of rule \"" + rule + "\"", rate)));
      return this;
    }

    /** Whether what failed is kept whatever the rate. Default true. */
    public Builder alwaysKeepErrors(boolean alwaysKeepErrors) {
      this.alwaysKeepErrors = alwaysKeepErrors;
      return this;
    }

    /**
     * Duration from which work is kept whatever the rate, or null for none. Default 1 s. Of a
     * stream it is not the time for which it was open, see {@link StreamKind#answerNanos}.
     */
    public Builder alwaysKeepSlow(@Nullable Duration threshold) {
      if (threshold != null && (threshold.isNegative() || threshold.isZero())) {
        throw new IllegalArgumentException("alwaysKeepSlow must be > 0, was " + threshold);
      }
      slowNanos = threshold == null ? Long.MAX_VALUE : saturatedNanos(threshold);
      return this;
    }

    /** Decides by a generator with this seed: the same seed gives the same decisions. */
    public Builder seed(long seed) {
      generator = new SeededGenerator(seed);
      return this;
    }

    /**
     * Decides by this generator of values in [0, 1): kept is what draws at most the rate.
     *
     * @param generator may be called from several threads
     */
    public Builder generator(DoubleSupplier generator) {
      this.generator = generator;
      return this;
    }

    /** The policy. */
    public SamplingPolicy build() {
      return new SamplingPolicy(this);
    }

    private static double checked(String name, double rate) {
      if (!(rate >= 0.0 && rate <= 1.0)) {
        throw new IllegalArgumentException(name + " must be in [0, 1], was " + rate);
      }
      return rate;
    }

    private static long saturatedNanos(Duration duration) {
      try {
        return duration.toNanos();
      } catch (ArithmeticException tooLong) {
        return Long.MAX_VALUE;
      }
    }
  }

  private record RateRule(PathRule rule, double rate) {}

  /** SplitMix64 over a counter, so that threads share one sequence without a lock. */
  private static final class SeededGenerator implements DoubleSupplier {
    private static final long GOLDEN = 0x9E3779B97F4A7C15L;
    private final AtomicLong state;

    SeededGenerator(long seed) {
      state = new AtomicLong(seed);
    }

    @Override
    public double getAsDouble() {
      long z = state.addAndGet(GOLDEN);
      z = (z ^ (z >>> 30)) * 0xBF58476D1CE4E5B9L;
      z = (z ^ (z >>> 27)) * 0x94D049BB133111EBL;
      return ((z ^ (z >>> 31)) >>> 11) * 0x1.0p-53;
    }
  }
}
