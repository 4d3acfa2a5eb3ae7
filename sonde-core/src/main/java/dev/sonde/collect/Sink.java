// SPDX-License-Identifier: Apache-2.0
package dev.sonde.collect;

import java.util.List;

/**
 * A place that batches of events go to.
 *
 * @param <T> what it takes
 */
public interface Sink<T> extends AutoCloseable {
  /**
   * Takes a batch, oldest first; called by one thread at a time, never by a request thread.
   *
   * @param batch at least one element; owned by the caller once this method has returned
   * @throws Exception if the batch was not taken; it is then counted as lost
   */
  void accept(List<T> batch) throws Exception;

  /** Releases what the sink holds; called once, after the last batch. */
  @Override
  default void close() throws Exception {}
}
