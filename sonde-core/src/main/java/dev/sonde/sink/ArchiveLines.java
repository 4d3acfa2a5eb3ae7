// SPDX-License-Identifier: Apache-2.0
package dev.sonde.sink;

import dev.sonde.event.Event;
import dev.sonde.json.EventJsonWriter;
import dev.sonde.json.JsonBuffer;
import dev.sonde.time.ClockAnchor;

/** The lines that go into a file of the archive with the next write: events, and its own words. */
final class ArchiveLines {
  private static final int INITIAL_BYTES = 1 << 14;

  private static final byte[] SERVICE = JsonBuffer.name("service");
  private static final byte[] INSTANCE = JsonBuffer.name("instance");
  private static final byte[] PREFIX = JsonBuffer.name("prefix");
  private static final byte[] RUN = JsonBuffer.name("run");
  private static final byte[] FILE = JsonBuffer.name("file");
  private static final byte[] FIRST_SEQ = JsonBuffer.name("first_seq");
  private static final byte[] ANCHOR_EPOCH_NS = JsonBuffer.name("anchor_epoch_ns");
  private static final byte[] ANCHOR_MONO_NS = JsonBuffer.name("anchor_mono_ns");
  private static final byte[] FROM_SEQ = JsonBuffer.name("from_seq");
  private static final byte[] TO_SEQ = JsonBuffer.name("to_seq");
  private static final byte[] LOST = JsonBuffer.name("lost");
  private static final byte[] REASON = JsonBuffer.name("reason");
  private static final byte[] LAST_SEQ = JsonBuffer.name("last_seq");
  private static final byte[] EVENTS = JsonBuffer.name("events");

  private final JsonBuffer lines = new JsonBuffer(INITIAL_BYTES);
  private final EventJsonWriter json = new EventJsonWriter(new ClockAnchor(0, 0), lines);

  byte[] array() {
    return lines.array();
  }

  int size() {
    return lines.size();
  }

  void clear() {
    lines.clear();
  }

  /** Adds the line of an event; what it throws leaves the lines as they were. */
  void add(Event event, long sequence) {
    json.write(event, sequence);
  }

  /** Adds the first line of a file; the dates of those that follow are told by its anchor. */
  void addHeader(
      String service,
      String instance,
      String prefix,
      String run,
      long file,
      long firstSequence,
      ClockAnchor anchor) {
    json.anchor(anchor);
    json.begin("header", anchor.monotonicNanos());
    text(SERVICE, service);
    text(INSTANCE, instance);
    text(PREFIX, prefix);
    text(RUN, run);
    lines.number(FILE, file);
    lines.number(FIRST_SEQ, firstSequence);
    lines.number(ANCHOR_EPOCH_NS, anchor.epochNanos());
    lines.number(ANCHOR_MONO_NS, anchor.monotonicNanos());
    lines.endLine();
  }

  /** Adds a line in place of the events of some numbers, first and last included. */
  void addGap(long monotonicNanos, long from, long to, String reason) {
    json.begin("gap", monotonicNanos);
    lines.number(FROM_SEQ, from);
    lines.number(TO_SEQ, to);
    lines.number(LOST, to - from + 1);
    text(REASON, reason);
    lines.endLine();
  }

  /** Adds the last line of a file. */
  void addEnd(long monotonicNanos, String run, long lastSequence, long events, long lost) {
    json.begin("end", monotonicNanos);
    text(RUN, run);
    lines.number(LAST_SEQ, lastSequence);
    lines.number(EVENTS, events);
    lines.number(LOST, lost);
    lines.endLine();
  }

  private void text(byte[] name, String value) {
    lines.text(name, value, EventJsonWriter.TEXT_MAX_BYTES);
  }
}
