// SPDX-License-Identifier: Apache-2.0
package dev.sonde.spring;

import static java.util.Objects.requireNonNull;
import static org.awaitility.Awaitility.await;

import dev.sonde.Sonde;
import dev.sonde.dashboard.Dashboard;
import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.springframework.boot.SpringApplication;
import org.springframework.boot.WebApplicationType;
import org.springframework.boot.json.JsonParserFactory;
import org.springframework.context.ConfigurableApplicationContext;
import org.springframework.context.support.GenericApplicationContext;
import org.springframework.util.ClassUtils;

/** A Spring Boot application that runs in this process, asked over its ports as anybody would. */
final class RunningApplication implements AutoCloseable {
  private final HttpClient client = HttpClient.newHttpClient();
  private final ConfigurableApplicationContext context;

  private RunningApplication(ConfigurableApplicationContext context) {
    this.context = context;
  }

  /**
   * Starts an application on a server of the test's choice.
   *
   * @param factories names of the class that makes the server, in Boot 3.5 and in Boot 4
   * @param settings {@code key=value} each
   */
  static RunningApplication start(
      Class<?> source, WebApplicationType type, List<String> factories, String... settings) {
    SpringApplication application = new SpringApplication(source);
    application.setWebApplicationType(type);
    application.addInitializers(
        context -> ((GenericApplicationContext) context).registerBean(factory(factories)));
    List<String> arguments = new ArrayList<>();
    for (String setting : settings) {
      arguments.add("--" + setting);
    }
    arguments.add("--server.port=0");
    arguments.add("--sonde.dashboard.port=0");
    arguments.add("--spring.main.banner-mode=off");
    return new RunningApplication(application.run(arguments.toArray(String[]::new)));
  }

  private static Class<?> factory(List<String> names) {
    for (String name : names) {
      if (ClassUtils.isPresent(name, null)) {
        return ClassUtils.resolveClassName(name, null);
      }
    }
    throw new IllegalStateException("none of " + names + " is present");
  }

  <T> T bean(Class<T> type) {
    return context.getBean(type);
  }

  Sonde sonde() {
    return bean(Sonde.class);
  }

  /** Asks the application itself. */
  HttpResponse<String> get(String path) throws IOException, InterruptedException {
    return get(path, Map.of());
  }

  HttpResponse<String> get(String path, Map<String, String> headers)
      throws IOException, InterruptedException {
    String port = requireNonNull(context.getEnvironment().getProperty("local.server.port"));
    return send("http://127.0.0.1:" + port + path, headers);
  }

  private HttpResponse<String> send(String url, Map<String, String> headers)
      throws IOException, InterruptedException {
    HttpRequest.Builder request = HttpRequest.newBuilder(URI.create(url));
    headers.forEach(request::header);
    return client.send(request.build(), HttpResponse.BodyHandlers.ofString());
  }

  /** A document of the dashboard. */
  Map<String, Object> document(String name) throws IOException, InterruptedException {
    Dashboard dashboard = bean(Dashboard.class);
    HttpResponse<String> response =
        send(dashboard.address() + name, Map.of("Authorization", "Bearer " + dashboard.token()));
    return JsonParserFactory.getJsonParser().parseMap(response.body());
  }

  /** The newest request of this method and route that the dashboard shows. */
  Map<String, Object> awaitRequest(String methodAndRoute) {
    return awaitRequest(methodAndRoute, "/");
  }

  /** The newest request of this method and route whose path begins so. */
  Map<String, Object> awaitRequest(String methodAndRoute, String path) {
    // The server may report the end of a request after its client has read the response.
    return await()
        .until(
            () ->
                newest().stream()
                    .filter(
                        request ->
                            methodAndRoute.equals(
                                    request.get("method") + " " + request.get("route"))
                                && String.valueOf(request.get("path")).startsWith(path))
                    .toList(),
            found -> !found.isEmpty())
        .get(0);
  }

  /** Paths of the newest requests that the dashboard shows. */
  List<String> paths() throws IOException, InterruptedException {
    return newest().stream().map(request -> String.valueOf(request.get("path"))).toList();
  }

  private List<Map<String, Object>> newest() throws IOException, InterruptedException {
    return list(document("requests.json"), "newest");
  }

  /** What happened within a request. */
  List<Map<String, Object>> spans(Map<String, Object> request)
      throws IOException, InterruptedException {
    return list(document("requests/" + request.get("request_id") + ".json"), "spans");
  }

  @SuppressWarnings("unchecked") // it is what the document holds
  static List<Map<String, Object>> list(Map<String, Object> document, String name) {
    return (List<Map<String, Object>>) requireNonNull(document.get(name), name);
  }

  @Override
  public void close() {
    context.close();
  }
}
