// SPDX-License-Identifier: Apache-2.0
package dev.sonde.digest;

/**
 * Where every record of the application's work has gone.
 *
 * <p>A record is one ended request, one call, one statement, or one connection's opening or close.
 * A request that only its route excludes is known as such when it ends: it is a record, which is
 * sampled out together with what waited for it. In every reading, and exactly so at rest and after
 * the close:
 *
 * <pre>
 * offered  = droppedOldest + droppedClosed + inQueue + digested
 * digested = sampledOut + kept + failed
 * </pre>
 *
 * <p>Of every record kept come up to three events: a request is its start, its end, and itself.
 * Each sink is handed all events that are published while it is there.
 *
 * @param offered records of the application
 * @param excluded requests left out by rule, which are in no statistics
 * @param droppedOldest records that newer ones pushed out of the queue
 * @param droppedClosed records that came after the close, or that it had no time left for
 * @param inQueue records waiting, those included that wait for their request to be decided on
 * @param digested records that left the queue in order
 * @param sampledOut records that the sampling policy thinned out
 * @param kept records whose events were handed to the sinks
 * @param failed records lost to a fault of the observer itself
 * @param published events handed to each sink
 */
public record PipelineCounts(
    long offered,
    long excluded,
    long droppedOldest,
    long droppedClosed,
    long inQueue,
    long digested,
    long sampledOut,
    long kept,
    long failed,
    long published) {
  /** Whether both equations hold. */
  public boolean isConserved() {
    return offered == droppedOldest + droppedClosed + inQueue + digested
        && digested == sampledOut + kept + failed;
  }
}
