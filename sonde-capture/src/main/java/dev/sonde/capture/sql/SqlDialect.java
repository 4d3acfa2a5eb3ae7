// SPDX-License-Identifier: Apache-2.0
package dev.sonde.capture.sql;

/**
 * What a database takes for a literal, an identifier and a comment.
 *
 * <p>Only what moves the end of a literal is kept apart. Where databases disagree and the vendor is
 * not known, {@link #OTHER} and {@link #STANDARD} give up the rest of the text rather than risk to
 * show what may be a literal.
 */
public enum SqlDialect {
  /** PostgreSQL and those that speak its language. */
  POSTGRESQL(Quotes.IDENTIFIER, Dollar.TAGGED),
  /** H2. */
  H2(Quotes.IDENTIFIER, Dollar.PLAIN),
  /** MySQL and MariaDB in their default SQL mode. */
  MYSQL(Quotes.LITERAL, Dollar.WORD),
  /** Oracle Database. */
  ORACLE(Quotes.IDENTIFIER, Dollar.WORD),
  /** Microsoft SQL Server and Sybase. */
  SQL_SERVER(Quotes.LITERAL, Dollar.MONEY),
  /** SQLite, which reads a quoted name that names nothing as a string. */
  SQLITE(Quotes.LITERAL, Dollar.PARAMETER),
  /** A vendor known to keep double quotes for identifiers, and otherwise unknown. */
  STANDARD(Quotes.IDENTIFIER, Dollar.TAGGED),
  /** An unknown vendor. */
  OTHER(Quotes.LITERAL, Dollar.TAGGED);

  private final Quotes quotes;
  private final Dollar dollar;

  SqlDialect(Quotes quotes, Dollar dollar) {
    this.quotes = quotes;
    this.dollar = dollar;
  }

  /**
   * The dialect of a database.
   *
   * @param systemName OpenTelemetry's {@code db.system.name}
   */
  public static SqlDialect of(String systemName) {
    return switch (systemName) {
      case "postgresql", "cockroachdb", "aws.redshift" -> POSTGRESQL;
      case "h2database" -> H2;
      case "mysql", "mariadb" -> MYSQL;
      case "oracle.db" -> ORACLE;
      case "microsoft.sql_server" -> SQL_SERVER;
      case "sqlite" -> SQLITE;
      case "ibm.db2", "derby", "hsqldb", "sap.hana" -> STANDARD;
      default -> OTHER;
    };
  }

  boolean isUnknown() {
    return this == OTHER || this == STANDARD;
  }

  boolean hasDoubleQuotedLiterals() {
    return quotes == Quotes.LITERAL;
  }

  Dollar dollar() {
    return dollar;
  }

  boolean hasBackslashEscapes() {
    return this == MYSQL;
  }

  /** {@code E'...'}, in which a backslash escapes whatever the setting of the server. */
  boolean hasEscapeStrings() {
    return this == POSTGRESQL || isUnknown();
  }

  /** {@code q'[...]'}. */
  boolean hasQuoteStrings() {
    return this == ORACLE || isUnknown();
  }

  boolean hasBackticks() {
    return this == MYSQL || this == SQLITE || this == H2 || isUnknown();
  }

  boolean hasBracketedNames() {
    return this == SQL_SERVER || this == SQLITE;
  }

  boolean nestsComments() {
    return this == POSTGRESQL || this == H2 || this == SQL_SERVER;
  }

  /** MySQL and SQLite end {@code --} at a line feed only. */
  boolean endsCommentAtCarriageReturn() {
    return this != MYSQL && this != SQLITE && this != ORACLE;
  }

  boolean isOperator(char c) {
    return switch (c) {
      case '+', '-', '*', '/', '<', '>', '=', '~', '!', '%', '^', '&', '|', '\\' -> true;
      case '@' -> this == POSTGRESQL;
      case '#' -> !hasHashNames() && this != MYSQL;
      case '`' -> !hasBackticks();
      default -> false;
    };
  }

  boolean isWordStart(char c) {
    return (c >= 'a' && c <= 'z')
        || (c >= 'A' && c <= 'Z')
        || c == '_'
        || c >= 0x80
        || (c == '@' && this != POSTGRESQL)
        || (c == '#' && hasHashNames());
  }

  boolean isWordPart(char c) {
    return (c != '@' && isWordStart(c))
        || (c == '@' && this == SQL_SERVER)
        || (c >= '0' && c <= '9')
        || c == '$';
  }

  private boolean hasHashNames() {
    return this == ORACLE || this == SQL_SERVER;
  }

  /** What stands between double quotes. */
  private enum Quotes {
    IDENTIFIER,
    LITERAL
  }

  /** What a dollar sign opens when no digit follows. */
  enum Dollar {
    TAGGED,
    PLAIN,
    WORD,
    MONEY,
    PARAMETER
  }
}
