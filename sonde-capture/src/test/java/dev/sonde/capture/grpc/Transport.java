// SPDX-License-Identifier: Apache-2.0
package dev.sonde.capture.grpc;

import io.grpc.ChannelCredentials;
import io.grpc.ManagedChannel;
import io.grpc.ServerBuilder;
import io.grpc.ServerCredentials;
import io.grpc.netty.NettyChannelBuilder;
import io.grpc.netty.NettyServerBuilder;
import java.net.InetAddress;
import java.net.InetSocketAddress;

/** What carries the calls. */
enum Transport {
  NETTY {
    @Override
    ServerBuilder<?> server(ServerCredentials credentials) {
      return NettyServerBuilder.forAddress(anyPort(), credentials);
    }

    @Override
    ManagedChannel channel(int port, ChannelCredentials credentials) {
      return NettyChannelBuilder.forAddress("127.0.0.1", port, credentials).build();
    }
  },
  NETTY_SHADED {
    @Override
    ServerBuilder<?> server(ServerCredentials credentials) {
      return io.grpc.netty.shaded.io.grpc.netty.NettyServerBuilder.forAddress(
          anyPort(), credentials);
    }

    @Override
    ManagedChannel channel(int port, ChannelCredentials credentials) {
      return io.grpc.netty.shaded.io.grpc.netty.NettyChannelBuilder.forAddress(
              "127.0.0.1", port, credentials)
          .build();
    }
  };

  /** A server on a free port of 127.0.0.1. */
  abstract ServerBuilder<?> server(ServerCredentials credentials);

  abstract ManagedChannel channel(int port, ChannelCredentials credentials);

  private static InetSocketAddress anyPort() {
    return new InetSocketAddress(InetAddress.getLoopbackAddress(), 0);
  }
}
