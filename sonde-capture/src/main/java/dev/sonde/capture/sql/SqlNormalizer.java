// SPDX-License-Identifier: Apache-2.0
package dev.sonde.capture.sql;

import org.jspecify.annotations.Nullable;

/**
 * Takes the literals out of SQL, so that equal statements look equal and no value is shown.
 *
 * <ul>
 *   <li>Strings, numbers, TRUE, FALSE, placeholders and the sign before one become {@code ?}; NULL
 *       stays, and so does the predicate {@code IS TRUE}.
 *   <li>{@code IN (1, 2)} becomes {@code IN (?)}, {@code VALUES (1), (2)} becomes {@code VALUES
 *       (?)}.
 *   <li>Names are kept as written. Text in double quotes is a name where the database says so, a
 *       literal in MySQL, and in SQL Server, SQLite and unknown databases a name only where nothing
 *       but a name can stand.
 *   <li>Comments, repeated white space and a final semicolon go.
 *   <li>What follows PASSWORD, IDENTIFIED and their like in administrative statements goes as a
 *       whole, quoted or not.
 * </ul>
 *
 * <p>Text beyond {@value #MAX_LENGTH} characters is cut off before anything else, and the result,
 * no longer than that either, ends with an ellipsis. The time is linear, the result a fixed point:
 * normalising it again changes nothing. Immutable, for any thread.
 */
public final class SqlNormalizer {
  /** Characters that are looked at, and the most that are returned. */
  public static final int MAX_LENGTH = 8192;

  private static final long FNV_OFFSET = 0xcbf29ce484222325L;
  private static final long FNV_PRIME = 0x100000001b3L;

  private final SqlDialect dialect;
  private final int maxLength;

  /** Reads text as the given vendor does. */
  public SqlNormalizer(SqlDialect dialect) {
    this(dialect, MAX_LENGTH);
  }

  SqlNormalizer(SqlDialect dialect, int maxLength) {
    this.dialect = dialect;
    this.maxLength = maxLength;
  }

  /** Returns the statement without its literals; never throws, whatever the text. */
  public NormalizedSql normalize(String sql) {
    boolean isCut = sql.length() > maxLength;
    String text = isCut ? cut(sql) : sql;
    StatementShape shape = new StatementShape();
    SqlWriter writer = new SqlWriter(text.length(), maxLength);
    rewrite(text, isCut, shape, writer);
    shape.accept(Token.END, null, text, 0, 0);
    String normalized = writer.finish();
    return new NormalizedSql(normalized, hash(normalized), shape.operation(), shape.target());
  }

  /** Hash of a normalised text, the same in every process; never 0. */
  public static long hash(String text) {
    long hash = FNV_OFFSET;
    for (int i = 0; i < text.length(); i++) {
      hash ^= text.charAt(i);
      hash *= FNV_PRIME;
    }
    hash ^= hash >>> 32; // the low bits of FNV mix worst, and tables use them
    hash *= 0x9e3779b97f4a7c15L;
    hash ^= hash >>> 29;
    return hash == 0 ? 1 : hash;
  }

  private String cut(String sql) {
    boolean isPairSplit = Character.isHighSurrogate(sql.charAt(maxLength - 1));
    return sql.substring(0, isPairSplit ? maxLength - 1 : maxLength);
  }

  private void rewrite(String sql, boolean isCut, StatementShape shape, SqlWriter writer) {
    SqlScanner scanner = new SqlScanner(dialect, sql);
    Keyword previous = null;
    Keyword beforePrevious = null;
    for (Token next = scanner.next(); next != Token.END; next = scanner.next()) {
      int start = scanner.start();
      int end = scanner.end();
      Keyword keyword = writer.last() == Token.DOT ? null : scanner.keyword();
      boolean isPredicate =
          previous == Keyword.IS || (previous == Keyword.NOT && beforePrevious == Keyword.IS);
      Token token = resolve(next, keyword, isPredicate, shape, sql, start);
      boolean isWritten =
          token == Token.VALUE
              ? writer.value(scanner.isString())
              : writer.write(token, keyword, sql, start, end, scanner.isGapBefore());
      if (!isWritten) {
        writer.cut();
        return;
      }
      shape.accept(token, keyword, sql, start, end);
      if (token == Token.WORD && shape.isSecretNext(keyword, sql, start, end)) {
        if (scanner.next() != Token.END || isCut) {
          writer.redactRest();
        }
        return;
      }
      beforePrevious = previous;
      previous = keyword;
    }
    if (isCut) {
      writer.cut();
    }
  }

  /** Settles what the scanner alone cannot tell. */
  private Token resolve(
      Token token,
      @Nullable Keyword keyword,
      boolean isPredicate,
      StatementShape shape,
      String sql,
      int start) {
    if (token == Token.AMBIGUOUS) {
      return shape.isNameExpected() ? Token.QUOTED : Token.VALUE;
    }
    if (token != Token.WORD) {
      return token;
    }
    if (keyword == Keyword.TRUE || keyword == Keyword.FALSE) {
      return isPredicate ? Token.WORD : Token.VALUE;
    }
    boolean isArgument =
        dialect == SqlDialect.SQL_SERVER
            && shape.isArgument(keyword)
            && sql.charAt(start) != '@'
            && !sql.startsWith(SqlWriter.CUT, start);
    return isArgument ? Token.VALUE : Token.WORD;
  }
}
