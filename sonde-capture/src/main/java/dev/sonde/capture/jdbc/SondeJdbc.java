// SPDX-License-Identifier: Apache-2.0
package dev.sonde.capture.jdbc;

import dev.sonde.Sonde;
import dev.sonde.collect.Emitter;
import java.sql.SQLException;
import javax.sql.DataSource;

/** Observes what an application asks of its databases. */
public final class SondeJdbc {
  private SondeJdbc() {}

  /** Returns a data source that reports to a Sonde, as {@link #observe(DataSource, Emitter)}. */
  public static DataSource observe(DataSource dataSource, Sonde sonde) {
    DataSource observed = observe(dataSource, sonde.emitter());
    if (observed instanceof ObservedDataSource) {
      sonde.hooked("jdbc");
    }
    return observed;
  }

  /**
   * Returns a data source that reports every statement, and otherwise is the given one.
   *
   * <p>One event per execution, batch, commit and rollback, failed ones included. A query is
   * reported when its result set has been read to the end or is closed, by itself or with its
   * statement or connection; its duration is that of the execution alone.
   *
   * <p>A data source that is observed already is returned as it is, and so is any while the emitter
   * wants no reports. Observe the outermost one, around the pool.
   */
  public static DataSource observe(DataSource dataSource, Emitter emitter) {
    if (!emitter.isEnabled() || isObserved(dataSource)) {
      return dataSource;
    }
    return new ObservedDataSource(dataSource, new Probe(emitter));
  }

  private static boolean isObserved(DataSource dataSource) {
    try {
      return dataSource instanceof ObservedDataSource
          || dataSource.isWrapperFor(ObservedDataSource.class);
    } catch (SQLException | RuntimeException | AbstractMethodError e) {
      return false; // pools of old drivers do not know the question
    }
  }
}
