// SPDX-License-Identifier: Apache-2.0
package dev.sonde.capture.servlet;

import jakarta.servlet.ServletOutputStream;
import jakarta.servlet.WriteListener;
import java.io.IOException;

/** Counts what the application writes, and sees what cannot be written. */
final class ResponseBody extends ServletOutputStream {
  private final ServletOutputStream out;
  private final ObservedResponse response;
  private boolean isClosed;

  /** Whether a flush waits for the socket. */
  private boolean isBlocking = true;

  ResponseBody(ServletOutputStream out, ObservedResponse response) {
    this.out = out;
    this.response = response;
  }

  @Override
  public void write(int value) throws IOException {
    try {
      out.write(value);
    } catch (IOException e) {
      failed(1, e);
      throw e;
    }
    response.written(1);
  }

  @Override
  public void write(byte[] bytes, int offset, int count) throws IOException {
    try {
      out.write(bytes, offset, count);
    } catch (IOException e) {
      failed(count, e);
      throw e;
    }
    response.written(count);
  }

  @Override
  public void flush() throws IOException {
    try {
      out.flush();
    } catch (IOException e) {
      failed(0, e);
      throw e;
    }
    if (isBlocking) {
      response.flushed();
    } else {
      response.written(0);
    }
  }

  @Override
  public void close() throws IOException {
    try {
      out.close();
    } catch (IOException e) {
      failed(0, e);
      throw e;
    }
    isClosed = true;
    response.written(0);
  }

  @Override
  public boolean isReady() {
    return out.isReady();
  }

  @Override
  public void setWriteListener(WriteListener listener) {
    isBlocking = false;
    out.setWriteListener(
        new WriteListener() {
          @Override
          public void onWritePossible() throws IOException {
            listener.onWritePossible();
          }

          @Override
          public void onError(Throwable thrown) {
            response.broken(thrown);
            listener.onError(thrown);
          }
        });
  }

  private void failed(int count, IOException failure) {
    // What is written after the close fails by the application's doing.
    if (!isClosed && response.isDue(count)) {
      response.broken(failure);
    }
  }
}
