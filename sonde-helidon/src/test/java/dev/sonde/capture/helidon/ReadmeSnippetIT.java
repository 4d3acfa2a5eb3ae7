// SPDX-License-Identifier: Apache-2.0
package dev.sonde.capture.helidon;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import dev.sonde.Sonde;
import dev.sonde.SondeConfig;
import dev.sonde.event.ResponseCompleted;
import dev.sonde.testkit.RecordingCollector;
import dev.sonde.testkit.net.RawHttpClient;
import io.helidon.webserver.WebServer;
import java.net.URL;
import java.net.URLClassLoader;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import javax.tools.ToolProvider;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * The README's snippet, compiled as it stands; that of the other servers is compiled by Java 17.
 */
final class ReadmeSnippetIT {
  private static final String AROUND =
      """
      import dev.sonde.*;
      import dev.sonde.capture.helidon.*;
      import io.helidon.webserver.*;
      import io.helidon.webserver.http.*;

      public class Snippet {
        public static WebServer start(Sonde sonde) {
          HttpRouting.Builder yourRouting =
              HttpRouting.builder().get("/", (request, response) -> response.send("hello"));
      %s
          return server;
        }
      }
      """;

  @Test
  void snippet_showsTheRequests(@TempDir Path dir) throws Exception {
    Path source = dir.resolve("Snippet.java");
    Files.writeString(source, AROUND.formatted(snippet()).replace("8080", "0"));
    int compiled =
        ToolProvider.getSystemJavaCompiler()
            .run(
                null,
                null,
                null,
                "-proc:none",
                "-cp",
                System.getProperty("java.class.path"),
                "-d",
                dir.toString(),
                source.toString());
    assertThat(compiled).isZero();
    RecordingCollector events = new RecordingCollector();

    try (Sonde sonde = Sonde.start(SondeConfig.builder().build(), events);
        URLClassLoader loader =
            new URLClassLoader(new URL[] {dir.toUri().toURL()}, getClass().getClassLoader())) {
      WebServer server =
          (WebServer)
              loader.loadClass("Snippet").getMethod("start", Sonde.class).invoke(null, sonde);
      try (RawHttpClient client = RawHttpClient.connect(server.port())) {
        assertThat(client.get("/").text()).isEqualTo("hello");
        await().until(() -> events.events().stream().anyMatch(ResponseCompleted.class::isInstance));
      } finally {
        server.stop();
      }
    }
  }

  private static String snippet() throws Exception {
    String readme = Files.readString(Path.of("..", "README.md"), UTF_8);
    Matcher block =
        Pattern.compile("<!-- snippet:helidon -->\\s*```java\\n(.*?)```", Pattern.DOTALL)
            .matcher(readme);
    assertThat(block.find()).as("snippet helidon in the README").isTrue();
    return block.group(1);
  }
}
