// SPDX-License-Identifier: Apache-2.0
package dev.sonde.digest;

/**
 * Where every record of the application's work has gone.
 *
 * <p>A record is one ended request, one call, one statement, or one connection's opening or close.
 * At rest, and after the close, without exception:
 *
 * <pre>
 * offered  = droppedOldest + inQueue + digested
 * digested = sampledOut + kept
 * </pre>
 *
 * and every sink that was there from the start has been handed {@code published} events, which is
 * more than {@code kept} because a request is two lifecycle events and a {@code REQ} event.
 *
 * @param offered records of the application
 * @param excluded requests left out by rule before they were offered
 * @param droppedOldest records that newer ones pushed out of the queue, or that came after close
 * @param inQueue records waiting
 * @param digested records that left the queue in order
 * @param sampledOut records that the sampling policy thinned out
 * @param kept records whose events were handed to the sinks
 * @param published events made of the records kept
 */
public record PipelineCounts(
    long offered,
    long excluded,
    long droppedOldest,
    long inQueue,
    long digested,
    long sampledOut,
    long kept,
    long published) {}
