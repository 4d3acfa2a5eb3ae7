// SPDX-License-Identifier: Apache-2.0
package dev.sonde.capture.grpc;

import dev.sonde.capture.AbortKind;
import dev.sonde.capture.Exchange;
import dev.sonde.event.Outcome;
import dev.sonde.event.RequestEvent.StreamKind;
import dev.sonde.stats.StatsStore;
import io.grpc.Context;
import io.grpc.Deadline;
import io.grpc.Metadata;
import io.grpc.MethodDescriptor.MethodType;
import io.grpc.ServerStreamTracer;
import io.grpc.Status;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/** One call from its head to the end of its stream. */
final class ObservedCall extends ServerStreamTracer {
  /*
   * The head comes on the transport's thread, which does not say on what connection. That is known
   * when the server has looked the method up, on a thread of its executor; a call of an unknown
   * method never gets there, and one that is cancelled meanwhile gets there after its end. So a
   * call goes from NEW to BEGUN to ENDED, or at once to ENDED, and then it is reported without a
   * connection. Who moves it on decides, so each call is told once.
   *
   * A stream may be closed while it is being begun: both sides first write what the other one looks
   * for, `closedWith` and `exchange`, and then look, so one of them sees both.
   */
  private static final int NEW = 0;
  private static final int BEGUN = 1;
  private static final int ENDED = 2;

  private static final VarHandle STATE;
  private static final VarHandle BYTES_IN;
  private static final VarHandle BYTES_OUT;

  static {
    try {
      MethodHandles.Lookup lookup = MethodHandles.lookup();
      STATE = lookup.findVarHandle(ObservedCall.class, "state", int.class);
      BYTES_IN = lookup.findVarHandle(ObservedCall.class, "bytesIn", long.class);
      BYTES_OUT = lookup.findVarHandle(ObservedCall.class, "bytesOut", long.class);
    } catch (ReflectiveOperationException e) {
      throw new ExceptionInInitializerError(e);
    }
  }

  private static final Metadata.Key<String> TRACEPARENT =
      Metadata.Key.of("traceparent", Metadata.ASCII_STRING_MARSHALLER);
  private static final Metadata.Key<String> TRACESTATE =
      Metadata.Key.of("tracestate", Metadata.ASCII_STRING_MARSHALLER);

  static final String METHOD = "POST";
  private static final int HEAD_STATUS = 200;

  /**
   * A client gives up when its own deadline passes, which is that of the server up to what both
   * directions differ in; it is never early by more than this or a tenth of the time it gave.
   */
  private static final long MAX_EARLY_NANOS = TimeUnit.MILLISECONDS.toNanos(50);

  private final ServerWatch watch;
  private final String path;
  private final @Nullable String traceparent;
  private final @Nullable String tracestate;
  private final long startNanos = System.nanoTime();

  @SuppressWarnings("UnusedVariable") // by name
  private volatile int state = NEW;

  private volatile @Nullable Exchange exchange;
  private volatile @Nullable Status closedWith;

  private volatile long bytesIn;
  private volatile long bytesOut;

  // Written before the exchange.
  private boolean hasDeadline;
  private long deadlineNanos;

  // The application's doing.
  private volatile boolean isEntered;
  private volatile @Nullable Status answer;
  private volatile @Nullable Throwable thrown;

  /**
   * @param method full name without the slash in front
   */
  ObservedCall(ServerWatch watch, String method, Metadata headers) {
    this.watch = watch;
    this.path = "/" + method;
    this.traceparent = headers.get(TRACEPARENT);
    this.tracestate = traceparent == null ? null : headers.get(TRACESTATE);
  }

  /** What it tells, or null as long as its connection is not known. */
  @Nullable Exchange exchange() {
    return exchange;
  }

  @Override
  public Context filterContext(Context context) {
    try {
      watch.servedBy(context);
      return context.withValue(watch.call, this);
    } catch (Throwable t) {
      watch.fault(t);
      return context;
    }
  }

  @Override
  public void serverCallStarted(ServerCallInfo<?, ?> call) {
    try {
      ObservedConnection connection = call.getAttributes().get(watch.connection);
      if (connection != null) {
        begin(connection, call.getMethodDescriptor().getType());
      }
    } catch (Throwable t) {
      watch.fault(t);
    }
  }

  @Override
  public void inboundWireSize(long bytes) {
    long unused = (long) BYTES_IN.getAndAdd(this, bytes);
  }

  @Override
  public void outboundWireSize(long bytes) {
    long before = (long) BYTES_OUT.getAndAdd(this, bytes);
    Exchange told = exchange;
    if (told != null) {
      told.sent(before + bytes);
    }
  }

