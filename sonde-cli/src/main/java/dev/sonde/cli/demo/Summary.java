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
import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.SortedMap;
import java.util.TreeMap;

/** What the clients counted, what Sonde counted, and the difference. */
final class Summary {
  private final LoadCounts.Snapshot load;
  private final LifecycleTally tally;
  private final GroupSnapshot total;
  private final HealthSnapshot health;
  private final boolean isWindowWhole;
  private final List<String> unseen;

  /**
   * A summary of a load that has stopped.
   *
   * @param total statistics of all requests
   * @param isWindowWhole whether the statistics' window goes back to the start
   * @param health taken after everything was closed
   * @param unseen what cannot be seen of the server, and so is not counted
   */
  Summary(
      LoadCounts.Snapshot load,
      LifecycleTally tally,
      GroupSnapshot total,
      boolean isWindowWhole,
      HealthSnapshot health,
      List<String> unseen) {
    this.load = load;
    this.tally = tally;
    this.total = total;
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
      differences.put("statistics_requests", total.count() - load.requests());
      differences.put("statistics_responses", unlike(answered(total), load.responses()));
      differences.put(
          "statistics_client_disconnects",
          total.outcome(Outcome.CLIENT_ABORT_BEFORE_HEADERS)
              + total.outcome(Outcome.CLIENT_ABORT_DURING_BODY)
              - load.hungUp());
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

  /** Answered requests by status: those that clients left are taken out of status 200. */
  private static SortedMap<Integer, Long> answered(GroupSnapshot total) {
    SortedMap<Integer, Long> codes = new TreeMap<>(total.statusCodes());
    codes.merge(200, -total.outcome(Outcome.CLIENT_ABORT_DURING_BODY), Long::sum);
    return codes;
  }

  /** Sum of the absolute differences over all statuses. */
  private static long unlike(SortedMap<Integer, Long> one, SortedMap<Integer, Long> other) {
    Map<Integer, Long> merged = new LinkedHashMap<>(one);
    other.forEach((status, count) -> merged.merge(status, -count, Long::sum));
    return merged.values().stream().mapToLong(Math::abs).sum();
  }
}
