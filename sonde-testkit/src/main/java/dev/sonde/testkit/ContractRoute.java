// SPDX-License-Identifier: Apache-2.0
package dev.sonde.testkit;

import static java.nio.charset.StandardCharsets.US_ASCII;

import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/**
 * A route of the application that every server serves in the contract.
 *
 * <p>A fixture registers each at its {@link #template()} for all methods and calls {@link #serve}.
 * {@code /nowhere} and whatever else is not listed must stay unregistered.
 */
public enum ContractRoute {
  /** {@link #HELLO_BODY} with its length. */
  HELLO("/hello") {
    @Override
    void handle(ContractApplication application, ContractExchange exchange) throws IOException {
      text(exchange, 200, HELLO_BODY);
    }
  },
  /** The id that stands in the path. */
  USER("/users/{id}") {
    @Override
    void handle(ContractApplication application, ContractExchange exchange) throws IOException {
      text(exchange, 200, lastSegment(exchange));
    }
  },
  /** The status that stands in the path, with {@link #STATUS_BODY} where a body is allowed. */
  STATUS("/status/{code}") {
    @Override
    void handle(ContractApplication application, ContractExchange exchange) throws IOException {
      int status = Integer.parseInt(lastSegment(exchange));
      if (status == 204 || status == 304) {
        exchange.respond(status);
      } else {
        text(exchange, status, STATUS_BODY);
      }
    }
  },
  /** {@code chunks} times {@code size} bytes, flushed one by one, without a length. */
  STREAM("/stream") {
    @Override
    void handle(ContractApplication application, ContractExchange exchange) throws IOException {
      stream(exchange, number(exchange, "chunks", 5), number(exchange, "size", 1000));
    }
  },
  /** {@code chunks} times {@code size} bytes with {@code pause} milliseconds after each flush. */
  SLOW_STREAM("/slow-stream") {
    @Override
    void handle(ContractApplication application, ContractExchange exchange)
        throws IOException, InterruptedException {
      OutputStream body = exchange.respond(200, "application/octet-stream", -1);
      int chunks = number(exchange, "chunks", 1000);
      byte[] chunk = filled(number(exchange, "size", 100));
      for (int i = 0; i < chunks; i++) {
        body.write(chunk);
        body.flush();
        application.pause(number(exchange, "pause", 10));
      }
    }
  },
  /** Server-sent events, one every 10 ms, until the client leaves or the application closes. */
  SSE("/sse") {
    @Override
    void handle(ContractApplication application, ContractExchange exchange)
        throws IOException, InterruptedException {
      OutputStream body = exchange.respond(200, "text/event-stream", -1);
      for (int i = 0; !application.isClosed(); i++) {
        body.write(("id: " + i + "\ndata: tick\n\n").getBytes(US_ASCII));
        body.flush();
        application.pause(10);
      }
    }
  },
  /** {@link #HELLO_BODY} after {@code delay} milliseconds, written by another thread. */
  ASYNC("/async") {
    @Override
    void handle(ContractApplication application, ContractExchange exchange) {
      exchange.async(
          application.executor(),
          later -> {
            application.pause(number(later, "delay", 100));
            text(later, 200, HELLO_BODY);
          });
    }
  },
  /**
   * Nothing until {@link ContractApplication#open()}, then a chunk every 10 ms; with {@code
   * committed=1} the head and one chunk are sent first.
   */
  PENDING("/pending") {
    @Override
    void handle(ContractApplication application, ContractExchange exchange) {
      exchange.async(
          application.executor(),
          later -> {
            OutputStream body = later.respond(200, "application/octet-stream", -1);
            byte[] chunk = filled(100);
            if (number(later, "committed", 0) == 1) {
              body.write(chunk);
              body.flush();
            }
            application.awaitOpen();
            for (int i = 0; i < 100; i++) {
              body.write(chunk);
              body.flush();
              application.pause(10);
            }
          });
    }
  },
  /** {@link #HELLO_BODY} after {@link ContractApplication#open()}, on the server's own thread. */
  GATE("/gate") {
    @Override
    void handle(ContractApplication application, ContractExchange exchange)
        throws IOException, InterruptedException {
      application.awaitOpen();
      text(exchange, 200, HELLO_BODY);
    }
  },
  /**
   * {@link #HELLO_BODY} with its length, flushed, but without an end before {@link
   * ContractApplication#open()}; with {@code async=1} by another thread.
   */
  HELD_END("/held-end") {
    @Override
    void handle(ContractApplication application, ContractExchange exchange)
        throws IOException, InterruptedException {
      if (number(exchange, "async", 0) == 1) {
        exchange.async(application.executor(), later -> holdEnd(application, later));
      } else {
        holdEnd(application, exchange);
      }
    }
  },
  /** Throws before anything is sent. */
  THROW("/throw") {
    @Override
    void handle(ContractApplication application, ContractExchange exchange) {
      throw new ContractFailure();
    }
  },
  /** Sends the head and 1000 bytes, then throws. */
  THROW_AFTER_COMMIT("/throw-after-commit") {
    @Override
    void handle(ContractApplication application, ContractExchange exchange) throws IOException {
      OutputStream body = exchange.respond(200, "application/octet-stream", -1);
      body.write(filled(1000));
      body.flush();
      throw new ContractFailure();
    }
  },
  /** Reads the whole body and answers its length in decimal. */
  UPLOAD("/upload") {
    @Override
    void handle(ContractApplication application, ContractExchange exchange) throws IOException {
      byte[] buffer = new byte[4096];
      long length = 0;
      InputStream body = exchange.requestBody();
      for (int n; (n = body.read(buffer)) >= 0; ) {
        length += n;
      }
      text(exchange, 200, Long.toString(length));
    }
  },
  /**
   * Echoes WebSocket messages; served by the server's own WebSocket code where the adapter declares
   * the capability, and left out where not.
   */
  WEBSOCKET("/ws") {
    @Override
    void handle(ContractApplication application, ContractExchange exchange) {
      throw new UnsupportedOperationException("served by the fixture");
    }
  };