  @Override
  public void streamClosed(Status status) {
    try {
      closedWith = status;
      if (STATE.compareAndSet(this, NEW, ENDED)) {
        reportAlone(status);
        return;
      }
      Exchange told = exchange;
      if (told != null) {
        end(told, status);
      }
    } catch (Throwable t) {
      watch.fault(t);
    }
  }

  /** The application is called. */
  void entered() {
    isEntered = true;
  }

  /** The application has sent the head of its answer. */
  void headSent() {
    Exchange told = exchange;
    if (told != null) {
      told.committed(HEAD_STATUS, System.nanoTime());
    }
  }

  /** The application ends the call. */
  void answered(Status status) {
    if (answer == null) {
      answer = status;
    }
  }

  /** A callback of the application threw. */
  void threw(Throwable failure) {
    if (thrown == null) {
      thrown = failure;
    }
  }

  /** Its connection is about to be told as closed, which ends it. */
  void connectionClosed() {
    Exchange told = exchange;
    if (told != null && STATE.compareAndSet(this, BEGUN, ENDED)) {
      told.bytesIn(bytesIn);
    }
  }

  private void begin(ObservedConnection connection, MethodType type) {
    if (!STATE.compareAndSet(this, NEW, BEGUN)) {
      return;
    }
    Exchange begun = connection.begin(path, startNanos);
    if (begun == null) {
      state = NEW;
      Status status = closedWith;
      if (status != null && STATE.compareAndSet(this, NEW, ENDED)) {
        reportAlone(status);
      }
      return;
    }
    begun.route(path);
    if (traceparent != null) {
      begun.trace(traceparent, tracestate);
    }
    if (type != MethodType.UNARY) {
      begun.stream(StreamKind.GRPC);
    }
    Deadline deadline = Context.current().getDeadline();
    if (deadline != null) {
      hasDeadline = true;
      deadlineNanos = System.nanoTime() + deadline.timeRemaining(TimeUnit.NANOSECONDS);
    }
    begun.attach(this);
    exchange = begun;
    Status status = closedWith;
    if (status != null) {
      end(begun, status);
    }
  }

  private void end(Exchange told, Status status) {
    if (!STATE.compareAndSet(this, BEGUN, ENDED) || !told.isOpen()) {
      return;
    }
    long now = System.nanoTime();
    told.bytesIn(bytesIn);
    AbortKind abort = abortedBy(status, now);
    if (abort != null) {
      told.aborted(abort, null, bytesOut, now);
      return;
    }
    Throwable failure = failure(status);
    if (failure != null) {
      told.failed(failure);
    }
    int code = GrpcStatus.toHttp(status.getCode());
    told.committedWithEnd(code);
    told.completed(code, bytesOut, now);
  }

  /** How the stream was broken off, or null if the call was answered. */
  private @Nullable AbortKind abortedBy(Status status, long now) {
    Status given = answer;
    if (given != null && given.getCode() == status.getCode()) {
      return null;
    }
    return switch (status.getCode()) {
      case CANCELLED -> isOverdue(now) ? AbortKind.TIMEOUT : AbortKind.CLIENT_RESET;
      case DEADLINE_EXCEEDED -> isOverdue(now) ? AbortKind.TIMEOUT : null;
      case UNAVAILABLE -> isEntered && thrown == null ? connectionLost() : null;
      default -> null;
    };
  }

  private AbortKind connectionLost() {
    return watch.isStopping() ? AbortKind.SERVER_RESET : AbortKind.READ_EOF;
  }

  private boolean isOverdue(long now) {
    long early = Math.min(MAX_EARLY_NANOS, (deadlineNanos - startNanos) / 10);
    return hasDeadline && now - deadlineNanos >= -early;
  }

  private @Nullable Throwable failure(Status status) {
    if (!GrpcStatus.isServerError(status.getCode())) {
      return null;
    }
    Throwable failure = thrown;
    return failure == null ? status.getCause() : failure;
  }

  /** Its connection is not known, and will not be in time. */
  private void reportAlone(Status status) {
    Outcome outcome =
        switch (status.getCode()) {
          case CANCELLED -> Outcome.CLIENT_ABORT_BEFORE_HEADERS;
          case DEADLINE_EXCEEDED -> Outcome.SERVER_TIMEOUT;
          case UNAVAILABLE ->
              watch.isStopping() ? Outcome.APP_ERROR : Outcome.CLIENT_ABORT_BEFORE_HEADERS;
          default -> Outcome.COMPLETED;
        };
    watch
        .emitter()
        .request(
            METHOD,
            // Its method was not looked up, and may be anybody's invention.
            StatsStore.UNMATCHED,
            path,
            outcome == Outcome.COMPLETED ? GrpcStatus.toHttp(status.getCode()) : 0,
            outcome,
            System.nanoTime() - startNanos,
            bytesIn,
            bytesOut,
            failure(status));
  }
}
