// SPDX-License-Identifier: Apache-2.0
package dev.sonde;

import dev.sonde.sampling.SamplingPolicy;
import dev.sonde.sink.ConsoleFormat;
import java.nio.file.Path;
import java.security.SecureRandom;
import java.time.Duration;
import java.util.Base64;
import java.util.Collections;
import java.util.HashMap;
import java.util.HexFormat;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * All settings of one {@code Sonde}; immutable.
 *
 * <p>{@link #load()} reads them from, later wins: the defaults, {@code sonde.properties} on the
 * class path, {@code sonde.properties} in the working directory, the file that the environment
 * variable {@code SONDE_CONFIG} names, environment variables {@code SONDE_*}, and system properties
 * {@code sonde.*}. To have the last word in code, begin with {@code
 * SondeConfig.builder().fromEnvironment()}.
 *
 * <p>An unknown key and a value outside its limit are refused with an {@link
 * IllegalArgumentException} that names the key, the limit, the value and where it came from.
 */
public final class SondeConfig {
  private final Map<Option<?>, Object> values;
  private final boolean isDashboardPortSet;

  private SondeConfig(Map<Option<?>, Object> values, boolean isDashboardPortSet) {
    this.values = values;
    this.isDashboardPortSet = isDashboardPortSet;
  }

  /** The settings that the surroundings ask for. */
  public static SondeConfig load() {
    return builder().fromEnvironment().build();
  }

  /** Begins with the defaults alone. */
  public static Builder builder() {
    return new Builder();
  }

  /** Whether anything is observed at all. */
  public boolean isEnabled() {
    return get(Options.ENABLED);
  }

  /** Name of the service. */
  public String serviceName() {
    return get(Options.SERVICE_NAME);
  }

  /** Name of this process among the instances of the service. */
  public String instanceId() {
    return get(Options.INSTANCE_ID);
  }

  /** Events waiting for the digest thread before the oldest is dropped. */
  public int queueSize() {
    return get(Options.QUEUE_SIZE);
  }

  /** Events waiting for one sink before the oldest is dropped. */
  public int sinkQueueSize() {
    return get(Options.SINK_QUEUE_SIZE);
  }

  /** Longest time that an event waits for its batch to fill. */
  public Duration sinkFlushInterval() {
    return get(Options.SINK_FLUSH_INTERVAL);
  }

  /** Events handed to a sink at once. */
  public int sinkBatchMax() {
    return get(Options.SINK_BATCH_MAX);
  }

  /** Failed batches in a row after which a sink is switched off. */
  public int sinkFailuresMax() {
    return get(Options.SINK_FAILURES_MAX);
  }

  /** Whether a sink that was switched off is tried again. */
  public boolean retriesSinks() {
    return get(Options.SINK_RETRY);
  }

  /** Longest time that closing waits for the sinks. */
  public Duration closeTimeout() {
    return get(Options.CLOSE_TIMEOUT);
  }

  /** Share of the traces whose events are kept, 0 to 1. */
  public double samplingRate() {
    return get(Options.SAMPLING_RATE);
  }

  /** Rules for what is left out altogether. */
  public List<String> samplingExcludes() {
    return get(Options.SAMPLING_EXCLUDES);
  }

  /** Rules for the paths whose requests are long polls. */
  public List<String> longPolls() {
    return get(Options.STREAMS_LONG_POLLS);
  }

  /** Rates by rule, in the order in which they are tried. */
  public Map<String, Double> samplingOverrides() {
    return get(Options.SAMPLING_OVERRIDES);
  }

  /** Whether failures are kept whatever the rate. */
  public boolean samplingKeepsErrors() {
    return get(Options.SAMPLING_KEEP_ERRORS);
  }

  /** Requests that take as long as this are kept whatever the rate; 0 for none. */
  public Duration samplingKeepSlow() {
    return get(Options.SAMPLING_KEEP_SLOW);
  }

  /** Seed of the decisions, or null if they follow the trace id. */
  public @Nullable Long samplingSeed() {
    return find(Options.SAMPLING_SEED);
  }

  /** What the sampling settings say together. */
  public SamplingPolicy samplingPolicy() {
    SamplingPolicy.Builder policy =
        SamplingPolicy.builder()
            .rate(samplingRate())
            .alwaysKeepErrors(samplingKeepsErrors())
            .alwaysKeepSlow(samplingKeepSlow().isZero() ? null : samplingKeepSlow());
    samplingExcludes().forEach(policy::exclude);
    samplingOverrides().forEach(policy::override);
    Long seed = samplingSeed();
    return seed == null ? policy.build() : policy.seed(seed).build();
  }

  /** Time that the rolling statistics cover. */
  public Duration statsWindow() {
    return get(Options.STATS_WINDOW);
  }

  /** Routes with statistics of their own. */
  public int statsRoutesMax() {
    return get(Options.STATS_ROUTES_MAX);
  }

  /** Different errors that are remembered. */
  public int errorsMax() {
    return get(Options.ERRORS_MAX);
  }

  /** Whether the messages of exceptions are kept. */
  public boolean keepsErrorMessages() {
    return get(Options.ERRORS_MESSAGES);
  }

  /** Whether the addresses of clients are cut to their network. */
  public boolean masksClientAddresses() {
    return get(Options.CLIENT_ADDRESS_MASK);
  }

  /** Directory of the archive, or null if none is written. */
  public @Nullable Path jsonlDir() {
    return find(Options.JSONL_DIR);
  }

  /** First part of the archive files' names. */
  public String jsonlPrefix() {
    return get(Options.JSONL_PREFIX);
  }

  /** Size in bytes at which an archive file is finished. */
  public long jsonlRotateBytes() {
    return get(Options.JSONL_ROTATE_BYTES);
  }

  /** Age at which an archive file is finished. */
  public Duration jsonlRotateInterval() {
    return get(Options.JSONL_ROTATE_INTERVAL);
  }

  /** Finished archive files that are kept, or null for all. */
  public @Nullable Integer jsonlFilesMax() {
    return find(Options.JSONL_FILES_MAX);
  }

  /** Age at which finished archive files are deleted, or null for never. */
  public @Nullable Duration jsonlAgeMax() {
    return find(Options.JSONL_AGE_MAX);
  }

  /** Bytes of finished archive files that are kept, or null for all. */
  public @Nullable Long jsonlTotalBytesMax() {
    return find(Options.JSONL_TOTAL_BYTES_MAX);
  }

  /** Whether finished archive files are gzipped. */
  public boolean compressesJsonl() {
    return get(Options.JSONL_COMPRESS);
  }

  /** How events are printed to standard output, or null if they are not. */
  public @Nullable ConsoleFormat console() {
    return find(Options.CONSOLE);
  }

  /** Address that the dashboard listens on. */
  public String dashboardHost() {
    return get(Options.DASHBOARD_HOST);
  }

  /** Port of the dashboard, 0 for any free one. */
  public int dashboardPort() {
    return get(Options.DASHBOARD_PORT);
  }

  /** Whether the port of the dashboard was asked for, be it the default one. */
  public boolean isDashboardPortSet() {
    return isDashboardPortSet;
  }

  /** Names besides its own address under which the dashboard answers. */
  public List<String> dashboardAllowedHosts() {
    return get(Options.DASHBOARD_ALLOWED_HOSTS);
  }

  /** Secret that the dashboard asks for. */
  public String dashboardToken() {
    return get(Options.DASHBOARD_TOKEN);
  }

  /** All settings, one a line, the token as {@code ***}. */
  @Override
  public String toString() {
    StringBuilder text = new StringBuilder();
    for (Option<?> option : Options.all()) {
      Object value = values.get(option);
      text.append(option.key())
          .append('=')
          .append(value == null ? "" : option.isSecret() ? "***" : value)
          .append('\n');
    }
    return text.toString();
  }

  private <T> T get(Option<T> option) {
    return Objects.requireNonNull(find(option), option.key());
  }

  @SuppressWarnings("unchecked") // put() is the only way in, and its types agree
  private <T> @Nullable T find(Option<T> option) {
    return (T) values.get(option);
  }

  /**
   * Collects settings; every one has a default. A setting has one name, here and in {@link
   * SondeConfig}.
   */
  public static final class Builder {
    private final Map<Option<?>, Object> values = new HashMap<>();
    private boolean isDashboardPortSet;

    private Builder() {
      for (Option<?> option : Options.all()) {
        store(option, option.defaultValue());
      }
    }

    /** Takes over what files, environment variables and system properties say. */
    public Builder fromEnvironment() {
      return from(ConfigSources.ofProcess());
    }

    Builder from(ConfigSources sources) {
      sources.applyTo(this);
      return this;
    }

    /** Sets one key from its text, as a line of {@code sonde.properties} would. */
    public Builder set(String key, String value) {
      return set(key, value, "");
    }

    Builder set(String key, String value, String source) {
      Option<?> option = Options.find(key);
      if (option == null) {
        throw new IllegalArgumentException(
            "unknown key "
                + key
                + (source.isEmpty() ? "" : " (from " + source + ")")
                + "; the nearest known key is "
                + ConfigSources.nearest(key).key());
      }
      store(option, option.read(value, source));
      isDashboardPortSet |= option == Options.DASHBOARD_PORT;
      return this;
    }

    /** Whether anything is observed at all. Default true. */
    public Builder enabled(boolean enabled) {
      return put(Options.ENABLED, enabled);
    }

    /** Name of the service. Default {@code sonde}; 1 to 128 characters. */
    public Builder serviceName(String serviceName) {
      return put(Options.SERVICE_NAME, serviceName);
    }

    /**
     * Name of this process among the instances of the service. Default 8 random hex digits; 1 to 64
     * of {@code A-Za-z0-9_-}.
     */
    public Builder instanceId(String instanceId) {
      return put(Options.INSTANCE_ID, instanceId);
    }

    /**
     * Events waiting for the digest thread before the oldest is dropped. Default 8192; 1 to
     * 1,048,576.
     */
    public Builder queueSize(int queueSize) {
      return put(Options.QUEUE_SIZE, queueSize);
    }

    /** Events waiting for one sink before the oldest is dropped. Default 2048; 1 to 1,048,576. */
    public Builder sinkQueueSize(int sinkQueueSize) {
      return put(Options.SINK_QUEUE_SIZE, sinkQueueSize);
    }

    /** Longest time that an event waits for its batch to fill. Default 500 ms; 1 ms to 1 min. */
    public Builder sinkFlushInterval(Duration sinkFlushInterval) {
      return put(Options.SINK_FLUSH_INTERVAL, sinkFlushInterval);
    }

    /** Events handed to a sink at once. Default 256; 1 to 65,536, not above the sink's queue. */
    public Builder sinkBatchMax(int sinkBatchMax) {
      return put(Options.SINK_BATCH_MAX, sinkBatchMax);
    }

    /** Failed batches in a row after which a sink is switched off. Default 5; 1 to 1,000,000. */
    public Builder sinkFailuresMax(int sinkFailuresMax) {
      return put(Options.SINK_FAILURES_MAX, sinkFailuresMax);
    }

    /** Whether a sink that was switched off is tried again. Default true. */
    public Builder retriesSinks(boolean retriesSinks) {
      return put(Options.SINK_RETRY, retriesSinks);
    }

    /** Longest time that closing waits for the sinks. Default 2 s; 0 to 5 min. */
    public Builder closeTimeout(Duration closeTimeout) {
      return put(Options.CLOSE_TIMEOUT, closeTimeout);
    }

    /** Share of the traces whose events are kept, 0 to 1. Default 1. */
    public Builder samplingRate(double samplingRate) {
      return put(Options.SAMPLING_RATE, samplingRate);
    }

    /**
     * Rules for the paths whose requests are long polls, held until there is news: they are counted
     * with the streams, not with the requests. Default none.
     */
    public Builder longPolls(List<String> longPolls) {
      return put(Options.STREAMS_LONG_POLLS, longPolls);
    }

    /** Rules for what is left out altogether. Default none. */
    public Builder samplingExcludes(List<String> samplingExcludes) {
      return put(Options.SAMPLING_EXCLUDES, samplingExcludes);
    }

    /**
     * Rates by rule, in the order in which they are tried. Default none; each rate 0 to 1, order
     * kept.
     */
    public Builder samplingOverrides(Map<String, Double> samplingOverrides) {
      return put(Options.SAMPLING_OVERRIDES, samplingOverrides);
    }

    /** Whether failures are kept whatever the rate. Default true. */
    public Builder samplingKeepsErrors(boolean samplingKeepsErrors) {
      return put(Options.SAMPLING_KEEP_ERRORS, samplingKeepsErrors);
    }

    /**
     * Requests that take as long are kept whatever the rate. Default 1 s; up to 1 day, 0 for none.
     */
    public Builder samplingKeepSlow(Duration samplingKeepSlow) {
      return put(Options.SAMPLING_KEEP_SLOW, samplingKeepSlow);
    }

    /** Seed of the decisions. Default none: the trace id decides. */
    public Builder samplingSeed(long samplingSeed) {
      return put(Options.SAMPLING_SEED, samplingSeed);
    }

    /** Time that the rolling statistics cover. Default 15 min; 1 min to 1 h. */
    public Builder statsWindow(Duration statsWindow) {
      return put(Options.STATS_WINDOW, statsWindow);
    }

    /** Routes with statistics of their own. Default 1000; 1 to 100,000. */
    public Builder statsRoutesMax(int statsRoutesMax) {
      return put(Options.STATS_ROUTES_MAX, statsRoutesMax);
    }

    /** Different errors that are remembered. Default 256; 1 to 100,000. */
    public Builder errorsMax(int errorsMax) {
      return put(Options.ERRORS_MAX, errorsMax);
    }

    /**
     * Whether the messages of exceptions are kept. Default false: they often hold personal data.
     */
    public Builder keepsErrorMessages(boolean keepsErrorMessages) {
      return put(Options.ERRORS_MESSAGES, keepsErrorMessages);
    }

    /**
     * Whether the addresses of clients are cut to their network. Default false; to /24 (IPv4) and
     * /48 (IPv6).
     */
    public Builder masksClientAddresses(boolean masksClientAddresses) {
      return put(Options.CLIENT_ADDRESS_MASK, masksClientAddresses);
    }

    /** Directory of the archive. Default none: no archive. */
    public Builder jsonlDir(Path jsonlDir) {
      return put(Options.JSONL_DIR, jsonlDir);
    }

    /**
     * First part of the archive files' names. Default {@code sonde}; 1 to 64 of {@code
     * A-Za-z0-9_-}.
     */
    public Builder jsonlPrefix(String jsonlPrefix) {
      return put(Options.JSONL_PREFIX, jsonlPrefix);
    }

    /** Size in bytes at which an archive file is finished. Default 10,000,000; 64 KB to 1 TB. */
    public Builder jsonlRotateBytes(long jsonlRotateBytes) {
      return put(Options.JSONL_ROTATE_BYTES, jsonlRotateBytes);
    }

    /** Age at which an archive file is finished. Default 5 min; 1 s to 7 days. */
    public Builder jsonlRotateInterval(Duration jsonlRotateInterval) {
      return put(Options.JSONL_ROTATE_INTERVAL, jsonlRotateInterval);
    }

    /** Finished archive files that are kept. Default all; 1 to 1,000,000. */
    public Builder jsonlFilesMax(int jsonlFilesMax) {
      return put(Options.JSONL_FILES_MAX, jsonlFilesMax);
    }

    /** Age at which finished archive files are deleted. Default for ever; 1 s to 3650 days. */
    public Builder jsonlAgeMax(Duration jsonlAgeMax) {
      return put(Options.JSONL_AGE_MAX, jsonlAgeMax);
    }

    /**
     * Bytes of finished archive files that are kept. Default all; 64 KB to 1000 TB, not below the
     * size of one file.
     */
    public Builder jsonlTotalBytesMax(long jsonlTotalBytesMax) {
      return put(Options.JSONL_TOTAL_BYTES_MAX, jsonlTotalBytesMax);
    }

    /** Whether finished archive files are gzipped. Default false. */
    public Builder compressesJsonl(boolean compressesJsonl) {
      return put(Options.JSONL_COMPRESS, compressesJsonl);
    }

    /** How events are printed to standard output. Default off. */
    public Builder console(ConsoleFormat console) {
      return put(Options.CONSOLE, console);
    }

    /**
     * Address that the dashboard listens on. Default 127.0.0.1; any but a loopback address needs a
     * token.
     */
    public Builder dashboardHost(String dashboardHost) {
      return put(Options.DASHBOARD_HOST, dashboardHost);
    }

    /**
     * Port of the dashboard, 0 for any free one. Default 7077, or the next free one; 0 to 65,535. A
     * port set here is used or the dashboard does not start.
     */
    public Builder dashboardPort(int dashboardPort) {
      put(Options.DASHBOARD_PORT, dashboardPort);
      isDashboardPortSet = true;
      return this;
    }

    /**
     * Names besides its own address under which the dashboard answers, without port. Default none.
     */
    public Builder dashboardAllowedHosts(List<String> dashboardAllowedHosts) {
      return put(Options.DASHBOARD_ALLOWED_HOSTS, dashboardAllowedHosts);
    }

    /**
     * Secret that the dashboard asks for. Default 192 random bits; 22 to 256 characters, of 128
     * bits or more.
     */
    public Builder dashboardToken(String dashboardToken) {
      return put(Options.DASHBOARD_TOKEN, dashboardToken);
    }

    /** Checks the settings against each other. */
    public SondeConfig build() {
      int sinkQueueSize = (int) value(Options.SINK_QUEUE_SIZE);
      int sinkBatchMax = (int) value(Options.SINK_BATCH_MAX);
      if (sinkBatchMax > sinkQueueSize) {
        throw new IllegalArgumentException(
            "sonde.sink.batch.max must not be above sonde.sink.queue.size ("
                + sinkQueueSize
                + "), was "
                + sinkBatchMax);
      }
      Object totalBytesMax = values.get(Options.JSONL_TOTAL_BYTES_MAX);
      long rotateBytes = (long) value(Options.JSONL_ROTATE_BYTES);
      if (totalBytesMax != null && (long) totalBytesMax < rotateBytes) {
        throw new IllegalArgumentException(
            "sonde.jsonl.total.bytes.max must not be below sonde.jsonl.rotate.bytes ("
                + rotateBytes
                + "), was "
                + totalBytesMax);
      }
      checkDashboard();
      Map<Option<?>, Object> complete = new HashMap<>(values);
      SecureRandom random = new SecureRandom();
      complete.computeIfAbsent(Options.INSTANCE_ID, key -> randomHex(random));
      complete.computeIfAbsent(Options.DASHBOARD_TOKEN, key -> randomToken(random));
      return new SondeConfig(complete, isDashboardPortSet);
    }

    private void checkDashboard() {
      String host = (String) value(Options.DASHBOARD_HOST);
      if (!isLoopback(host) && values.get(Options.DASHBOARD_TOKEN) == null) {
        throw new IllegalArgumentException(
            "sonde.dashboard.token must be set when sonde.dashboard.host is not a loopback address"
                + " (\""
                + host
                + "\"), was unset");
      }
    }

    // By the text alone: a name server must not decide whether a token is needed.
    private static boolean isLoopback(String host) {
      return host.equals("localhost")
          || host.equals("::1")
          || host.equals("[::1]")
          || host.matches("127(\\.\\d{1,3}){3}");
    }

    private static String randomHex(SecureRandom random) {
      return HexFormat.of().toHexDigits(random.nextInt());
    }

    private static String randomToken(SecureRandom random) {
      byte[] bytes = new byte[24];
      random.nextBytes(bytes);
      return Base64.getUrlEncoder().withoutPadding().encodeToString(bytes);
    }

    private Object value(Option<?> option) {
      return Objects.requireNonNull(values.get(option), option.key());
    }

    private <T> Builder put(Option<T> option, T value) {
      store(option, option.check(frozen(option, value)));
      return this;
    }

    /** A copy of a collection, so that its later changes do not reach the configuration. */
    @SuppressWarnings("unchecked") // a list stays a list, and a map a map
    private static <T> T frozen(Option<T> option, T value) {
      Objects.requireNonNull(value, option.key());
      if (value instanceof List<?> list) {
        return (T) List.copyOf(list);
      }
      if (value instanceof Map<?, ?> map) {
        return (T) Collections.unmodifiableMap(new LinkedHashMap<>(map));
      }
      return value;
    }

    private void store(Option<?> option, @Nullable Object value) {
      if (value == null) {
        values.remove(option);
      } else {
        values.put(option, value);
      }
    }
  }
}
