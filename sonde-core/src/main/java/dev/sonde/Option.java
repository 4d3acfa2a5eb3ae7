// SPDX-License-Identifier: Apache-2.0
package dev.sonde;

import dev.sonde.sampling.PathRule;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.function.Function;
import java.util.function.Predicate;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * One setting: its key, the text it is read from, its limit, and its line in the reference.
 *
 * @param <T> type of the value
 */
final class Option<T> {
  private static final Pattern DURATION = Pattern.compile("(\\d{1,18})\\s*(ns|us|ms|s|m|h|d)");
  private static final Pattern BYTES =
      Pattern.compile("(\\d{1,18})\\s*(B|KB|KiB|MB|MiB|GB|GiB|TB|TiB)?");

  private final String key;
  private final String unit;
  private final @Nullable String defaultText;
  private final String whenUnset;
  private final String limit;
  private final Function<String, @Nullable T> reader;
  private final Predicate<T> isAllowed;
  private final boolean isSecret;
  private final String meaning;

  private Option(
      String key,
      String unit,
      @Nullable String defaultText,
      String whenUnset,
      String limit,
      Function<String, @Nullable T> reader,
      Predicate<T> isAllowed,
      boolean isSecret,
      String meaning) {
    this.key = key;
    this.unit = unit;
    this.defaultText = defaultText;
    this.whenUnset = whenUnset;
    this.limit = limit;
    this.reader = reader;
    this.isAllowed = isAllowed;
    this.isSecret = isSecret;
    this.meaning = meaning;
  }

  static Option<Boolean> bool(String key, boolean defaultValue, String meaning) {
    return new Option<>(
        key,
        "",
        Boolean.toString(defaultValue),
        "",
        "true or false",
        Option::readBoolean,
        value -> true,
        false,
        meaning);
  }

  static Option<Integer> count(
      String key, String unit, @Nullable Integer defaultValue, int min, int max, String meaning) {
    return new Option<>(
        key,
        unit,
        defaultValue == null ? null : defaultValue.toString(),
        "no limit",
        "an integer from " + min + " to " + max,
        Integer::valueOf,
        value -> value >= min && value <= max,
        false,
        meaning);
  }

  static Option<Long> integer(String key, String whenUnset, String meaning) {
    return new Option<>(
        key, "", null, whenUnset, "a 64-bit integer", Long::valueOf, v -> true, false, meaning);
  }

  static Option<Double> ratio(String key, double defaultValue, String meaning) {
    return new Option<>(
        key,
        "ratio",
        Double.toString(defaultValue),
        "",
        "a number from 0 to 1",
        Double::valueOf,
        Option::isRatio,
        false,
        meaning);
  }

  static Option<Duration> duration(
      String key, @Nullable String defaultText, String min, String max, String meaning) {
    Duration least = readDuration(min);
    Duration most = readDuration(max);
    return new Option<>(
        key,
        "duration",
        defaultText,
        "no limit",
        "a duration from " + min + " to " + max + " (ns, us, ms, s, m, h, d)",
        Option::readDuration,
        value -> value.compareTo(least) >= 0 && value.compareTo(most) <= 0,
        false,
        meaning);
  }

  static Option<Long> bytes(
      String key, @Nullable String defaultText, String min, String max, String meaning) {
    long least = readBytes(min);
    long most = readBytes(max);
    return new Option<>(
        key,
        "bytes",
        defaultText,
        "no limit",
        "a size from " + min + " to " + max + " (B, KB = 1000 B, KiB = 1024 B, ...)",
        Option::readBytes,
        value -> value >= least && value <= most,
        false,
        meaning);
  }

  static Option<String> text(
      String key,
      @Nullable String defaultText,
      String whenUnset,
      String pattern,
      String limit,
      String meaning) {
    Predicate<String> matches = Pattern.compile(pattern).asMatchPredicate();
    return new Option<>(
        key, "", defaultText, whenUnset, limit, value -> value, matches, false, meaning);
  }

