// SPDX-License-Identifier: Apache-2.0
package dev.sonde.cli;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import dev.sonde.Sonde;
import dev.sonde.SondeConfig;
import dev.sonde.capture.jdbc.SondeJdbc;
import dev.sonde.capture.jetty.SondeJetty;
import dev.sonde.dashboard.Dashboard;
import dev.sonde.dashboard.DashboardConfig;
import dev.sonde.event.Outcome;
import dev.sonde.sink.ConsoleFormat;
import dev.sonde.sink.ConsoleSink;
import dev.sonde.time.MonotonicClock;
import jakarta.servlet.http.HttpServlet;
import jakarta.servlet.http.HttpServletRequest;
import jakarta.servlet.http.HttpServletResponse;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.PrintStream;
import java.net.InetAddress;
import java.net.Socket;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.file.Files;
import java.nio.file.Path;
import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.SQLException;
import java.sql.Statement;
import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import javax.sql.DataSource;
import org.eclipse.jetty.ee10.servlet.ServletContextHandler;
import org.eclipse.jetty.ee10.servlet.ServletHolder;
import org.eclipse.jetty.server.Server;
import org.eclipse.jetty.server.ServerConnector;
import org.h2.jdbcx.JdbcDataSource;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Plants secrets wherever an application has some, and looks for them wherever Sonde shows. */
final class CanaryIT {
  private static final int REQUESTS = 25;
  private static final Pattern REQUEST_ID = Pattern.compile("\"request_id\":\"?(\\d+)");

  /** Each of the form {@code cnry<number>x}, so that none is a part of another. */
  private final List<String> planted = new ArrayList<>();

  private final Map<String, String> shown = new LinkedHashMap<>();
  private final HttpClient client = HttpClient.newHttpClient();

  @TempDir private Path archive;

  @Test
  void secrets_areShownNowhere() throws IOException, InterruptedException {
    ByteArrayOutputStream compact = new ByteArrayOutputStream();
    ByteArrayOutputStream pretty = new ByteArrayOutputStream();
    Sonde sonde = Sonde.start(SondeConfig.builder().jsonlDir(archive).build());
    try (Dashboard dashboard = Dashboard.start(sonde, DashboardConfig.builder().port(0).build());
        Socket stream = openStream(dashboard)) {
      readUntil(stream, "event: tick", 2);
      MonotonicClock clock = MonotonicClock.system();
      sonde.addSink(
          "compact",
          new ConsoleSink(
              ConsoleFormat.COMPACT, new PrintStream(compact, true, UTF_8), false, clock));
      sonde.addSink(
          "pretty",
          new ConsoleSink(
              ConsoleFormat.PRETTY, new PrintStream(pretty, true, UTF_8), false, clock));

      work(sonde);

      await()
          .atMost(Duration.ofSeconds(20))
          .until(() -> sonde.recent().newest().size() == REQUESTS);
      shown.put("stream", readUntil(stream, "/last", 1));
      readDocuments(dashboard);
    } finally {
      sonde.close(Duration.ofSeconds(20));
    }
    shown.put("compact", compact.toString(UTF_8));
    shown.put("pretty", pretty.toString(UTF_8));
    try (Stream<Path> files = Files.list(archive)) {
      for (Path file : files.filter(each -> each.toString().endsWith(".jsonl")).toList()) {
        shown.put(file.getFileName().toString(), Files.readString(file));
      }
    }
    check();
  }

  private void check() {
    assertThat(planted).hasSize(40).doesNotHaveDuplicates();
    // What is not secret is there, so the search looked at what it meant to look at.
    assertThat(shown).hasSizeGreaterThanOrEqualTo(10 + REQUESTS);
    for (String place : List.of("/requests.json", "stream", "compact", "pretty")) {
      assertThat(shown.get(place)).as(place).contains("/last");
    }
    String archived =
        shown.entrySet().stream()
            .filter(entry -> entry.getKey().endsWith(".jsonl"))
            .map(Map.Entry::getValue)
            .reduce("", String::concat);
    assertThat(archived).contains("/last", "IllegalStateException", "SELECT name FROM account");
    assertThat(shown.get("/errors.json")).contains("IllegalStateException");
    List<String> hits = new ArrayList<>();
    shown.forEach(
        (place, text) ->
            planted.stream()
                .filter(text::contains)
                .forEach(secret -> hits.add(planted.indexOf(secret) + " in " + place)));
    assertThat(hits).isEmpty();
  }

