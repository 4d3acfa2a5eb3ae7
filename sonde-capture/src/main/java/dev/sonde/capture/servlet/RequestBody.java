// SPDX-License-Identifier: Apache-2.0
package dev.sonde.capture.servlet;

import jakarta.servlet.ReadListener;
import jakarta.servlet.ServletInputStream;
import java.io.IOException;

/** Counts what the application reads, and sees what cannot be read. */
final class RequestBody extends ServletInputStream {
  private final ServletInputStream in;
  private final ObservedRequest request;
  private long bytes;

  RequestBody(ServletInputStream in, ObservedRequest request) {
    this.in = in;
    this.request = request;
  }

  /** Bytes that were read. */
  long bytes() {
    return bytes;
  }

  @Override
  public int read() throws IOException {
    try {
      int value = in.read();
      bytes += value < 0 ? 0 : 1;
      return value;
    } catch (IOException e) {
      request.unreadable(e);
      throw e;
    }
  }

  @Override
  public int read(byte[] buffer, int offset, int length) throws IOException {
    try {
      int count = in.read(buffer, offset, length);
      bytes += Math.max(0, count);
      return count;
    } catch (IOException e) {
      request.unreadable(e);
      throw e;
    }
  }

  @Override
  public int available() throws IOException {
    return in.available();
  }

  @Override
  public void close() throws IOException {
    in.close();
  }

  @Override
  public boolean isFinished() {
    return in.isFinished();
  }

  @Override
  public boolean isReady() {
    return in.isReady();
  }

  @Override
  public void setReadListener(ReadListener listener) {
    in.setReadListener(
        new ReadListener() {
          @Override
          public void onDataAvailable() throws IOException {
            listener.onDataAvailable();
          }

          @Override
          public void onAllDataRead() throws IOException {
            listener.onAllDataRead();
          }

          @Override
          public void onError(Throwable thrown) {
            request.unreadable(thrown);
            listener.onError(thrown);
          }
        });
  }
}
