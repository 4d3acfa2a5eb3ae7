// SPDX-License-Identifier: Apache-2.0
package dev.sonde.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import dev.sonde.cli.demo.DemoServer;
import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.MethodSource;

final class DemoIT {
  private static final String TOKEN = "0123456789abcdef0123456789abcdef";

  @TempDir private Path dir;

  @ParameterizedTest
  @EnumSource
  void demo_endsByItselfWithEqualCountsAndAFinishedArchive(DemoServer server)
      throws IOException, InterruptedException {
    SondeProcess demo = demo("--server", server.optionName(), "--duration", "5s");

    assertThat(demo.exitCode()).as("%s%n%s", demo.stdout(), demo.stderr()).isZero();

    assertThat(demo.stdout())
        .contains("\"requests\" : 0", "\"responses\" : 0", "\"client_disconnects\" : 0")
        .contains("\"statistics_requests\" : 0", "\"body_bytes\" : 0", "\"holds\" : true");
    // The planted failures are for the dashboard, not for the console.
    assertThat(demo.stderr()).contains("counted the same").doesNotContain("Exception");
    long requests = number(demo.stdout(), "\"load\".*?\"requests\" : (\\d+)");
    assertThat(requests).isGreaterThan(100);
    assertThat(number(demo.stdout(), "\"load\".*?\"client_disconnects\" : (\\d+)")).isPositive();
    assertThat(number(demo.stdout(), "\"unplanned_failures\" : (\\d+)")).as(demo.stdout()).isZero();
    assertThat(archived("\"type\":\"REQ\"")).isEqualTo(requests);
    assertThat(archived("\"route\":\"/\"")).isPositive();
    assertThat(archived("\"route\":\"/reviews/{product}\"")).isPositive();
    assertThat(archived("\"outcome\":\"client_abort_during_body\"")).isPositive();
    assertThat(archived("\"error\":{\"type\":\"java.lang.IllegalStateException\"")).isPositive();
    assertThat(files(".part")).isEmpty();
  }

  @ParameterizedTest
  @EnumSource(names = {"JETTY", "SPRING"})
  void demo_endsCleanlyWhenInterrupted(DemoServer server) throws IOException, InterruptedException {
    SondeProcess demo = demo("--server", server.optionName(), "--token", TOKEN);
    await()
        .atMost(Duration.ofSeconds(60))
        .until(() -> number(metrics(dashboard(demo)), "\"count\"\\s*:\\s*(\\d+)") > 50);

    demo.interrupt();

    assertThat(demo.exitCode()).as("143 is SIGTERM's").isEqualTo(143);
    assertThat(demo.stdout()).contains("\"holds\" : true", "\"dropped_closed\" : 0");
    assertThat(archived("\"type\":\"REQ\""))
        .isEqualTo(number(demo.stdout(), "\"load\".*?\"requests\" : (\\d+)"));
    assertThat(files(".part")).isEmpty();
  }

  @ParameterizedTest
  @EnumSource
  void demo_saysWhichPortIsTaken(DemoServer server) throws IOException, InterruptedException {
    try (ServerSocket taken = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
      String port = Integer.toString(taken.getLocalPort());

      String name = server.optionName();
      SondeProcess shop =
          SondeProcess.start(
              dir, "demo", "--server", name, "--port", port, "--dashboard-port", "0");

      assertThat(shop.exitCode()).isEqualTo(1);
      assertThat(shop.stderr()).hasLineCount(1).contains("port " + port, "taken", "--port");
    }
  }

  @Test
  void demo_saysWhichPortOfTheDashboardIsTaken() throws IOException, InterruptedException {
    try (ServerSocket taken = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
      String port = Integer.toString(taken.getLocalPort());

      SondeProcess page = SondeProcess.start(dir, "demo", "--port", "0", "--dashboard-port", port);

      assertThat(page.exitCode()).isEqualTo(1);
      assertThat(page.stderr()).hasLineCount(1).contains("dashboard", port);
    }
  }

  @Test
  void demo_saysThatTheArchiveCannotBeWritten() throws IOException, InterruptedException {
    Path file = Files.createFile(dir.resolve("file"));

    SondeProcess demo = demo("--jsonl", file.resolve("archive").toString());

    assertThat(demo.exitCode()).isEqualTo(1);
    assertThat(demo.stderr()).hasLineCount(1).contains(file.toString());
    assertThat(demo.stdout()).isEmpty();
  }

  static Stream<Arguments> badOptions() {
    return Stream.of(
        Arguments.of(List.of("demo", "--port", "99999"), "--port must be in [0, 65535], was 99999"),
        Arguments.of(List.of("demo", "--port", "x"), "--port"),
        Arguments.of(
            List.of("demo", "--server", "apache"),
            "must be one of " + String.join(", ", DemoServer.names()) + "; was apache"),
        Arguments.of(List.of("demo", "--duration", "20"), "must be like 20s, 5m or 1h, was 20"),
        Arguments.of(List.of("demo", "--duration", "5ms"), "--duration must be at least 1s"),
        Arguments.of(List.of("demo", "--rate", "0"), "--rate must be in (0, 5000], was 0.0"),
        Arguments.of(List.of("demo", "--token", "short"), "sonde.dashboard.token"),
        Arguments.of(List.of("demo", "--durations", "5s"), "Unknown option"),
        Arguments.of(List.of("dmeo"), "Unmatched argument at index 0: 'dmeo'"));
  }

  @ParameterizedTest
  @MethodSource("badOptions")
  void badOption_isOneClearComplaintAndExitCode2(List<String> arguments, String complaint)
      throws IOException, InterruptedException {
    SondeProcess process = SondeProcess.start(dir, arguments.toArray(new String[0]));

    assertThat(process.exitCode()).isEqualTo(2);
    assertThat(process.stderr()).contains(complaint).doesNotContain("\tat ");
    assertThat(process.stdout()).isEmpty();
  }

  private SondeProcess demo(String... options) throws IOException {
    Stream<String> defaults =
        Stream.of("demo", "--port", "0", "--dashboard-port", "0", "--headless", "--rate", "100");
    return SondeProcess.start(
        dir, Stream.concat(defaults, Stream.of(options)).toArray(String[]::new));
  }

  private static String dashboard(SondeProcess demo) throws IOException {
    Matcher address = Pattern.compile("dashboard (http://[^/ ]+)/").matcher(demo.stderr());
    return address.find() ? address.group(1) : "";
  }

  private static String metrics(String dashboard) throws IOException, InterruptedException {
    if (dashboard.isEmpty()) {
      return "";
    }
    HttpResponse<String> response =
        HttpClient.newHttpClient()
            .send(
                HttpRequest.newBuilder(URI.create(dashboard + "/metrics.json"))
                    .header("Authorization", "Bearer " + TOKEN)
                    .build(),
                BodyHandlers.ofString());
    assertThat(response.statusCode()).isEqualTo(200);
    return response.body();
  }

  private static long number(String text, String pattern) {
    Matcher matcher = Pattern.compile(pattern, Pattern.DOTALL).matcher(text);
    return matcher.find() ? Long.parseLong(matcher.group(1)) : -1;
  }

  private long archived(String part) throws IOException {
    long lines = 0;
    for (Path file : files(".jsonl")) {
      try (Stream<String> all = Files.lines(file)) {
        lines += all.filter(line -> line.contains(part)).count();
      }
    }
    return lines;
  }

  private List<Path> files(String suffix) throws IOException {
    try (Stream<Path> files = Files.list(dir.resolve("sonde-demo"))) {
      return files.filter(file -> file.toString().endsWith(suffix)).toList();
    }
  }
}
