#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Runs the benchmarks whose names match, and beside them the floor of two clock readings:
#   sonde-perf/bench.sh [regex [options of JMH, such as -t 2]]
# The results go to sonde-perf/target/bench, one JSON file for each command. Turns them into the tables of
# docs/performance.md:
#   sonde-perf/bench.sh --table
# BENCH_JVM replaces the options of the JVM.
set -eu
cd "$(dirname "$0")"
results=target/bench
java=${JAVA_HOME:+$JAVA_HOME/bin/}java
options=${BENCH_JVM:--XX:+UseG1GC -Xms1g -Xmx1g}

machine() {
  model=$(sed -n 's/^model name[^:]*: //p' /proc/cpuinfo 2>/dev/null | head -n 1)
  echo "${model:-$(uname -m)}, $(getconf _NPROCESSORS_ONLN) cores, $(uname -s), JDK $1, \`$2\`"
}

if [ "${1:-}" = --table ]; then
  page=../docs/performance.md
  # Oldest first: of a row that was measured twice, the later figure counts.
  set -- $(ls -tr $results/*.json)
  jdk=$(jq -r '.[0].jdkVersion' "$1")
  jvm=$(jq -r '.[0].jvmArgs | join(" ")' "$1")
  { machine "$jdk" "$jvm"; jq -s -r -f table.jq "$@"; } >target/table.md
  # Threads that waited for a processor did not meet each other as often as they would have.
  jq -r '.[] | select(.benchmark | endswith("RecordBenchmark.floor")) | select(.threads <= $cores)
    | select(.primaryMetric.score > 1.2 * .secondaryMetrics["caller.cpu"].score)
    | "\(input_filename): the machine was busy"' --argjson cores "$(getconf _NPROCESSORS_ONLN)" "$@" >&2
  awk '
    /<!-- \/bench/ { skips = 0 }
    !skips { print }
    /<!-- bench/ { skips = 1; while ((getline line < "target/table.md") > 0) print line }
  ' $page >target/performance.md
  cat target/performance.md >$page
  exit
fi

regex=${1:-.*}
[ $# -eq 0 ] || shift
(cd .. && ./mvnw -q -B -pl sonde-perf -am -DskipTests package \
  dependency:build-classpath -Dmdep.outputFile=target/classpath -Dmdep.includeScope=runtime)
mkdir -p $results
file=$results/$(echo "$regex $*" | tr -cs 'A-Za-z0-9\n' '-').json
exec "$java" -cp "target/classes:$(cat target/classpath)" org.openjdk.jmh.Main \
  "$regex" 'RecordBenchmark\.floor$' \
  -jvmArgs "$options" -prof dev.sonde.perf.CallerProfiler -prof gc -rf json -rff "$file" "$@"
