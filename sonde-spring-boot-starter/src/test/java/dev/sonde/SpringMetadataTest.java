// SPDX-License-Identifier: Apache-2.0
package dev.sonde;

import static java.util.Objects.requireNonNull;
import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;

/** What an editor is told of {@code sonde.*} is what Sonde reads; here to see the options. */
final class SpringMetadataTest {
  private static final String FILE = "/META-INF/spring-configuration-metadata.json";

  @Test
  void metadata_isThatOfTheOptions() throws IOException {
    String expected = metadata();

    String file;
    try (InputStream in = requireNonNull(SpringMetadataTest.class.getResourceAsStream(FILE))) {
      file = new String(in.readAllBytes(), StandardCharsets.UTF_8);
    }
    // If it differs, the expected text is the file to keep.
    assertThat(file).isEqualTo(expected);
  }

  private static String metadata() {
    List<String> properties = new ArrayList<>();
    List<String> hints = new ArrayList<>();
    for (Option<?> option : Options.all()) {
      Row row = Row.of(option.reference());
      properties.add(row.property(option.defaultValue()));
      if (row.limit.startsWith("one of ")) {
        hints.add(row.hint());
      }
    }
    return "{\n  \"properties\": [\n"
        + String.join(",\n", properties)
        + "\n  ],\n  \"hints\": [\n"
        + String.join(",\n", hints)
        + "\n  ]\n}\n";
  }

  /** A line of the reference. */
  private record Row(String key, String unit, String shown, String limit, String meaning) {
    static Row of(String reference) {
      String[] cells = reference.substring(2, reference.length() - 2).split(" \\| ", 5);
      return new Row(cells[0].replace("`", ""), cells[1], cells[2], cells[3], cells[4]);
    }

    String property(@Nullable Object defaultValue) {
      boolean isPlain = defaultValue instanceof Boolean || defaultValue instanceof Number;
      boolean isGiven = defaultValue != null && !shown.equals("none");
      return "    {\n      \"name\": "
          + quoted(key)
          + ",\n      \"type\": "
          + quoted(type())
          + ",\n      \"description\": "
          + quoted(description())
          + (isGiven
              ? ",\n      \"defaultValue\": "
                  + (isPlain && !unit.equals("bytes") ? shown : quoted(shown))
              : "")
          + "\n    }";
    }

    private String description() {
      String text = meaning.replace("`", "");
      return limit.equals("true or false") ? text : text + " Limit: " + limit + ".";
    }

    private String type() {
      return switch (unit) {
        case "duration" -> "java.time.Duration";
        case "ratio" -> "java.lang.Double";
        case "list" -> "java.util.List<java.lang.String>";
        // Spring's own type for sizes counts kilobytes of 1024 bytes.
        case "bytes", "path" -> "java.lang.String";
        default ->
            limit.equals("true or false")
                ? "java.lang.Boolean"
                : limit.startsWith("an integer")
                    ? "java.lang.Integer"
                    : limit.startsWith("a 64-bit integer") ? "java.lang.Long" : "java.lang.String";
      };
    }

    String hint() {
      List<String> values = new ArrayList<>();
      for (String value : limit.substring("one of ".length()).split(", ", -1)) {
        values.add("        { \"value\": " + quoted(value) + " }");
      }
      return "    {\n      \"name\": "
          + quoted(key)
          + ",\n      \"values\": [\n"
          + String.join(",\n", values)
          + "\n      ]\n    }";
    }

    private static String quoted(String text) {
      return '"' + text.replace("\\", "\\\\").replace("\"", "\\\"") + '"';
    }
  }
}
