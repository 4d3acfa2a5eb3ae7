// SPDX-License-Identifier: Apache-2.0
package dev.sonde.capture.servlet;

import jakarta.servlet.ServletOutputStream;
import jakarta.servlet.http.HttpServletResponse;
import jakarta.servlet.http.HttpServletResponseWrapper;
import java.io.IOException;
import java.io.PrintWriter;
import java.nio.charset.Charset;
import org.jspecify.annotations.Nullable;

/** A response whose body is counted as it passes, never held. */
final class ObservedResponse extends HttpServletResponseWrapper {
  private static final long UNLIMITED = -1;

  private final ObservedRequest request;
  private @Nullable ResponseBody body;
  private @Nullable ResponseWriter writer;
  private long bodyBytes;

  /** Body bytes that the response must have, or {@link #UNLIMITED}. */
  private long length = UNLIMITED;

  /** Whether the container answers by itself and takes no more. */
  private boolean isAnswered;

  ObservedResponse(HttpServletResponse answer, ObservedRequest request) {
    super(answer);
    this.request = request;
  }

  /** Body bytes that the container took from the application. */
  long bodyBytes() {
    return bodyBytes;
  }

  void written(long count) {
    if (!isAnswered) {
      bodyBytes += count;
    }
    request.progress();
  }

  /** Whether the container must take so many bytes more: otherwise it is right to refuse them. */
  boolean isDue(int count) {
    return !isAnswered && (length == UNLIMITED || bodyBytes + count <= length);
  }

  void broken(@Nullable Throwable thrown) {
    request.broken(thrown);
  }

  /** A writer keeps its failures to itself; asked before the head is out, it would send it. */
  void askWriter() {
    ResponseWriter known = writer;
    if (known != null && isCommitted()) {
      boolean unused = known.checkError();
    }
  }

  @Override
  public ServletOutputStream getOutputStream() throws IOException {
    ResponseBody known = body;
    if (known == null) {
      known = new ResponseBody(super.getOutputStream(), this);
      body = known;
    }
    return known;
  }

  @Override
  public PrintWriter getWriter() throws IOException {
    ResponseWriter known = writer;
    if (known == null) {
      PrintWriter own = super.getWriter();
      known = new ResponseWriter(own, Charset.forName(getCharacterEncoding()), this);
      writer = known;
    }
    return known;
  }

  @Override
  public void flushBuffer() throws IOException {
    try {
      super.flushBuffer();
    } catch (IOException e) {
      broken(e);
      throw e;
    }
    flushed();
  }

  /** The container has sent what it took, and has waited for that. */
  void flushed() {
    request.flushed(bodyBytes == length ? bodyBytes : 0);
  }

  @Override
  public void setContentLength(int count) {
    super.setContentLength(count);
    length = count;
  }

  @Override
  public void setContentLengthLong(long count) {
    super.setContentLengthLong(count);
    length = count;
  }

  @Override
  public void reset() {
    super.reset();
    bodyBytes = 0;
    length = UNLIMITED;
    body = null;
    writer = null;
  }

  @Override
  public void resetBuffer() {
    super.resetBuffer();
    bodyBytes = 0;
  }

  @Override
  public void sendError(int status) throws IOException {
    super.sendError(status);
    answered();
  }

  @Override
  public void sendError(int status, @Nullable String message) throws IOException {
    super.sendError(status, message);
    answered();
  }

  @Override
  public void sendRedirect(String location) throws IOException {
    super.sendRedirect(location);
    answered();
  }

  private void answered() {
    isAnswered = true;
    bodyBytes = 0;
  }
}
