// SPDX-License-Identifier: Apache-2.0
package dev.sonde.sink;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import com.networknt.schema.JsonSchema;
import com.networknt.schema.JsonSchemaFactory;
import com.networknt.schema.SpecVersion;
import dev.sonde.event.ConnectionClosed;
import dev.sonde.event.DatabaseEvent;
import dev.sonde.event.ErrorInfo;
import dev.sonde.event.Event;
import dev.sonde.event.FunctionEvent;
import dev.sonde.event.Outcome;
import dev.sonde.event.RequestEvent;
import dev.sonde.event.RequestStarted;
import dev.sonde.event.ResponseCompleted;
import dev.sonde.json.EventJsonWriter;
import dev.sonde.json.JsonBuffer;
import dev.sonde.json.JsonText;
import dev.sonde.time.ClockAnchor;
import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.CodingErrorAction;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.Random;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

final class EventJsonTest {
  private static final ClockAnchor ANCHOR = new ClockAnchor(1_700_000_000_000_000_000L, 500);
  private static final ObjectMapper MAPPER = new ObjectMapper();
  private static final JsonNode SCHEMA_TEXT = schemaText();
  private static final JsonSchema SCHEMA =
      JsonSchemaFactory.getInstance(SpecVersion.VersionFlag.V202012).getSchema(SCHEMA_TEXT);

  private static JsonNode schemaText() {
    try (InputStream in =
        EventJsonTest.class.getResourceAsStream("/dev/sonde/sink/event-v1.schema.json")) {
      return MAPPER.readTree(Objects.requireNonNull(in));
    } catch (IOException e) {
      throw new AssertionError(e);
    }
  }

  static Stream<Event> typical() {
    return Samples.typical().stream();
  }

  static Stream<Event> extreme() {
    return Samples.extreme().stream();
  }

  /** The format is a promise: these lines may be added to, and not be changed. */
  @Test
  void write_givesThePublishedLines() throws IOException {
    JsonBuffer lines = new JsonBuffer(0);
    EventJsonWriter writer = new EventJsonWriter(ANCHOR, lines);

    for (Event event : Samples.typical()) {
      writer.write(event);
    }

    try (InputStream golden = getClass().getResourceAsStream("events-v1.jsonl")) {
      assertThat(textOf(lines))
          .isEqualTo(
              new String(Objects.requireNonNull(golden).readAllBytes(), StandardCharsets.UTF_8));
    }
  }

  @ParameterizedTest
  @MethodSource({"typical", "extreme"})
  void toJson_isReadBackUnchanged(Event event) throws IOException {
    String json = EventJsonWriter.toJson(event, ANCHOR);

    assertThat(EventJsonReader.read(json)).isEqualTo(event);
  }

  @ParameterizedTest
  @MethodSource({"typical", "extreme"})
  void toJson_followsTheSchema(Event event) throws IOException {
    JsonNode node = MAPPER.readTree(EventJsonWriter.toJson(event, ANCHOR));

    assertThat(SCHEMA.validate(node)).isEmpty();
    assertThat(declaredKeys(event.type())).containsAll(keys(node));
    assertThat(keys(node)).containsAll(requiredKeys(event.type()));
  }

  @Test
  void toJson_isReadBackUnchangedAndFollowsTheSchemaForRandomEvents() throws IOException {
    Random random = new Random(20_260_101);

    for (int i = 0; i < 20_000; i++) {
      Event event = Samples.random(random);
      String json = EventJsonWriter.toJson(event, ANCHOR);

      assertThat(EventJsonReader.read(json)).isEqualTo(event);
      if (i % 20 == 0) {
        assertThat(SCHEMA.validate(MAPPER.readTree(json))).as(json).isEmpty();
      }
    }
  }

  @Test
  void schema_refusesALineWithoutOneOfItsFields() throws IOException {
    for (Event event : Samples.typical()) {
      JsonNode whole = MAPPER.readTree(EventJsonWriter.toJson(event, ANCHOR));
      for (String key : requiredKeys(event.type())) {
        ObjectNode part = whole.deepCopy();
        part.remove(key);

        assertThat(SCHEMA.validate(part)).as("%s without %s", event.type(), key).isNotEmpty();
      }
    }
  }

  @Test
  void read_refusesALineWithoutOneOfItsFieldsOrWithAWrongKind() throws IOException {
    Set<String> derived = Set.of("ts_ns", "mono_ns", "timestamp_ns", "app_ns");
    for (Event event : Samples.typical()) {
      JsonNode whole = MAPPER.readTree(EventJsonWriter.toJson(event, ANCHOR));
      for (String key : keys(whole)) {
        ObjectNode wrong = whole.deepCopy();
        wrong.set(key, MAPPER.readTree("{\"x\":[1]}"));
        if (!derived.contains(key)) {
          assertThatThrownBy(() -> EventJsonReader.read(wrong.toString()))
              .as("%s with a strange %s", event.type(), key)
              .isInstanceOf(BadLineException.class)
              .hasMessageContaining(key.equals("error") ? "must be" : key);
        }
      }
    }
  }

