#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Whole servers under load: what an observer adds to the processor time of a request.
# macro.sh [variants] [--server jetty] [--pairs N] [--forks N] [--seconds S] [--warm-up S] [--work 1ms]
# variants: control sonde-off core sonde-alone sonde sonde-sampled sonde-jsonl micrometer otel-agent;
#   all of them without any.
# servers: jetty netty tomcat filter undertow vertx reactor jdk helidon, the last one with a JAVA_HOME
#   of Java 21 or newer.
# Each is loaded by wrk in turn with the same server without an observer: servers on the first
# processor, wrk on the second. Prints a Markdown table; JSON goes to sonde-perf/target/macro.json.
set -eu
cd "$(dirname "$0")/.."

for tool in wrk taskset; do
  command -v "$tool" >/dev/null || {
    echo "macro: $tool is missing (apt-get install wrk util-linux)" >&2
    exit 1
  }
done
taskset -c 0,1 true 2>/dev/null || {
  echo "macro: processors 0 and 1 are needed, one for the server and one for wrk" >&2
  exit 1
}

./mvnw -q -B -pl sonde-perf -am -DskipTests -Dspotless.check.skip=true -Pmacro package \
  dependency:build-classpath -Dmdep.outputFile=target/classpath -DincludeScope=runtime

target=sonde-perf/target
# Its servers end with it, whatever ends it: they read its end of a pipe.
exec taskset -c 1 "${JAVA_HOME:+$JAVA_HOME/bin/}java" -cp "$target/classes:$(cat $target/classpath)" \
  dev.sonde.perf.macro.MacroRun --agent "$target/agent/opentelemetry-javaagent.jar" \
  --output "$target" "$@"
