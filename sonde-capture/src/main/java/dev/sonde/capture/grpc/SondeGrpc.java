// SPDX-License-Identifier: Apache-2.0
package dev.sonde.capture.grpc;

import dev.sonde.Sonde;
import dev.sonde.capture.Capability;
import dev.sonde.capture.ListenerScope;
import dev.sonde.collect.Emitter;
import io.grpc.ServerBuilder;
import java.util.EnumSet;
import java.util.Set;

/**
 * Watches servers of gRPC-java, on {@code grpc-netty}, {@code grpc-netty-shaded} and any other
 * transport.
 *
 * <pre>{@code
 * Server server = SondeGrpc.observe(builder.addService(yourService), sonde).build().start();
 * }</pre>
 *
 * <p>A call is a request: {@code POST} with the path {@code /package.Service/Method}, which is its
 * route as well. Its status is the HTTP status that stands for the code of gRPC, though 200 is what
 * goes over the wire: {@code OK} 200, {@code INVALID_ARGUMENT}, {@code FAILED_PRECONDITION} and
 * {@code OUT_OF_RANGE} 400, {@code UNAUTHENTICATED} 401, {@code PERMISSION_DENIED} 403, {@code
 * NOT_FOUND} 404, {@code ALREADY_EXISTS} and {@code ABORTED} 409, {@code RESOURCE_EXHAUSTED} 429,
 * {@code CANCELLED} 499, {@code UNKNOWN}, {@code INTERNAL} and {@code DATA_LOSS} 500, {@code
 * UNIMPLEMENTED} 501, {@code UNAVAILABLE} 503, {@code DEADLINE_EXCEEDED} 504. So those of 500 and
 * more, and no others, are the codes that OpenTelemetry counts as errors of a server.
 *
 * <p>A call that its client cancels is left by the client. One whose deadline passes is the
 * server's time-out, also when it is the client that cancels then, up to 50 ms or a tenth of the
 * time early. A call in which either side streams is a stream ({@code grpc}) and in no percentile
 * of requests.
 */
public final class SondeGrpc {
  private static final Set<Capability> CAPABILITIES =
      EnumSet.of(Capability.H2, Capability.ROUTE, Capability.PASSIVE_DISCONNECT);

  private SondeGrpc() {}

  /**
   * Has the servers of {@code builder} watched; to be called last, because interceptors that are
   * added later run outside of the request, and what they answer is told less exactly.
   *
   * <p>Nothing is added for a Sonde that is switched off.
   *
   * @return {@code builder}
   */
  public static <B extends ServerBuilder<?>> B observe(B builder, Sonde sonde) {
    if (sonde.isEnabled()) {
      observe(builder, sonde.listener(name(), CAPABILITIES), sonde.emitter());
    }
    return builder;
  }

  /**
   * @param emitter where calls are reported whose connection does not become known
   */
  static void observe(ServerBuilder<?> builder, ListenerScope scope, Emitter emitter) {
    ServerWatch watch = new ServerWatch(scope, emitter);
    ServerBuilder<?> unused =
        builder
            .addTransportFilter(new TransportWatch(watch))
            .addStreamTracerFactory(new CallTracers(watch))
            .intercept(new ObservingInterceptor(watch));
  }

  static String name() {
    String version = ServerBuilder.class.getPackage().getImplementationVersion();
    return version == null ? "gRPC-java" : "gRPC-java " + version;
  }

  static Set<Capability> capabilities() {
    return CAPABILITIES;
  }
}
