// SPDX-License-Identifier: Apache-2.0
package dev.sonde.capture.grpc;

import static java.nio.charset.StandardCharsets.ISO_8859_1;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import dev.sonde.Sonde;
import dev.sonde.SondeConfig;
import dev.sonde.capture.Exchange;
import dev.sonde.capture.ListenerScope;
import dev.sonde.capture.netty.SondeNetty;
import dev.sonde.collect.Sink;
import dev.sonde.event.ClientDisconnected;
import dev.sonde.event.CloseReason;
import dev.sonde.event.ConnectionClosed;
import dev.sonde.event.ConnectionOpened;
import dev.sonde.event.Event;
import dev.sonde.event.LifecycleEvent;
import dev.sonde.event.Outcome;
import dev.sonde.event.Protocol;
import dev.sonde.event.RequestEvent;
import dev.sonde.event.RequestEvent.StreamKind;
import dev.sonde.event.RequestStarted;
import dev.sonde.event.ResponseCompleted;
import dev.sonde.stats.GroupSnapshot;
import dev.sonde.stats.StatsSnapshot;
import dev.sonde.testkit.LifecycleInvariants;
import dev.sonde.testkit.RecordingCollector;
import dev.sonde.testkit.RecordingOutlet;
import dev.sonde.testkit.net.TcpFaultProxy;
import dev.sonde.testkit.net.TlsMaterial;
import dev.sonde.trace.Span;
import dev.sonde.trace.TraceContext;
import io.grpc.CallOptions;
import io.grpc.Channel;
import io.grpc.ChannelCredentials;
import io.grpc.ClientCall;
import io.grpc.ClientInterceptors;
import io.grpc.Context;
import io.grpc.ForwardingServerBuilder;
import io.grpc.InsecureChannelCredentials;
import io.grpc.InsecureServerCredentials;
import io.grpc.ManagedChannel;
import io.grpc.Metadata;
import io.grpc.MethodDescriptor;
import io.grpc.MethodDescriptor.MethodType;
import io.grpc.Server;
import io.grpc.ServerBuilder;
import io.grpc.ServerCall;
import io.grpc.ServerCallHandler;
import io.grpc.ServerCredentials;
import io.grpc.ServerInterceptor;
import io.grpc.ServerStreamTracer;
import io.grpc.ServerTransportFilter;
import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import io.grpc.TlsChannelCredentials;
import io.grpc.TlsServerCredentials;
import io.grpc.inprocess.InProcessChannelBuilder;
import io.grpc.inprocess.InProcessServerBuilder;
import io.grpc.stub.ClientCalls;
import io.grpc.stub.MetadataUtils;
import io.grpc.stub.StreamObserver;
import io.netty.bootstrap.ServerBootstrap;
import io.netty.channel.ChannelFuture;
import io.netty.channel.ChannelFutureListener;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelInitializer;
import io.netty.channel.ChannelPipeline;
import io.netty.channel.EventLoopGroup;
import io.netty.channel.SimpleChannelInboundHandler;
import io.netty.channel.nio.NioEventLoopGroup;
import io.netty.channel.socket.nio.NioServerSocketChannel;
import io.netty.handler.codec.http.DefaultFullHttpResponse;
import io.netty.handler.codec.http.HttpResponseStatus;
import io.netty.handler.codec.http.HttpServerCodec;
import io.netty.handler.codec.http.HttpVersion;
import io.netty.handler.codec.http.LastHttpContent;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.security.GeneralSecurityException;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Queue;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Executor;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.logging.Level;
import java.util.logging.Logger;
import javax.net.ssl.KeyManagerFactory;
import javax.net.ssl.TrustManagerFactory;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedClass;
import org.junit.jupiter.params.provider.EnumSource;

@ParameterizedClass(name = "{0}")
@EnumSource(Transport.class)
@Timeout(60)
final class SondeGrpcIT {
  private static final Logger GRPC = Logger.getLogger("io.grpc");
  private static final String TRACE_ID = "4bf92f3577b34da6a3ce929d0e0e4736";
  private static final String TRACEPARENT = "00-" + TRACE_ID + "-00f067aa0ba902b7-01";

  /** A Sonde that is switched off. */
  private static final Sonde OFF = Sonde.start(SondeConfig.builder().enabled(false).build());

  /** Has Netty's adapter watch every server of this process that is built on Netty. */
  private static final Sonde NETTY_WATCH = Sonde.start(SondeConfig.builder().build());

  private final Transport transport;
  private final EchoService service = new EchoService();
  private final RecordingOutlet ends = new RecordingOutlet();
  private final ListenerScope scope = ends.listener(SondeGrpc.name(), SondeGrpc.capabilities());
  private final List<ManagedChannel> channels = new CopyOnWriteArrayList<>();
  private @Nullable Server server;

