// SPDX-License-Identifier: Apache-2.0
package dev.sonde.dashboard.view;

import dev.sonde.capture.Capability;
import dev.sonde.digest.HealthSnapshot;
import dev.sonde.digest.Hook;
import dev.sonde.digest.MemoryPart;
import dev.sonde.digest.PipelineCounts;
import dev.sonde.digest.SinkHealth;
import dev.sonde.stats.StatsSnapshot;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.TreeMap;

/** The observer's own state as JSON, with the laws that its counters must obey. */
final class HealthJson {
  private HealthJson() {}

  /**
   * One equation of counters.
   *
   * @param name what it is about
   * @param left the whole
   * @param right its parts
   */
  record Law(String name, Term left, List<Term> right) {
    /** What the whole has more than its parts; 0 at rest. */
    long difference() {
      return left.value - right.stream().mapToLong(Term::value).sum();
    }

    /** A counter with its name. */
    record Term(String name, long value) {}
  }

  static List<Law> laws(HealthSnapshot health) {
    PipelineCounts counts = health.counts();
    List<Law> laws = new ArrayList<>();
    laws.add(
        new Law(
            "Records into the queue",
            new Law.Term("offered", counts.offered()),
            List.of(
                new Law.Term("digested", counts.digested()),
                new Law.Term("in_queue", counts.inQueue()),
                new Law.Term("dropped_oldest", counts.droppedOldest()),
                new Law.Term("dropped_closed", counts.droppedClosed()))));
    laws.add(
        new Law(
            "Records out of the queue",
            new Law.Term("digested", counts.digested()),
            List.of(
                new Law.Term("kept", counts.kept()),
                new Law.Term("sampled_out", counts.sampledOut()),
                new Law.Term("failed", counts.failed()))));
    for (SinkHealth sink : health.sinks()) {
      laws.add(
          new Law(
              "Events to the sink “" + sink.name() + "”",
              new Law.Term("enqueued", sink.enqueued()),
              List.of(
                  new Law.Term("processed", sink.processed()),
                  new Law.Term("queue_depth", sink.queueDepth()),
                  new Law.Term("dropped_oldest", sink.droppedOldest()),
                  new Law.Term("dropped_sink_failed", sink.droppedSinkFailed()),
                  new Law.Term("dropped_poison", sink.droppedPoison()),
                  new Law.Term("dropped_closed", sink.droppedClosed()))));
    }
    return laws;
  }

  /** Drops since the start by reason, over the queue and all sinks. */
  static Map<String, Long> drops(HealthSnapshot health) {
    Map<String, Long> drops = new TreeMap<>();
    drops.put("queue_full", health.counts().droppedOldest());
    drops.put("closed", health.counts().droppedClosed());
    for (SinkHealth sink : health.sinks()) {
      drops.merge("sink_queue_full", sink.droppedOldest(), Long::sum);
      drops.merge("sink_failed", sink.droppedSinkFailed(), Long::sum);
      drops.merge("sink_poison", sink.droppedPoison(), Long::sum);
      drops.merge("sink_closed", sink.droppedClosed(), Long::sum);
    }
    return drops;
  }

  static long dropped(HealthSnapshot health) {
    return drops(health).values().stream().mapToLong(Long::longValue).sum();
  }

  static void health(
      Json json, HealthSnapshot health, StatsSnapshot stats, Map<String, Long> dashboard)
      throws IOException {
    json.field("v", 1);
    json.micros("now_us", StatsJson.wholeMicros(now(health)));
    json.field("is_enabled", health.isEnabled());
    json.text("instance_id", health.instanceId());
    json.field("uptime_s", health.uptimeNanos() / 1e9);
    json.object("counts", () -> counts(json, health.counts()));
    json.field("is_conserved", health.isConserved());
    json.field("dropped", dropped(health));
    json.object("drops", () -> fields(json, drops(health)));
    json.array(
        "laws",
        () -> {
          for (Law law : laws(health)) {
            json.element(() -> law(json, law));
          }
        });
    json.array(
        "sinks",
        () -> {
          for (SinkHealth sink : health.sinks()) {
            json.element(() -> sink(json, sink));
          }
        });
    json.array(
        "hooks",
        () -> {
          for (Hook hook : health.hooks()) {
            json.element(() -> hook(json, hook));
          }
        });
    json.micros("lag_us", health.lagNanos());
    json.field("queue_capacity", health.queueCapacity());
    json.field("memory_bound_bytes", health.memoryBoundBytes());
    json.field("held_bytes", health.heldBytes());
    json.array(
        "memory",
        () -> {
          for (MemoryPart part : health.memory()) {
            json.element(() -> memory(json, part));
          }
        });
    json.object("statistics", () -> StatsJson.memory(json, stats));
    json.field("ns_per_record", health.nanosPerRecord());
    json.field("bytes_per_record", health.bytesPerRecord());
    json.field("cpu_ratio", health.cpuRatio());
    json.object("faults", () -> fields(json, health.faults()));
    json.object("dashboard", () -> fields(json, dashboard));
  }

  private static void memory(Json json, MemoryPart part) throws IOException {
    json.text("name", part.name());
    json.field("held_bytes", part.heldBytes());
    json.field("bound_bytes", part.boundBytes());
  }

  static long now(HealthSnapshot health) {
    return health.anchor().epochNanos();
  }

  private static void counts(Json json, PipelineCounts counts) throws IOException {
    json.field("offered", counts.offered());
    json.field("excluded", counts.excluded());
    json.field("dropped_oldest", counts.droppedOldest());
    json.field("dropped_closed", counts.droppedClosed());
    json.field("in_queue", counts.inQueue());
    json.field("digested", counts.digested());
    json.field("sampled_out", counts.sampledOut());
    json.field("kept", counts.kept());
    json.field("failed", counts.failed());
    json.field("published", counts.published());
  }

  private static void law(Json json, Law law) throws IOException {
    json.text("name", law.name());
    json.field("holds", law.difference() == 0);
    json.field("difference", law.difference());
    json.object("left", () -> term(json, law.left()));
    json.array(
        "right",
        () -> {
          for (Law.Term term : law.right()) {
            json.element(() -> term(json, term));
          }
        });
  }

  private static void term(Json json, Law.Term term) throws IOException {
    json.text("name", term.name());
    json.field("value", term.value());
  }

  private static void sink(Json json, SinkHealth sink) throws IOException {
    json.text("name", sink.name());
    json.text("state", sink.state().toLowerCase(Locale.ROOT));
    json.field("enqueued", sink.enqueued());
    json.field("processed", sink.processed());
    json.field("dropped_oldest", sink.droppedOldest());
    json.field("dropped_sink_failed", sink.droppedSinkFailed());
    json.field("dropped_poison", sink.droppedPoison());
    json.field("dropped_closed", sink.droppedClosed());
    json.field(
        "dropped",
        sink.droppedOldest()
            + sink.droppedSinkFailed()
            + sink.droppedPoison()
            + sink.droppedClosed());
    json.field("queue_depth", sink.queueDepth());
    json.field("flush_errors", sink.flushErrors());
  }

  private static void hook(Json json, Hook hook) throws IOException {
    json.text("name", hook.name());
    json.array(
        "capabilities",
        () -> {
          for (Capability capability : hook.capabilities()) {
            json.name(capability.name().toLowerCase(Locale.ROOT));
          }
        });
  }

  private static void fields(Json json, Map<String, Long> values) throws IOException {
    for (Map.Entry<String, Long> entry : values.entrySet()) {
      json.field(entry.getKey(), entry.getValue());
    }
  }
}