  static Option<String> secret(
      String key, String whenUnset, String pattern, String limit, String meaning) {
    Predicate<String> matches = Pattern.compile(pattern).asMatchPredicate();
    return new Option<>(key, "", null, whenUnset, limit, value -> value, matches, true, meaning);
  }

  static Option<Path> path(String key, String whenUnset, String meaning) {
    return new Option<>(
        key,
        "path",
        null,
        whenUnset,
        "a path of this system",
        Option::readPath,
        value -> !value.toString().isEmpty(),
        false,
        meaning);
  }

  /** A setting with the given names; {@code nothing} is the name of having no value. */
  static <E extends Enum<E>> Option<E> choice(
      String key, Class<E> type, String nothing, String meaning) {
    StringBuilder names = new StringBuilder(nothing);
    Map<String, E> values = new LinkedHashMap<>();
    for (E constant : type.getEnumConstants()) {
      String name = constant.name().toLowerCase(Locale.ROOT);
      names.append(", ").append(name);
      values.put(name, constant);
    }
    return new Option<>(
        key,
        "",
        null,
        nothing,
        "one of " + names,
        text -> readChoice(values, nothing, text),
        value -> true,
        false,
        meaning);
  }

  static Option<List<String>> rules(String key, String meaning) {
    return new Option<>(
        key,
        "list",
        "",
        "",
        "rules separated by commas, \\, for a comma within a rule",
        Option::readList,
        value -> value.stream().allMatch(Option::isRule),
        false,
        meaning);
  }

  /** A list of texts that each match the pattern. */
  static Option<List<String>> list(String key, String pattern, String limit, String meaning) {
    Predicate<String> matches = Pattern.compile(pattern).asMatchPredicate();
    return new Option<>(
        key,
        "list",
        "",
        "",
        limit,
        Option::readList,
        value -> value.stream().allMatch(matches),
        false,
        meaning);
  }

  static Option<Map<String, Double>> rates(String key, String meaning) {
    return new Option<>(
        key,
        "list",
        "",
        "",
        "rule=rate pairs separated by commas, each rate from 0 to 1",
        Option::readRates,
        value ->
            value.entrySet().stream()
                .allMatch(rate -> isRule(rate.getKey()) && isRatio(rate.getValue())),
        false,
        meaning);
  }

  String key() {
    return key;
  }

  boolean isSecret() {
    return isSecret;
  }

  /** Name of the environment variable that sets it. */
  String environmentName() {
    return key.toUpperCase(Locale.ROOT).replace('.', '_');
  }

  /** The default, or null if the setting has none. */
  @Nullable T defaultValue() {
    return defaultText == null ? null : reader.apply(defaultText);
  }

  /** Its line in the table of docs/configuration.md. */
  String reference() {
    String shown = defaultText == null ? whenUnset : defaultText.isEmpty() ? "none" : defaultText;
    return "| `" + key + "` | " + unit + " | " + shown + " | " + limit + " | " + meaning + " |";
  }

  /** Reads and checks a text; null if the text is the name of having no value. */
  @Nullable T read(String text, String source) {
    T value;
    try {
      value = reader.apply(text.strip());
    } catch (IllegalArgumentException | ArithmeticException e) {
      throw refusal(text, source, e);
    }
    if (value != null) {
      check(value, text, source);
    }
    return value;
  }

  /** Checks a value that was given in code. */
  T check(T value) {
    check(value, String.valueOf(value), "");
    return value;
  }

  private void check(T value, String given, String source) {
    boolean isWithinLimit;
    try {
      isWithinLimit = isAllowed.test(value);
    } catch (IllegalArgumentException e) {
      throw refusal(given, source, e);
    }
    if (!isWithinLimit) {
      throw refusal(given, source, null);
    }
  }