  SondeGrpcIT(Transport transport) {
    this.transport = transport;
  }

  @BeforeAll
  static void watchNetty() {
    SondeNetty.observeAll(NETTY_WATCH);
  }

  @AfterAll
  static void watchNothing() {
    SondeNetty.observeAll(OFF);
  }

  @BeforeEach
  void quieten() {
    GRPC.setLevel(Level.OFF);
  }

  @AfterEach
  void stop() throws InterruptedException {
    stopServer();
    assertThat(scope.firstFault()).isNull();
    assertThat(scope.openConnections()).isEmpty();
  }

  @Test
  void unaryCall_isARequest() throws IOException, InterruptedException {
    ManagedChannel channel = connect(start());

    assertThat(call(channel, "hello")).isEqualTo("hello");

    disconnect(channel);
    awaitClosed(1);
    Exchange request = ends.requests.get(0);
    assertThat(ends.requests).hasSize(1);
    assertThat(request.method()).isEqualTo("POST");
    assertThat(request.path()).isEqualTo("/test.Echo/Unary");
    assertThat(request.route()).isEqualTo("/test.Echo/Unary");
    assertThat(request.outcome()).isEqualTo(Outcome.COMPLETED);
    assertThat(request.status()).isEqualTo(200);
    assertThat(request.stream()).isNull();
    assertThat(request.bytesIn()).isEqualTo(5);
    assertThat(request.bytesOut()).isEqualTo(5);
    assertThat(request.timeToFirstByteNanos()).isBetween(1L, request.durationNanos());
    assertThat(request.connection()).isSameAs(ends.connections.get(0));
    assertThat(request.connection().protocol()).isEqualTo(Protocol.H2);
    assertThat(request.connection().isTls()).isFalse();
    assertThat(request.connection().clientAddress()).isEqualTo("127.0.0.1");
    assertThat(request.connection().serverPort()).isEqualTo(port());
    assertThat(request.connection().closeReason()).isEqualTo(CloseReason.COMPLETE);
    assertThat(scope.server()).isEqualTo("gRPC-java " + System.getProperty("grpc.expected"));
  }

  @Test
  void code_isToldAsTheHttpStatusThatStandsForIt() throws IOException {
    ManagedChannel channel = connect(start());
    Map<Status.Code, Integer> expected = new EnumMap<>(Status.Code.class);
    expected.put(Status.Code.CANCELLED, 499);
    expected.put(Status.Code.UNKNOWN, 500);
    expected.put(Status.Code.INVALID_ARGUMENT, 400);
    expected.put(Status.Code.DEADLINE_EXCEEDED, 504);
    expected.put(Status.Code.NOT_FOUND, 404);
    expected.put(Status.Code.ALREADY_EXISTS, 409);
    expected.put(Status.Code.PERMISSION_DENIED, 403);
    expected.put(Status.Code.RESOURCE_EXHAUSTED, 429);
    expected.put(Status.Code.FAILED_PRECONDITION, 400);
    expected.put(Status.Code.ABORTED, 409);
    expected.put(Status.Code.OUT_OF_RANGE, 400);
    expected.put(Status.Code.UNIMPLEMENTED, 501);
    expected.put(Status.Code.INTERNAL, 500);
    expected.put(Status.Code.UNAVAILABLE, 503);
    expected.put(Status.Code.DATA_LOSS, 500);
    expected.put(Status.Code.UNAUTHENTICATED, 401);
    service.answer =
        (code, client) -> client.onError(Status.Code.valueOf(code).toStatus().asException());

    for (Status.Code code : expected.keySet()) {
      assertThat(codeOf(channel, code.name())).isEqualTo(code);
    }

    awaitRequests(expected.size());
    assertThat(ends.requests)
        .extracting(Exchange::status)
        .containsExactlyElementsOf(expected.values());
    assertThat(ends.requests)
        .allSatisfy(request -> assertThat(request.outcome()).isEqualTo(Outcome.COMPLETED));
  }

  @Test
  void thrownException_isKept() throws IOException {
    RuntimeException thrown = new IllegalStateException("of the application");
    ManagedChannel channel = connect(start());
    service.answer =
        (message, client) -> {
          throw thrown;
        };

    assertThat(codeOf(channel, "x")).isEqualTo(Status.Code.UNKNOWN);

    awaitRequests(1);
    assertThat(ends.requests.get(0).status()).isEqualTo(500);
    assertThat(ends.errors).containsExactly(thrown);
  }