  private void work(Sonde sonde) throws IOException {
    Server server = new Server();
    ServerConnector connector = SondeJetty.connector(server, sonde);
    connector.setHost(InetAddress.getLoopbackAddress().getHostAddress());
    server.addConnector(connector);
    ServletContextHandler context = new ServletContextHandler();
    DataSource accounts = accounts(sonde);
    context.addServlet(new ServletHolder(new Page(sonde, accounts)), "/*");
    server.setHandler(context);
    try {
      server.start();
      for (String name : List.of("password", "token", "api_key", "q", "code", "access_token")) {
        send(connector, "/query?" + name + "=" + secret() + "&page=2");
      }
      send(connector, "/query?" + secret());
      send(connector, "/query?a=1?b=" + secret());
      send(connector, "/path;jsessionid=" + secret());
      send(connector, "/path;jsessionid=" + secret() + "/more;v=" + secret() + "/end");
      send(connector, "/path;a=" + secret() + "?b=" + secret());
      send(connector, "/headers", "Authorization: Bearer " + secret());
      send(connector, "/headers", "Cookie: session=" + secret(), "X-Api-Key: " + secret());
      send(connector, "/headers", "Referer: http://a.example/?t=" + secret());
      send(connector, "/headers", "Proxy-Authorization: Basic " + secret());
      send(connector, "/headers", "User-Agent: " + secret(), "X-Forwarded-For: " + secret());
      send(connector, "/fails?why=" + secret());
      send(connector, "/fails-deep");
      send(connector, "/answers");
      send(connector, "/selects");
      send(connector, "/writes");
      send(connector, "/breaks");
      send(connector, "/last");
    } catch (IOException e) {
      throw e;
    } catch (Exception e) {
      throw new IllegalStateException(e);
    } finally {
      stop(server);
    }
  }

  private static void stop(Server server) {
    try {
      server.stop();
    } catch (Exception e) {
      throw new IllegalStateException(e);
    }
  }

  /** A database with a secret in its address, and as its user and password. */
  private DataSource accounts(Sonde sonde) {
    JdbcDataSource database = new JdbcDataSource();
    database.setURL("jdbc:h2:mem:canary;IGNORE_UNKNOWN_SETTINGS=TRUE;SSLPASSWORD=" + secret());
    database.setUser(secret());
    database.setPassword(secret());
    return SondeJdbc.observe(database, sonde);
  }

  private synchronized String secret() {
    String secret = "cnry" + (1_000 + planted.size()) + "x";
    planted.add(secret);
    return secret;
  }

  private static void send(ServerConnector connector, String target, String... headers)
      throws IOException {
    StringBuilder head = new StringBuilder("GET " + target + " HTTP/1.1\r\nHost: localhost\r\n");
    for (String header : headers) {
      head.append(header).append("\r\n");
    }
    head.append("Connection: close\r\n\r\n");
    try (Socket socket = new Socket(InetAddress.getLoopbackAddress(), connector.getLocalPort())) {
      socket.getOutputStream().write(head.toString().getBytes(UTF_8));
      assertThat(new String(socket.getInputStream().readAllBytes(), UTF_8)).startsWith("HTTP/1.1 ");
    }
  }

  private void readDocuments(Dashboard dashboard) throws IOException, InterruptedException {
    for (String name :
        List.of("metrics", "routes", "errors", "requests", "connections", "health")) {
      shown.put("/" + name + ".json", get(dashboard, "/" + name + ".json"));
    }
    Matcher ids = REQUEST_ID.matcher(shown.getOrDefault("/requests.json", ""));
    while (ids.find()) {
      String path = "/requests/" + ids.group(1) + ".json";
      shown.put(path, get(dashboard, path));
    }
  }

