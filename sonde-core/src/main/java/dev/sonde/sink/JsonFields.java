// SPDX-License-Identifier: Apache-2.0
package dev.sonde.sink;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonFactoryBuilder;
import com.fasterxml.jackson.core.JsonLocation;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.JsonToken;
import com.fasterxml.jackson.core.StreamReadConstraints;
import com.fasterxml.jackson.core.StreamReadFeature;
import java.io.IOException;
import java.math.BigDecimal;
import java.util.HashMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** The fields of one line, read with a clear word about what is wrong with one. */
final class JsonFields {
  private static final int DEPTH_MAX = 32;

  private static final JsonFactory FACTORY =
      new JsonFactoryBuilder()
          .enable(StreamReadFeature.STRICT_DUPLICATE_DETECTION)
          .streamReadConstraints(StreamReadConstraints.builder().maxNestingDepth(DEPTH_MAX).build())
          .build();

  /** String, Number, Boolean, JsonFields, or null; arrays are left out. */
  private final Map<String, @Nullable Object> values = new HashMap<>();

  private JsonFields() {}

  static JsonFields parse(byte[] line, int offset, int length) throws BadLineException {
    try (JsonParser parser = FACTORY.createParser(line, offset, length)) {
      if (parser.nextToken() != JsonToken.START_OBJECT) {
        throw new BadLineException("not a JSON object");
      }
      JsonFields fields = read(parser);
      if (parser.nextToken() != null) {
        throw new BadLineException("more than one JSON value");
      }
      return fields;
    } catch (JsonProcessingException e) {
      // Jackson's own message would quote the line, whose content is not ours to print.
      JsonLocation at = e.getLocation();
      throw new BadLineException(
          at == null ? "not valid JSON" : "not valid JSON at column " + at.getColumnNr());
    } catch (BadLineException e) {
      throw e;
    } catch (IOException e) {
      throw new BadLineException("not valid UTF-8");
    }
  }

  boolean isPresent(String name) {
    return values.get(name) != null;
  }

  String text(String name) throws BadLineException {
    String value = textOrNull(name);
    if (value == null) {
      throw new BadLineException(name + " must be a string");
    }
    return value;
  }

  @Nullable String textOrNull(String name) throws BadLineException {
    Object value = values.get(name);
    if (value != null && !(value instanceof String)) {
      throw new BadLineException(name + " must be a string");
    }
    return (String) value;
  }

  long integer(String name) throws BadLineException {
    if (values.get(name) instanceof BigDecimal number) {
      try {
        return number.longValueExact();
      } catch (ArithmeticException e) {
        throw new BadLineException(name + " must be a 64-bit integer");
      }
    }
    if (values.get(name) instanceof Long number) {
      return number;
    }
    throw new BadLineException(name + " must be an integer");
  }

  int smallInteger(String name) throws BadLineException {
    long value = integer(name);
    if (value != (int) value) {
      throw new BadLineException(name + " must be a 32-bit integer");
    }
    return (int) value;
  }

  boolean bool(String name) throws BadLineException {
    if (values.get(name) instanceof Boolean value) {
      return value;
    }
    throw new BadLineException(name + " must be true or false");
  }

  double number(String name) throws BadLineException {
    if (values.get(name) instanceof Number value) {
      return value.doubleValue();
    }
    throw new BadLineException(name + " must be a number");
  }

  /** Milliseconds as nanoseconds. */
  long millis(String name) throws BadLineException {
    Object value = values.get(name);
    try {
      if (value instanceof Long whole) {
        return Math.multiplyExact(whole, 1_000_000L);
      }
      if (value instanceof BigDecimal number) {
        return number.movePointRight(6).longValueExact();
      }
    } catch (ArithmeticException e) {
      throw new BadLineException(name + " must have six decimals at most and fit 64 bits in ns");
    }
    throw new BadLineException(name + " must be a number");
  }

  /** 16 hex digits; 0 for null. */
  long id(String name) throws BadLineException {
    String value = textOrNull(name);
    return value == null ? 0 : hex(name, value, 0, 16);
  }

  /** One half of a trace id; 0 for null. */
  long halfOfTraceId(String name, boolean isLower) throws BadLineException {
    String value = textOrNull(name);
    return value == null ? 0 : hex(name, value, isLower ? 16 : 0, 32);
  }

  @Nullable JsonFields objectOrNull(String name) throws BadLineException {
    Object value = values.get(name);
    if (value != null && !(value instanceof JsonFields)) {
      throw new BadLineException(name + " must be an object");
    }
    return (JsonFields) value;
  }

  private static long hex(String name, String value, int start, int length)
      throws BadLineException {
    if (value.length() != length) {
      throw new BadLineException(name + " must be " + length + " hex digits");
    }
    long result = 0;
    for (int i = start; i < start + 16; i++) {
      int digit = Character.digit(value.charAt(i), 16);
      if (digit < 0) {
        throw new BadLineException(name + " must be " + length + " hex digits");
      }
      result = result << 4 | digit;
    }
    return result;
  }

  private static JsonFields read(JsonParser parser) throws IOException {
    JsonFields fields = new JsonFields();
    while (parser.nextToken() == JsonToken.FIELD_NAME) {
      String name = parser.currentName();
      fields.values.put(name, value(parser, parser.nextToken()));
    }
    return fields;
  }

  private static @Nullable Object value(JsonParser parser, JsonToken token) throws IOException {
    return switch (token) {
      case VALUE_STRING -> parser.getText();
      case VALUE_NUMBER_INT -> integerValue(parser);
      case VALUE_NUMBER_FLOAT -> parser.getDecimalValue();
      case VALUE_TRUE -> true;
      case VALUE_FALSE -> false;
      case START_OBJECT -> read(parser);
      case START_ARRAY -> {
        parser.skipChildren();
        yield null;
      }
      default -> null;
    };
  }

  private static Object integerValue(JsonParser parser) throws IOException {
    return switch (parser.getNumberType()) {
      case INT, LONG -> parser.getLongValue();
      default -> parser.getDecimalValue();
    };
  }
}