  @Test
  void cause_isKeptOfErrorsOfTheServerOnly() throws IOException {
    Exception cause = new IOException("of the application");
    ManagedChannel channel = connect(start());
    service.answer =
        (code, client) ->
            client.onError(Status.Code.valueOf(code).toStatus().withCause(cause).asException());

    assertThat(codeOf(channel, "NOT_FOUND")).isEqualTo(Status.Code.NOT_FOUND);
    assertThat(codeOf(channel, "INTERNAL")).isEqualTo(Status.Code.INTERNAL);

    awaitRequests(2);
    assertThat(ends.errors).containsExactly(null, cause);
  }

  @Test
  void passedDeadline_isATimeoutOfTheServer() throws IOException {
    ManagedChannel channel = connect(start());
    service.answer = (message, client) -> {};

    assertThatThrownBy(
            () ->
                ClientCalls.blockingUnaryCall(
                    channel,
                    EchoService.UNARY,
                    CallOptions.DEFAULT.withDeadlineAfter(1, TimeUnit.SECONDS),
                    "x"))
        .extracting(thrown -> Status.fromThrowable(thrown).getCode())
        .isEqualTo(Status.Code.DEADLINE_EXCEEDED);

    awaitRequests(1);
    assertThat(ends.requests.get(0).outcome()).isEqualTo(Outcome.SERVER_TIMEOUT);
    assertThat(ends.requests.get(0).status()).isZero();
  }

  @Test
  void cancelledCall_isLeftByItsClientAlone() throws IOException, InterruptedException {
    CountDownLatch called = new CountDownLatch(1);
    ManagedChannel channel = connect(start());
    service.answer = (message, client) -> called.countDown();

    Future<String> answer = send(channel, EchoService.UNARY, "x");
    called.await();
    answer.cancel(true);
    awaitRequests(1);
    service.answer = (message, client) -> EchoService.reply(client, message);
    assertThat(call(channel, "hello")).isEqualTo("hello");

    disconnect(channel);
    awaitClosed(1);
    assertThat(ends.requests)
        .extracting(Exchange::outcome)
        .containsExactly(Outcome.CLIENT_ABORT_BEFORE_HEADERS, Outcome.COMPLETED);
    assertThat(ends.connections.get(0).closeReason()).isEqualTo(CloseReason.COMPLETE);
  }

  @Test
  void cancelledStream_countsWhatWasSent() throws IOException {
    ManagedChannel channel = connect(start());
    service.answer = (message, client) -> client.onNext("0123456789");

    takeOneAndCancel(channel);

    awaitRequests(1);
    assertThat(ends.requests.get(0).outcome()).isEqualTo(Outcome.CLIENT_ABORT_DURING_BODY);
    assertThat(ends.requests.get(0).stream()).isEqualTo(StreamKind.GRPC);
    assertThat(ends.bodyBytes).containsExactly(10L);
  }

  @Test
  void streams_areTold() throws IOException, InterruptedException, ExecutionException {
    ManagedChannel channel = connect(start());
    service.answer = (message, client) -> EchoService.reply(client, "one", "two", "three");

    Iterator<String> down =
        ClientCalls.blockingServerStreamingCall(
            channel, EchoService.DOWN, CallOptions.DEFAULT, "x");
    assertThat(down).toIterable().containsExactly("one", "two", "three");
    assertThat(upload(channel, EchoService.UP, "a", "bc")).isEqualTo("abc");
    assertThat(upload(channel, EchoService.BOTH, "de", "f")).isEqualTo("def");

    awaitRequests(3);
    assertThat(ends.routes).containsExactly("/test.Echo/Down", "/test.Echo/Up", "/test.Echo/Both");
    assertThat(ends.bodyBytes).containsExactly(11L, 3L, 3L);
    assertThat(ends.requests).extracting(Exchange::bytesIn).containsExactly(1L, 3L, 3L);
    assertThat(ends.requests)
        .allSatisfy(
            request -> {
              assertThat(request.stream()).isEqualTo(StreamKind.GRPC);
              assertThat(request.status()).isEqualTo(200);
            });
  }

