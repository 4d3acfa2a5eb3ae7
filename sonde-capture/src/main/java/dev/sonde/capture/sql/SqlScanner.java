// SPDX-License-Identifier: Apache-2.0
package dev.sonde.capture.sql;

import dev.sonde.capture.sql.SqlDialect.Dollar;
import org.jspecify.annotations.Nullable;

/**
 * Cuts SQL into tokens, skipping white space and comments.
 *
 * <p>Every character is looked at a bounded number of times. A literal or comment that does not end
 * takes the rest of the text, and so does one whose end depends on a vendor that is not known.
 */
final class SqlScanner {
  private static final int UNKNOWN = -2;

  private final SqlDialect dialect;
  private final String sql;
  private int position;

  private int start;
  private Token token = Token.END;
  private @Nullable Keyword keyword;
  private boolean isGapBefore;
  private boolean isString;
  private boolean isClosed;

  /**
   * The last string was written E'...': its continuation on the next line reads escapes as well.
   */
  private boolean wasEscapeString;

  /** What is left of an operator up to here are signs. */
  private int signsEnd;

  /** Place of the last quote of any kind, once it was asked for. */
  private int lastQuote = UNKNOWN;

  SqlScanner(SqlDialect dialect, String sql) {
    this.dialect = dialect;
    this.sql = sql;
  }

  /** Moves to the next token and says what it is. */
  Token next() {
    Token previous = token;
    Keyword previousKeyword = keyword;
    boolean isContinuation = wasEscapeString;
    keyword = null;
    isString = false;
    wasEscapeString = false;
    isGapBefore = false;
    if (!skipBlanks()) {
      token = rest();
      return token;
    }
    start = position;
    if (position >= sql.length()) {
      token = Token.END;
      return token;
    }
    token = scan(sql.charAt(position), previous, previousKeyword, isContinuation);
    return token;
  }

  int start() {
    return start;
  }

  int end() {
    return position;
  }

  /** The keyword that a {@link Token#WORD} spells, or null. */
  @Nullable Keyword keyword() {
    return keyword;
  }

  /** Whether white space or a comment stood before the token. */
  boolean isGapBefore() {
    return isGapBefore;
  }

  /** Whether a {@link Token#VALUE} was a quoted string. */
  boolean isString() {
    return isString;
  }

  private Token scan(
      char c, Token previous, @Nullable Keyword previousKeyword, boolean isContinuation) {
    return switch (c) {
      case '\'' -> {
        wasEscapeString = isContinuation;
        yield string(dialect.hasBackslashEscapes() || isContinuation, previousKeyword);
      }
      case '"' -> doubleQuoted(previous);
      case '(', '{' -> single(Token.OPEN);
      case ')', ']', '}' -> single(Token.CLOSE);
      case ',' -> single(Token.COMMA);
      case ';' -> single(Token.SEMICOLON);
      case '[' -> dialect.hasBracketedNames() ? quotedName(']') : single(Token.BRACKET);
      case '?' -> question();
      case ':' -> colon();
      case '.' -> !previous.isOperand() && isDigit(peek(1)) ? number() : single(Token.DOT);
      case '$' -> dollar();
      default -> {
        if (isDigit(c)) {
          yield number();
        }
        if (c == '`' && dialect.hasBackticks()) {
          yield quotedName('`');
        }
        yield dialect.isWordStart(c) ? word(previousKeyword) : operator();
      }
    };
  }

  private Token single(Token kind) {
    position++;
    return kind;
  }

  /** Ends the scan: what is left counts as one literal. */
  private Token rest() {
    start = position;
    position = sql.length();
    return Token.VALUE;
  }

  /** Returns false if it cannot be told where a comment ends. */
  private boolean skipBlanks() {
    while (position < sql.length()) {
      char c = sql.charAt(position);
      if (c <= ' ' || c == 0x7f) {
        position++;
      } else if (isLineComment(position)) {
        if (!skipLine()) {
          return false;
        }
      } else if (c == '/' && peek(1) == '*') {
        if (!skipBlock()) {
          return false;
        }
      } else {
        return true;
      }
      isGapBefore = true;
    }
    return true;
  }

  private boolean isLineComment(int at) {
    char c = sql.charAt(at);
    char next = at + 1 < sql.length() ? sql.charAt(at + 1) : 0;
    if (c == '-' && next == '-') {
      return dialect != SqlDialect.MYSQL
          || at + 2 >= sql.length()
          || sql.charAt(at + 2) <= ' '
          || sql.charAt(at + 2) == 0x7f;
    }
    if (c == '#') {
      return dialect == SqlDialect.MYSQL || (dialect.isUnknown() && isQuoteAhead(at));
    }
    return c == '/'
        && next == '/'
        && (dialect == SqlDialect.H2 || (dialect.isUnknown() && isQuoteAhead(at)));
  }

