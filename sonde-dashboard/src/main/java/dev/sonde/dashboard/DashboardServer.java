// SPDX-License-Identifier: Apache-2.0
package dev.sonde.dashboard;

import dev.sonde.collect.SondeThread;
import dev.sonde.dashboard.view.Views;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.Locale;
import org.eclipse.jetty.http.HttpField;
import org.eclipse.jetty.http.HttpFields;
import org.eclipse.jetty.http.HttpHeader;
import org.eclipse.jetty.http.HttpURI;
import org.eclipse.jetty.http.HttpVersion;
import org.eclipse.jetty.http.PreEncodedHttpField;
import org.eclipse.jetty.http.UriCompliance;
import org.eclipse.jetty.server.Handler;
import org.eclipse.jetty.server.HttpConfiguration;
import org.eclipse.jetty.server.HttpConnectionFactory;
import org.eclipse.jetty.server.Request;
import org.eclipse.jetty.server.Response;
import org.eclipse.jetty.server.Server;
import org.eclipse.jetty.server.ServerConnector;
import org.eclipse.jetty.util.Callback;
import org.eclipse.jetty.util.thread.QueuedThreadPool;
import org.jspecify.annotations.Nullable;

/** The port: turns requests into documents, and refuses what the access rules refuse. */
final class DashboardServer {
  private static final int HEAD_BYTES = 8 * 1024;
  private static final int IDLE_MILLIS = 30_000;
  private static final int BACKLOG = 128;
  private static final int MAX_THREADS = 8;

  private static final String JSON = "application/json; charset=utf-8";
  private static final String TEXT = "text/plain; charset=utf-8";

  private static final HttpField[] SECURITY_HEADERS = {
    new PreEncodedHttpField(
        "Content-Security-Policy",
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src"
            + " 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none';"
            + " require-trusted-types-for 'script'"),
    new PreEncodedHttpField("X-Content-Type-Options", "nosniff"),
    new PreEncodedHttpField("X-Frame-Options", "DENY"),
    new PreEncodedHttpField("Referrer-Policy", "no-referrer"),
    new PreEncodedHttpField("Cross-Origin-Resource-Policy", "same-origin"),
    new PreEncodedHttpField("Cross-Origin-Opener-Policy", "same-origin"),
    new PreEncodedHttpField("Permissions-Policy", "camera=(), geolocation=(), microphone=()"),
    new PreEncodedHttpField(HttpHeader.CACHE_CONTROL, "no-store"),
  };

  private final Assets assets;
  private final AccessRules rules;
  private final ConnectionGuard guard;
  private final LiveStream live;
  private final Views views;
  private final Server server;
  private final ServerConnector connector;

  DashboardServer(
      String host,
      Assets assets,
      AccessRules rules,
      ConnectionGuard guard,
      LiveStream live,
      Views views) {
    this.assets = assets;
    this.rules = rules;
    this.guard = guard;
    this.live = live;
    this.views = views;
    QueuedThreadPool threads =
        new QueuedThreadPool(MAX_THREADS, 1, IDLE_MILLIS, null, SondeThread.group());
    threads.setName("sonde-dashboard");
    threads.setDaemon(true);
    server = new Server(threads);
    server.setStopAtShutdown(false);
    server.setStopTimeout(0);
    connector = new ServerConnector(server, 1, 1, http());
    connector.setHost(Addresses.unbracketed(host));
    connector.setAcceptQueueSize(BACKLOG);
    connector.setIdleTimeout(IDLE_MILLIS);
    connector.addEventListener(guard);
    connector.addBean(guard);
    server.addConnector(connector);
    server.setHandler(new Front());
    server.setErrorHandler((request, response, callback) -> failed(request, response, callback));
  }

  private static HttpConnectionFactory http() {
    HttpConfiguration http = new HttpConfiguration();
    http.setRequestHeaderSize(HEAD_BYTES);
    http.setSendServerVersion(false);
    http.setSendXPoweredBy(false);
    http.setUriCompliance(UriCompliance.RFC3986);
    http.setPersistentConnectionsEnabled(true);
    return new HttpConnectionFactory(http);
  }

  /** Binds the port; throws if it is taken. */
  void bind(int port) throws IOException {
    connector.setPort(port);
    connector.open();
  }

  /** Serves what was bound. */
  void start() throws Exception {
    server.start();
  }

  int port() {
    return connector.getLocalPort();
  }

  void stop() {
    try {
      server.stop();
      // A connector that was opened and never started is not closed by the server's stop.
      connector.close();
    } catch (Exception e) {
      System.getLogger("dev.sonde.dashboard")
          .log(System.Logger.Level.DEBUG, "The dashboard's port did not close in order", e);
    }
  }

  private void serve(Request request, Response response, Callback callback) {
    guard.answering(request);
    HttpURI uri = request.getHttpURI();
    HttpFields headers = request.getHeaders();
    int refusal = rules.checkHead(request.getMethod(), authority(uri), headers);
    if (refusal != 0) {
      refuse(refusal, response, callback);
      return;
    }
    String path = uri.getPath() == null ? "" : uri.getPath();
    Assets.Asset asset = assets.at(path);
    if (asset != null) {
      send(asset, headers, response, callback);
      return;
    }
    if (!isDocument(path)) {
      refuse(404, response, callback);
      return;
    }
    int denied = rules.checkToken(uri.getQuery(), headers);
    if (denied != 0) {
      refuse(denied, response, callback);
      return;
    }
    boolean isStream = path.equals("/events");
    guard.trusted(request, isStream);
    if (isStream) {
      openStream(request, response, callback);
      return;
    }
    byte[] document = document(path, uri.getQuery());
    if (document == null) {
      refuse(404, response, callback);
    } else {
      send(200, JSON, ByteBuffer.wrap(document), response, callback);
    }
  }

