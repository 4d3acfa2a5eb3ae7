// SPDX-License-Identifier: Apache-2.0
package dev.sonde.sampling;

import com.google.re2j.Pattern;
import com.google.re2j.PatternSyntaxException;
import org.jspecify.annotations.Nullable;

/**
 * A rule that paths match or not, in linear time.
 *
 * <p>{@code exact:/path} matches that path alone; {@code /health} matches by whole segments, so
 * {@code /health} and {@code /health/live} but not {@code /healthcare}; {@code /heal*} matches
 * every path that begins so; {@code re:} is a regular expression that is searched for.
 */
public final class PathRule {
  private static final String EXACT = "exact:";
  private static final String REGEX = "re:";

  /** Longer paths are cut before a regular expression sees them. */
  private static final int MAX_REGEX_INPUT = 512;

  private final String rule;
  private final Form form;
  private final String text;
  private final @Nullable Pattern pattern;

  private PathRule(String rule, Form form, String text, @Nullable Pattern pattern) {
    this.rule = rule;
    this.form = form;
    this.text = text;
    this.pattern = pattern;
  }

  /**
   * Compiles a rule.
   *
   * @throws IllegalArgumentException naming the rule, if it has none of the forms
   */
  public static PathRule parse(String rule) {
    if (rule.startsWith(REGEX)) {
      String regex = rule.substring(REGEX.length());
      require(!regex.isEmpty(), rule, "has no expression after re:");
      return new PathRule(rule, Form.REGEX, regex, compile(rule, regex));
    }
    boolean isExact = rule.startsWith(EXACT);
    String path = isExact ? rule.substring(EXACT.length()) : rule;
    require(path.startsWith("/"), rule, "must be exact:/path, /prefix, /pre* or re:expression");
    if (isExact) {
      return new PathRule(rule, Form.EXACT, path, null);
    }
    int star = path.indexOf('*');
    require(star < 0 || star == path.length() - 1, rule, "may have * only at its end");
    if (star >= 0) {
      return new PathRule(rule, Form.RAW_PREFIX, path.substring(0, star), null);
    }
    String prefix = path.endsWith("/") ? path.substring(0, path.length() - 1) : path;
    return new PathRule(rule, Form.SEGMENT_PREFIX, prefix, null);
  }

  /** Whether a path matches; what follows a {@code ?} is not looked at. */
  public boolean matches(String pathAndQuery) {
    int query = pathAndQuery.indexOf('?');
    String path = query < 0 ? pathAndQuery : pathAndQuery.substring(0, query);
    return switch (form) {
      case EXACT -> path.equals(text);
      case RAW_PREFIX -> path.startsWith(text);
      case SEGMENT_PREFIX ->
          path.startsWith(text)
              && (path.length() == text.length() || path.charAt(text.length()) == '/');
      case REGEX -> find(path);
    };
  }

  /** The rule as written. */
  @Override
  public String toString() {
    return rule;
  }

  private boolean find(String path) {
    String input = path.length() > MAX_REGEX_INPUT ? path.substring(0, MAX_REGEX_INPUT) : path;
    return pattern != null && pattern.matcher(input).find();
  }

  private static Pattern compile(String rule, String regex) {
    try {
      return Pattern.compile(regex);
    } catch (PatternSyntaxException e) {
      throw new IllegalArgumentException(
          "rule \"" + rule + "\" is not a regular expression: " + e.getMessage(), e);
    }
  }

  private static void require(boolean holds, String rule, String message) {
    if (!holds) {
      throw new IllegalArgumentException("rule \"" + rule + "\" " + message);
    }
  }

  private enum Form {
    EXACT,
    SEGMENT_PREFIX,
    RAW_PREFIX,
    REGEX
  }
}
