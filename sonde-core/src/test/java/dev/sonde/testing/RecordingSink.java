// SPDX-License-Identifier: Apache-2.0
package dev.sonde.testing;

import dev.sonde.collect.Sink;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.atomic.AtomicInteger;

/** A sink that keeps what it is given, batch by batch; may be read from any thread. */
public final class RecordingSink<T> implements Sink<T> {
  private final List<List<T>> batches = new CopyOnWriteArrayList<>();
  private final AtomicInteger closes = new AtomicInteger();

  @Override
  public void accept(List<T> batch) {
    batches.add(List.copyOf(batch));
  }

  @Override
  public void close() {
    closes.incrementAndGet();
  }

  /** Batches in the order in which they came. */
  public List<List<T>> batches() {
    return List.copyOf(batches);
  }

  /** Elements of all batches in the order in which they came. */
  public List<T> elements() {
    return batches.stream().flatMap(List::stream).toList();
  }

  /** How often it was closed. */
  public int closes() {
    return closes.get();
  }
}
