// SPDX-License-Identifier: Apache-2.0
package dev.sonde.capture.sql;

import java.util.ArrayList;
import java.util.BitSet;
import java.util.List;
import java.util.Locale;
import org.jspecify.annotations.Nullable;

/** Follows the tokens of a text to what its first statement does, and to what. */
final class StatementShape {
  private static final int MAX_OPERATION_LENGTH = 24;
  private static final int MAX_CTE_NAMES = 16;
  private static final String[] SECRETS = {
    "PASSWORD", "PASSWD", "PWD", "SECRET", "TOKEN", "CREDENTIAL", "APIKEY", "API_KEY", "ACCESS_KEY"
  };

  private @Nullable String operation;
  private @Nullable String target;

  /** First word of the statement being read; null between statements and for any other word. */
  private @Nullable Keyword verb;

  private boolean isBegun;
  private boolean isFirstStatement = true;

  /** The statement is about a table or code, whose columns and variables have any name. */
  private boolean isAboutRelation;

  private int depth;
  private final BitSet queries = new BitSet();
  private Token previous = Token.SEMICOLON;
  private @Nullable Keyword previousKeyword;

  private boolean isNameExpected;
  private boolean isFunctionPossible;
  private boolean isOnExpected;
  private @Nullable String name;
  private boolean isAfterDot;

  private boolean isInWith;
  private boolean isCteNameExpected;
  private final List<String> cteNames = new ArrayList<>(0);
  private @Nullable String cteTarget;

  /** Operation of the first statement, in upper case. */
  String operation() {
    return operation == null ? "OTHER" : operation;
  }

  /** Main table or procedure of the first statement, or null. */
  @Nullable String target() {
    return target;
  }

  /** Whether only a name can stand here. */
  boolean isNameExpected() {
    return isNameExpected;
  }

  /** Whether a bare word here is an argument, as in SQL Server's {@code EXEC p secret}. */
  boolean isArgument(@Nullable Keyword keyword) {
    boolean isExec = verb == Keyword.EXEC || verb == Keyword.EXECUTE;
    boolean isNamed = name != null ? !isAfterDot : target != null && !isNameExpected;
    return isExec && isNamed && keyword == null;
  }

  /** Whether a secret follows the word just accepted, in quotes or not. */
  boolean isSecretNext(@Nullable Keyword keyword, String sql, int start, int end) {
    if (keyword == Keyword.IDENTIFIED) {
      return !isQuery(verb);
    }
    return isAdministrative(verb) && !isAboutRelation && isSecretWord(sql, start, end);
  }

  /** Takes the next token as it was written. */
  void accept(Token token, @Nullable Keyword keyword, String sql, int start, int end) {
    if (name == null || !extendsName(token, sql, start, end)) {
      endName(token);
      switch (token) {
        case WORD -> word(keyword, sql, start, end);
        case QUOTED -> quoted(sql.substring(start + 1, Math.max(start + 1, end - 1)));
        case OPEN, BRACKET -> {
          depth++;
          queries.clear(depth);
          isNameExpected = false;
        }
        case CLOSE -> {
          depth = Math.max(0, depth - 1);
          isNameExpected = false;
        }
        case COMMA -> {
          isCteNameExpected = isInWith && depth == 0 && previous == Token.CLOSE;
          isNameExpected = false;
        }
        case SEMICOLON -> endStatement();
        case OPERATOR -> isNameExpected &= verb == Keyword.EXEC || verb == Keyword.EXECUTE;
        default -> isNameExpected = false;
      }
    }
    previous = token;
    previousKeyword = keyword;
  }

  private boolean extendsName(Token token, String sql, int start, int end) {
    if (token == Token.DOT) {
      isAfterDot = true;
      return true;
    }
    if (isAfterDot && (token == Token.WORD || token == Token.QUOTED)) {
      int quote = token == Token.QUOTED ? 1 : 0;
      name = name + "." + sql.substring(start + quote, Math.max(start + quote, end - quote));
      isAfterDot = false;
      return true;
    }
    return false;
  }

  private void endName(Token next) {
    String candidate = name;
    name = null;
    isAfterDot = false;
    if (candidate == null || (isFunctionPossible && next == Token.OPEN) || !isFirstStatement) {
      return;
    }
    if (isInWith) {
      cteTarget = cteTarget == null ? candidate : cteTarget;
    } else if (target == null) {
      target = isCteName(candidate) ? cteTarget : candidate;
    }
  }

  private boolean isCteName(String candidate) {
    for (String cteName : cteNames) {
      if (cteName.equalsIgnoreCase(candidate)) {
        return true;
      }
    }
    return false;
  }

  private void endStatement() {
    isNameExpected = false;
    if (depth == 0) {
      isFirstStatement &= !isBegun;
      isBegun = false;
      verb = null;
      isAboutRelation = false;
      isOnExpected = false;
    }
  }