  /** Body of {@link #HELLO}. */
  public static final String HELLO_BODY = "Hello, world\n";

  /** Body of {@link #STATUS}. */
  public static final String STATUS_BODY = "0123456789";

  private final String template;

  ContractRoute(String template) {
    this.template = template;
  }

  /** Whether its answer waits for nothing, so that an event loop may serve it. */
  public boolean isPrompt() {
    return switch (this) {
      case HELLO, USER, STATUS, THROW -> true;
      default -> false;
    };
  }

  /** Path, with a variable segment in braces. */
  public String template() {
    return template;
  }

  /** Path up to its variable segment, for servers that match by prefix. */
  public String prefix() {
    int brace = template.indexOf('{');
    return brace < 0 ? template : template.substring(0, brace);
  }

  /** The route that a path belongs to, or null. */
  public static @Nullable ContractRoute of(String path) {
    for (ContractRoute route : values()) {
      boolean isMatch =
          route.prefix().equals(route.template)
              ? path.equals(route.template)
              : path.startsWith(route.prefix());
      if (isMatch) {
        return route;
      }
    }
    return null;
  }

  /** Answers one request of this route. */
  public void serve(ContractApplication application, ContractExchange exchange)
      throws IOException, InterruptedException {
    application.entered();
    handle(application, exchange);
  }

  abstract void handle(ContractApplication application, ContractExchange exchange)
      throws IOException, InterruptedException;

  private static void text(ContractExchange exchange, int status, String text) throws IOException {
    byte[] bytes = text.getBytes(US_ASCII);
    exchange.respond(status, "text/plain", bytes.length).write(bytes);
  }

  private static void holdEnd(ContractApplication application, ContractExchange exchange)
      throws IOException, InterruptedException {
    byte[] bytes = HELLO_BODY.getBytes(US_ASCII);
    OutputStream body = exchange.respond(200, "text/plain", bytes.length);
    body.write(bytes);
    body.flush();
    application.flushed();
    application.awaitOpen();
  }

  private static void stream(ContractExchange exchange, int chunks, int size) throws IOException {
    OutputStream body = exchange.respond(200, "application/octet-stream", -1);
    byte[] chunk = filled(size);
    for (int i = 0; i < chunks; i++) {
      body.write(chunk);
      body.flush();
    }
  }

  private static byte[] filled(int size) {
    byte[] bytes = new byte[size];
    Arrays.fill(bytes, (byte) 'x');
    return bytes;
  }

  private static String lastSegment(ContractExchange exchange) {
    return exchange.path().substring(exchange.path().lastIndexOf('/') + 1);
  }

  private static int number(ContractExchange exchange, String name, int otherwise) {
    String query = exchange.query();
    if (query != null) {
      for (String pair : query.split("&", -1)) {
        if (pair.startsWith(name + "=")) {
          return Integer.parseInt(pair.substring(name.length() + 1));
        }
      }
    }
    return otherwise;
  }

  /** What the failing routes throw. */
  public static final class ContractFailure extends RuntimeException {
    ContractFailure() {
      super("the application fails on purpose");
    }
  }
}
