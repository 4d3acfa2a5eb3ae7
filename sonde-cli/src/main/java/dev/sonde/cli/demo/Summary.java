// SPDX-License-Identifier: Apache-2.0
package dev.sonde.cli.demo;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonGenerator;
import com.fasterxml.jackson.core.util.DefaultPrettyPrinter;
import dev.sonde.digest.HealthSnapshot;
import dev.sonde.digest.PipelineCounts;
import dev.sonde.digest.SinkHealth;
import dev.sonde.event.Outcome;
import dev.sonde.stats.GroupSnapshot;
import dev.sonde.stats.StatsSnapshot;
import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.SortedMap;
import java.util.TreeMap;

/** What the clients counted, what Sonde counted, and the difference. */
final class Summary {
  private final LoadCounts.Snapshot load;
  private final LifecycleTally tally;
  private final StatsSnapshot stats;
  private final HealthSnapshot health;
  private final boolean isWindowWhole;
  private final List<String> unseen;

  /**
   * A summary of a load that has stopped.
   *
   * @param stats statistics of all requests and streams
   * @param isWindowWhole whether the statistics' window goes back to the start
   * @param health taken after everything was closed
   * @param unseen what cannot be seen of the server, and so is not counted
   */
  Summary(
      LoadCounts.Snapshot load,
      LifecycleTally tally,
      StatsSnapshot stats,
      boolean isWindowWhole,
      HealthSnapshot health,
      List<String> unseen) {
    this.load = load;
    this.tally = tally;
    this.stats = stats;
    this.isWindowWhole = isWindowWhole;
    this.unseen = unseen;
    this.health = health;
  }

  /** Whether both counts are the same and no event went missing. */
  boolean isExact() {
    return health.isConserved() && differences().values().stream().allMatch(value -> value == 0);
  }

  /** Sonde's count minus the clients', by what was counted. */
  Map<String, Long> differences() {
    Map<String, Long> differences = new LinkedHashMap<>();
    differences.put("requests", tally.started() - load.requests());
    differences.put("responses", unlike(tally.completed(), load.responses()));
    differences.put("client_disconnects", tally.disconnected() - load.hungUp());
    differences.put("body_bytes", tally.completedBytes() - load.bodyBytes());
    differences.put("unfinished", tally.unfinished());
    differences.put("connections_not_closed", tally.opened() - tally.closed());
    if (isWindowWhole) {
      SortedMap<Integer, Long> responses = new TreeMap<>();
      long requests = 0;
      long disconnects = 0;
      for (GroupSnapshot group : groups()) {
        requests += group.count();
        addAnswered(group, responses);
        disconnects +=
            group.outcome(Outcome.CLIENT_ABORT_BEFORE_HEADERS)
                + group.outcome(Outcome.CLIENT_ABORT_DURING_BODY);
      }
      differences.put("statistics_requests", requests - load.requests());
      differences.put("statistics_responses", unlike(responses, load.responses()));
      differences.put("statistics_client_disconnects", disconnects - load.hungUp());
    }
    return differences;
  }

  /** Writes it as JSON to {@code data}. */
  void print(PrintWriter data) throws IOException {
    StringWriter text = new StringWriter();
    try (JsonGenerator json = new JsonFactory().createGenerator(text)) {
      json.setPrettyPrinter(new DefaultPrettyPrinter());
      json.writeStartObject();
      json.writeObjectFieldStart("load");
      json.writeNumberField("requests", load.requests());
      responses(json, load.responses());
      json.writeNumberField("client_disconnects", load.hungUp());
      json.writeNumberField("body_bytes", load.bodyBytes());
      json.writeNumberField("unplanned_failures", load.failures());
      json.writeEndObject();
      json.writeObjectFieldStart("sonde");
      json.writeNumberField("requests", tally.started());
      responses(json, tally.completed());
      json.writeNumberField("client_disconnects", tally.disconnected());
      json.writeNumberField("body_bytes", tally.completedBytes());
      json.writeNumberField("connections_opened", tally.opened());
      json.writeNumberField("connections_closed", tally.closed());
      json.writeEndObject();
      json.writeObjectFieldStart("difference");
      for (Map.Entry<String, Long> entry : differences().entrySet()) {
        json.writeNumberField(entry.getKey(), entry.getValue());
      }
      json.writeEndObject();
      json.writeArrayFieldStart("unseen");
      for (String what : unseen) {
        json.writeString(what);
      }
      json.writeEndArray();
      conservation(json);
      json.writeEndObject();
    }
    data.println(text);
  }

  private void conservation(JsonGenerator json) throws IOException {
    PipelineCounts counts = health.counts();
    json.writeObjectFieldStart("conservation");
    json.writeBooleanField("holds", health.isConserved());
    json.writeNumberField("offered", counts.offered());
    json.writeNumberField("dropped_oldest", counts.droppedOldest());
    json.writeNumberField("dropped_closed", counts.droppedClosed());
    json.writeNumberField("in_queue", counts.inQueue());
    json.writeNumberField("digested", counts.digested());
    json.writeNumberField("sampled_out", counts.sampledOut());
    json.writeNumberField("kept", counts.kept());
    json.writeNumberField("failed", counts.failed());
    json.writeArrayFieldStart("sinks");
    for (SinkHealth sink : health.sinks()) {
      json.writeStartObject();
      json.writeStringField("name", sink.name());
      json.writeNumberField("enqueued", sink.enqueued());
      json.writeNumberField("processed", sink.processed());
      json.writeNumberField("dropped", sink.dropped());
      json.writeNumberField("queue_depth", sink.queueDepth());
      json.writeEndObject();
    }
    json.writeEndArray();
    json.writeEndObject();
  }

  private static void responses(JsonGenerator json, SortedMap<Integer, Long> byStatus)
      throws IOException {
    json.writeObjectFieldStart("responses");
    for (Map.Entry<Integer, Long> entry : byStatus.entrySet()) {
      json.writeNumberField(entry.getKey().toString(), entry.getValue());
    }
    json.writeEndObject();
  }

  /** Requests and streams, each of which is counted in one of the two. */
  private List<GroupSnapshot> groups() {
    List<GroupSnapshot> groups = new ArrayList<>();
    groups.add(stats.total());
    stats.streams().ended().forEach(ended -> groups.add(ended.lifetime()));
    return groups;
  }

  /** Answered requests by status: those that clients left are taken out of status 200. */
  private static void addAnswered(GroupSnapshot group, SortedMap<Integer, Long> codes) {
    group.statusCodes().forEach((status, count) -> codes.merge(status, count, Long::sum));
    codes.merge(200, -group.outcome(Outcome.CLIENT_ABORT_DURING_BODY), Long::sum);
  }

  /** Sum of the absolute differences over all statuses. */
  private static long unlike(SortedMap<Integer, Long> one, SortedMap<Integer, Long> other) {
    Map<Integer, Long> merged = new LinkedHashMap<>(one);
    other.forEach((status, count) -> merged.merge(status, -count, Long::sum));
    return merged.values().stream().mapToLong(Math::abs).sum();
  }
}