  private IllegalArgumentException refusal(String given, String source, @Nullable Exception cause) {
    String shown = isSecret ? "*** (" + given.length() + " characters)" : "\"" + given + "\"";
    String from = source.isEmpty() ? "" : " (from " + source + ")";
    return new IllegalArgumentException(
        key + " must be " + limit + ", was " + shown + from, isSecret ? null : cause);
  }

  private static Boolean readBoolean(String text) {
    return switch (text.toLowerCase(Locale.ROOT)) {
      case "true" -> true;
      case "false" -> false;
      default -> throw new IllegalArgumentException("not a boolean");
    };
  }

  /** True, or an exception that tells what is wrong with the rule. */
  private static boolean isRule(String rule) {
    return PathRule.parse(rule).toString().equals(rule);
  }

  private static boolean isRatio(double value) {
    return value >= 0 && value <= 1;
  }

  private static Duration readDuration(String text) {
    if (text.equals("0")) {
      return Duration.ZERO;
    }
    Matcher matcher = DURATION.matcher(text);
    if (!matcher.matches()) {
      throw new IllegalArgumentException("not a duration");
    }
    long amount = Long.parseLong(matcher.group(1));
    return switch (matcher.group(2)) {
      case "ns" -> Duration.ofNanos(amount);
      case "us" -> Duration.ofNanos(Math.multiplyExact(amount, 1_000L));
      case "ms" -> Duration.ofMillis(amount);
      case "s" -> Duration.ofSeconds(amount);
      case "m" -> Duration.ofMinutes(amount);
      case "h" -> Duration.ofHours(amount);
      default -> Duration.ofDays(amount);
    };
  }

  private static Long readBytes(String text) {
    Matcher matcher = BYTES.matcher(text);
    if (!matcher.matches()) {
      throw new IllegalArgumentException("not a size");
    }
    String unit = matcher.group(2) == null ? "B" : matcher.group(2);
    long base = unit.length() == 3 ? 1024 : 1000;
    long amount = Long.parseLong(matcher.group(1));
    for (int power = "BKMGT".indexOf(unit.charAt(0)); power > 0; power--) {
      amount = Math.multiplyExact(amount, base);
    }
    return amount;
  }

  private static Path readPath(String text) {
    try {
      return Path.of(text);
    } catch (InvalidPathException e) {
      throw new IllegalArgumentException("not a path", e);
    }
  }

  private static <E> @Nullable E readChoice(Map<String, E> values, String nothing, String text) {
    String name = text.toLowerCase(Locale.ROOT);
    E value = values.get(name);
    if (value == null && !name.equals(nothing)) {
      throw new IllegalArgumentException("not one of the names");
    }
    return value;
  }

  private static List<String> readList(String text) {
    if (text.isBlank()) {
      return List.of();
    }
    List<String> parts = new ArrayList<>();
    StringBuilder part = new StringBuilder();
    for (int i = 0; i < text.length(); i++) {
      char c = text.charAt(i);
      if (c == '\\' && i + 1 < text.length() && text.charAt(i + 1) == ',') {
        part.append(',');
        i++;
      } else if (c == ',') {
        parts.add(part.toString().strip());
        part.setLength(0);
      } else {
        part.append(c);
      }
    }
    parts.add(part.toString().strip());
    return List.copyOf(parts);
  }

  private static Map<String, Double> readRates(String text) {
    Map<String, Double> rates = new LinkedHashMap<>();
    for (String pair : readList(text)) {
      // A rule may hold an equals sign of its own; a rate never does.
      int equals = pair.lastIndexOf('=');
      if (equals < 0) {
        throw new IllegalArgumentException("no rate in " + pair);
      }
      String rule = pair.substring(0, equals).strip();
      Double rate = Double.valueOf(pair.substring(equals + 1).strip());
      if (rates.putIfAbsent(rule, rate) != null) {
        throw new IllegalArgumentException("two rates for " + rule);
      }
    }
    return rates;
  }
}
