// SPDX-License-Identifier: Apache-2.0
package dev.sonde.testkit.net;

import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.time.Duration;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;

/**
 * A TCP relay on 127.0.0.1 that does to its connections what networks do.
 *
 * <p>The mode may be changed at any time, from any thread, and counts for open connections, too.
 */
public final class TcpFaultProxy implements AutoCloseable {
  private static final int NO_LIMIT = Integer.MAX_VALUE;

  private final int upstreamPort;
  private final ServerSocket acceptor;
  private final Set<Link> links = ConcurrentHashMap.newKeySet();
  private final CountDownLatch closed = new CountDownLatch(1);
  private volatile Mode mode = Mode.PASS;

  private TcpFaultProxy(int upstreamPort, ServerSocket acceptor) {
    this.upstreamPort = upstreamPort;
    this.acceptor = acceptor;
  }

  /** Relays from a port of its own to a port of 127.0.0.1. */
  public static TcpFaultProxy to(int upstreamPort) throws IOException {
    ServerSocket acceptor = new ServerSocket(0, 50, InetAddress.getLoopbackAddress());
    TcpFaultProxy proxy = new TcpFaultProxy(upstreamPort, acceptor);
    proxy.run("fault-proxy-accept", proxy::accept);
    return proxy;
  }

  /** Where clients connect. */
  public int port() {
    return acceptor.getLocalPort();
  }

  /** Connections that are relayed now. */
  public int connections() {
    return links.size();
  }

  /** Hands everything on at once; this is the mode to begin with. */
  public void pass() {
    mode = Mode.PASS;
  }

  /** Holds every piece of data back for a while, in both directions. */
  public void delay(Duration delay) {
    mode = new Mode(NO_LIMIT, delay, false);
  }

  /** Hands on at most so many bytes at a time, with a pause before each. */
  public void dribble(int bytes, Duration pause) {
    mode = new Mode(bytes, pause, false);
  }

  /** Takes what is sent and hands nothing on, while both sides believe to be connected. */
  public void blackHole() {
    mode = new Mode(NO_LIMIT, Duration.ZERO, true);
  }

  /** Ends all connections with a FIN to both sides. */
  public void cut() {
    links.forEach(Link::close);
  }

  /** Ends all connections with a reset to both sides. */
  public void reset() {
    links.forEach(Link::reset);
  }

  /** Tells all servers that their clients will send nothing more; answers still come through. */
  public void halfClose() {
    links.forEach(Link::halfClose);
  }

  /** Stops accepting and ends all connections. */
  @Override
  public void close() throws IOException {
    closed.countDown();
    acceptor.close();
    cut();
  }

  private void accept() {
    while (!acceptor.isClosed()) {
      try {
        Socket client = acceptor.accept();
        connect(client);
      } catch (IOException e) {
        // Closed, or a client that is gone already; the loop's condition tells which.
      }
    }
  }

  private void connect(Socket client) throws IOException {
    Socket server;
    try {
      server = new Socket(InetAddress.getLoopbackAddress(), upstreamPort);
    } catch (IOException e) {
      client.close();
      throw e;
    }
    client.setTcpNoDelay(true);
    server.setTcpNoDelay(true);
    Link link = new Link(client, server);
    // A socket whose output was shut down gives no stream, so the streams come before the faults.
    OutputStream up = server.getOutputStream();
    OutputStream down = client.getOutputStream();
    links.add(link);
    run("fault-proxy-up", () -> link.relay(client, server, up));
    run("fault-proxy-down", () -> link.relay(server, client, down));
  }

  private void run(String name, Runnable task) {
    Thread thread = new Thread(task, name + "-" + port());
    thread.setDaemon(true);
    thread.start();
  }

  /**
   * What happens to data on its way.
   *
   * @param pieceBytes handed on at most at a time
   * @param pause before each piece
   * @param isSwallowed whether it is lost instead
   */
  private record Mode(int pieceBytes, Duration pause, boolean isSwallowed) {
    static final Mode PASS = new Mode(NO_LIMIT, Duration.ZERO, false);
  }

  /** A client's connection and the one to the server that belongs to it. */
  private final class Link {
    private final Socket client;
    private final Socket server;
    private volatile boolean isClosing;

    Link(Socket client, Socket server) {
      this.client = client;
      this.server = server;
    }

    void relay(Socket from, Socket to, OutputStream out) {
      byte[] buffer = new byte[8192];
      try {
        InputStream in = from.getInputStream();
        for (int n; (n = in.read(buffer)) >= 0; ) {
          forward(buffer, n, out);
        }
        if (!mode.isSwallowed()) {
          to.shutdownOutput();
        }
        if (from.isOutputShutdown()) {
          close();
        }
      } catch (IOException e) {
        // What breaks one side breaks the other in the same manner; a close of our own breaks none.
        if (!isClosing) {
          reset();
        }
      } catch (InterruptedException e) {
        close();
        Thread.currentThread().interrupt();
      }
    }

    void close() {
      isClosing = true;
      links.remove(this);
      closeQuietly(client);
      closeQuietly(server);
    }

    void reset() {
      for (Socket socket : new Socket[] {client, server}) {
        try {
          socket.setSoLinger(true, 0);
        } catch (IOException e) {
          // It is closed already.
        }
      }
      close();
    }

    void halfClose() {
      try {
        server.shutdownOutput();
      } catch (IOException e) {
        // It is closed already.
      }
    }

    private void forward(byte[] buffer, int length, OutputStream out)
        throws IOException, InterruptedException {
      int sent = 0;
      while (sent < length) {
        Mode current = mode;
        if (current.isSwallowed()) {
          return;
        }
        int piece = Math.min(current.pieceBytes(), length - sent);
        if (!current.pause().isZero()
            && closed.await(current.pause().toNanos(), TimeUnit.NANOSECONDS)) {
          return;
        }
        out.write(buffer, sent, piece);
        out.flush();
        sent += piece;
      }
    }

    private static void closeQuietly(Socket socket) {
      try {
        socket.close();
      } catch (IOException e) {
        // Nothing is left to be done with it.
      }
    }
  }
}
