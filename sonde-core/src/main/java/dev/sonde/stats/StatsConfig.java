// SPDX-License-Identifier: Apache-2.0
package dev.sonde.stats;

import java.time.Duration;

/** Limits of a {@link StatsStore}. */
public final class StatsConfig {
  private static final Duration MIN_WINDOW = Duration.ofMinutes(1);
  private static final Duration MAX_WINDOW = Duration.ofHours(1);
  private static final int MAX_GROUPS = 100_000;

  private final Duration window;
  private final int maxRoutes;
  private final int maxFunctions;
  private final int maxStatements;

  private StatsConfig(Builder builder) {
    window = builder.window;
    maxRoutes = builder.maxRoutes;
    maxFunctions = builder.maxFunctions;
    maxStatements = builder.maxStatements;
  }

  /** A builder in which every setting has its default. */
  public static Builder builder() {
    return new Builder();
  }

  /** The defaults: 15 minutes, 1,000 routes, 500 functions, 1,000 statements. */
  public static StatsConfig defaults() {
    return builder().build();
  }

  /** Length of the rolling window. */
  public Duration window() {
    return window;
  }

  /** Routes told apart before the rest is counted as {@code other}. */
  public int maxRoutes() {
    return maxRoutes;
  }

  /** Functions told apart before the rest is counted as {@code other}. */
  public int maxFunctions() {
    return maxFunctions;
  }

  /** Statements told apart before the rest is counted as {@code other}. */
  public int maxStatements() {
    return maxStatements;
  }

  /** Collects settings; every one has a default. */
  public static final class Builder {
    private Duration window = Duration.ofMinutes(15);
    private int maxRoutes = 1_000;
    private int maxFunctions = 500;
    private int maxStatements = 1_000;

    private Builder() {}

    /** Length of the rolling window, 1 minute to 1 hour. Default 15 minutes. */
    public Builder window(Duration window) {
      if (window.compareTo(MIN_WINDOW) < 0 || window.compareTo(MAX_WINDOW) > 0) {
        throw new IllegalArgumentException("window must be in [PT1M, PT1H], was " + window);
      }
      this.window = window;
      return this;
    }

    /** Pairs of method and route told apart, 1 to 100,000. Default 1,000. */
    public Builder maxRoutes(int maxRoutes) {
      this.maxRoutes = groups("maxRoutes", maxRoutes);
      return this;
    }

    /** Functions told apart, 1 to 100,000. Default 500. */
    public Builder maxFunctions(int maxFunctions) {
      this.maxFunctions = groups("maxFunctions", maxFunctions);
      return this;
    }

    /** Statements told apart, 1 to 100,000. Default 1,000. */
    public Builder maxStatements(int maxStatements) {
      this.maxStatements = groups("maxStatements", maxStatements);
      return this;
    }

    /** The configuration. */
    public StatsConfig build() {
      return new StatsConfig(this);
    }

    private static int groups(String name, int value) {
      if (value < 1 || value > MAX_GROUPS) {
        throw new IllegalArgumentException(name + " must be in [1, 100000], was " + value);
      }
      return value;
    }
  }
}
