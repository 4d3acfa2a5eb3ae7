// SPDX-License-Identifier: Apache-2.0
package dev.sonde.capture.sql;

import org.jspecify.annotations.Nullable;

/** The words that change how the text around them is read. */
enum Keyword {
  ALL(Role.EXPRESSION, Role.NOISE),
  ALTER,
  AND(Role.EXPRESSION),
  ARRAY,
  AS(Role.EXPRESSION),
  ATTACH,
  BACKUP,
  BETWEEN(Role.EXPRESSION),
  BY(Role.EXPRESSION),
  CALL,
  CASE(Role.EXPRESSION),
  CHANGE,
  CLOSE,
  CONCURRENTLY(Role.NOISE),
  CONNECT,
  COPY,
  CREATE,
  DEFAULT(Role.EXPRESSION),
  DELAYED(Role.NOISE),
  DELETE,
  DISTINCT(Role.EXPRESSION),
  DROP,
  ELSE(Role.EXPRESSION),
  ESCAPE(Role.EXPRESSION),
  EXEC,
  EXECUTE,
  EXISTS(Role.EXPRESSION, Role.NOISE),
  FALSE,
  FETCH(Role.EXPRESSION),
  FROM(Role.EXPRESSION, Role.NOISE),
  FUNCTION,
  GRANT,
  HAVING(Role.EXPRESSION),
  IDENTIFIED,
  IF(Role.EXPRESSION, Role.NOISE),
  IGNORE(Role.NOISE),
  IN(Role.EXPRESSION),
  INDEX,
  INSERT,
  INTERVAL(Role.EXPRESSION),
  INTO(Role.EXPRESSION, Role.NOISE),
  IS(Role.EXPRESSION),
  JOIN(Role.EXPRESSION),
  LATERAL(Role.NOISE),
  LIKE(Role.EXPRESSION),
  LIMIT(Role.EXPRESSION),
  LOCK,
  LOW_PRIORITY(Role.NOISE),
  MERGE,
  NOT(Role.EXPRESSION, Role.NOISE),
  NULL,
  OFFSET(Role.EXPRESSION),
  ON(Role.EXPRESSION),
  ONLY(Role.NOISE),
  OPEN,
  OR(Role.EXPRESSION, Role.NOISE),
  OUT,
  OUTPUT,
  OVERWRITE(Role.NOISE),
  PROCEDURE,
  QUICK(Role.NOISE),
  RECURSIVE,
  REPLACE(Role.NOISE),
  RESTORE,
  RETURN(Role.EXPRESSION),
  RETURNING(Role.EXPRESSION),
  REVOKE,
  SELECT(Role.EXPRESSION),
  SET(Role.EXPRESSION),
  TABLE(Role.NOISE),
  THEN(Role.EXPRESSION),
  TOP(Role.EXPRESSION),
  TRIGGER,
  TRUE,
  TRUNCATE,
  TYPE,
  UNION(Role.EXPRESSION),
  UPDATE,
  UPSERT,
  USING(Role.EXPRESSION),
  VALUES(Role.EXPRESSION),
  VIEW,
  WHEN(Role.EXPRESSION),
  WHERE(Role.EXPRESSION),
  WITH;

  private static final int SLOTS = 256;
  private static final int MAX_LENGTH = 12;
  private static final @Nullable Keyword[] TABLE_BY_HASH = new @Nullable Keyword[SLOTS];

  static {
    for (Keyword keyword : values()) {
      int slot = hash(keyword.name(), 0, keyword.name().length());
      while (TABLE_BY_HASH[slot] != null) {
        slot = (slot + 1) & (SLOTS - 1);
      }
      TABLE_BY_HASH[slot] = keyword;
    }
  }

  private final boolean isBeforeExpression;
  private final boolean isBeforeName;

  Keyword(Role... roles) {
    boolean expression = false;
    boolean noise = false;
    for (Role role : roles) {
      expression |= role == Role.EXPRESSION;
      noise |= role == Role.NOISE;
    }
    isBeforeExpression = expression;
    isBeforeName = noise;
  }

  /** The keyword that the characters spell in any case, or null. */
  static @Nullable Keyword of(String text, int start, int end) {
    int length = end - start;
    if (length < 2 || length > MAX_LENGTH) {
      return null;
    }
    int slot = hash(text, start, end);
    for (Keyword k = TABLE_BY_HASH[slot]; k != null; k = TABLE_BY_HASH[slot]) {
      if (k.name().length() == length && k.name().regionMatches(true, 0, text, start, length)) {
        return k;
      }
      slot = (slot + 1) & (SLOTS - 1);
    }
    return null;
  }

  /** Whether a sign behind this word belongs to the number that follows. */
  boolean isBeforeExpression() {
    return isBeforeExpression;
  }

  /** Whether this word may stand between a verb and the name of its table. */
  boolean isBeforeName() {
    return isBeforeName;
  }

  private static int hash(String text, int start, int end) {
    int hash = end - start;
    for (int i = start; i < end; i++) {
      hash = hash * 31 + (text.charAt(i) | 0x20);
    }
    return (hash ^ (hash >>> 11)) & (SLOTS - 1);
  }

  private enum Role {
    EXPRESSION,
    NOISE
  }
}
