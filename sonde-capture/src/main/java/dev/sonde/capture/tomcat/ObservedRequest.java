// SPDX-License-Identifier: Apache-2.0
package dev.sonde.capture.tomcat;

import dev.sonde.capture.AbortKind;
import dev.sonde.capture.CloseHint;
import dev.sonde.capture.Exchange;
import dev.sonde.event.Protocol;
import jakarta.servlet.RequestDispatcher;
import java.io.IOException;
import java.net.SocketTimeoutException;
import org.apache.catalina.connector.ClientAbortException;
import org.apache.catalina.connector.CoyoteAdapter;
import org.apache.coyote.Constants;
import org.apache.coyote.Request;
import org.apache.coyote.Response;
import org.apache.tomcat.util.buf.MessageBytes;
import org.jspecify.annotations.Nullable;

/** One request from its head to its last byte; on HTTP/1 the next one of its processor, too. */
final class ObservedRequest {
  /*
   * Written by the thread that serves the request; that changes between a request's dispatches, over
   * Tomcat's own queues. The close of the connection comes at any time, from any thread: it only
   * reads here, and the exchange itself takes care that one of the two ends it.
   */

  /** Of Tomcat's 32 places for notes; it uses the first ones itself. */
  private static final int NOTE = 31;

  /** Where Spring MVC leaves the pattern of the handler that it chose. */
  private static final String SPRING_ROUTE =
      "org.springframework.web.servlet.HandlerMapping.bestMatchingPattern";

  private final boolean isReused;
  private final RouteTemplates templates = new RouteTemplates();

  private @Nullable ObservedConnection connection;
  private @Nullable Request head;
  private @Nullable Response response;
  private volatile @Nullable Exchange exchange;

  // Of the request before, as a rule: Tomcat makes a new string of its bytes for who asks.
  private String lastPath = "";
  private String lastContentType = "";

  private boolean isRefused;
  private boolean wasPending;

  /** Bytes of a file that Tomcat sends by itself, or -1. */
  private volatile long fileBytes = -1;

  private long fileBytesSent;

  /** Whether the last frame of the response is on the socket, on HTTP/2. */
  private volatile boolean isEndSent;

  /** Body bytes in the frames of HTTP/2 so far; for the thread that writes them. */
  private long framedBytes;

  /**
   * The thread on which Tomcat has begun to serve the request, until that returns. It alone writes
   * here, and others only ask whether they are it.
   */
  private @Nullable Thread server;

  /**
   * @param head Tomcat's object, which is marked with this
   * @param isReused whether it serves the requests of a processor one after another
   */
  ObservedRequest(Request head, boolean isReused) {
    this.isReused = isReused;
    head.setNote(NOTE, this);
  }

  /** What observes this request, or null if nothing does. */
  static @Nullable ObservedRequest of(Request head) {
    return head.getNote(NOTE) instanceof ObservedRequest observed && observed.exchange != null
        ? observed
        : null;
  }

  /** What is open now, or null. */
  @Nullable Exchange exchange() {
    return exchange;
  }

  /** A head has come. */
  void begin(ObservedConnection observed, Request request, Response answer, long streamId) {
    connection = observed;
    head = request;
    response = answer;
    exchange = null;
    fileBytes = -1;
    wasPending = false;
    try {
      // A head that Tomcat could not parse comes with its answer; 503 is that of a stop.
      int status = answer.getStatus();
      isRefused = streamId == 0 && status >= 400 && status != 503;
      if (isRefused) {
        return;
      }
      Exchange begun =
          observed
              .state()
              .begin(-1, streamId, methodOf(request), path(request), versionOf(request), now());
      String traceparent = request.getHeader("traceparent");
      if (traceparent != null) {
        begun.trace(traceparent, request.getHeader("tracestate"));
      }
      exchange = begun;
      if (isReused) {
        observed.began(this);
      } else {
        server = Thread.currentThread();
        begun.attach(this);
        observed.began(this, streamId);
      }
    } catch (Throwable t) {
      observed.fault(t);
    }
  }