  @Test
  void vanishedClient_leavesItsCalls()
      throws IOException, InterruptedException, ExecutionException {
    CountDownLatch called = new CountDownLatch(2);
    int port = start();
    service.answer =
        (message, client) -> {
          if (message.equals("begins")) {
            client.onNext("0123456789");
          }
          called.countDown();
        };
    try (TcpFaultProxy proxy = TcpFaultProxy.to(port)) {
      ManagedChannel channel = connect(proxy.port());
      Future<String> unary = send(channel, EchoService.UNARY, "hangs");
      ClientCalls.blockingServerStreamingCall(
              channel, EchoService.DOWN, CallOptions.DEFAULT, "begins")
          .next();
      called.await();

      proxy.reset();

      assertThatThrownBy(unary::get).hasCauseInstanceOf(StatusRuntimeException.class);
    }

    awaitClosed(1);
    assertThat(ends.requests)
        .extracting(Exchange::outcome)
        .containsExactlyInAnyOrder(
            Outcome.CLIENT_ABORT_BEFORE_HEADERS, Outcome.CLIENT_ABORT_DURING_BODY);
    assertThat(ends.bodyBytes).containsExactlyInAnyOrder(0L, 10L);
    assertThat(ends.requests).extracting(Exchange::bytesIn).containsExactlyInAnyOrder(5L, 6L);
    assertThat(ends.connections.get(0).closeReason()).isEqualTo(CloseReason.CLIENT_DISCONNECT);
  }

  @Test
  void connectionWithoutAByte_isNotTold() throws IOException, InterruptedException {
    int port = start();

    new Socket(InetAddress.getLoopbackAddress(), port).close();
    assertThat(call(connect(port), "hello")).isEqualTo("hello");

    stopServer();
    awaitClosed(1);
    assertThat(ends.requests).hasSize(1);
  }

  @Test
  void callInProcess_isSeen() throws IOException, InterruptedException {
    String name = "SondeGrpcIT-" + transport;
    ServerBuilder<?> builder =
        InProcessServerBuilder.forName(name).addService(service.definition());
    SondeGrpc.observe(builder, scope, OFF.emitter());
    server = builder.build().start();
    ManagedChannel channel = InProcessChannelBuilder.forName(name).build();
    channels.add(channel);
    service.answer = SondeGrpcIT::answerAsTold;

    assertThat(call(channel, "hello")).isEqualTo("hello");
    awaitRequests(1);
    takeOneAndCancel(channel);

    disconnect(channel);
    awaitClosed(1);
    assertThat(ends.requests)
        .extracting(Exchange::outcome)
        .containsExactly(Outcome.COMPLETED, Outcome.CLIENT_ABORT_DURING_BODY);
    assertThat(ends.connections.get(0).protocol()).isEqualTo(Protocol.UNKNOWN);
  }

  @Test
  void requestsOverTls_areSeen()
      throws IOException, InterruptedException, GeneralSecurityException {
    TlsMaterial tls = TlsMaterial.shared();
    KeyManagerFactory keys = KeyManagerFactory.getInstance("PKIX");
    keys.init(tls.keyStore(), TlsMaterial.password().toCharArray());
    TrustManagerFactory trust = TrustManagerFactory.getInstance("PKIX");
    trust.init(tls.keyStore());
    int port =
        start(builder(TlsServerCredentials.newBuilder().keyManager(keys.getKeyManagers()).build()));

    ManagedChannel channel =
        connect(
            port,
            TlsChannelCredentials.newBuilder().trustManager(trust.getTrustManagers()).build());
    assertThat(call(channel, "hello")).isEqualTo("hello");

    disconnect(channel);
    awaitClosed(1);
    assertThat(ends.requests.get(0).status()).isEqualTo(200);
    assertThat(ends.connections.get(0).isTls()).isTrue();
    assertThat(ends.connections.get(0).clientPort()).isPositive();
  }

  @Test
  void span_isCurrentInEveryCallback()
      throws IOException, InterruptedException, ExecutionException {
    List<@Nullable Span> seen = new CopyOnWriteArrayList<>();
    ManagedChannel channel = connect(start());
    service.streamAnswer =
        client -> {
          seen.add(TraceContext.current());
          return new StreamObserver<>() {
            @Override
            public void onNext(String message) {
              seen.add(TraceContext.current());
            }

            @Override
            public void onError(Throwable failure) {}

            @Override
            public void onCompleted() {
              seen.add(TraceContext.current());
              EchoService.reply(client, "done");
            }
          };
        };
    Metadata headers = new Metadata();
    headers.put(Metadata.Key.of("traceparent", Metadata.ASCII_STRING_MARSHALLER), TRACEPARENT);

    Channel traced =
        ClientInterceptors.intercept(channel, MetadataUtils.newAttachHeadersInterceptor(headers));
    assertThat(upload(traced, EchoService.UP, "a", "b")).isEqualTo("done");

    awaitRequests(1);
    Span own = ends.requests.get(0).span();
    assertThat(own.traceparent()).contains(TRACE_ID);
    assertThat(seen).hasSize(4).containsOnly(own);
  }

