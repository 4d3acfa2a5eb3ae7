// SPDX-License-Identifier: Apache-2.0
package dev.sonde.testkit.net;

import static java.nio.charset.StandardCharsets.ISO_8859_1;

import java.io.ByteArrayOutputStream;
import java.io.EOFException;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.net.SocketTimeoutException;
import java.time.Duration;
import java.util.HashMap;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.locks.LockSupport;
import javax.net.ssl.SSLContext;
import javax.net.ssl.SSLParameters;
import javax.net.ssl.SSLSocket;

/**
 * An HTTP/1 client that sends whatever bytes it is told and leaves as rudely as it is told.
 *
 * <p>One connection, used by one thread. No read waits longer than 10 s.
 */
public final class RawHttpClient implements AutoCloseable {
  private static final int READ_TIMEOUT_MILLIS = 10_000;

  private final Socket tcp;
  private final Socket socket;
  private final int localPort;
  private final InputStream in;
  private final OutputStream out;
  private final byte[] buffer = new byte[16 * 1024];
  private int position;
  private int limit;

  private RawHttpClient(Socket tcp, Socket socket) throws IOException {
    this.tcp = tcp;
    this.socket = socket;
    localPort = tcp.getLocalPort();
    in = socket.getInputStream();
    out = socket.getOutputStream();
  }

  /** Connects to a port of 127.0.0.1. */
  public static RawHttpClient connect(int port) throws IOException {
    Socket socket = tcp(port);
    return new RawHttpClient(socket, socket);
  }

  /** Connects to a port of 127.0.0.1 and shakes hands for {@code http/1.1}. */
  public static RawHttpClient connectTls(int port, SSLContext context) throws IOException {
    Socket tcp = tcp(port);
    return new RawHttpClient(tcp, tls(tcp, context, "http/1.1"));
  }

  static Socket tcp(int port) throws IOException {
    Socket socket = new Socket();
    socket.setTcpNoDelay(true);
    socket.setSoTimeout(READ_TIMEOUT_MILLIS);
    socket.connect(
        new InetSocketAddress(InetAddress.getLoopbackAddress(), port), READ_TIMEOUT_MILLIS);
    return socket;
  }

  static SSLSocket tls(Socket tcp, SSLContext context, String applicationProtocol)
      throws IOException {
    SSLSocket socket =
        (SSLSocket)
            context
                .getSocketFactory()
                .createSocket(tcp, "localhost", tcp.getPort(), /* autoClose= */ true);
    SSLParameters parameters = socket.getSSLParameters();
    parameters.setApplicationProtocols(new String[] {applicationProtocol});
    socket.setSSLParameters(parameters);
    try {
      socket.startHandshake();
    } catch (IOException e) {
      socket.close();
      throw e;
    }
    return socket;
  }

  /** The port that the server sees as the client's. */
  public int localPort() {
    return localPort;
  }

  /** Sends text as it is, a byte per character. */
  public void send(String text) throws IOException {
    send(text.getBytes(ISO_8859_1));
  }

  /** Sends bytes as they are, in one write. */
  public void send(byte[] bytes) throws IOException {
    out.write(bytes);
    out.flush();
  }

  /** Sends text byte by byte, each in a packet of its own. */
  public void dribble(String text, Duration pause) throws IOException {
    for (byte b : text.getBytes(ISO_8859_1)) {
      out.write(b);
      out.flush();
      LockSupport.parkNanos(pause.toNanos());
    }
  }

  /** Sends a GET over HTTP/1.1 and returns its answer. */
  public RawResponse get(String path) throws IOException {
    send(request("GET", path));
    return read();
  }

  /** Text of a request without a body. */
  public static String request(String method, String path, String... headers) {
    StringBuilder text =
        new StringBuilder(method)
            .append(' ')
            .append(path)
            .append(" HTTP/1.1\r\nHost: localhost\r\n");
    for (String header : headers) {
      text.append(header).append("\r\n");
    }
    return text.append("\r\n").toString();
  }

  /** Reads the next final response and its body; interim ones other than 101 are passed over. */
  public RawResponse read() throws IOException {
    return read(true);
  }