  @Test
  void write_keepsEveryCharacterOnOneSafeLine() throws IOException {
    List<Integer> changed = new ArrayList<>();

    for (int c = 0; c <= Character.MAX_VALUE; c++) {
      Event event = withPath("/a" + (char) c + "b");
      String expected = Character.isSurrogate((char) c) ? "/a\uFFFDb" : "/a" + (char) c + "b";

      if (!pathAfterRoundTrip(event).equals(expected)) {
        changed.add(c);
      }
    }

    assertThat(changed).isEmpty();
  }

  @Test
  void write_keepsEveryPairOfSurrogatesThatIsOne() throws IOException {
    char[] edges = {'\uD800', '\uD83D', '\uDBFF', '\uDC00', '\uDE00', '\uDFFF', 'x'};
    for (char first : edges) {
      for (char second : edges) {
        String text = "" + first + second;
        String expected =
            Character.isSurrogatePair(first, second)
                ? text
                : text.replaceAll("[\uD800-\uDFFF]", "\uFFFD");

        assertThat(pathAfterRoundTrip(withPath(text))).isEqualTo(expected);
      }
    }
  }

  @ParameterizedTest
  @ValueSource(
      ints = {
        0x00, 0x1B, 0x1F, 0x7F, 0x80, 0x9B, 0x9F, 0x061C, 0x200E, 0x200F, 0x2028, 0x2029, 0x202A,
        0x202E, 0x2066, 0x2069, 0xFEFF
      })
  void write_escapesWhatSteersATerminalOrTheReadingDirection(int codePoint) {
    String json = EventJsonWriter.toJson(withPath(Character.toString(codePoint)), ANCHOR);

    assertThat(json).contains("\"path\":\"\\u%04x\"".formatted(codePoint));
  }

  @ParameterizedTest
  @CsvSource({"0x61,512", "0xe9,256", "0x20ac,170", "0x1f600,128", "0x01,512"})
  void write_cutsALongTextBetweenCodePoints(int letter, int kept) throws IOException {
    String codePoint = Character.toString(letter);
    RequestStarted whole = withPath(codePoint.repeat(kept));
    RequestStarted cut = withPath(codePoint.repeat(kept + 1));

    assertThat(EventJsonWriter.toJson(whole, ANCHOR)).doesNotContain("truncated");
    assertThat(EventJsonReader.read(EventJsonWriter.toJson(whole, ANCHOR))).isEqualTo(whole);
    assertThat(EventJsonWriter.toJson(cut, ANCHOR)).endsWith("\"truncated\":true}");
    assertThat(EventJsonReader.read(EventJsonWriter.toJson(cut, ANCHOR))).isEqualTo(whole);
  }

  @Test
  void write_keepsMoreOfQueriesAndStacks() throws IOException {
    String query = "q".repeat(EventJsonWriter.QUERY_MAX_BYTES);
    String stack = "s".repeat(EventJsonWriter.STACK_MAX_BYTES);

    DatabaseEvent statement = (DatabaseEvent) roundTrip(withQuery(query + "x"));
    RequestEvent request = (RequestEvent) roundTrip(withStack(stack + "x"));

    assertThat(statement.query()).isEqualTo(query);
    assertThat(Objects.requireNonNull(request.error()).stack()).isEqualTo(stack);
  }

  @Test
  void write_refusesAWeightThatJsonDoesNotKnow() {
    Event event = new FunctionEvent(1, 0, 0, 0, 0, "f", 1, false, null, Double.NaN);

    assertThatIllegalArgumentException()
        .isThrownBy(() -> EventJsonWriter.toJson(event, ANCHOR))
        .withMessage("weight must be finite, was NaN");
  }

  @Test
  void write_followsANewAnchor() throws CharacterCodingException {
    JsonBuffer lines = new JsonBuffer(0);
    EventJsonWriter writer = new EventJsonWriter(ANCHOR, lines);
    writer.anchor(new ClockAnchor(1_000, 0));

    writer.write(withPath("/"));

    assertThat(textOf(lines)).contains("\"ts_ns\":1077,\"mono_ns\":77,");
  }

  @Test
  void read_passesOverUnknownKeys() throws IOException {
    for (Event event : Samples.typical()) {
      String json = EventJsonWriter.toJson(event, ANCHOR);
      String longer = "{\"new\":{\"a\":[1,{\"b\":2}]},\"more\":1e999," + json.substring(1);

      assertThat(EventJsonReader.read(longer)).isEqualTo(event);
    }
  }

  @Test
  void read_takesConnectionCompletedForConnectionClosed() throws IOException {
    Event event = Samples.typical().get(4);
    String json = EventJsonWriter.toJson(event, ANCHOR);

    assertThat(event).isInstanceOf(ConnectionClosed.class);
    assertThat(EventJsonReader.read(json.replace("ConnectionClosed", "ConnectionCompleted")))
        .isEqualTo(event);
  }