  @Test
  void callThatWaitsForAThread_countsItsWait()
      throws IOException, InterruptedException, ExecutionException {
    HeldExecutor executor = new HeldExecutor();
    ManagedChannel channel = connect(start(builder().executor(executor)));

    executor.hold();
    Future<String> waiting = send(channel, EchoService.UNARY, "waits");
    executor.awaitHeld();
    executor.passNew();
    assertThat(call(channel, "overtakes")).isEqualTo("overtakes");
    executor.release();
    assertThat(waiting.get()).isEqualTo("waits");

    awaitRequests(2);
    Exchange overtaking = ends.requests.get(0);
    Exchange waited = ends.requests.get(1);
    assertThat(overtaking.bytesIn()).isEqualTo("overtakes".length());
    assertThat(waited.startNanos()).isLessThan(overtaking.startNanos());
  }

  @Test
  void gracefulStop_letsTheCallEnd() throws IOException, InterruptedException, ExecutionException {
    CountDownLatch called = new CountDownLatch(1);
    List<StreamObserver<String>> held = new CopyOnWriteArrayList<>();
    ManagedChannel channel = connect(start());
    service.answer =
        (message, client) -> {
          held.add(client);
          called.countDown();
        };

    Future<String> answer = send(channel, EchoService.UNARY, "x");
    called.await();
    running().shutdown();
    EchoService.reply(held.get(0), "late");
    assertThat(answer.get()).isEqualTo("late");

    awaitClosed(1);
    assertThat(ends.requests.get(0).outcome()).isEqualTo(Outcome.COMPLETED);
    assertThat(ends.connections.get(0).closeReason()).isEqualTo(CloseReason.SERVER_SHUTDOWN);
  }

  @Test
  void forcedStop_isNoLeaveOfTheClient()
      throws IOException, InterruptedException, ExecutionException {
    CountDownLatch called = new CountDownLatch(1);
    ManagedChannel channel = connect(start());
    service.answer = (message, client) -> called.countDown();

    Future<String> answer = send(channel, EchoService.UNARY, "x");
    called.await();
    running().shutdownNow();
    assertThatThrownBy(answer::get).hasCauseInstanceOf(StatusRuntimeException.class);

    awaitClosed(1);
    assertThat(ends.requests.get(0).outcome()).isEqualTo(Outcome.APP_ERROR);
    assertThat(ends.connections.get(0).closeReason()).isEqualTo(CloseReason.SERVER_SHUTDOWN);
  }

  @Test
  void answerOfAnInterceptor_isToldWhereverItStands()
      throws IOException, InterruptedException, ExecutionException {
    ServerInterceptor refusing =
        new ServerInterceptor() {
          @Override
          public <Q, A> ServerCall.Listener<Q> interceptCall(
              ServerCall<Q, A> call, Metadata headers, ServerCallHandler<Q, A> next) {
            call.close(Status.UNAVAILABLE, new Metadata());
            return new ServerCall.Listener<>() {};
          }
        };
    ServerBuilder<?> inside = transport.server(InsecureServerCredentials.create());
    inside.addService(service.definition()).intercept(refusing);
    SondeGrpc.observe(inside, scope, OFF.emitter());
    assertThat(codeOf(connect(start(inside)), "x")).isEqualTo(Status.Code.UNAVAILABLE);
    stopServer();
    ServerBuilder<?> outside = builder();
    outside.intercept(refusing);

    assertThat(codeOf(connect(start(outside)), "x")).isEqualTo(Status.Code.UNAVAILABLE);

    awaitRequests(2);
    assertThat(ends.requests)
        .allSatisfy(
            request -> {
              assertThat(request.outcome()).isEqualTo(Outcome.COMPLETED);
              assertThat(request.status()).isEqualTo(503);
            });
  }

