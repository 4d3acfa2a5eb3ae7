// SPDX-License-Identifier: Apache-2.0
package dev.sonde.capture.sql;

import static org.assertj.core.api.Assertions.assertThat;

import java.lang.management.ManagementFactory;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.function.UnaryOperator;
import java.util.stream.Stream;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

final class SqlNormalizerFuzzTest {
  private static final int STATEMENTS = 20_000;
  private static final String CANARY = "cAnArY";
  private static final String[] NASTY = {
    "'",
    "\"",
    "`",
    "\\",
    "$",
    "$$",
    "$t$",
    "--",
    "/*",
    "*/",
    "#",
    "//",
    "\n",
    "\r\n",
    ";",
    "(",
    ")",
    "[",
    "]",
    "{",
    "}",
    "?",
    ",",
    " ",
    "q'[",
    "E'",
    "x",
    "1",
    "\u00e9",
    "\ud83d\ude00",
    "\u0000"
  };
  private static final String[] CODE = {
    "select",
    "from",
    "where",
    "a",
    "b.c",
    "t1",
    "=",
    "<>",
    "(",
    ")",
    ",",
    "in (",
    "values (",
    "and",
    "is",
    "not",
    "null",
    "-",
    "+",
    "*",
    "||",
    "as",
    "join",
    "update",
    "into",
    "case when",
    "then",
    "distinct",
    "::text",
    "array[",
    "]",
    ";",
    "between",
    "like",
    ".",
    ":=",
    "%",
    "end",
    "with"
  };
  private static final String[] GAPS = {
    " ", "  ", "\n", "\t", " /* it's \" ` */ ", " -- it's \" `\n"
  };

  @ParameterizedTest
  @EnumSource
  void normalize_showsNoLiteral(SqlDialect dialect) {
    SqlNormalizer normalizer = new SqlNormalizer(dialect);
    Random random = new Random(20260101);
    List<UnaryOperator<String>> literals = literals(dialect);
    String[] words = words(dialect);

    for (int i = 0; i < STATEMENTS; i++) {
      StringBuilder sql = new StringBuilder();
      StringBuilder expected = new StringBuilder();
      boolean isLiteral = false;
      for (int n = 1 + random.nextInt(25); n > 0; n--) {
        String gap = GAPS[random.nextInt(GAPS.length)];
        isLiteral = !isLiteral && random.nextInt(3) == 0;
        String code = words[random.nextInt(words.length)];
        String literal =
            literals.get(random.nextInt(literals.size())).apply(CANARY + content(random));
        sql.append(isLiteral ? literal : code).append(gap);
        expected.append(isLiteral ? "?" : code).append(gap);
      }

      String text = normalizer.normalize(sql.toString()).text();

      assertThat(text).as("of %s", sql).doesNotContain(CANARY).doesNotContain(CANARY.substring(1));
      assertThat(normalizer.normalize(text).text()).as("of %s", sql).isEqualTo(text);
      if (!dialect.isUnknown()) {
        assertThat(text)
            .as("of %s", sql)
            .isEqualTo(normalizer.normalize(expected.toString()).text());
      }
    }
  }

