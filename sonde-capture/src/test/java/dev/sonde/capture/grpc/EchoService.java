// SPDX-License-Identifier: Apache-2.0
package dev.sonde.capture.grpc;

import static java.nio.charset.StandardCharsets.UTF_8;

import io.grpc.MethodDescriptor;
import io.grpc.MethodDescriptor.MethodType;
import io.grpc.ServerServiceDefinition;
import io.grpc.stub.ServerCalls;
import io.grpc.stub.StreamObserver;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;

/** A method of each kind, with texts for messages; what it does is the test's. */
final class EchoService {
  static final String NAME = "test.Echo";
  static final MethodDescriptor<String, String> UNARY = method("Unary", MethodType.UNARY);
  static final MethodDescriptor<String, String> DOWN = method("Down", MethodType.SERVER_STREAMING);
  static final MethodDescriptor<String, String> UP = method("Up", MethodType.CLIENT_STREAMING);
  static final MethodDescriptor<String, String> BOTH = method("Both", MethodType.BIDI_STREAMING);

  /** No server has it. */
  static final MethodDescriptor<String, String> MISSING = method("Missing", MethodType.UNARY);

  /** Answers a single message. */
  volatile Answer answer = (message, client) -> reply(client, message);

  /** Answers a stream of messages: all of them in one, at its end. */
  volatile StreamAnswer streamAnswer = Echo::new;

  ServerServiceDefinition definition() {
    return ServerServiceDefinition.builder(NAME)
        .addMethod(UNARY, ServerCalls.asyncUnaryCall((q, a) -> answer.to(q, a)))
        .addMethod(DOWN, ServerCalls.asyncServerStreamingCall((q, a) -> answer.to(q, a)))
        .addMethod(UP, ServerCalls.asyncClientStreamingCall(a -> streamAnswer.to(a)))
        .addMethod(BOTH, ServerCalls.asyncBidiStreamingCall(a -> streamAnswer.to(a)))
        .build();
  }

  static void reply(StreamObserver<String> client, String... messages) {
    for (String message : messages) {
      client.onNext(message);
    }
    client.onCompleted();
  }

  private static MethodDescriptor<String, String> method(String name, MethodType type) {
    return MethodDescriptor.<String, String>newBuilder()
        .setType(type)
        .setFullMethodName(MethodDescriptor.generateFullMethodName(NAME, name))
        .setRequestMarshaller(new Text())
        .setResponseMarshaller(new Text())
        .build();
  }

  /** Answers a single message. */
  @FunctionalInterface
  interface Answer {
    void to(String message, StreamObserver<String> client);
  }

  /** Answers a stream of messages. */
  @FunctionalInterface
  interface StreamAnswer {
    StreamObserver<String> to(StreamObserver<String> client);
  }

  private static final class Text implements MethodDescriptor.Marshaller<String> {
    @Override
    public InputStream stream(String value) {
      return new ByteArrayInputStream(value.getBytes(UTF_8));
    }

    @Override
    public String parse(InputStream stream) {
      try {
        return new String(stream.readAllBytes(), UTF_8);
      } catch (IOException e) {
        throw new UncheckedIOException(e);
      }
    }
  }

  /** One answer with all that came, at the end. */
  private static final class Echo implements StreamObserver<String> {
    private final StreamObserver<String> client;
    private final StringBuilder all = new StringBuilder();

    Echo(StreamObserver<String> client) {
      this.client = client;
    }

    @Override
    public void onNext(String message) {
      all.append(message);
    }

    @Override
    public void onError(Throwable failure) {
      // The client has cancelled.
    }

    @Override
    public void onCompleted() {
      reply(client, all.toString());
    }
  }
}