  /** Whether it matters to what follows if this place begins a comment. */
  private boolean isQuoteAhead(int at) {
    if (lastQuote == UNKNOWN) {
      lastQuote = sql.length() - 1;
      while (lastQuote >= 0 && !isQuote(sql.charAt(lastQuote))) {
        lastQuote--;
      }
    }
    return lastQuote > at;
  }

  private boolean skipLine() {
    if (dialect.isUnknown() && sql.charAt(position) != '-') {
      return false; // a comment to some, an operator to others, and a quote depends on it
    }
    while (position < sql.length()) {
      char c = sql.charAt(position++);
      if (c == '\n') {
        return true;
      }
      if (c == '\r' && peek(0) != '\n') {
        if (dialect.isUnknown()) {
          return false;
        }
        if (dialect.endsCommentAtCarriageReturn()) {
          return true;
        }
      }
    }
    return true;
  }

  private boolean skipBlock() {
    boolean isExecuted =
        dialect == SqlDialect.MYSQL && (peek(2) == '!' || (peek(2) == 'M' && peek(3) == '!'));
    int depth = 1;
    position += 2;
    while (position < sql.length()) {
      char c = sql.charAt(position++);
      if (c == '*' && peek(0) == '/') {
        position++;
        if (--depth == 0) {
          return true;
        }
      } else if (c == '/' && peek(0) == '*') {
        if (dialect.isUnknown() || isExecuted) {
          return false;
        }
        if (dialect.nestsComments()) {
          depth++;
          position++;
        }
      } else if (isExecuted && (isQuote(c) || c == '#' || (c == '-' && peek(0) == '-'))) {
        // MySQL runs or skips this text by the server's version; only without quotes are the two
        // readings sure to end at the same place.
        return false;
      }
    }
    return true;
  }

  private static boolean isQuote(char c) {
    return c == '\'' || c == '"' || c == '`' || c == '$';
  }

  /** Scans a string from the quote at the current position. */
  private Token string(boolean hasEscapes, @Nullable Keyword previousKeyword) {
    isString = true;
    isClosed = false;
    char quote = sql.charAt(position);
    if (dialect.isUnknown() && peek(1) == quote && peek(2) == quote) {
      return rest(); // a string that begins with a quote, or one in triple quotes
    }
    int first = ++position;
    while (position < sql.length()) {
      char c = sql.charAt(position++);
      if (c == quote) {
        if (peek(0) != quote) {
          isClosed = true;
          return Token.VALUE;
        }
        position++;
      } else if (c == '\\') {
        if (hasEscapes) {
          position = Math.min(position + 1, sql.length());
        } else if (dialect.isUnknown() && peek(0) == quote) {
          if (previousKeyword != Keyword.ESCAPE || position != first + 1) {
            return rest();
          }
        }
      }
    }
    return Token.VALUE;
  }

  /** Oracle's q'[it's]'. */
  private Token quoteString() {
    isString = true;
    position++;
    if (position >= sql.length()) {
      return Token.VALUE;
    }
    char open = sql.charAt(position++);
    char close =
        switch (open) {
          case '[' -> ']';
          case '(' -> ')';
          case '{' -> '}';
          case '<' -> '>';
          default -> open;
        };
    while (position < sql.length()) {
      if (sql.charAt(position++) == close && peek(0) == '\'') {
        position++;
        return Token.VALUE;
      }
    }
    return Token.VALUE;
  }

  private Token doubleQuoted(Token previous) {
    if (!dialect.hasDoubleQuotedLiterals()) {
      return quotedName('"');
    }
    string(dialect.hasBackslashEscapes(), null);
    if (dialect == SqlDialect.MYSQL
        || !isClosed
        || sql.substring(start, position).indexOf('\\') >= 0) {
      return Token.VALUE;
    }
    return previous == Token.DOT || peek(0) == '.' ? Token.QUOTED : Token.AMBIGUOUS;
  }

  /** A name to its closing quote; without one it is not known to be a name, so it is a value. */
  private Token quotedName(char close) {
    position++;
    while (position < sql.length()) {
      char c = sql.charAt(position++);
      if (c == close) {
        if (peek(0) != close || (dialect == SqlDialect.SQLITE && close == ']')) {
          return Token.QUOTED;
        }
        position++;
      } else if (close == '`' && dialect.isUnknown() && isQuote(c)) {
        return rest();
      }
    }
    return Token.VALUE;
  }

  private Token question() {
    position++;
    if (peek(0) == '?') {
      position++;
      return Token.OPERATOR; // how JDBC drivers write PostgreSQL's operator ?
    }
    skipDigits();
    return Token.VALUE;
  }

  private Token colon() {
    boolean isAfterOperand = position > 0 && isOperandEnd(sql.charAt(position - 1));
    position++;
    char next = peek(0);
    if (next == ':') {
      position++;
      return Token.CAST;
    }
    if (next == '=') {
      position++;
      return Token.OPERATOR;
    }
    boolean isName = (dialect.isWordStart(next) && next != '@' && next != '#') || isDigit(next);
    if (dialect == SqlDialect.POSTGRESQL || isAfterOperand || !isName) {
      return Token.OPERATOR;
    }
    skipWord();
    return Token.VALUE;
  }

