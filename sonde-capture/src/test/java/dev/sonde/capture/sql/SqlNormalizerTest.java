// SPDX-License-Identifier: Apache-2.0
package dev.sonde.capture.sql;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.MethodSource;

final class SqlNormalizerTest {
  private static final SqlDialect PG = SqlDialect.POSTGRESQL;
  private static final SqlDialect H2 = SqlDialect.H2;
  private static final SqlDialect MY = SqlDialect.MYSQL;
  private static final SqlDialect ORA = SqlDialect.ORACLE;
  private static final SqlDialect MS = SqlDialect.SQL_SERVER;
  private static final SqlDialect LITE = SqlDialect.SQLITE;
  private static final SqlDialect STD = SqlDialect.STANDARD;
  private static final SqlDialect ANY = SqlDialect.OTHER;

  @ParameterizedTest(name = "{0}: {1}")
  @MethodSource("texts")
  void normalize_replacesLiteralsAndKeepsNames(SqlDialect dialect, String sql, String expected) {
    SqlNormalizer normalizer = new SqlNormalizer(dialect);

    String text = normalizer.normalize(sql).text();

    assertThat(text).isEqualTo(expected);
    assertThat(normalizer.normalize(text).text()).isEqualTo(expected);
  }

  static Stream<Arguments> texts() {
    return Stream.of(
        // strings
        of(PG, "select * from t where a='x'", "select * from t where a = ?"),
        of(PG, "select 'it''s' , 'b'", "select ?, ?"),
        of(PG, "select ''", "select ?"),
        of(PG, "select 'a' 'b'", "select ?"),
        of(PG, "select 'a'\n  'b' || 'c'", "select ? || ?"),
        of(PG, "select e'it\\'s', E'\\\\', 'c:\\', 'd'", "select ?, ?, ?, ?"),
        of(PG, "select E'a'\n'b\\'c', 'd'", "select ?, ?"),
        of(
            PG,
            "select N'a', X'4D', B'01', U&'d\\0061t' UESCAPE '!'",
            "select ?, ?, ?, ? UESCAPE ?"),
        of(PG, "select $$it's$$, $tag$a $$ 'b' $tag$, $1", "select ?, ?, ?"),
        of(PG, "select $tag$unterminated", "select ?"),
        of(PG, "select a$b$ from t$1", "select a$b$ from t$1"),
        of(PG, "do $$ begin raise 'secret'; end $$", "do ?"),
        of(H2, "select $$it's$$, 'a\\', 'b'", "select ?, ?, ?"),
        of(PG, "select date '2020-01-01', interval'1 day'", "select date ?, interval ?"),
        of(PG, "select 'open", "select ?"),
        of(PG, "select \"open", "select ?"),
        of(MY, "select 'it\\'s', \"a \\\" b\", 'c'", "select ?, ?, ?"),
        of(MY, "select _utf8mb4'x', n'y\\'z', \"it's\"", "select _utf8mb4 ?, ?, ?"),
        of(MY, "select 'a' \"b\"", "select ?"),
        of(
            ORA,
            "select q'[it's]', nq'{a}', Q'!b!', q'xcx', 'd' from dual",
            "select ?, ?, ?, ?, ? from dual"),
        of(MS, "select N'a', \"b\", 'c'", "select ?, ?, ?"),
        of(ANY, "select 'a\\'secret', 'b'", "select ?"),
        of(ANY, "select '''secret''', x", "select ?"),
        of(ANY, "where a like ? escape '\\' and b = 'c'", "where a like ? escape ? and b = ?"),
        of(PG, "where a like ? escape '\\' and b = 'c'", "where a like ? escape ? and b = ?"),
        // numbers
        of(
            PG,
            "select 1, 1.5, .5, 1., 1e-5, 1.5E+10, 0xFF, 0b101, 1_000, 10L",
            "select ?, ?, ?, ?, ?, ?, ?, ?, ?, ?"),
        of(
            PG,
            "select -1, +1, - 1, a-1, a - 1, a -1, (-1), b(-1)",
            "select ?, ?, ?, a - ?, a - ?, a - ?, (?), b(?)"),
        of(PG, "where a=-1 and b<-.5e-3 limit -1", "where a = ? and b < ? limit ?"),
        of(PG, "select - - 1, -x, -(1), 2*-3, -?", "select ?, -x, -(?), ? * ?, ?"),
        of(
            PG,
            "select a from t1 where c2=1 and c_3=2",
            "select a from t1 where c2 = ? and c_3 = ?"),
        of(PG, "where token = 4f2a9c", "where token = ?"),
        of(MS, "select $1.50, $action, @p1, @@rowcount", "select ?, $action, @p1, @@rowcount"),
        // booleans and null
        of(
            PG,
            "select true, FALSE, null where a is true and b is not false",
            "select ?, ?, null where a is true and b is not false"),
        of(
            PG,
            "update t set a = NULL, b=TRUE where c is not null",
            "update t set a = NULL, b = ? where c is not null"),
        // placeholders
        of(PG, "select * from t where a=$1 and b=?", "select * from t where a = ? and b = ?"),
        of(ORA, "select :1, :name from dual", "select ?, ? from dual"),
        of(LITE, "select ?1, $name, :n", "select ?, ?, ?"),
        of(
            PG,
            "select a::int, '1'::text, a[1], arr[1:2], x := 5",
            "select a::int, ?::text, a[?], arr[? : ?], x := ?"),
        of(
            PG,
            "select a ?? 'b', a->>'c', a #> '{d}', b @> c",
            "select a ?? ?, a ->> ?, a #> ?, b @> c"),
        of(ANY, "select src:customer.name from t", "select src : customer.name from t"),
        // lists
        of(PG, "where a in (1,2,3)", "where a in (?)"),
        of(PG, "where a IN(?, ?,?) and b in (?)", "where a IN (?) and b in (?)"),
        of(PG, "where a not in ('x', null, -5)", "where a not in (?)"),
        of(PG, "where (a,b) in ((1,2),(3,4),(5,6))", "where (a, b) in ((?, ?))"),
        of(
            PG,
            "where a in (lower('x'), lower('y'), upper('z'))",
            "where a in (lower(?), upper(?))"),
        of(PG, "where a in (select b, b from t)", "where a in (select b, b from t)"),
        of(PG, "where a in (x, y)", "where a in (x, y)"),
        of(PG, "where a = any(array[1,2,3])", "where a = any(array[?])"),
        of(PG, "select coalesce(1, 2), f(?, ?)", "select coalesce(?, ?), f(?, ?)"),
        of(
            PG,
            "insert into t(a,b) values(1,'x'),(2,'y') , (3,'z')",
            "insert into t(a, b) values (?, ?)"),
        of(PG, "insert into t values (1, now()), (2, now())", "insert into t values (?, now())"),
        of(
            PG,
            "insert into t values (1, null), (2, 3), (default, 4)",
            "insert into t values (?, null)"),
        of(
            PG,
            "insert into t values (1), (lower('x')), (2)",
            "insert into t values (?), (lower(?)), (?)"),
        of(
            PG,
            "insert into t values (1,2),(3,4) on conflict (a) do update set b = 1",
            "insert into t values (?, ?) on conflict (a) do update set b = ?"),
        of(
            MY,
            "insert into t values (1),(2) on duplicate key update a=values(a), b=values(b)",
            "insert into t values (?) on duplicate key update a = values (a), b = values (b)"),
        of(
            PG,
            "select * from (values (1,2),(3,4)) v(a,b)",
            "select * from (values (?, ?)) v(a, b)"),
        of(
            PG,
            "where a in (1, (select max(b) from u where c in (1,2)), 3)",
            "where a in (?, (select max(b) from u where c in (?)), ?)"),
        // names
        of(
            PG,
            "select \"a b\".\"c\"\"d\" from \"S\".\"T\"",
            "select \"a b\".\"c\"\"d\" from \"S\".\"T\""),
        of(MY, "select `a``b` from `t 1`", "select `a``b` from `t 1`"),
        of(MS, "select [a]]b] from [dbo].[it's]", "select [a]]b] from [dbo].[it's]"),
        of(LITE, "select [a] from [b]", "select [a] from [b]"),
        of(MY, "select \"x\" from t", "select ? from t"),
        of(
            MS,
            "select \"x\", t.\"y\", \"z\".q from \"dbo\".\"t\" join \"u\" on \"v\" = 1",
            "select ?, t.\"y\", \"z\".q from \"dbo\".\"t\" join \"u\" on ? = ?"),
        of(ANY, "update \"t\" set a = \"secret\"", "update \"t\" set a = ?"),
        of(
            ANY,
            "select trim(both ' ' from \"secret\") from \"t\"",
            "select trim(both ? from ?) from \"t\""),
        of(ANY, "where a is distinct from \"secret\"", "where a is distinct from ?"),
        of(STD, "select \"x\" from \"t\"", "select \"x\" from \"t\""),
        of(PG, "select größe from straße where ñ = 'x'", "select größe from straße where ñ = ?"),
        // comments
        of(PG, "select 1 -- it's\n, 2", "select ?, ?"),
        of(PG, "select /* it's */ 1/**/, 2", "select ?, ?"),
        of(PG, "select /* a /* it's */ b' */ 1", "select ?"),
        of(MY, "select /* a /* b */ 1, 'c' -- d\n, 2 # it's\n, 3", "select ?, ?, ?, ?"),
        of(MY, "select 5--1, 'a'", "select ? - ?, ?"),
        of(MY, "select /*!40000 sql_no_cache */ 1", "select ?"),
        of(MY, "select /*!40000 'a */ secret' */, 1", "select ?"),
        of(PG, "select /* open 'secret'", "select"),
        of(PG, "select a # b, 'x'", "select a # b, ?"),
        of(H2, "select 1 // it's\n, 'b'", "select ?, ?"),
        of(ANY, "select 1 # it's\n, 'b'", "select ? ?"),
        of(ANY, "select a # b\n, 'c'", "select a ?"),
        of(ANY, "select a # b\n, c", "select a # b, c"),
        of(ANY, "select /* a /* b */ 'c'", "select ?"),
        of(PG, "select 1--'secret", "select ?"),
        of(PG, "select a--x\rfrom t", "select a from t"),
        // spacing
        of(PG, "  select\t*\r\n from\n\nt  ; ", "select * from t"),
        of(
            PG,
            "SELECT count( * ) , t . * FROM t WHERE a>=1 AND b<>2",
            "SELECT count(*), t.* FROM t WHERE a >= ? AND b <> ?"),
        of(PG, "select 1;;select 2;", "select ?; select ?"),
        of(PG, "{? = call f(?, 'x')}", "{? = call f(?, ?)}"),
        of(PG, "select {ts '2020-01-01 00:00:00'}", "select {ts ?}"),
        of(ORA, "select a from t, u where t.id=u.id(+)", "select a from t, u where t.id = u.id(+)"),
        of(PG, "", ""),
        of(PG, ";", ""),
        // secrets of administration
        of(PG, "CREATE USER bob PASSWORD 'x'", "CREATE USER bob PASSWORD ?"),
        of(
            PG,
            "alter role bob with encrypted password 'x' valid until '2030'",
            "alter role bob with encrypted password ?"),
        of(
            ORA,
            "CREATE USER bob IDENTIFIED BY hunter2 DEFAULT TABLESPACE x",
            "CREATE USER bob IDENTIFIED ?"),
        of(
            ORA,
            "ALTER USER bob IDENTIFIED BY \"hunter2\" REPLACE \"old\"",
            "ALTER USER bob IDENTIFIED ?"),
        of(
            ORA,
            "create database link l connect to u identified by p using 'x'",
            "create database link l connect to u identified ?"),
        of(
            MY,
            "grant all on a.* to 'u'@'%' identified by 'x'",
            "grant all on a.* to ? @ ? identified ?"),
        of(MY, "set password for bob = 'x'", "set password ?"),
        of(
            MS,
            "CREATE LOGIN bob WITH PASSWORD = 0x01AB HASHED",
            "CREATE LOGIN bob WITH PASSWORD ?"),
        of(MS, "exec sp_addlogin bob, hunter2, @db", "exec sp_addlogin ?, ?, @db"),
        of(PG, "set app.api_token = abcdef", "set app.api_token ?"),
        of(
            PG,
            "create table users (id int, password varchar(80), pwd text)",
            "create table users (id int, password varchar(?), pwd text)"),
        of(
            PG,
            "select password from users where password = 'x'",
            "select password from users where password = ?"),
        of(PG, "create user a password 'x'; select 1", "create user a password ?"),
        of(
            PG,
            "create table t (a int); create user a password x",
            "create table t (a int); create user a password ?"));
  }

