// SPDX-License-Identifier: Apache-2.0
package dev.sonde;

import dev.sonde.sink.ConsoleFormat;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** All settings, in the order of the reference. */
final class Options {
  private static final List<Option<?>> ALL = new ArrayList<>();

  static final Option<Boolean> ENABLED =
      add(Option.bool("sonde.enabled", true, "Whether anything is observed at all."));
  static final Option<String> SERVICE_NAME =
      add(
          Option.text(
              "sonde.service.name",
              "sonde",
              "",
              "[^\\p{Cntrl}]{1,128}",
              "1 to 128 characters, none of them a control character",
              "Name of the service, shown in titles and exports."));
  static final Option<String> INSTANCE_ID =
      add(
          Option.text(
              "sonde.instance.id",
              null,
              "8 random hex digits",
              "[A-Za-z0-9_-]{1,64}",
              "1 to 64 of A-Z a-z 0-9 _ -",
              "Name of this process, unique among the instances of the service; part of every"
                  + " archive file's name."));
  static final Option<Integer> QUEUE_SIZE =
      add(
          Option.count(
              "sonde.queue.size",
              "events",
              8192,
              1,
              1 << 20,
              "Events waiting for the digest thread before the oldest is dropped."));
  static final Option<Integer> SINK_QUEUE_SIZE =
      add(
          Option.count(
              "sonde.sink.queue.size",
              "events",
              2048,
              1,
              1 << 20,
              "Events waiting for one sink before the oldest is dropped."));
  static final Option<Duration> SINK_FLUSH_INTERVAL =
      add(
          Option.duration(
              "sonde.sink.flush.interval",
              "500ms",
              "1ms",
              "1m",
              "Longest time that an event waits for its batch to fill."));
  static final Option<Integer> SINK_BATCH_MAX =
      add(
          Option.count(
              "sonde.sink.batch.max",
              "events",
              256,
              1,
              1 << 16,
              "Events handed to a sink at once; not above `sonde.sink.queue.size`."));
  static final Option<Integer> SINK_FAILURES_MAX =
      add(
          Option.count(
              "sonde.sink.failures.max",
              "batches",
              5,
              1,
              1_000_000,
              "Failed batches in a row after which a sink is switched off."));
  static final Option<Boolean> SINK_RETRY =
      add(
          Option.bool(
              "sonde.sink.retry",
              true,
              "Whether a sink that was switched off is tried again, after 30 s, then ever more"
                  + " rarely up to 5 min."));
  static final Option<Duration> CLOSE_TIMEOUT =
      add(
          Option.duration(
              "sonde.close.timeout",
              "2s",
              "0",
              "5m",
              "Longest time that closing waits for the sinks; what is left is counted as lost."));
  static final Option<Double> SAMPLING_RATE =
      add(
          Option.ratio(
              "sonde.sampling.rate",
              1.0,
              "Share of the traces whose events are kept. Statistics always cover all of them."));
  static final Option<List<String>> SAMPLING_EXCLUDES =
      add(
          Option.rules(
              "sonde.sampling.excludes",
              "Routes and paths that are left out altogether, statistics included."));
  static final Option<List<String>> STREAMS_LONG_POLLS =
      add(
          Option.rules(
              "sonde.streams.long.polls",
              "Paths whose requests are long polls: held until there is news, and counted with the"
                  + " streams."));
  static final Option<Map<String, Double>> SAMPLING_OVERRIDES =
      add(
          Option.rates(
              "sonde.sampling.overrides",
              "Rates of single routes and paths; the first rule that matches wins."));
  static final Option<Boolean> SAMPLING_KEEP_ERRORS =
      add(
          Option.bool(
              "sonde.sampling.keep.errors", true, "Whether failures are kept whatever the rate."));
  static final Option<Duration> SAMPLING_KEEP_SLOW =
      add(
          Option.duration(
              "sonde.sampling.keep.slow",
              "1s",
              "0",
              "1d",
              "Requests that take as long as this are kept whatever the rate; 0 for none."));
  static final Option<Long> SAMPLING_SEED =
      add(
          Option.integer(
              "sonde.sampling.seed",
              "decided by the trace id",
              "Makes the decisions repeatable; without it they follow the trace id, so that all"
                  + " services keep the same traces."));
  static final Option<Duration> STATS_WINDOW =
      add(
          Option.duration(
              "sonde.stats.window", "15m", "1m", "1h", "Time that the rolling statistics cover."));
  static final Option<Integer> STATS_ROUTES_MAX =
      add(
          Option.count(
              "sonde.stats.routes.max",
              "routes",
              1000,
              1,
              100_000,
              "Routes with statistics of their own; all further ones share one."));
  static final Option<Integer> ERRORS_MAX =
      add(
          Option.count(
              "sonde.errors.max",
              "errors",
              256,
              1,
              100_000,
              "Different errors that are remembered, each with its count and one example."));
  static final Option<Boolean> ERRORS_MESSAGES =
      add(
          Option.bool(
              "sonde.errors.messages",
              false,
              "Whether the messages of exceptions are kept; they often hold personal data."));
  static final Option<Boolean> CLIENT_ADDRESS_MASK =
      add(
          Option.bool(
              "sonde.client.address.mask",
              false,
              "Whether the addresses of clients are cut to /24 (IPv4) and /48 (IPv6)."));
  static final Option<Path> JSONL_DIR =
      add(
          Option.path(
              "sonde.jsonl.dir", "off", "Directory of the archive; without it none is written."));
  static final Option<String> JSONL_PREFIX =
      add(
          Option.text(
              "sonde.jsonl.prefix",
              "sonde",
              "",
              "[A-Za-z0-9_-]{1,64}",
              "1 to 64 of A-Z a-z 0-9 _ -",
              "First part of the archive files' names."));
  static final Option<Long> JSONL_ROTATE_BYTES =
      add(
          Option.bytes(
              "sonde.jsonl.rotate.bytes",
              "10MB",
              "64KB",
              "1TB",
              "Size at which an archive file is finished and a new one begun."));
  static final Option<Duration> JSONL_ROTATE_INTERVAL =
      add(
          Option.duration(
              "sonde.jsonl.rotate.interval",
              "5m",
              "1s",
              "7d",
              "Age at which an archive file is finished, even if nothing more comes."));
  static final Option<Integer> JSONL_FILES_MAX =
      add(
          Option.count(
              "sonde.jsonl.files.max",
              "files",
              null,
              1,
              1_000_000,
              "Finished archive files of this prefix that are kept; the oldest are deleted."));
  static final Option<Duration> JSONL_AGE_MAX =
      add(
          Option.duration(
              "sonde.jsonl.age.max",
              null,
              "1s",
              "3650d",
              "Age at which finished archive files are deleted."));
  static final Option<Long> JSONL_TOTAL_BYTES_MAX =
      add(
          Option.bytes(
              "sonde.jsonl.total.bytes.max",
              null,
              "64KB",
              "1000TB",
              "Size of all finished archive files of this prefix together, above which the oldest"
                  + " are deleted; not below `sonde.jsonl.rotate.bytes`."));
  static final Option<Boolean> JSONL_COMPRESS =
      add(
          Option.bool(
              "sonde.jsonl.compress", false, "Whether finished archive files are gzipped."));
  static final Option<ConsoleFormat> CONSOLE =
      add(
          Option.choice(
              "sonde.console",
              ConsoleFormat.class,
              "off",
              "Whether and how events are printed to standard output."));
  static final Option<String> DASHBOARD_HOST =
      add(
          Option.text(
              "sonde.dashboard.host",
              "127.0.0.1",
              "",
              "[A-Za-z0-9.:_\\[\\]-]{1,253}",
              "a host name or an IP address",
              "Address that the dashboard listens on. Any but a loopback address needs"
                  + " `sonde.dashboard.token`."));
  static final Option<Integer> DASHBOARD_PORT =
      add(
          Option.count(
              "sonde.dashboard.port",
              "port",
              7077,
              0,
              65_535,
              "Port of the dashboard; 0 for any free one. Unless it is set, the next free one is taken"
                  + " when 7077 is in use."));
  static final Option<List<String>> DASHBOARD_ALLOWED_HOSTS =
      add(
          Option.list(
              "sonde.dashboard.allowed.hosts",
              "[A-Za-z0-9._-]{1,253}|\\[[0-9A-Fa-f:.]{2,45}\\]",
              "host names without port, separated by commas",
              "Names besides its own address under which the dashboard answers, such as that of a"
                  + " reverse proxy."));
  static final Option<String> DASHBOARD_TOKEN =
      add(
          Option.secret(
              "sonde.dashboard.token",
              "192 random bits",
              "[A-Za-z0-9._~+/=-]{22,256}",
              "22 to 256 of A-Z a-z 0-9 . _ ~ + / = -",
              "Secret that the dashboard asks for, of 128 bits or more: 32 hexadecimal digits, or 22"
                  + " other characters. Give it in a file or in the environment: other users of the"
                  + " machine can read system properties."));

  private Options() {}

  static List<Option<?>> all() {
    return List.copyOf(ALL);
  }

  static @Nullable Option<?> find(String key) {
    for (Option<?> option : ALL) {
      if (option.key().equals(key)) {
        return option;
      }
    }
    return null;
  }

  private static <T> Option<T> add(Option<T> option) {
    ALL.add(option);
    return option;
  }
}
