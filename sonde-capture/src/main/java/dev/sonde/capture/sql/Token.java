// SPDX-License-Identifier: Apache-2.0
package dev.sonde.capture.sql;

/** What a piece of SQL is, as far as spacing and redaction must know. */
enum Token {
  /** A keyword or a name without quotes. */
  WORD,
  /** A name in quotes, backticks or brackets. */
  QUOTED,
  /** A double-quoted text that is a name to some vendors and a literal to others. */
  AMBIGUOUS,
  /** A literal or a placeholder. */
  VALUE,
  /** A plus or a minus. */
  SIGN,
  /** Any other operator. */
  OPERATOR,
  /** An opening parenthesis or brace. */
  OPEN,
  /** An opening square bracket that quotes nothing. */
  BRACKET,
  /** A closing parenthesis, bracket or brace. */
  CLOSE,
  /** A comma. */
  COMMA,
  /** A dot between names. */
  DOT,
  /** PostgreSQL's double colon. */
  CAST,
  /** The end of a statement. */
  SEMICOLON,
  /** The end of the text. */
  END;

  /** Whether it may end an operand, so that a sign behind it has two sides. */
  boolean isOperand() {
    return this == WORD || this == QUOTED || this == AMBIGUOUS || this == VALUE || this == CLOSE;
  }
}