  @Test
  void read_takesNullForAnUnknownTimeToFirstByte() throws IOException {
    Event event = new ResponseCompleted(1, 1, 1, 0, 200, 0, 5, 6, -1, null);
    String json = EventJsonWriter.toJson(event, ANCHOR);

    assertThat(json).contains("\"time_to_first_byte_ms\":null");
    assertThat(EventJsonReader.read(json)).isEqualTo(event);
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '`',
      value = {
        "`` | not a JSON object",
        "[] | not a JSON object",
        "null | not a JSON object",
        "{\"v\":1 | not valid JSON",
        "{\"v\":1}{} | more than one JSON value",
        "{\"v\":1,\"v\":1} | not valid JSON",
        "{} | v must be an integer",
        "{\"v\":2,\"type\":\"FN\"} | v must be 1",
        "{\"v\":1} | type must be a string",
        "{\"v\":1,\"type\":\"XY\"} | type must be that of an event",
        "{\"v\":1,\"type\":\"FN\"} | mono_ns must be an integer",
        "{\"v\":1,\"type\":\"FN\",\"mono_ns\":1e99999999} | mono_ns must be a 64-bit integer",
        "{\"v\":1,\"type\":\"FN\",\"mono_ns\":9223372036854775808} | mono_ns must be a 64-bit",
        "{\"v\":1,\"type\":\"FN\",\"mono_ns\":1,\"trace_id\":\"12\"} | trace_id must be 32 hex",
        "{\"v\":1,\"type\":\"FN\",\"mono_ns\":1,\"span_id\":\"000000000000000g\"} | span_id must"
      })
  void read_saysWhatIsWrongWithALine(String line, String reason) {
    assertThatThrownBy(() -> EventJsonReader.read(line))
        .isInstanceOf(BadLineException.class)
        .hasMessageStartingWith(reason);
  }

  @Test
  void read_doesNotOverflowOnDeepNesting() {
    String line = "{\"v\":1,\"x\":".repeat(10_000) + "1" + "}".repeat(10_000);

    assertThatThrownBy(() -> EventJsonReader.read(line)).isInstanceOf(BadLineException.class);
  }

  private static Set<String> keys(JsonNode node) {
    Set<String> keys = new TreeSet<>();
    node.fieldNames().forEachRemaining(keys::add);
    return keys;
  }

  private static Set<String> declaredKeys(String type) {
    Set<String> keys = keys(SCHEMA_TEXT.at("/$defs/" + type + "/properties"));
    keys.removeAll(Set.of("seq", "slow", "truncated"));
    return keys;
  }

  private static Set<String> requiredKeys(String type) {
    Set<String> keys = new TreeSet<>();
    SCHEMA_TEXT.at("/$defs/" + type + "/required").forEach(key -> keys.add(key.textValue()));
    return keys;
  }

  private static RequestStarted withPath(String path) {
    return new RequestStarted(1, 1, 1, 0, "GET", path, "HTTP/1.1", 77);
  }

  private static DatabaseEvent withQuery(String query) {
    return new DatabaseEvent(
        1, 0, 0, 0, 0, "h2", null, "SELECT", null, query, 5, 1, 1, false, null, 1, 1.0);
  }

  private static RequestEvent withStack(String stack) {
    ErrorInfo error = new ErrorInfo("E", null, stack);
    return new RequestEvent(
        1, 0, 0, 0, 0, 1, 1, "GET", null, "/", 500, Outcome.APP_ERROR, 1, 0, 0, error, 1.0);
  }

  private static Event roundTrip(Event event) throws IOException {
    return EventJsonReader.read(EventJsonWriter.toJson(event, ANCHOR));
  }

  /** Path of the event after a strict decoder, a line check and two JSON parsers have seen it. */
  private static String pathAfterRoundTrip(Event event) throws IOException {
    JsonBuffer lines = new JsonBuffer(0);
    new EventJsonWriter(ANCHOR, lines).write(event);
    String line = textOf(lines);
    String path = ((RequestStarted) EventJsonReader.read(line)).path();
    boolean isSafe =
        line.indexOf('\n') == line.length() - 1
            && line.chars().limit(line.length() - 1L).noneMatch(JsonText::isUnsafe);
    boolean isAgreedOn = MAPPER.readTree(line).get("path").textValue().equals(path);
    return isSafe && isAgreedOn ? path : "unsafe line: " + line;
  }

  private static String textOf(JsonBuffer lines) throws CharacterCodingException {
    return StandardCharsets.UTF_8
        .newDecoder()
        .onMalformedInput(CodingErrorAction.REPORT)
        .onUnmappableCharacter(CodingErrorAction.REPORT)
        .decode(ByteBuffer.wrap(lines.array(), 0, lines.size()))
        .toString();
  }
}