  /** The application, or what Tomcat puts around it, has returned. */
  void handled(org.apache.catalina.connector.Request request, @Nullable Throwable thrown) {
    Exchange open = exchange;
    ObservedConnection observed = connection;
    if (open == null || observed == null) {
      return;
    }
    try {
      open.route(routeOf(request));
      Throwable failure = thrown;
      if (request.getResponse().getStatus() >= 500
          && request.getAttribute(SondeTomcat.ERROR_ATTRIBUTE) instanceof Throwable named) {
        failure = named;
      } else if (failure == null
          && request.getAttribute(RequestDispatcher.ERROR_EXCEPTION) instanceof Throwable kept) {
        failure = kept;
      }
      if (failure != null && !isByClient(failure)) {
        open.failed(failure);
      }
    } catch (Throwable t) {
      observed.fault(t);
    }
  }

  /** The container threw, and Tomcat answers by an empty 500 if it still can. */
  void thrown(Throwable thrown) {
    Response answer = response;
    Exchange open = exchange;
    Request request = head;
    server = null;
    if (open == null || answer == null || request == null) {
      refused();
      return;
    }
    try {
      open.failed(thrown);
      if (isEndSent) {
        completeIfOpen(open, request, answer, bodyBytes());
      } else if (answer.isCommitted()) {
        end(AbortKind.HANDLER_FAILED, thrown);
      } else {
        open.completed(500, 0, now());
      }
      over();
    } catch (Throwable t) {
      open.connection().listener().fault(t);
    }
  }

  /**
   * The container has returned.
   *
   * @param isPending whether it will be asked again, because the request is asynchronous
   * @param isUpgraded whether the connection goes on with another protocol
   * @param isWritable whether nothing hindered the response
   */
  void serviced(boolean isPending, boolean isUpgraded, boolean isWritable) {
    Exchange open = exchange;
    ObservedConnection observed = connection;
    Response answer = response;
    Request request = head;
    server = null;
    if (open == null || observed == null || answer == null || request == null) {
      refused();
      return;
    }
    try {
      progress();
      if (isPending) {
        wasPending = true;
      } else if (isUpgraded) {
        open.upgraded(upgradedTo(answer), answer.getStatus(), now());
        over();
      } else if (!isWritable && !isEndSent) {
        broken(open, observed, request, answer);
        over();
      } else if (!sendsFile(request)) {
        // Tomcat answers a body that does not come, and closes.
        hintTimeout(open, observed, request, answer);
        complete(open, request, answer, bodyBytes());
      }
    } catch (Throwable t) {
      observed.fault(t);
    }
  }

  /** The client is gone; what it was sent is all that it gets. */
  void cut(AbortKind kind, @Nullable IOException failure) {
    Exchange open = exchange;
    if (open != null && open.isOpen()) {
      progress();
      end(kind, failure);
    }
  }

  /**
   * The last frame of the response is out: whatever comes now, such as the close of the connection,
   * does not cut it any more. The application may still be at work, or have failed; its thread
   * tells the end, unless the close does.
   */
  void endSent() {
    // An application that closes its output has not returned yet, and another thread must not look.
    if (server == Thread.currentThread()) {
      routeEarly();
    }
    isEndSent = true;
  }

  /**
   * So many bytes of the body were written in a frame, if only into a buffer.
   *
   * @return whether the body is as long now as its {@code Content-Length} says
   */
  boolean written(int bodyBytes) {
    framedBytes += bodyBytes;
    Response answer = response;
    return bodyBytes > 0 && answer != null && framedBytes == answer.getContentLengthLong();
  }

  /**
   * The body is out, if not yet the frame that ends the response: a client that leaves now has got
   * what it was promised. Many do not wait for that frame.
   */
  void bodySent() {
    if (server == Thread.currentThread()) {
      routeEarly();
    }
    Exchange open = exchange;
    if (open != null) {
      progress();
      open.announced(framedBytes);
    }
  }

  private void routeEarly() {
    Exchange open = exchange;
    Request request = head;
    ObservedConnection observed = connection;
    if (open == null || request == null || observed == null || open.route() != null) {
      return;
    }
    try {
      if (request.getNote(CoyoteAdapter.ADAPTER_NOTES)
          instanceof org.apache.catalina.connector.Request mapped) {
        open.route(routeOf(mapped));
      }
    } catch (Throwable t) {
      observed.fault(t);
    }
  }