  private boolean isOperandEnd(char c) {
    return c == ':' || c == ']' || c == ')' || c == '"' || c == '\'' || dialect.isWordPart(c);
  }

  private Token dollar() {
    char next = peek(1);
    if (isDigit(next)) {
      if (dialect == SqlDialect.SQL_SERVER || dialect.isUnknown()) {
        position++;
        return number();
      }
      position++;
      skipDigits();
      return Token.VALUE;
    }
    Dollar meaning = dialect.dollar();
    if (meaning == Dollar.TAGGED || (meaning == Dollar.PLAIN && next == '$')) {
      int tagEnd = dollarTagEnd();
      if (tagEnd > 0) {
        return dollarString(sql.substring(position, tagEnd));
      }
    }
    if (meaning == Dollar.WORD || (meaning == Dollar.MONEY && dialect.isWordStart(next))) {
      position++;
      skipWord();
      return Token.WORD;
    }
    position++;
    if (meaning == Dollar.PARAMETER) {
      skipWord();
      return Token.VALUE;
    }
    return Token.OPERATOR;
  }

  private int dollarTagEnd() {
    int i = position + 1;
    while (i < sql.length()) {
      char c = sql.charAt(i);
      if (c == '$') {
        return i + 1;
      }
      if (!dialect.isWordPart(c) || dialect.isOperator(c)) {
        return -1;
      }
      i++;
    }
    return -1;
  }

  private Token dollarString(String tag) {
    isString = true;
    int close = sql.indexOf(tag, position + tag.length());
    position = close < 0 ? sql.length() : close + tag.length();
    return Token.VALUE;
  }

  /** A number with all that clings to it, so that nothing of a malformed one remains. */
  private Token number() {
    boolean isHex = peek(0) == '0' && (peek(1) | 0x20) == 'x';
    boolean isDecimal = !isHex;
    while (position < sql.length()) {
      char c = sql.charAt(position);
      if ((c == '+' || c == '-') && isDecimal && isExponent(position)) {
        isDecimal = false;
      } else if (c != '.' && !dialect.isWordPart(c)) {
        break;
      }
      position++;
    }
    return Token.VALUE;
  }

  private boolean isExponent(int sign) {
    return (sql.charAt(sign - 1) | 0x20) == 'e' && isDigit(peek(1));
  }

  private Token word(@Nullable Keyword previousKeyword) {
    while (peek(0) == '@' || peek(0) == '#') {
      position++;
    }
    skipWord();
    char next = peek(0);
    int length = position - start;
    if (next == '\'' && length <= 2) {
      char first = (char) (sql.charAt(start) | 0x20);
      char last = (char) (sql.charAt(position - 1) | 0x20);
      if (last == 'q' && (length == 1 || first == 'n') && dialect.hasQuoteStrings()) {
        return quoteString();
      }
      if (length == 1 && first == 'e' && dialect.hasEscapeStrings()) {
        Token string = string(true, previousKeyword);
        wasEscapeString = true;
        return string;
      }
      if (length == 1 && (first == 'n' || first == 'x' || first == 'b')) {
        return string(dialect.hasBackslashEscapes(), previousKeyword);
      }
    }
    if (length == 1 && next == '&' && peek(1) == '\'' && (sql.charAt(start) | 0x20) == 'u') {
      position++;
      return string(dialect.hasBackslashEscapes(), previousKeyword);
    }
    keyword = Keyword.of(sql, start, position);
    return Token.WORD;
  }

  private Token operator() {
    if (position < signsEnd) {
      return single(Token.SIGN);
    }
    int from = position;
    boolean isSignsOnly = true;
    while (position < sql.length()) {
      char c = sql.charAt(position);
      boolean isComment = isLineComment(position) || (c == '/' && peek(1) == '*');
      if (!dialect.isOperator(c) || isComment) {
        break;
      }
      isSignsOnly &= isSign(c);
      position++;
    }
    if (position == from) {
      position++; // no character of SQL; it stands alone
      return Token.OPERATOR;
    }
    signsEnd = position;
    if (isSignsOnly) {
      position = from + 1;
      return Token.SIGN;
    }
    while (isSign(sql.charAt(position - 1))) {
      position--; // in a=-1 the sign belongs to the number
    }
    return Token.OPERATOR;
  }

  private static boolean isSign(char c) {
    return c == '+' || c == '-';
  }

  private static boolean isDigit(char c) {
    return c >= '0' && c <= '9';
  }

  private void skipDigits() {
    while (isDigit(peek(0))) {
      position++;
    }
  }

  private void skipWord() {
    while (position < sql.length() && dialect.isWordPart(sql.charAt(position))) {
      position++;
    }
  }

  private char peek(int offset) {
    int at = position + offset;
    return at < sql.length() ? sql.charAt(at) : 0;
  }
}