  private void quoted(String word) {
    if (isCteNameExpected) {
      cteName(word);
    } else if (isNameExpected) {
      name(word);
    }
  }

  private void word(@Nullable Keyword keyword, String sql, int start, int end) {
    if (isCteNameExpected) {
      if (keyword != Keyword.RECURSIVE) {
        cteName(sql.substring(start, end));
      }
    } else if (!isBegun) {
      isBegun = true;
      verb = keyword;
      isInWith = keyword == Keyword.WITH && isFirstStatement;
      isCteNameExpected = isInWith;
      if (!isInWith) {
        begin(keyword, sql, start, end);
      }
    } else if (isInWith && depth == 0 && isQuery(keyword)) {
      isInWith = false;
      verb = keyword;
      begin(keyword, sql, start, end);
    } else if (isNameExpected && isName(keyword)) {
      if (keyword == null && sql.charAt(start) != '@') {
        name(sql.substring(start, end));
      }
    } else {
      isNameExpected = false;
      clause(keyword);
    }
    if (keyword == Keyword.SELECT) {
      queries.set(depth);
    }
  }

  private static boolean isName(@Nullable Keyword keyword) {
    return keyword == null || keyword.isBeforeName();
  }

  private void begin(@Nullable Keyword keyword, String sql, int start, int end) {
    if (isFirstStatement) {
      operation = operationOf(sql, start, end);
    }
    if (keyword == null) {
      return;
    }
    isFunctionPossible = false;
    isNameExpected =
        switch (keyword) {
          case INSERT, UPDATE, DELETE, MERGE, REPLACE, UPSERT -> true;
          case CALL, EXEC, EXECUTE, TRUNCATE, LOCK, COPY -> true;
          default -> false;
        };
  }

  private void clause(@Nullable Keyword keyword) {
    if (keyword == null) {
      return;
    }
    switch (keyword) {
      case FROM -> expectName(isQueryLevel() && previousKeyword != Keyword.DISTINCT, true);
      case JOIN -> expectName(true, true);
      case INTO ->
          expectName(previousKeyword == Keyword.INSERT || previousKeyword == Keyword.MERGE, false);
      case TABLE, VIEW -> {
        isAboutRelation = true;
        expectName(isAdministrative(verb) || verb == Keyword.DROP, false);
      }
      case INDEX, TRIGGER -> {
        isAboutRelation = true;
        isOnExpected = isAdministrative(verb) || verb == Keyword.DROP;
      }
      case FUNCTION, PROCEDURE, TYPE -> isAboutRelation = true;
      case ON -> {
        expectName(isOnExpected, false);
        isOnExpected = false;
      }
      default -> {}
    }
  }

  private boolean isQueryLevel() {
    boolean isClause = depth == 0 || queries.get(depth) || previousKeyword == Keyword.DELETE;
    return isClause && verb != Keyword.GRANT && verb != Keyword.REVOKE;
  }

  private void expectName(boolean isExpected, boolean isFunctionPossible) {
    isNameExpected = isExpected;
    this.isFunctionPossible = isFunctionPossible;
  }

  private void name(String word) {
    name = word;
    isNameExpected = false;
  }

  private void cteName(String word) {
    isCteNameExpected = false;
    if (cteNames.size() < MAX_CTE_NAMES) {
      cteNames.add(word);
    }
  }

  private static String operationOf(String sql, int start, int end) {
    if (end - start > MAX_OPERATION_LENGTH) {
      return "OTHER";
    }
    for (int i = start; i < end; i++) {
      char c = (char) (sql.charAt(i) | 0x20);
      if (c < 'a' || c > 'z') {
        return "OTHER";
      }
    }
    return sql.substring(start, end).toUpperCase(Locale.ROOT);
  }

  private static boolean isQuery(@Nullable Keyword keyword) {
    return keyword == Keyword.SELECT
        || keyword == Keyword.INSERT
        || keyword == Keyword.UPDATE
        || keyword == Keyword.DELETE
        || keyword == Keyword.MERGE
        || keyword == Keyword.REPLACE
        || keyword == Keyword.VALUES;
  }

  private static boolean isAdministrative(@Nullable Keyword keyword) {
    if (keyword == null) {
      return false;
    }
    return switch (keyword) {
      case ALTER, ATTACH, BACKUP, CHANGE, CLOSE, CONNECT, COPY, CREATE, GRANT, OPEN, RESTORE, SET ->
          true;
      default -> false;
    };
  }

  private static boolean isSecretWord(String sql, int start, int end) {
    for (String secret : SECRETS) {
      for (int i = start; i + secret.length() <= end; i++) {
        if (sql.regionMatches(true, i, secret, 0, secret.length())) {
          return true;
        }
      }
    }
    return false;
  }
}
