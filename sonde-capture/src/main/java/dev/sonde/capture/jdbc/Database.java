// SPDX-License-Identifier: Apache-2.0
package dev.sonde.capture.jdbc;

import dev.sonde.capture.sql.NormalizedSql;
import dev.sonde.capture.sql.SqlCache;
import dev.sonde.capture.sql.SqlDialect;
import dev.sonde.capture.sql.SqlNormalizer;
import java.util.Locale;
import org.jspecify.annotations.Nullable;

/** What a JDBC URL says about a database, without hosts, parameters and credentials. */
final class Database {
  private static final int MAX_PREPARED = 4096;
  private static final int MAX_PLAIN = 512;
  private static final int MAX_NAME = 128;

  private final String vendor;
  private final @Nullable String name;
  private final SqlCache prepared;

  /** Apart, so that texts with literals in them do not drive out the prepared ones. */
  private final SqlCache plain;

  private Database(String vendor, @Nullable String name) {
    this.vendor = vendor;
    this.name = name;
    SqlNormalizer normalizer = new SqlNormalizer(SqlDialect.of(vendor));
    prepared = new SqlCache(normalizer, MAX_PREPARED);
    plain = new SqlCache(normalizer, MAX_PLAIN);
  }

  static Database of(String url) {
    String rest = stripDriver(url);
    int colon = rest.indexOf(':');
    String scheme = (colon < 0 ? rest : rest.substring(0, colon)).toLowerCase(Locale.ROOT);
    String location = colon < 0 ? "" : rest.substring(colon + 1);
    String vendor = vendor(scheme);
    return new Database(vendor, name(vendor, location));
  }

  /** OpenTelemetry's {@code db.system.name}. */
  String vendor() {
    return vendor;
  }

  /** Name of the database, or null if the URL does not give one. */
  @Nullable String name() {
    return name;
  }

  NormalizedSql prepared(String sql) {
    return prepared.get(sql);
  }

  NormalizedSql plain(String sql) {
    return plain.get(sql);
  }

  /** Removes {@code jdbc:} and the names of drivers that stand before another driver's. */
  private static String stripDriver(String url) {
    String rest = url;
    for (String prefix :
        new String[] {"jdbc:", "p6spy:", "otel:", "tracing:", "tc:", "aws-wrapper:", "jtds:"}) {
      if (rest.regionMatches(true, 0, prefix, 0, prefix.length())) {
        rest = rest.substring(prefix.length());
      }
    }
    return rest;
  }

  private static String vendor(String scheme) {
    return switch (scheme) {
      case "postgresql", "pgsql", "edb" -> "postgresql";
      case "cockroachdb" -> "cockroachdb";
      case "redshift" -> "aws.redshift";
      case "h2" -> "h2database";
      case "mysql" -> "mysql";
      case "mariadb" -> "mariadb";
      case "oracle" -> "oracle.db";
      case "sqlserver", "sybase" -> "microsoft.sql_server";
      case "sqlite" -> "sqlite";
      case "db2", "as400" -> "ibm.db2";
      case "derby" -> "derby";
      case "hsqldb" -> "hsqldb";
      case "sap" -> "sap.hana";
      case "firebird", "firebirdsql" -> "firebirdsql";
      case "clickhouse", "ch" -> "clickhouse";
      case "trino" -> "trino";
      case "informix-sqli" -> "ibm.informix";
      case "teradata" -> "teradata";
      default -> "other_sql";
    };
  }

  private static @Nullable String name(String vendor, String location) {
    return switch (vendor) {
      case "microsoft.sql_server" -> {
        String named = parameter(location, "databasename");
        yield named != null ? named : afterHost(location);
      }
      case "oracle.db" -> oracleName(location);
      case "ibm.informix" -> afterHost(location);
      case "h2database", "sqlite", "derby", "hsqldb" -> lastSegment(location);
      case "other_sql" -> null;
      default -> location.contains("//") ? afterHost(location) : lastSegment(location);
    };
  }

  /** The path of {@code //host:port/path}. */
  private static @Nullable String afterHost(String location) {
    int host = location.indexOf("//");
    int slash = host < 0 ? -1 : location.indexOf('/', host + 2);
    return slash < 0 ? null : plausible(untilParameters(location.substring(slash + 1)));
  }

  private static @Nullable String lastSegment(String location) {
    String path = untilParameters(location);
    int cut = Math.max(path.lastIndexOf('/'), path.lastIndexOf('\\'));
    cut = Math.max(cut, path.lastIndexOf(':'));
    return plausible(path.substring(cut + 1));
  }

  private static @Nullable String oracleName(String location) {
    String service = parameter(location.replace("(", ";").replace(")", ";"), "service_name");
    if (service != null) {
      return service;
    }
    int at = location.lastIndexOf('@');
    return at < 0 || location.indexOf('(') >= 0 ? null : lastSegment(location.substring(at + 1));
  }

  private static @Nullable String parameter(String location, String key) {
    for (String part : location.split(";", -1)) {
      int equals = part.indexOf('=');
      if (equals > 0 && part.substring(0, equals).trim().equalsIgnoreCase(key)) {
        return plausible(part.substring(equals + 1).trim());
      }
    }
    return null;
  }

  private static String untilParameters(String path) {
    for (int i = 0; i < path.length(); i++) {
      char c = path.charAt(i);
      if (c == '?' || c == ';' || c == '&' || c == '#') {
        return path.substring(0, i);
      }
    }
    return path;
  }

  /** A name that cannot be anything else; DB2 puts parameters behind a colon. */
  private static @Nullable String plausible(String text) {
    int colon = text.indexOf(':');
    String name = colon < 0 ? text : text.substring(0, colon);
    boolean isName =
        !name.isEmpty()
            && name.length() <= MAX_NAME
            && name.indexOf('@') < 0
            && name.indexOf('=') < 0
            && name.indexOf('(') < 0;
    return isName ? name : null;
  }
}
