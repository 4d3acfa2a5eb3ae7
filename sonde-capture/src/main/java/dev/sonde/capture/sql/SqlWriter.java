// SPDX-License-Identifier: Apache-2.0
package dev.sonde.capture.sql;

import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/**
 * Writes tokens with uniform spacing, and a list of like elements as its first one.
 *
 * <p>The spacing is a function of the tokens alone, so that what was written once is written the
 * same again. Lists are those of IN, of ARRAY[] and the rows of VALUES.
 */
final class SqlWriter {
  /** Stands for what did not fit. */
  static final String CUT = "…";

  private static final int NONE = -1;

  private final StringBuilder out;
  private final int limit;

  private Token last = Token.SEMICOLON;
  private @Nullable Keyword lastKeyword;
  private boolean wasString;
  private boolean isSemicolonDue;

  /** Where the signs without a left operand begin, while they are the last thing written. */
  private int signsStart = NONE;

  private Token beforeSigns = Token.SEMICOLON;

  private Frame[] frames = {new Frame(), new Frame(), new Frame(), new Frame()};
  private int depth;

  SqlWriter(int expectedLength, int limit) {
    out = new StringBuilder(expectedLength + 16);
    this.limit = limit;
  }

  Token last() {
    return last;
  }

  /** Writes a literal or placeholder as a question mark; returns false if the text is full. */
  boolean value(boolean isString) {
    if (isString && wasString) {
      return true; // two strings in a row are one string
    }
    if (signsStart != NONE) {
      out.setLength(signsStart); // the sign is a part of the number
      last = beforeSigns;
      lastKeyword = null;
      signsStart = NONE;
    }
    boolean isWritten = write(Token.VALUE, null, "?", 0, 1, true);
    wasString = isString;
    return isWritten;
  }

  /** Writes a token that is shown as it is; returns false if the text is full. */
  boolean write(
      Token token, @Nullable Keyword keyword, String sql, int start, int end, boolean isGapBefore) {
    if (token == Token.SEMICOLON) {
      isSemicolonDue = out.length() > 0; // the one at the end is never written
      remember(token, null, NONE);
      return true;
    }
    boolean isSpaced = isSpaceBefore(token, isGapBefore) || endsAs(token, sql, start);
    if (out.length() + end - start + 2 > limit - 1 - CUT.length()) {
      return false;
    }
    int signs = token == Token.SIGN ? signsFrom() : NONE;
    append(token, keyword, sql, start, end, isSpaced);
    remember(token, keyword, signs);
    return true;
  }

  /** Ends a text that goes on; a list that is open there is shown as if it had ended. */
  void cut() {
    for (int i = 0; i <= depth; i++) {
      int keptEnd = frames[i].keptEnd();
      if (keptEnd != NONE) {
        out.setLength(keptEnd);
        remember(Token.CLOSE, null, NONE);
        break;
      }
    }
    mark(Token.WORD, CUT);
  }

  /** Ends a text of which nothing more may be shown. */
  void redactRest() {
    mark(Token.VALUE, "?");
  }

  String finish() {
    return out.toString();
  }

  private void mark(Token token, String text) {
    if (isSpaceBefore(token, true)) {
      out.append(' ');
    }
    out.append(text);
  }

  private int signsFrom() {
    if (signsStart != NONE) {
      return signsStart;
    }
    boolean isBinary =
        last.isOperand() && (lastKeyword == null || !lastKeyword.isBeforeExpression());
    if (isBinary) {
      return NONE;
    }
    beforeSigns = last;
    return out.length() + (isSemicolonDue ? 1 : 0);
  }

  private boolean isSpaceBefore(Token token, boolean isGapBefore) {
    if (out.length() == 0) {
      return false;
    }
    if (last == Token.OPEN
        || last == Token.BRACKET
        || last == Token.DOT
        || last == Token.CAST
        || (signsStart != NONE && isOperandStart(token))) {
      return false;
    }
    return switch (token) {
      case CLOSE, COMMA -> false;
      case DOT, CAST -> !last.isOperand();
      case OPEN, BRACKET ->
          isGapBefore
              || !last.isOperand()
              || (lastKeyword != null && lastKeyword.isBeforeExpression());
      default -> true;
    };
  }

  /** Whether a bracket would be read as a part of the name in brackets before it. */
  private boolean endsAs(Token token, String sql, int start) {
    return token == Token.CLOSE
        && last == Token.QUOTED
        && sql.charAt(start) == ']'
        && out.charAt(out.length() - 1) == ']';
  }

  private static boolean isOperandStart(Token token) {
    return token == Token.WORD || token == Token.QUOTED || token == Token.OPEN;
  }

  private void append(
      Token token, @Nullable Keyword keyword, String sql, int start, int end, boolean isSpaced) {
    if (isSemicolonDue) {
      out.append(';');
      isSemicolonDue = false;
    }
    Frame frame = frames[depth];
    if (token == Token.COMMA) {
      frame.comma(out);
    } else if (token == Token.CLOSE) {
      close(sql, start, end, isSpaced);
      return;
    }
    if (isSpaced) {
      out.append(' ');
    }
    int from = out.length();
    out.append(sql, start, end);
    if (token == Token.OPEN || token == Token.BRACKET) {
      open(token, from);
    } else if (token != Token.COMMA) {
      frame.token(token, keyword, from);
    }
  }

