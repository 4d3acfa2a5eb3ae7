// SPDX-License-Identifier: Apache-2.0
package dev.sonde;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.core.JsonFactory;
import com.google.re2j.Pattern;
import java.io.IOException;
import java.net.URISyntaxException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;

/** What an application gets on its class path with {@code sonde-core}. */
final class CoreSizeIT {
  private static final long LIMIT_BYTES = 1_500_000;

  @Test
  void jarAndItsDependencies_areSmall() throws IOException, URISyntaxException {
    long bytes =
        Files.size(ownJar())
            + Files.size(jarOf(JsonFactory.class))
            + Files.size(jarOf(Pattern.class));

    assertThat(bytes).as("sonde-core with jackson-core and re2j").isLessThanOrEqualTo(LIMIT_BYTES);
  }

  private static Path ownJar() throws IOException {
    try (DirectoryStream<Path> jars =
        Files.newDirectoryStream(Path.of("target"), "sonde-core-*[!s].jar")) {
      return jars.iterator().next();
    }
  }

  private static Path jarOf(Class<?> type) throws URISyntaxException {
    return Path.of(type.getProtectionDomain().getCodeSource().getLocation().toURI());
  }
}
