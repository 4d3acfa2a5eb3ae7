// SPDX-License-Identifier: Apache-2.0
package dev.sonde.dashboard;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.util.HexFormat;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

final class AssetsTest {
  private static final Path WEB = Path.of("src/main/resources/dev/sonde/dashboard/web");

  /** Ways from a string to markup or to code. */
  private static final Pattern SINKS =
      Pattern.compile(
          "innerHTML|outerHTML|insertAdjacentHTML|document\\.write|srcdoc|dangerouslySetInnerHTML"
              + "|createContextualFragment|DOMParser|\\beval\\b|new Function|setHTML"
              + "|javascript:|setAttribute\\(\"on|localStorage|document\\.cookie|EventSource");

  @Test
  void load_staysWithinSixtyKibibytes() {
    int bytes = Assets.load().totalGzipBytes();

    assertThat(bytes).isBetween(20 * 1024, 60 * 1024);
  }

  @Test
  void load_holdsEveryFileOfThePage() throws IOException {
    Assets assets = Assets.load();
    try (Stream<Path> files = Files.walk(WEB)) {
      files
          .filter(Files::isRegularFile)
          .map(file -> "/" + WEB.relativize(file).toString().replace('\\', '/'))
          .filter(path -> !path.endsWith(".LICENSE") && !path.endsWith(".md"))
          .map(path -> path.equals("/index.html") ? "/" : path)
          .forEach(path -> assertThat(assets.at(path)).as(path).isNotNull());
    }
  }

  @Test
  void ownFiles_useNoWayFromTextToMarkup() throws IOException {
    for (Path file : ownFiles()) {
      assertThat(SINKS.matcher(Files.readString(file)).find()).as(file.toString()).isFalse();
    }
  }

  @Test
  void ownFiles_nameNoOtherHost() throws IOException {
    Pattern url =
        Pattern.compile("(?:https?:|wss?:)?//[a-z0-9-]+\\.[a-z]", Pattern.CASE_INSENSITIVE);
    for (Path file : ownFiles()) {
      String text = Files.readString(file).replace("http://www.w3.org/2000/svg", "");
      assertThat(url.matcher(text).find()).as(file.toString()).isFalse();
    }
  }

  @Test
  void vendoredFiles_areThoseOfTheTable() throws Exception {
    String table = Files.readString(WEB.resolve("vendor/VERSIONS.md"));
    Matcher row =
        Pattern.compile("`([A-Za-z.-]+)` \\(`[^`]+`\\) \\| `([0-9a-f]{64})`").matcher(table);
    int rows = 0;
    while (row.find()) {
      rows++;
      byte[] bytes = Files.readAllBytes(WEB.resolve("vendor").resolve(row.group(1)));
      byte[] digest = MessageDigest.getInstance("SHA-256").digest(bytes);
      assertThat(HexFormat.of().formatHex(digest)).as(row.group(1)).isEqualTo(row.group(2));
    }
    try (Stream<Path> files = Files.list(WEB.resolve("vendor"))) {
      assertThat(files.filter(file -> file.toString().endsWith(".mjs"))).hasSize(rows);
    }
    assertThat(rows).isEqualTo(3);
  }

  @Test
  void index_hasNoInlineScriptOrStyle() throws IOException {
    try (InputStream in = Assets.class.getResourceAsStream("web/index.html")) {
      assertThat(in).isNotNull();
      assertThat(new String(in.readAllBytes(), StandardCharsets.UTF_8))
          .doesNotContain("<style")
          .doesNotContain("style=")
          .doesNotContainPattern("<script(?![^>]*src=)")
          .doesNotContainPattern("\\son[a-z]+=");
    }
  }

  private static List<Path> ownFiles() throws IOException {
    try (Stream<Path> files = Files.list(WEB)) {
      return files.filter(Files::isRegularFile).toList();
    }
  }
}