  private void openStream(Request request, Response response, Callback callback) {
    if (request.getMethod().equals("HEAD")) {
      response.getHeaders().put(HttpHeader.CONTENT_TYPE, "text/event-stream");
      secure(response);
      response.write(true, null, callback);
      return;
    }
    secure(response);
    if (!live.join(request, response, callback)) {
      response.getHeaders().remove("X-Accel-Buffering");
      refuse(503, response, callback);
    }
  }

  private byte @Nullable [] document(String path, @Nullable String query) {
    long id = requestId(path);
    return id >= 0 ? views.request(id) : views.document(path, windowSeconds(query));
  }

  /** The only parameter there is; anything else in a query is ignored. */
  private static int windowSeconds(@Nullable String query) {
    if (query == null) {
      return 300;
    }
    return switch (query) {
      case "window=60" -> 60;
      case "window=900" -> 900;
      default -> 300;
    };
  }

  private static boolean isDocument(String path) {
    return switch (path) {
      case "/metrics.json",
          "/routes.json",
          "/errors.json",
          "/requests.json",
          "/connections.json",
          "/health.json",
          "/events" ->
          true;
      default -> requestId(path) >= 0;
    };
  }

  /** The number in {@code /requests/<number>.json}, or -1 for any other path. */
  private static long requestId(String path) {
    String prefix = "/requests/";
    String suffix = ".json";
    int digits = path.length() - prefix.length() - suffix.length();
    if (digits < 1 || digits > 18 || !path.startsWith(prefix) || !path.endsWith(suffix)) {
      return -1;
    }
    long id = 0;
    for (int i = prefix.length(); i < prefix.length() + digits; i++) {
      int digit = path.charAt(i) - '0';
      if (digit < 0 || digit > 9) {
        return -1;
      }
      id = id * 10 + digit;
    }
    return id;
  }

  private static @Nullable String authority(HttpURI uri) {
    return uri.isAbsolute() ? uri.getAuthority() : null;
  }

  private static void send(
      Assets.Asset asset, HttpFields headers, Response response, Callback callback) {
    boolean isGzip = acceptsGzip(headers);
    response.getHeaders().put(HttpHeader.VARY, "Accept-Encoding");
    if (isGzip) {
      response.getHeaders().put(HttpHeader.CONTENT_ENCODING, "gzip");
    }
    send(200, asset.mediaType(), isGzip ? asset.gzip() : asset.plain(), response, callback);
  }

  private static boolean acceptsGzip(HttpFields headers) {
    String accepted = headers.get(HttpHeader.ACCEPT_ENCODING);
    return accepted != null
        && accepted.toLowerCase(Locale.ROOT).contains("gzip")
        && !accepted.contains("gzip;q=0");
  }

  private static void refuse(int status, Response response, Callback callback) {
    switch (status) {
      case 401 -> response.getHeaders().put("WWW-Authenticate", "Bearer realm=\"sonde\"");
      case 405 -> response.getHeaders().put(HttpHeader.ALLOW, "GET, HEAD");
      case 413, 421 -> response.getHeaders().put(HttpHeader.CONNECTION, "close");
      case 429, 503 -> response.getHeaders().put(HttpHeader.RETRY_AFTER, "1");
      default -> {}
    }
    byte[] body = (status + " " + reason(status) + "\n").getBytes(StandardCharsets.UTF_8);
    send(status, TEXT, ByteBuffer.wrap(body), response, callback);
  }

  /** Text for a refusal; nothing of the request is ever repeated in it. */
  private static String reason(int status) {
    return switch (status) {
      case 401 -> "The token is missing or wrong; open the URL that Sonde printed at start";
      case 403 -> "Requests of other origins are refused";
      case 404 -> "There is nothing at this address";
      case 405 -> "Only GET and HEAD are allowed";
      case 413 -> "Requests with a body are refused";
      case 421 -> "This host name is not served here; see sonde.dashboard.allowed.hosts";
      case 429 -> "Too many wrong tokens; wait a second";
      case 503 -> "All 16 places of the live stream are taken";
      default -> "The request cannot be answered";
    };
  }

  private static void send(
      int status, String mediaType, ByteBuffer body, Response response, Callback callback) {
    response.setStatus(status);
    response.getHeaders().put(HttpHeader.CONTENT_TYPE, mediaType);
    response.getHeaders().put(HttpHeader.CONTENT_LENGTH, body.remaining());
    secure(response);
    response.write(true, body, callback);
  }

  private static void secure(Response response) {
    for (HttpField header : SECURITY_HEADERS) {
      response.getHeaders().put(header);
    }
  }

  private static boolean failed(Request request, Response response, Callback callback) {
    int status = response.getStatus();
    if (request.getConnectionMetaData().getHttpVersion() == HttpVersion.HTTP_0_9) {
      callback.succeeded();
    } else {
      refuse(status < 400 ? 500 : status, response, callback);
    }
    return true;
  }

  /** Serving only hands bytes over, so it may run on the thread that read the head. */
  private final class Front extends Handler.Abstract.NonBlocking {
    @Override
    public boolean handle(Request request, Response response, Callback callback) {
      serve(request, response, callback);
      return true;
    }
  }
}
