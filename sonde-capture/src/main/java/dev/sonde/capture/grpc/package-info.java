// SPDX-License-Identifier: Apache-2.0
/**
 * gRPC-java on any of its transports: its transport filters, stream tracers and interceptors come
 * in, and connections and calls go out to {@link dev.sonde.capture}.
 */
@NullMarked
package dev.sonde.capture.grpc;

import org.jspecify.annotations.NullMarked;