  @Test
  void callsWithoutAConnection_areReportedOnce()
      throws IOException, InterruptedException, ExecutionException {
    HeldExecutor executor = new HeldExecutor();
    List<RequestEvent> events = new CopyOnWriteArrayList<>();
    try (Sonde sonde = Sonde.start(SondeConfig.builder().build())) {
      sonde.addSink("test", requestsTo(events));
      ServerBuilder<?> builder = transport.server(InsecureServerCredentials.create());
      builder.addService(service.definition()).executor(executor);
      ManagedChannel channel = connect(start(SondeGrpc.observe(builder, sonde)));

      executor.hold();
      Future<String> cancelled = send(channel, EchoService.UNARY, "x");
      executor.awaitHeld();
      cancelled.cancel(true);
      await().until(() -> events.size() == 1);
      executor.release();
      assertThatThrownBy(
              () ->
                  ClientCalls.blockingUnaryCall(
                      channel, EchoService.MISSING, CallOptions.DEFAULT, "x"))
          .extracting(thrown -> Status.fromThrowable(thrown).getCode())
          .isEqualTo(Status.Code.UNIMPLEMENTED);
      await().until(() -> events.size() == 2);
      assertThat(call(channel, "hello")).isEqualTo("hello");

      await().until(() -> sonde.stats().total().count() == 3);
      stopServer();
      assertThat(sonde.stats().total().count()).isEqualTo(3);
      assertThat(sonde.health().faults()).isEmpty();
    }
    assertThat(events).hasSize(3);
    assertThat(events)
        .extracting(RequestEvent::route)
        .containsExactly("<unmatched>", "<unmatched>", "/" + EchoService.UNARY.getFullMethodName());
    assertThat(events.get(0).outcome()).isEqualTo(Outcome.CLIENT_ABORT_BEFORE_HEADERS);
    assertThat(events.get(0).connectionId()).isZero();
    assertThat(events.get(1).path()).isEqualTo("/test.Echo/Missing");
    assertThat(events.get(1).status()).isEqualTo(501);
    assertThat(events.get(1).connectionId()).isZero();
    assertThat(events.get(1).isError()).isTrue();
    assertThat(events.get(2).connectionId()).isPositive();
  }

  @Test
  void disabledSonde_addsNothing() {
    try (Sonde sonde = Sonde.start(SondeConfig.builder().enabled(false).build())) {
      UntouchedBuilder builder =
          new UntouchedBuilder(transport.server(InsecureServerCredentials.create()));

      assertThat(SondeGrpc.observe(builder, sonde)).isSameAs(builder);

      assertThat(builder.additions).isEmpty();
    }
  }

  @Test
  void manyChannels_differInNothingFromTheirClients()
      throws IOException, InterruptedException, ExecutionException {
    int clients = 64;
    int rounds = 10;
    AtomicInteger answered = new AtomicInteger();
    AtomicInteger missed = new AtomicInteger();
    AtomicInteger failed = new AtomicInteger();
    AtomicInteger streamed = new AtomicInteger();
    AtomicInteger left = new AtomicInteger();
    service.answer = SondeGrpcIT::answerAsTold;
    RecordingCollector collector = new RecordingCollector();
    ExecutorService users = Executors.newFixedThreadPool(clients);
    try (Sonde sonde = Sonde.start(SondeConfig.builder().build(), collector)) {
      ServerBuilder<?> builder = transport.server(InsecureServerCredentials.create());
      int port = start(SondeGrpc.observe(builder.addService(service.definition()), sonde));
      List<Future<?>> ended = new ArrayList<>();
      for (int i = 0; i < clients; i++) {
        ManagedChannel channel = connect(port);
        ended.add(
            users.submit(
                () -> {
                  for (int round = 0; round < rounds; round++) {
                    assertThat(call(channel, "hello")).isEqualTo("hello");
                    answered.incrementAndGet();
                    assertThat(codeOf(channel, "NOT_FOUND")).isEqualTo(Status.Code.NOT_FOUND);
                    missed.incrementAndGet();
                    assertThat(codeOf(channel, "INTERNAL")).isEqualTo(Status.Code.INTERNAL);
                    failed.incrementAndGet();
                    assertThat(upload(channel, EchoService.BOTH, "a", "b")).isEqualTo("ab");
                    streamed.incrementAndGet();
                    takeOneAndCancel(channel);
                    left.incrementAndGet();
                  }
                  return null;
                }));
      }
      for (Future<?> user : ended) {
        Object unused = user.get();
      }
      for (ManagedChannel channel : channels) {
        disconnect(channel);
      }
      await().until(() -> count(collector, ConnectionClosed.class) == clients);

      StatsSnapshot stats = sonde.stats();
      assertThat(answered).hasValue(clients * rounds);
      assertThat(count(collector, ConnectionOpened.class)).isEqualTo(clients);
      assertThat(count(collector, RequestStarted.class)).isEqualTo(5L * clients * rounds);
      assertThat(completed(collector, 200)).isEqualTo(answered.get() + streamed.get());
      assertThat(completed(collector, 404)).isEqualTo(missed.get());
      assertThat(completed(collector, 500)).isEqualTo(failed.get());
      assertThat(count(collector, ClientDisconnected.class)).isEqualTo(left.get());
      assertThat(stats.total().count()).isEqualTo(answered.get() + missed.get() + failed.get());
      assertThat(stats.streams().ended().stream().mapToLong(s -> s.lifetime().count()).sum())
          .isEqualTo(streamed.get() + left.get());
      assertThat(stats.streams().openCount()).isZero();
      assertThat(stats.requestsInFlight()).isZero();
      assertThat(
              new LifecycleInvariants(Map.of(port, false), path -> path)
                  .violations(collector.events()))
          .isEmpty();
      assertThat(sonde.health().faults()).isEmpty();
    } finally {
      users.shutdownNow();
    }
  }