  /** The connection has been closed, on HTTP/2. */
  void closing() {
    progress();
    Exchange open = exchange;
    Request request = head;
    Response answer = response;
    if (isEndSent && open != null && request != null && answer != null) {
      // Its own thread is still in the application, and takes leave of it.
      completeIfOpen(open, request, answer, bodyBytes());
    } else if (open != null && open.isOpen() && request != null) {
      open.bytesIn(request.getBytesRead());
    }
  }

  /** Tells the exchange what of the response is out by now. */
  void progress() {
    Exchange open = exchange;
    Response answer = response;
    if (open != null && answer != null && answer.isCommitted()) {
      if (!open.isCommitted()) {
        open.contentType(contentType(answer));
        open.committed(answer.getStatus(), answer.getCommitTimeNanos());
      }
      open.sent(bodyBytes());
    }
  }

  boolean isSendingFile() {
    return fileBytes >= 0;
  }

  /**
   * Tomcat is sending a file after the container has returned.
   *
   * @param rest bytes that are still to be sent
   * @param isFlushed whether nothing waits in a buffer
   */
  void fileSent(long rest, boolean isFlushed) {
    long whole = fileBytes;
    Exchange open = exchange;
    ObservedConnection observed = connection;
    Request request = head;
    Response answer = response;
    if (whole < 0 || open == null || observed == null || request == null || answer == null) {
      return;
    }
    long sent = whole - rest;
    if (!observed.state().isTls()) {
      observed.state().wire(0, sent - fileBytesSent);
    }
    fileBytesSent = sent;
    open.sent(sent);
    if (rest <= 0 && isFlushed) {
      observed.wrote(/* isWhole= */ true);
      complete(open, request, answer, whole);
    }
  }

  private void complete(Exchange open, Request request, Response answer, long bodyBytes) {
    completeIfOpen(open, request, answer, bodyBytes);
    over();
  }

  private static void completeIfOpen(
      Exchange open, Request request, Response answer, long bodyBytes) {
    if (open.isOpen()) {
      open.bytesIn(request.getBytesRead());
      // A reset makes Tomcat set another on a response that is out.
      int status = open.isCommitted() ? open.status() : answer.getStatus();
      open.completed(status, bodyBytes, now());
    }
  }

  private void broken(
      Exchange open, ObservedConnection observed, Request request, Response answer) {
    if (!open.isOpen()) {
      return;
    }
    Object thrown = request.getAttribute(RequestDispatcher.ERROR_EXCEPTION);
    Throwable cause = answer.getErrorException();
    if (cause == null) {
      cause = request.getErrorException();
    }
    if (cause == null && thrown instanceof Throwable kept) {
      cause = kept;
    }
    if (isCausedByTimeout(cause)) {
      hintTimeout(open, observed, request, answer);
      end(AbortKind.TIMEOUT, cause);
    } else if (observed.state().listener().isStopping()) {
      observed.state().hint(CloseHint.SHUTDOWN);
      end(AbortKind.SERVER_RESET, cause);
    } else if (observed.hasPeerLeft()) {
      end(AbortKind.WRITE_FAILED, cause);
    } else if (open.streamId() != 0 && cause instanceof IOException) {
      // Tomcat resets a stream by itself for what the application throws, which is no such failure.
      end(AbortKind.CLIENT_RESET, cause);
    } else {
      end(AbortKind.HANDLER_FAILED, cause);
    }
  }

  private static void hintTimeout(
      Exchange open, ObservedConnection observed, Request request, Response answer) {
    if (open.streamId() == 0) {
      if (isCausedByTimeout(answer.getErrorException())) {
        observed.state().hint(CloseHint.WRITE_TIMEOUT);
      } else if (isCausedByTimeout(request.getErrorException())) {
        observed.state().hint(CloseHint.REQUEST_BODY_TIMEOUT);
      }
    }
  }

  private void end(AbortKind kind, @Nullable Throwable cause) {
    Exchange open = exchange;
    Request request = head;
    if (open == null) {
      return;
    }
    if (request != null && open.isOpen()) {
      open.bytesIn(request.getBytesRead());
    }
    open.aborted(kind, cause, bodyBytes(), now());
  }

