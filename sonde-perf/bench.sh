#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Runs the benchmarks whose names match: bench.sh [regex [options of JMH, such as -t 2]]
# Prints ns/op and, by -prof gc, B/op (gc.alloc.rate.norm); JSON goes to sonde-perf/target/bench.json.
set -eu
cd "$(dirname "$0")/.."
regex=${1:-.*}
[ $# -eq 0 ] || shift
./mvnw -q -B -pl sonde-perf -am -DskipTests package \
  dependency:build-classpath -Dmdep.outputFile=target/classpath -Dmdep.includeScope=runtime
cd sonde-perf
exec "${JAVA_HOME:+$JAVA_HOME/bin/}java" -cp "target/classes:$(cat target/classpath)" \
  org.openjdk.jmh.Main "$regex" -prof gc -rf json -rff target/bench.json "$@"