  @ParameterizedTest(name = "{1}")
  @MethodSource("shapes")
  void normalize_findsOperationAndTarget(
      SqlDialect dialect, String sql, String operation, String target) {
    NormalizedSql normalized = new SqlNormalizer(dialect).normalize(sql);

    assertThat(normalized.operation()).isEqualTo(operation);
    assertThat(String.valueOf(normalized.target())).isEqualTo(target);
  }

  static Stream<Arguments> shapes() {
    return Stream.of(
        shape(PG, "select 1", "SELECT", "null"),
        shape(PG, "select a from shop.\"Orders\" o join u on true", "SELECT", "shop.Orders"),
        shape(PG, "/* c */ (select a from t) union (select b from u)", "SELECT", "t"),
        shape(PG, "select * from (select x from inner_t) y", "SELECT", "inner_t"),
        shape(PG, "select extract(year from d) from t", "SELECT", "t"),
        shape(PG, "select a is distinct from b from t", "SELECT", "t"),
        shape(PG, "select * from generate_series(1, 2) g", "SELECT", "null"),
        shape(PG, "select * from f(1) g join t on true", "SELECT", "t"),
        shape(PG, "insert into a.b.c(x) select y from d", "INSERT", "a.b.c"),
        shape(MY, "insert ignore into `t` values (1)", "INSERT", "t"),
        shape(MY, "replace into t values (1)", "REPLACE", "t"),
        shape(PG, "update only t set a = 1", "UPDATE", "t"),
        shape(PG, "delete from t where a = 1", "DELETE", "t"),
        shape(ORA, "delete t where a = 1", "DELETE", "t"),
        shape(PG, "merge into t using u on (true)", "MERGE", "t"),
        shape(PG, "with x as (select a from real_t) select * from x", "SELECT", "real_t"),
        shape(
            PG,
            "with recursive x(a) as (select 1), y as (select 2) select * from t, x",
            "SELECT",
            "t"),
        shape(PG, "with x as (select 1) insert into t select * from x", "INSERT", "t"),
        shape(PG, "with x as (delete from old returning a) select * from x", "SELECT", "old"),
        shape(PG, "create table if not exists a.t (id int)", "CREATE", "a.t"),
        shape(PG, "create unique index concurrently i on t (a)", "CREATE", "t"),
        shape(PG, "drop table if exists t", "DROP", "t"),
        shape(PG, "alter table only t add c int", "ALTER", "t"),
        shape(PG, "truncate table t", "TRUNCATE", "t"),
        shape(PG, "truncate t", "TRUNCATE", "t"),
        shape(PG, "call p(1)", "CALL", "p"),
        shape(PG, "{? = call s.p(?)}", "CALL", "s.p"),
        shape(MS, "exec @rc = dbo.p 'x'", "EXEC", "dbo.p"),
        shape(MS, "select a from [dbo].[my t]", "SELECT", "dbo.my t"),
        shape(PG, "explain select * from t", "EXPLAIN", "t"),
        shape(PG, "vacuum", "VACUUM", "null"),
        shape(PG, "grant select on t to u", "GRANT", "null"),
        shape(PG, "delete from a; delete from b", "DELETE", "a"),
        shape(PG, "", "OTHER", "null"),
        shape(PG, "'secret'", "OTHER", "null"),
        shape(PG, "x1y2", "OTHER", "null"));
  }