  @ParameterizedTest
  @EnumSource
  void normalize_isAFixedPointOfAnyText(SqlDialect dialect) {
    SqlNormalizer normalizer = new SqlNormalizer(dialect, 200);
    Random random = new Random(20260102);

    for (int i = 0; i < STATEMENTS; i++) {
      StringBuilder sql = new StringBuilder();
      for (int n = random.nextInt(120); n > 0; n--) {
        switch (random.nextInt(6)) {
          case 0 -> sql.append(CODE[random.nextInt(CODE.length)]);
          case 1 -> sql.append((char) (' ' + random.nextInt(0x60)));
          case 2 -> sql.append((char) random.nextInt(0x10000));
          case 3 -> sql.append(' ');
          case 4 -> sql.append("+-*/:.@#$?'\"[](){}|,;=".charAt(random.nextInt(22)));
          default -> sql.append(NASTY[random.nextInt(NASTY.length)]);
        }
      }

      String text = normalizer.normalize(sql.toString()).text();

      assertThat(text).hasSizeLessThanOrEqualTo(200);
      assertThat(normalizer.normalize(text).text()).as("of %s", sql).isEqualTo(text);
    }
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "(",
        "in (",
        "in (1,",
        "((1,2),",
        "values (1),",
        "'",
        "''",
        "\"",
        "`",
        "$a",
        "$a$ ",
        "$$",
        "/*",
        "/*/",
        "*/",
        "--",
        "-- \n",
        "#",
        "# ",
        "//",
        "- ",
        "+",
        "1e-",
        "0x",
        ":",
        "::",
        ".",
        "a.",
        "[",
        "array[",
        "?",
        "??",
        "@",
        "q'",
        "E'\\'",
        "with a as (",
        "select from ",
        ";",
        "\\",
        "\u0000",
        "\ud83d",
        "/*!",
        "(select in (",
        "in (in (",
        "create password ",
        "'a\\'",
        "a "
      })
  void normalize_takesLinearTimeOnHostileText(String unit) {
    String hostile = unit.repeat((1 << 20) / unit.length());

    for (SqlDialect dialect : SqlDialect.values()) {
      SqlNormalizer normalizer = new SqlNormalizer(dialect, 1 << 22);
      long start = ManagementFactory.getThreadMXBean().getCurrentThreadCpuTime();

      normalizer.normalize(hostile);

      long spent = ManagementFactory.getThreadMXBean().getCurrentThreadCpuTime() - start;
      assertThat(Duration.ofNanos(spent)).isLessThan(Duration.ofSeconds(5));
    }
  }

  private static String content(Random random) {
    StringBuilder content = new StringBuilder();
    for (int n = random.nextInt(6); n > 0; n--) {
      content.append(NASTY[random.nextInt(NASTY.length)]);
    }
    return content.append(CANARY).toString();
  }

  /** Code that opens no name in brackets. */
  private static String[] words(SqlDialect dialect) {
    boolean hasBracketedNames = dialect == SqlDialect.SQL_SERVER || dialect == SqlDialect.SQLITE;
    return Stream.of(CODE)
        .filter(code -> !hasBracketedNames || !code.contains("["))
        .toArray(String[]::new);
  }

  /** The ways to write a string in a dialect, each with its own escapes. */
  private static List<UnaryOperator<String>> literals(SqlDialect dialect) {
    List<UnaryOperator<String>> literals = new ArrayList<>();
    if (dialect == SqlDialect.MYSQL) {
      literals.add(s -> "'" + s.replace("\\", "\\\\").replace("'", "''") + "'");
      literals.add(s -> "'" + s.replace("\\", "\\\\").replace("'", "\\'") + "'");
      literals.add(s -> "\"" + s.replace("\\", "\\\\").replace("\"", "\\\"") + "\"");
      literals.add(s -> "\"" + s.replace("\\", "\\\\").replace("\"", "\"\"") + "\"");
      literals.add(s -> "N'" + s.replace("\\", "\\\\").replace("'", "\\'") + "'");
      return literals;
    }
    literals.add(s -> "'" + s.replace("'", "''") + "'");
    literals.add(s -> "N'" + s.replace("'", "''") + "'");
    switch (dialect) {
      case POSTGRESQL -> {
        literals.add(s -> "E'" + s.replace("\\", "\\\\").replace("'", "\\'") + "'");
        literals.add(s -> "e'" + s.replace("\\", "\\\\").replace("'", "''") + "'");
        literals.add(s -> "$x1$" + s.replace("$x1$", "") + "$x1$");
        literals.add(s -> "$$" + s.replace("$", "") + "$$");
        literals.add(s -> "U&'" + s.replace("'", "''") + "'");
      }
      case H2 -> literals.add(s -> "$$" + s.replace("$", "") + "$$");
      case ORACLE -> {
        literals.add(s -> "q'[" + s.replace("]", "") + "]'");
        literals.add(s -> "NQ'!" + s + "!'");
      }
      default -> literals.add(s -> "x'" + s.replace("'", "''") + "'");
    }
    return literals;
  }
}