  private void open(Token token, int from) {
    Frame frame = frames[depth];
    boolean isRow = token == Token.OPEN && frame.isRowNext(lastKeyword);
    boolean isList = token == Token.OPEN ? lastKeyword == Keyword.IN : lastKeyword == Keyword.ARRAY;
    frame.nest(isRow, from);
    depth++;
    if (depth == frames.length) {
      frames = Arrays.copyOf(frames, 2 * depth);
      for (int i = depth; i < frames.length; i++) {
        frames[i] = new Frame();
      }
    }
    frames[depth].reset(isRow, isList, from);
  }

  private void close(String sql, int start, int end, boolean isSpaced) {
    Frame frame = frames[depth];
    frame.endElement(out);
    if (isSpaced) {
      out.append(' ');
    }
    out.append(sql, start, end);
    if (depth > 0) {
      depth--;
      frames[depth].unnest(frame, out);
    }
  }

  private void remember(Token token, @Nullable Keyword keyword, int signs) {
    lastKeyword = last == Token.DOT ? null : keyword;
    last = token;
    signsStart = signs;
    wasString = false;
  }

  private static boolean isSame(StringBuilder text, int a, int aEnd, int b, int bEnd) {
    if (aEnd - a != bEnd - b) {
      return false;
    }
    for (int i = a, j = b; i < aEnd; i++, j++) {
      if (text.charAt(i) != text.charAt(j)) {
        return false;
      }
    }
    return true;
  }

  /** What is known of one level of parentheses: the element before the one being written. */
  private static final class Frame {
    private boolean isRow;
    private boolean isList;
    private int rowStart;

    /** Nothing but values, in the whole of the parentheses and in the element being written. */
    private boolean isPlain;

    private boolean isElementPlain;
    private int elementStart;

    private int keptStart;
    private int keptEnd;
    private boolean isKeptPlain;

    /** A row ended just now, or a comma behind one. */
    private boolean isAfterRow;

    private boolean isAfterRowComma;

    Frame() {
      reset(false, false, 0);
    }

    void reset(boolean isRow, boolean isList, int rowStart) {
      this.isRow = isRow;
      this.isList = isList;
      this.rowStart = rowStart;
      isPlain = true;
      isElementPlain = true;
      elementStart = NONE;
      forgetKept();
    }

    int keptEnd() {
      return keptStart == NONE ? NONE : keptEnd;
    }

    boolean isRowNext(@Nullable Keyword before) {
      return before == Keyword.VALUES || isAfterRowComma;
    }

    void token(Token token, @Nullable Keyword keyword, int from) {
      if (isList && elementStart == NONE && keptStart == NONE) {
        isList = !isQueryStart(keyword);
      }
      begin(from);
      if (token != Token.VALUE && keyword != Keyword.NULL && keyword != Keyword.DEFAULT) {
        isPlain = false;
        isElementPlain = false;
      }
      if (!isList) {
        forgetKept();
      }
    }

    void comma(StringBuilder out) {
      endElement(out);
      isAfterRowComma = isAfterRow;
      isAfterRow = false;
      if (!isList && !isAfterRowComma) {
        forgetKept();
      }
    }

    void nest(boolean isRowNext, int from) {
      begin(from);
      boolean isFirstRow = isRowNext && !isAfterRowComma;
      isAfterRow = false;
      isAfterRowComma = false;
      if (!isList && (isFirstRow || !isRowNext)) {
        forgetKept();
      }
    }

    void unnest(Frame inner, StringBuilder out) {
      isPlain &= inner.isPlain;
      isElementPlain &= inner.isPlain;
      if (inner.isRow && !isList) {
        keep(out, inner.rowStart, inner.isPlain);
        isAfterRow = true;
      }
    }

    void endElement(StringBuilder out) {
      if (isList && elementStart != NONE) {
        keep(out, elementStart, isElementPlain);
      }
      elementStart = NONE;
      isElementPlain = true;
    }

    /** Keeps the element that ends here, unless the one before says as much. */
    private void keep(StringBuilder out, int start, boolean isNewPlain) {
      int end = out.length();
      boolean isLikeKept =
          keptStart != NONE
              && ((isKeptPlain && isNewPlain) || isSame(out, keptStart, keptEnd, start, end));
      if (isLikeKept) {
        out.setLength(keptEnd);
      } else {
        keptStart = start;
        keptEnd = end;
        isKeptPlain = isNewPlain;
      }
    }

    private void begin(int from) {
      if (elementStart == NONE) {
        elementStart = from;
      }
    }

    private void forgetKept() {
      keptStart = NONE;
      keptEnd = NONE;
      isAfterRow = false;
      isAfterRowComma = false;
    }

    private static boolean isQueryStart(@Nullable Keyword keyword) {
      return keyword == Keyword.SELECT
          || keyword == Keyword.WITH
          || keyword == Keyword.VALUES
          || keyword == Keyword.TABLE;
    }
  }
}