  @Test
  void hash_isTheSameInEveryProcess() {
    assertThat(SqlNormalizer.hash("SELECT ?")).isEqualTo(SqlNormalizer.hash("SELECT ?"));
    assertThat(SqlNormalizer.hash("SELECT ?")).isNotEqualTo(SqlNormalizer.hash("SELECT ? "));
  }

  @ParameterizedTest
  @EnumSource
  void normalize_cutsLongTextWithoutShowingTheCutLiteral(SqlDialect dialect) {
    SqlNormalizer normalizer = new SqlNormalizer(dialect);
    String filler = "a + ".repeat(SqlNormalizer.MAX_LENGTH / 4 - 4);

    String text = normalizer.normalize("select " + filler + "'secret that goes on'").text();

    assertThat(text).endsWith("…").doesNotContain("secret").hasSizeLessThan(8193);
    assertThat(normalizer.normalize(text).text()).isEqualTo(text);
  }

  @Test
  void normalize_givesListsOfEveryLengthOneTextWhenTheyAreCut() {
    SqlNormalizer normalizer = new SqlNormalizer(PG);

    String first = normalizer.normalize("select a from t where b in (" + "?,".repeat(5000)).text();
    String second =
        normalizer.normalize("select a from t where b in (" + "?, ".repeat(4001)).text();

    assertThat(first).isEqualTo("select a from t where b in (? …").isEqualTo(second);
  }

  private static Arguments of(SqlDialect dialect, String sql, String expected) {
    return Arguments.of(dialect, sql, expected);
  }

  private static Arguments shape(SqlDialect dialect, String sql, String operation, String target) {
    return Arguments.of(dialect, sql, operation, target);
  }
}
