// SPDX-License-Identifier: Apache-2.0
/** Servers of gRPC-java on their transports, with clients of gRPC-java. */
@NullMarked
package dev.sonde.capture.grpc;

import org.jspecify.annotations.NullMarked;