  @Test
  void nettyAdapter_leavesCallsAlone()
      throws IOException, InterruptedException, ExecutionException {
    ManagedChannel channel = connect(start());
    assertThat(call(channel, "hello")).isEqualTo("hello");
    long before = NETTY_WATCH.stats().total().count();

    String answer = askPlainNetty();

    assertThat(answer).startsWith("HTTP/1.1 204");
    await().until(() -> NETTY_WATCH.stats().total().count() == before + 1);
    awaitRequests(1);
    disconnect(channel);
    awaitClosed(1);
    StatsSnapshot seen = NETTY_WATCH.stats();
    assertThat(seen.routes()).extracting(GroupSnapshot::name).containsExactly("/plain");
    assertThat(seen.connections().opened()).isEqualTo(seen.total().count());
  }

  /** A server of Netty alone in the same process, which is seen by Netty's adapter. */
  private static String askPlainNetty()
      throws IOException, InterruptedException, ExecutionException {
    EventLoopGroup loops = new NioEventLoopGroup(1);
    try {
      int port =
          ((InetSocketAddress)
                  new ServerBootstrap()
                      .group(loops)
                      .channel(NioServerSocketChannel.class)
                      .childHandler(new PlainHttp())
                      .bind(InetAddress.getLoopbackAddress(), 0)
                      .sync()
                      .channel()
                      .localAddress())
              .getPort();
      try (Socket socket = new Socket(InetAddress.getLoopbackAddress(), port)) {
        socket
            .getOutputStream()
            .write("GET /plain HTTP/1.1\r\nHost: x\r\n\r\n".getBytes(ISO_8859_1));
        return new String(socket.getInputStream().readAllBytes(), ISO_8859_1);
      }
    } finally {
      loops.shutdownGracefully(0, 10, TimeUnit.SECONDS).sync();
    }
  }

  private ServerBuilder<?> builder() {
    return builder(InsecureServerCredentials.create());
  }

  private ServerBuilder<?> builder(ServerCredentials credentials) {
    ServerBuilder<?> builder = transport.server(credentials).addService(service.definition());
    SondeGrpc.observe(builder, scope, OFF.emitter());
    return builder;
  }

  private int start() throws IOException {
    return start(builder());
  }

  private int start(ServerBuilder<?> builder) throws IOException {
    server = builder.build().start();
    return port();
  }

  private Server running() {
    return Objects.requireNonNull(server);
  }

  private int port() {
    return running().getPort();
  }

  private void stopServer() throws InterruptedException {
    for (ManagedChannel channel : channels) {
      disconnect(channel);
    }
    if (server != null) {
      assertThat(server.shutdownNow().awaitTermination(30, TimeUnit.SECONDS)).isTrue();
    }
  }

  private ManagedChannel connect(int port) {
    return connect(port, InsecureChannelCredentials.create());
  }

  private ManagedChannel connect(int port, ChannelCredentials credentials) {
    ManagedChannel channel = transport.channel(port, credentials);
    channels.add(channel);
    return channel;
  }

  private static void disconnect(ManagedChannel channel) throws InterruptedException {
    assertThat(channel.shutdownNow().awaitTermination(30, TimeUnit.SECONDS)).isTrue();
  }

  private static String call(Channel channel, String message) {
    return ClientCalls.blockingUnaryCall(channel, EchoService.UNARY, CallOptions.DEFAULT, message);
  }

  private static Future<String> send(
      Channel channel, MethodDescriptor<String, String> method, String message) {
    return ClientCalls.futureUnaryCall(channel.newCall(method, CallOptions.DEFAULT), message);
  }

  /** How a call fails. */
  private static Status.Code codeOf(Channel channel, String message) {
    try {
      throw new AssertionError("answered: " + call(channel, message));
    } catch (StatusRuntimeException e) {
      return e.getStatus().getCode();
    }
  }

  /** Takes one message of the server's, and cancels. */
  private static void takeOneAndCancel(Channel channel) {
    Context.CancellableContext context = Context.current().withCancellation();
    Context before = context.attach();
    try {
      ClientCalls.blockingServerStreamingCall(
              channel, EchoService.DOWN, CallOptions.DEFAULT, "ENDLESS")
          .next();
    } finally {
      context.detach(before);
      context.cancel(null);
    }
  }

