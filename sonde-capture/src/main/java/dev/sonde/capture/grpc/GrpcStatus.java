// SPDX-License-Identifier: Apache-2.0
package dev.sonde.capture.grpc;

import io.grpc.Status;

/** The HTTP statuses that stand for the codes of gRPC, as {@code google.rpc.Code} has them. */
final class GrpcStatus {
  private static final int SERVER_ERROR = 500;

  private GrpcStatus() {}

  static int toHttp(Status.Code code) {
    return switch (code) {
      case OK -> 200;
      case INVALID_ARGUMENT, FAILED_PRECONDITION, OUT_OF_RANGE -> 400;
      case UNAUTHENTICATED -> 401;
      case PERMISSION_DENIED -> 403;
      case NOT_FOUND -> 404;
      case ALREADY_EXISTS, ABORTED -> 409;
      case RESOURCE_EXHAUSTED -> 429;
      case CANCELLED -> 499;
      case UNKNOWN, INTERNAL, DATA_LOSS -> 500;
      case UNIMPLEMENTED -> 501;
      case UNAVAILABLE -> 503;
      case DEADLINE_EXCEEDED -> 504;
    };
  }

  /** Whether OpenTelemetry's conventions count it as an error of the server. */
  static boolean isServerError(Status.Code code) {
    return toHttp(code) >= SERVER_ERROR;
  }
}
