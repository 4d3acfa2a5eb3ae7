// SPDX-License-Identifier: Apache-2.0
package dev.sonde.digest;

import java.time.Duration;

/**
 * Settings of a {@link Pipeline}.
 *
 * @param queueSize records that can wait before the oldest is dropped
 * @param announceAfter time after which the start of a request that is still open is published
 * @param keepsErrorMessages whether the messages of exceptions are kept
 * @param masksClientAddresses whether the addresses of clients are cut to their network
 */
public record PipelineConfig(
    int queueSize,
    Duration announceAfter,
    boolean keepsErrorMessages,
    boolean masksClientAddresses) {}
