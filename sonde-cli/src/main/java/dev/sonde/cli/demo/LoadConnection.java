// SPDX-License-Identifier: Apache-2.0
package dev.sonde.cli.demo;

import java.io.BufferedInputStream;
import java.io.ByteArrayOutputStream;
import java.io.Closeable;
import java.io.EOFException;
import java.io.IOException;
import java.io.InputStream;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.util.Locale;

/**
 * An HTTP/1.1 client on one connection, which can do what libraries do not let a client do: read
 * slowly, and hang up in the middle.
 */
final class LoadConnection implements Closeable {
  private static final int TIMEOUT_MILLIS = 20_000;

  private final Socket socket = new Socket();
  private final InputStream in;
  private final String host;
  private boolean isKept = true;

  LoadConnection(int port, int receiveBufferBytes) throws IOException {
    InetAddress loopback = InetAddress.getLoopbackAddress();
    host = loopback.getHostAddress() + ":" + port;
    socket.setSoTimeout(TIMEOUT_MILLIS);
    socket.setTcpNoDelay(true);
    socket.setReceiveBufferSize(receiveBufferBytes);
    socket.connect(new InetSocketAddress(loopback, port), TIMEOUT_MILLIS);
    in = new BufferedInputStream(socket.getInputStream(), 16 * 1024);
  }

  /** What came back: the status, and the body's length as the head announces it. */
  record Head(int status, long bodyBytes, boolean isChunked) {}

  /** Sends a request and reads the head of its response. */
  Head send(String method, String target, String body) throws IOException {
    byte[] content = body.getBytes(StandardCharsets.UTF_8);
    String head =
        method
            + " "
            + target
            + " HTTP/1.1\r\nHost: "
            + host
            + "\r\n"
            + (content.length > 0 ? "Content-Length: " + content.length + "\r\n" : "")
            + "\r\n";
    ByteArrayOutputStream request = new ByteArrayOutputStream();
    request.writeBytes(head.getBytes(StandardCharsets.ISO_8859_1));
    request.writeBytes(content);
    socket.getOutputStream().write(request.toByteArray());
    return readHead();
  }

  /** Whether the server did not announce that it closes the connection, as it does on limits. */
  boolean isKept() {
    return isKept;
  }

  /** Reads a whole body, in pieces of {@code pieceBytes} with {@code pause} between them. */
  long readBody(Head head, int pieceBytes, Runnable pause) throws IOException {
    if (!head.isChunked()) {
      return read(head.bodyBytes(), pieceBytes, pause);
    }
    long total = 0;
    while (true) {
      int size = Integer.parseInt(readLine().strip(), 16);
      total += read(size, pieceBytes, pause);
      readLine();
      if (size == 0) {
        return total;
      }
    }
  }

  /** Reads {@code bytes} bytes of a body. */
  long read(long bytes, int pieceBytes, Runnable pause) throws IOException {
    byte[] piece = new byte[pieceBytes];
    long left = bytes;
    while (left > 0) {
      int count = in.read(piece, 0, (int) Math.min(left, piece.length));
      if (count < 0) {
        throw new EOFException("the server hung up with " + left + " bytes of the body to come");
      }
      left -= count;
      pause.run();
    }
    return bytes;
  }

  /** Breaks the connection off with a reset instead of a close. */
  void reset() throws IOException {
    socket.setSoLinger(true, 0);
    socket.close();
  }

  @Override
  public void close() throws IOException {
    socket.close();
  }

  private Head readHead() throws IOException {
    String line = readLine();
    String[] parts = line.split(" ", 3);
    if (parts.length < 2 || !parts[0].startsWith("HTTP/1.")) {
      throw new IOException("not a status line: " + line);
    }
    long bodyBytes = 0;
    boolean chunked = false;
    for (line = readLine(); !line.isEmpty(); line = readLine()) {
      String lower = line.toLowerCase(Locale.ROOT);
      if (lower.startsWith("content-length:")) {
        bodyBytes = Long.parseLong(lower.substring(lower.indexOf(':') + 1).strip());
      } else if (lower.startsWith("transfer-encoding:") && lower.endsWith("chunked")) {
        chunked = true;
      } else if (lower.startsWith("connection:") && lower.endsWith("close")) {
        isKept = false;
      }
    }
    return new Head(Integer.parseInt(parts[1]), bodyBytes, chunked);
  }

  private String readLine() throws IOException {
    StringBuilder line = new StringBuilder();
    while (true) {
      int next = in.read();
      if (next < 0) {
        throw new EOFException("the server hung up in the middle of a head");
      }
      if (next == '\n') {
        return line.toString();
      }
      if (next != '\r') {
        line.append((char) next);
      }
    }
  }
}
