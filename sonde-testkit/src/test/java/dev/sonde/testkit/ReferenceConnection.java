// SPDX-License-Identifier: Apache-2.0
package dev.sonde.testkit;

import static java.nio.charset.StandardCharsets.ISO_8859_1;

import dev.sonde.capture.CloseHint;
import dev.sonde.capture.ConnectionState;
import dev.sonde.capture.Exchange;
import dev.sonde.capture.Initiator;
import dev.sonde.testkit.net.TlsMaterial;
import java.io.BufferedInputStream;
import java.io.ByteArrayOutputStream;
import java.io.EOFException;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.net.Socket;
import java.net.SocketTimeoutException;
import java.time.Duration;
import java.util.Locale;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import javax.net.ssl.SSLSocket;
import org.jspecify.annotations.Nullable;

/** One connection of a {@link ReferenceServer}, and the thread that serves it. */
final class ReferenceConnection implements Runnable {
  private static final Pattern HEAD =
      Pattern.compile("([A-Z]+) (/[^ ?]*)(?:\\?(\\S*))? (HTTP/1\\.[01])\r\n(.*)", Pattern.DOTALL);

  private final ReferenceServer server;
  private final Socket tcp;
  private final boolean isTls;
  private final @Nullable ConnectionState state;
  private final CountDownLatch ended = new CountDownLatch(1);
  private volatile boolean isBusy;
  private int served;

  ReferenceConnection(
      ReferenceServer server, Socket tcp, boolean isTls, @Nullable ConnectionState state) {
    this.server = server;
    this.tcp = tcp;
    this.isTls = isTls;
    this.state = state;
  }

  @Override
  public void run() {
    Initiator initiator = Initiator.LOCAL;
    try (tcp;
        Socket socket = isTls ? handshake() : tcp) {
      InputStream in = new BufferedInputStream(socket.getInputStream());
      OutputStream out = socket.getOutputStream();
      boolean isKept = true;
      while (isKept) {
        tcp.setSoTimeout((int) server.options().idleTimeout().toMillis());
        String head = readHead(in, out);
        isKept = head != null && serve(head, in, out);
      }
    } catch (EOFException e) {
      initiator = Initiator.REMOTE;
    } catch (IOException e) {
      initiator = server.isStopping() ? Initiator.LOCAL : Initiator.REMOTE;
    } finally {
      if (state != null) {
        state.closed(initiator, null, System.nanoTime());
      }
      server.forget(this);
      ended.countDown();
    }
  }

  void close() throws IOException {
    tcp.close();
  }

  void closeIfIdle() {
    if (!isBusy) {
      try {
        close();
      } catch (IOException e) {
        // It is closed as far as it can be.
      }
    }
  }

  void awaitEnd(Duration limit) throws InterruptedException {
    boolean unused = ended.await(limit.toMillis(), TimeUnit.MILLISECONDS);
  }

  private Socket handshake() throws IOException {
    tcp.setSoTimeout((int) server.options().idleTimeout().toMillis());
    try {
      Socket socket =
          TlsMaterial.shared().serverContext().getSocketFactory().createSocket(tcp, null, true);
      // The handshake, which tells a client that does not agree.
      ((SSLSocket) socket).startHandshake();
      return socket;
    } catch (IOException e) {
      hint(CloseHint.TLS_HANDSHAKE_FAILED);
      throw e;
    }
  }

  /** Reads up to the empty line; null if there will be no request. */
  private @Nullable String readHead(InputStream in, OutputStream out) throws IOException {
    ByteArrayOutputStream head = new ByteArrayOutputStream();
    int last = 0;
    try {
      while (last != 0x0d0a0d0a) {
        int b = in.read();
        if (b < 0) {
          throw new EOFException();
        }
        isBusy = true;
        head.write(b);
        last = last << 8 | b;
        if (head.size() > server.options().maxHeadBytes()) {
          refuse(431, out);
          return null;
        }
      }
    } catch (SocketTimeoutException e) {
      hint(head.size() == 0 ? CloseHint.KEEP_ALIVE_TIMEOUT : CloseHint.REQUEST_HEADERS_TIMEOUT);
      return null;
    }
    return head.toString(ISO_8859_1);
  }

  private void refuse(int status, OutputStream out) throws IOException {
    out.write(("HTTP/1.1 " + status + " No\r\nConnection: close\r\n\r\n").getBytes(ISO_8859_1));
    if (state != null) {
      state.malformed(-1, status, System.nanoTime());
    }
  }

  /** Answers one request; returns whether another may follow. */
  private boolean serve(String head, InputStream in, OutputStream out) throws IOException {
    Matcher matcher = HEAD.matcher(head);
    if (!matcher.matches()) {
      refuse(400, out);
      return false;
    }
    String headers = matcher.group(5).toLowerCase(Locale.ROOT);
    served++;
    boolean isLast =
        matcher.group(4).equals("HTTP/1.0")
            || headers.contains("connection: close")
            || served == server.options().maxRequestsPerConnection();
    Exchange seen =
        state == null
            ? null
            : state.begin(
                -1, 0, matcher.group(1), matcher.group(2), matcher.group(4), System.nanoTime());
    ReferenceExchange exchange =
        new ReferenceExchange(
            matcher.group(1), matcher.group(2), matcher.group(3), headers, in, out, seen);
    boolean isWhole = exchange.serve(server.application(), isLast);
    isBusy = in.available() > 0;
    return isWhole && !isLast && !server.isStopping();
  }

  private void hint(CloseHint hint) {
    if (state != null) {
      state.hint(hint);
    }
  }
}
