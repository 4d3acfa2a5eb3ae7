# SPDX-License-Identifier: Apache-2.0
# Turns results of JMH into Markdown: an array of files, oldest first, each an array of results.

def median: sort | if length % 2 == 1 then .[length / 2 | floor] else (.[length / 2 - 1] + .[length / 2]) / 2 end;
def metric($name): .secondaryMetrics[$name] | if . == null then null else .rawData | flatten | median end;

# By name, parameters and threads; the ratio is to the floor of the same file.
def by_row:
  [ .[] as $run
    | ($run | map(select(.benchmark | endswith("RecordBenchmark.floor")) | {key: "\(.threads)", value: metric("caller.cpu")})
        | from_entries) as $floors
    | $run[]
    | {
        key: "\(.benchmark | sub("^dev.sonde.perf."; "")) \([.params // {} | .[]] | join(" ")) \(.threads)",
        value: {
          cpu: metric("caller.cpu"),
          ratio: (metric("caller.cpu") / ($floors["\(.threads)"] // nan)),
          bytes: metric("caller.alloc"),
          allBytes: metric("gc.alloc.rate.norm"),
          wall: .primaryMetric.score,
          percentiles: .primaryMetric.scorePercentiles
        }
      }
  ] | from_entries;

def digits($n): . * pow(10; $n) | round / pow(10; $n);
def number: if . == null or isnan then "-" elif . < 0.05 then "0" elif . < 10 then digits(1) | tostring else round | tostring end;
def ratio: if . == null or isnan then "-" elif . < 0.1 then "< 0.1" else "\(digits(2))" end;

def row: "| \(join(" | ")) |";
def head: row, (map("---") | row);

def cost($name; $text):
  ["\($name) 1", "\($name) 2"] as [$one, $two]
  | if .[$one] == null and .[$two] == null then empty else
      [$text, (.[$one], .[$two] | (.cpu | number), (.ratio | ratio)), (.[$one] // .[$two] | (.bytes | number), (.allBytes | number))]
      | row
    end;
def by_writer($name; $text):
  cost("\($name) drained"; "\($text), drained"),
  cost("\($name) flooded"; "\($text), flooded"),
  cost("\($name) stalled"; "\($text), stalled");
def cost_head($what):
  [$what, "1 thread, ns", "ratio", "2 threads, ns", "ratio", "B/op of the thread", "B/op of the process"] | head;

def hand_off($name; $text):
  if .["HandOffBenchmark.\($name) drained 1"] == null then empty else
    . as $all
    | [ $text,
        ([1, 2, 8][] as $threads
          | ["drained", "stalled"] | map($all["HandOffBenchmark.\($name) \(.) \($threads)"].cpu | number) | join(" / ")),
        ($all["HandOffBenchmark.\($name) stalled 1"].bytes | number) ]
    | row
  end;
def tail($name; $text):
  .["HandOffBenchmark.\($name) 2"].percentiles
  | if . == null then empty else [$text, (.["50.0", "99.0", "99.9", "99.99"] | round | tostring)] | row end;

def observed($name; $text):
  [.["JdbcBenchmark.\($name) bare 1"], .["JdbcBenchmark.\($name) observed 1"]] as [$bare, $observed]
  | if $bare == null or $observed == null then empty else
      [$text, ($bare, $observed | .cpu | number), ($observed.cpu - $bare.cpu | number), ($observed.bytes - $bare.bytes | number)] | row
    end;

by_row |
"",
"### Sonde",
cost_head("one event of the calling thread"),
cost("RecordBenchmark.floor "; "two clock readings, the floor"),
cost("RecordBenchmark.floorPaced "; "the floor of a thread that pauses, as in the drained rows"),
by_writer("RecordBenchmark.sondeExchange"; "request, as an adapter reports it"),
by_writer("RecordBenchmark.sondeRequest"; "request, by `Emitter.request`"),
by_writer("RecordBenchmark.sondeFunction"; "call, by `Emitter.function`"),
by_writer("RecordBenchmark.sondeProfile"; "call as a span, by `Sonde.profile`"),
by_writer("RecordBenchmark.sondeStatement"; "statement, by `Emitter.database`"),
cost("RecordBenchmark.floorMixed "; "two clock readings and a new path of one of 100 routes"),
by_writer("RecordBenchmark.sondeMixed"; "the same as a request"),
cost("RecordBenchmark.offRequest "; "everything off: `Emitter.request`"),
cost("RecordBenchmark.offAdapter "; "everything off: what an adapter asks"),
cost("RecordBenchmark.offCollector "; "everything off: `NoopCollector`"),
"",
"### Peers",
cost_head("one request, both clock readings included"),
cost("RecordBenchmark.micrometerTimer "; "Micrometer timer"),
cost("RecordBenchmark.micrometerPercentiles "; "Micrometer timer with percentiles"),
cost("RecordBenchmark.micrometerHistogram "; "Micrometer timer with histogram, Prometheus registry"),
cost("RecordBenchmark.micrometerLookedUp "; "Micrometer timer looked up by its tags"),
cost("RecordBenchmark.hdrRecorder "; "HdrHistogram recorder"),
cost("RecordBenchmark.openTelemetrySpan sampled"; "OpenTelemetry span, batch processor"),
cost("RecordBenchmark.openTelemetrySpan unsampled"; "OpenTelemetry span, not sampled"),
cost("RecordBenchmark.openTelemetryHistogram explicit"; "OpenTelemetry histogram"),
cost("RecordBenchmark.openTelemetryHistogram exponential"; "OpenTelemetry exponential histogram"),
cost("RecordBenchmark.prometheusHistogram classic"; "Prometheus client, classic histogram"),
cost("RecordBenchmark.prometheusHistogram native"; "Prometheus client, native histogram"),
cost("RecordBenchmark.dropwizardTimer "; "Dropwizard timer"),
cost("RecordBenchmark.flightRecorderEvent "; "event of the JDK's flight recorder"),
"",
"### Hand-off to another thread",
(["one event, ns, drained / stalled", "1 thread", "2 threads", "8 threads", "B/op of the thread"] | head),
hand_off("ring"; "the pipeline's ring; drops the oldest"),
hand_off("ringOfOneStripe"; "the same with one stripe, in exact order"),
hand_off("lockedDeque"; "`ArrayDeque` under a lock; drops the oldest"),
hand_off("mpmcPollThenOffer"; "JCTools MPMC, poll then offer; drops the oldest"),
hand_off("mpscDropNewest"; "JCTools MPSC; drops the newest"),
hand_off("disruptorDropNewest"; "Disruptor; drops the newest"),
"",
"The slowest of 2 producers with 2 to 6 µs between events, clock included:",
"",
(["one event, ns", "p50", "p99", "p99.9", "p99.99"] | head),
tail("tailOfClock "; "the clock alone"),
tail("tailOfRing drained"; "the pipeline's ring, drained"),
tail("tailOfRing stalled"; "the pipeline's ring, stalled"),
tail("tailOfLockedDeque drained"; "`ArrayDeque` under a lock, drained"),
tail("tailOfMpmc drained"; "JCTools MPMC, poll then offer, drained"),
tail("tailOfMpsc drained"; "JCTools MPSC, drained"),
tail("tailOfDisruptor drained"; "Disruptor, drained"),
"",
"### The JDBC wrappers alone",
(["a row of H2 in memory by its key", "bare, ns", "observed, ns", "more, ns", "more, B/op"] | head),
observed("selectByKey"; "prepared before"),
observed("prepareAndSelectByKey"; "prepared each time"),
""