  /** The head could not be parsed, and Tomcat has answered. */
  private void refused() {
    ObservedConnection observed = connection;
    Response answer = response;
    if (isRefused && observed != null && answer != null) {
      isRefused = false;
      try {
        observed.state().malformed(-1, answer.getStatus(), now());
      } catch (Throwable t) {
        observed.fault(t);
      }
    }
  }

  private void over() {
    Exchange ended = exchange;
    ObservedConnection observed = connection;
    exchange = null;
    fileBytes = -1;
    if (observed == null || ended == null) {
      return;
    }
    if (!isReused) {
      observed.ended(ended.streamId());
      return;
    }
    observed.ended(this);
    // A thread of the application may still be about to tell of an asynchronous request.
    if (!wasPending) {
      ended.release();
    }
  }

  private boolean sendsFile(Request request) {
    if (request.getAttribute(Constants.SENDFILE_FILENAME_ATTR) == null
        || !(request.getAttribute(Constants.SENDFILE_FILE_START_ATTR) instanceof Long start)
        || !(request.getAttribute(Constants.SENDFILE_FILE_END_ATTR) instanceof Long end)) {
      return false;
    }
    fileBytesSent = 0;
    fileBytes = end - start;
    ObservedConnection observed = connection;
    if (isReused && observed != null) {
      // The application has returned: what is left waits for the socket alone.
      observed.wrote(/* isWhole= */ false);
    }
    // On HTTP/2 the file is sent by the stream, and nothing tells of its end.
    return isReused;
  }

  /** Body bytes that Tomcat took from the application, and has sent but for its last buffer. */
  private long bodyBytes() {
    Response answer = response;
    ObservedConnection observed = connection;
    if (fileBytes >= 0) {
      return isReused ? fileBytesSent : fileBytes;
    }
    if (answer == null || observed == null || !hasBody(answer.getStatus())) {
      return 0;
    }
    // Compressed by Tomcat, its bytes are known behind the compression only, with their framing.
    return observed.compresses() && answer.getMimeHeaders().getHeader("Content-Encoding") != null
        ? answer.getBytesWritten(false)
        : answer.getContentWritten();
  }

  private boolean hasBody(int status) {
    Exchange open = exchange;
    return status >= 200
        && status != 204
        && status != 205
        && status != 304
        && open != null
        && !open.method().equals("HEAD");
  }

  private @Nullable String routeOf(org.apache.catalina.connector.Request request) {
    if (request.getAttribute(SondeTomcat.ROUTE_ATTRIBUTE) instanceof String named) {
      return named;
    }
    if (request.getAttribute(SPRING_ROUTE) instanceof String matched) {
      return matched;
    }
    return templates.of(request);
  }

  private String path(Request request) {
    MessageBytes uri = request.requestURI();
    if (!uri.equals(lastPath)) {
      String path = uri.toString();
      lastPath = path == null ? "" : path;
    }
    return lastPath;
  }

  private @Nullable String contentType(Response answer) {
    MessageBytes sent = answer.getMimeHeaders().getValue("Content-Type");
    if (sent == null) {
      return null;
    }
    if (!sent.equals(lastContentType)) {
      String contentType = sent.toString();
      lastContentType = contentType == null ? "" : contentType;
    }
    return lastContentType;
  }

  private static String methodOf(Request request) {
    String method = request.getMethod();
    return method == null ? "-" : method;
  }

  private static String versionOf(Request request) {
    MessageBytes protocol = request.protocol();
    if (protocol.equals("HTTP/1.1")) {
      return "HTTP/1.1";
    }
    String version = protocol.toString();
    return version == null ? "-" : version;
  }

  private static Protocol upgradedTo(Response answer) {
    String protocol = answer.getMimeHeaders().getHeader("Upgrade");
    return "websocket".equalsIgnoreCase(protocol) ? Protocol.WEBSOCKET : Protocol.UNKNOWN;
  }

  private static boolean isByClient(Throwable failure) {
    return failure instanceof ClientAbortException;
  }

  private static boolean isCausedByTimeout(@Nullable Throwable thrown) {
    for (Throwable t = thrown; t != null; t = t.getCause()) {
      if (t instanceof SocketTimeoutException) {
        return true;
      }
    }
    return false;
  }

  private static long now() {
    return System.nanoTime();
  }
}