  /** Reads the answer to a HEAD request. */
  public RawResponse readHeadOnly() throws IOException {
    return read(false);
  }

  /** Reads one head, interim ones included, and leaves the body on the wire. */
  public RawResponse readHead() throws IOException {
    String line = line();
    String[] parts = line.split(" ", 3);
    if (parts.length < 2 || !parts[0].startsWith("HTTP/1.")) {
      throw new IOException("not a status line: " + line);
    }
    Map<String, String> headers = new HashMap<>();
    for (String header = line(); !header.isEmpty(); header = line()) {
      int colon = header.indexOf(':');
      headers.put(
          header.substring(0, colon).toLowerCase(Locale.ROOT), header.substring(colon + 1).trim());
    }
    return new RawResponse(Integer.parseInt(parts[1]), headers, "");
  }

  /** Reads the body that follows a {@linkplain #readHead() head}. */
  public RawResponse readBody(RawResponse head) throws IOException {
    return new RawResponse(
        head.status(), head.headers(), new String(body(head.headers()), ISO_8859_1));
  }

  /** Reads exactly so many bytes. */
  public byte[] readBytes(int count) throws IOException {
    byte[] bytes = new byte[count];
    for (int i = 0; i < count; i++) {
      bytes[i] = (byte) readByte();
    }
    return bytes;
  }

  /** Takes what has arrived, so that a close is not turned into a reset. */
  public void drainArrived() throws IOException {
    position = limit;
    while (in.available() > 0 && in.read(buffer) > 0) {
      // What was read is of no interest.
    }
  }

  /** Reads until the server has closed or reset the connection, and returns what came. */
  public byte[] readToEnd() throws IOException {
    ByteArrayOutputStream rest = new ByteArrayOutputStream();
    try {
      while (fill()) {
        rest.write(buffer, position, limit - position);
        position = limit;
      }
    } catch (SocketTimeoutException e) {
      throw e;
    } catch (IOException e) {
      // A reset is an end, too.
      return rest.toByteArray();
    }
    return rest.toByteArray();
  }

  /** Says that nothing more will be sent; what the server sends is still read. */
  public void halfClose() throws IOException {
    socket.shutdownOutput();
  }

  /** Leaves with a reset instead of a FIN. */
  public void reset() throws IOException {
    tcp.setSoLinger(true, 0);
    tcp.close();
  }

  /** Leaves; the kernel sends a reset if unread bytes have arrived, a FIN otherwise. */
  @Override
  public void close() throws IOException {
    socket.close();
  }

  private RawResponse read(boolean hasBody) throws IOException {
    RawResponse head = readHead();
    while (head.status() < 200 && head.status() != 101) {
      head = readHead();
    }
    if (!hasBody || head.status() < 200 || head.status() == 204 || head.status() == 304) {
      return head;
    }
    return readBody(head);
  }

  private byte[] body(Map<String, String> headers) throws IOException {
    if ("chunked".equalsIgnoreCase(headers.get("transfer-encoding"))) {
      ByteArrayOutputStream body = new ByteArrayOutputStream();
      for (int size = chunkSize(); size > 0; size = chunkSize()) {
        body.writeBytes(readBytes(size));
        line();
      }
      while (!line().isEmpty()) {
        // Trailers are of no interest.
      }
      return body.toByteArray();
    }
    String length = headers.get("content-length");
    return length == null ? readToEnd() : readBytes(Integer.parseInt(length));
  }

  private int chunkSize() throws IOException {
    String line = line();
    int extension = line.indexOf(';');
    return Integer.parseInt((extension < 0 ? line : line.substring(0, extension)).trim(), 16);
  }

  private String line() throws IOException {
    StringBuilder line = new StringBuilder();
    for (int b = readByte(); b != '\n'; b = readByte()) {
      if (b != '\r') {
        line.append((char) b);
      }
    }
    return line.toString();
  }

  private int readByte() throws IOException {
    if (!fill()) {
      throw new EOFException("the server closed the connection");
    }
    return buffer[position++] & 0xff;
  }

  private boolean fill() throws IOException {
    if (position == limit) {
      position = 0;
      limit = Math.max(0, in.read(buffer));
    }
    return position < limit;
  }
}
