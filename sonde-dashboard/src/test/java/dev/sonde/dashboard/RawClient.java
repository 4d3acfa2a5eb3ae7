// SPDX-License-Identifier: Apache-2.0
package dev.sonde.dashboard;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.net.SocketTimeoutException;
import java.nio.charset.StandardCharsets;
import org.jspecify.annotations.NullMarked;

/** Speaks HTTP in raw bytes, so that a test can say what no well-behaved client would. */
@NullMarked
final class RawClient {
  private static final int TIMEOUT_MILLIS = 15_000;

  private RawClient() {}

  static Socket connect(int port) throws IOException {
    Socket socket = new Socket();
    socket.connect(new InetSocketAddress(InetAddress.getLoopbackAddress(), port), TIMEOUT_MILLIS);
    socket.setSoTimeout(TIMEOUT_MILLIS);
    return socket;
  }

  static void send(Socket socket, String text) throws IOException {
    socket.getOutputStream().write(text.getBytes(StandardCharsets.ISO_8859_1));
    socket.getOutputStream().flush();
  }

  /** Sends the text as it is and returns all bytes up to the end of the stream. */
  static String exchange(int port, String text) throws IOException {
    try (Socket socket = connect(port)) {
      send(socket, text);
      return new String(socket.getInputStream().readAllBytes(), StandardCharsets.ISO_8859_1);
    }
  }

  /** Sends a request that asks for the connection to be closed, and returns the whole response. */
  static String request(int port, String method, String target, String... headers)
      throws IOException {
    StringBuilder text = new StringBuilder(method + " " + target + " HTTP/1.1\r\n");
    for (String header : headers) {
      text.append(header).append("\r\n");
    }
    return exchange(port, text.append("Connection: close\r\n\r\n").toString());
  }

  static int status(String response) {
    return response.startsWith("HTTP/1.1 ") ? Integer.parseInt(response.substring(9, 12)) : -1;
  }

  /** Reads until the text has been seen, or fails when the stream ends. */
  static String readUntil(Socket socket, String text) throws IOException {
    InputStream in = socket.getInputStream();
    ByteArrayOutputStream seen = new ByteArrayOutputStream();
    byte[] buffer = new byte[8192];
    while (true) {
      int n = in.read(buffer);
      if (n < 0) {
        throw new IOException("stream ended before '" + text + "': " + seen);
      }
      seen.write(buffer, 0, n);
      if (seen.toString(StandardCharsets.ISO_8859_1).contains(text)) {
        return seen.toString(StandardCharsets.ISO_8859_1);
      }
    }
  }

  /** Whether the server has closed the connection. */
  static boolean isClosedByServer(Socket socket) {
    try {
      socket.setSoTimeout(1);
      return socket.getInputStream().read() < 0;
    } catch (SocketTimeoutException e) {
      return false;
    } catch (IOException e) {
      return true;
    }
  }
}
