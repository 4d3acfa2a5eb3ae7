// SPDX-License-Identifier: Apache-2.0
package dev.sonde.digest;

/**
 * Where every event handed to one sink has gone. At rest:
 *
 * <pre>
 * published = publishedBefore + enqueued
 * enqueued  = processed + droppedOldest + droppedSinkFailed + droppedPoison + droppedClosed
 *             + queueDepth
 * </pre>
 *
 * @param name name of the sink
 * @param state {@code ACTIVE}, {@code DISABLED} and so on
 * @param publishedBefore events published before the sink was added
 * @param enqueued events handed over
 * @param processed events that the sink accepted
 * @param droppedOldest events that newer ones pushed out of its queue
 * @param droppedSinkFailed events lost because the sink failed or was disabled
 * @param droppedPoison events that the sink cannot take
 * @param droppedClosed events left when its close ran out of time, or that came after it
 * @param queueDepth events waiting
 * @param flushErrors calls of the sink that failed
 */
public record SinkHealth(
    String name,
    String state,
    long publishedBefore,
    long enqueued,
    long processed,
    long droppedOldest,
    long droppedSinkFailed,
    long droppedPoison,
    long droppedClosed,
    long queueDepth,
    long flushErrors) {
  /** Events that the sink did not get and will not get. */
  public long dropped() {
    return droppedOldest + droppedSinkFailed + droppedPoison + droppedClosed;
  }

  /** Whether the equation holds. */
  public boolean isConserved() {
    return enqueued == processed + dropped() + queueDepth;
  }
}