  private String get(Dashboard dashboard, String path) throws IOException, InterruptedException {
    HttpResponse<String> response =
        client.send(
            HttpRequest.newBuilder(URI.create(dashboard.address()).resolve(path))
                .header("Authorization", "Bearer " + dashboard.token())
                .build(),
            BodyHandlers.ofString());
    assertThat(response.statusCode()).as(path).isEqualTo(200);
    return response.body();
  }

  private static Socket openStream(Dashboard dashboard) throws IOException {
    Socket socket = new Socket(InetAddress.getLoopbackAddress(), dashboard.port());
    socket.setSoTimeout(20_000);
    String head =
        "GET /events HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer "
            + dashboard.token()
            + "\r\n\r\n";
    socket.getOutputStream().write(head.getBytes(UTF_8));
    return socket;
  }

  /** Reads until the text has come so many times, and returns all that came. */
  private static String readUntil(Socket socket, String text, int times) throws IOException {
    InputStream in = socket.getInputStream();
    ByteArrayOutputStream seen = new ByteArrayOutputStream();
    byte[] buffer = new byte[8192];
    while (seen.toString(UTF_8).split(Pattern.quote(text), -1).length <= times) {
      int n = in.read(buffer);
      assertThat(n).as("the stream goes on until %s", text).isPositive();
      seen.write(buffer, 0, n);
    }
    return seen.toString(UTF_8);
  }

  /** What an application does, with a secret at every turn. */
  private final class Page extends HttpServlet {
    private static final long serialVersionUID = 1L;

    private final transient Sonde sonde;
    private final transient DataSource accounts;
    private final AtomicInteger tables = new AtomicInteger();

    Page(Sonde sonde, DataSource accounts) {
      this.sonde = sonde;
      this.accounts = accounts;
    }

    @Override
    protected void doGet(HttpServletRequest request, HttpServletResponse response)
        throws IOException {
      switch (request.getPathInfo()) {
        case "/fails" -> fail(new IllegalStateException("no account " + secret()));
        case "/fails-deep" ->
            fail(
                new IllegalStateException(
                    "login " + secret(),
                    new IllegalArgumentException(
                        "password=" + secret(), new IOException("Authorization: " + secret()))));
        case "/answers" -> {
          response.setHeader("Set-Cookie", "session=" + secret());
          response.setHeader("Location", "/next?code=" + secret());
          response.getWriter().print(secret());
        }
        case "/selects" ->
            run(
                "SELECT name FROM account WHERE password = '" + secret() + "'",
                "SELECT name FROM account WHERE name = 'it''s "
                    + secret()
                    + "' /* "
                    + secret()
                    + " */",
                "SELECT name FROM account -- " + secret() + "\n WHERE id = 1");
        case "/writes" ->
            run(
                "INSERT INTO account VALUES (1, $$" + secret() + "$$, '" + secret() + "')",
                "ALTER USER CURRENT SET PASSWORD '" + secret() + "'");
        case "/breaks" -> run("SELECT '" + secret() + "' FROM FROM");
        default -> response.getWriter().print("done");
      }
    }

    /** The exception ends a function and the request, and is reported with a request by hand. */
    private void fail(RuntimeException failure) {
      // The only way on which a message can come into an event is a request's own exception.
      sonde
          .emitter()
          .request("POST", "/reported", "/reported", 500, Outcome.APP_ERROR, 1_000, 0, 0, failure);
      sonde.profile(
          "account.find",
          (Runnable)
              () -> {
                throw failure;
              });
    }

    private void run(String... statements) {
      try (Connection connection = accounts.getConnection();
          Statement statement = connection.createStatement()) {
        if (tables.getAndIncrement() == 0) {
          statement.execute("SET DB_CLOSE_DELAY -1");
          statement.execute(
              "CREATE TABLE account (id INT, name VARCHAR(99), password VARCHAR(99))");
          try (PreparedStatement bound =
              connection.prepareStatement("SELECT name FROM account WHERE password = ?")) {
            bound.setString(1, secret());
            bound.execute();
          }
        }
        for (String sql : statements) {
          statement.execute(sql);
        }
      } catch (SQLException e) {
        throw new IllegalStateException(e);
      }
    }
  }
}