  private static String upload(
      Channel channel, MethodDescriptor<String, String> method, String... messages)
      throws IOException, InterruptedException, ExecutionException {
    CompletableFuture<String> answer = new CompletableFuture<>();
    StreamObserver<String> client =
        new StreamObserver<>() {
          @Override
          public void onNext(String message) {
            answer.complete(message);
          }

          @Override
          public void onError(Throwable failure) {
            answer.completeExceptionally(failure);
          }

          @Override
          public void onCompleted() {
            answer.cancel(false);
          }
        };
    ClientCall<String, String> call = channel.newCall(method, CallOptions.DEFAULT);
    StreamObserver<String> up =
        method.getType() == MethodType.CLIENT_STREAMING
            ? ClientCalls.asyncClientStreamingCall(call, client)
            : ClientCalls.asyncBidiStreamingCall(call, client);
    for (String message : messages) {
      up.onNext(message);
    }
    up.onCompleted();
    return answer.get();
  }

  /** By the name of a code, one that never ends, or its echo. */
  private static void answerAsTold(String message, StreamObserver<String> client) {
    switch (message) {
      case "NOT_FOUND", "INTERNAL" ->
          client.onError(Status.Code.valueOf(message).toStatus().asException());
      case "ENDLESS" -> client.onNext("first");
      default -> EchoService.reply(client, message);
    }
  }

  private static Sink<Event> requestsTo(List<RequestEvent> events) {
    return batch -> {
      for (Event event : batch) {
        if (event instanceof RequestEvent request) {
          events.add(request);
        }
      }
    };
  }

  private static long count(RecordingCollector collector, Class<? extends LifecycleEvent> type) {
    return collector.events().stream().filter(type::isInstance).count();
  }

  private static long completed(RecordingCollector collector, int status) {
    return collector.events().stream()
        .filter(event -> event instanceof ResponseCompleted response && response.status() == status)
        .count();
  }

  private void awaitRequests(int count) {
    await().until(() -> ends.requests.size() == count);
  }

  private void awaitClosed(int connections) {
    await().until(() -> ends.connections.size() == connections);
  }

  /** Runs tasks on threads of its own, and some of them later. */
  private static final class HeldExecutor implements Executor {
    private final Executor threads = Executors.newCachedThreadPool();
    private final Queue<Runnable> held = new ArrayDeque<>();
    private boolean isHolding;

    @Override
    public synchronized void execute(Runnable task) {
      if (isHolding) {
        held.add(task);
        notifyAll();
      } else {
        threads.execute(task);
      }
    }

    synchronized void hold() {
      isHolding = true;
    }

    synchronized void awaitHeld() throws InterruptedException {
      while (held.isEmpty()) {
        wait();
      }
    }

    /** Holds no more tasks beside those that it has. */
    synchronized void passNew() {
      isHolding = false;
    }

    synchronized void release() {
      isHolding = false;
      held.forEach(threads::execute);
      held.clear();
    }
  }

  /** Answers every request and closes. */
  private static final class PlainHttp extends ChannelInitializer<io.netty.channel.Channel> {
    @Override
    protected void initChannel(io.netty.channel.Channel channel) {
      ChannelPipeline unused =
          channel
              .pipeline()
              .addLast(
                  new HttpServerCodec(),
                  new SimpleChannelInboundHandler<LastHttpContent>() {
                    @Override
                    protected void channelRead0(ChannelHandlerContext ctx, LastHttpContent end) {
                      ChannelFuture unusedWrite =
                          ctx.writeAndFlush(
                                  new DefaultFullHttpResponse(
                                      HttpVersion.HTTP_1_1, HttpResponseStatus.NO_CONTENT))
                              .addListener(ChannelFutureListener.CLOSE);
                    }
                  });
    }
  }

  /** Counts what is added. */
  private static final class UntouchedBuilder extends ForwardingServerBuilder<UntouchedBuilder> {
    private final ServerBuilder<?> real;
    private final List<Object> additions = new ArrayList<>();

    UntouchedBuilder(ServerBuilder<?> real) {
      this.real = real;
    }

    @Override
    protected ServerBuilder<?> delegate() {
      return real;
    }

    @Override
    public UntouchedBuilder intercept(ServerInterceptor interceptor) {
      additions.add(interceptor);
      return this;
    }

    @Override
    public UntouchedBuilder addTransportFilter(ServerTransportFilter filter) {
      additions.add(filter);
      return this;
    }

    @Override
    public UntouchedBuilder addStreamTracerFactory(ServerStreamTracer.Factory factory) {
      additions.add(factory);
      return this;
    }
  }
}
