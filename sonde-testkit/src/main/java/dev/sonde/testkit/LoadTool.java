// SPDX-License-Identifier: Apache-2.0
package dev.sonde.testkit;

import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.sonde.testkit.ContractLoad.Sums;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.regex.MatchResult;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** nghttp2's {@code h2load}: a client that is not ours, and that counts for itself. */
final class LoadTool {
  private static final Pattern REQUESTS =
      Pattern.compile(
          "(\\d+) done, (\\d+) succeeded, (\\d+) failed, (\\d+) errored, (\\d+) timeout");
  private static final Pattern BODIES = Pattern.compile("headers .*\\((\\d+)\\) data");

  private LoadTool() {}

  /**
   * Sends GETs and returns what the tool says it got: for its 200 s there is one status.
   *
   * @param readsStatus whether the tool can read the server's status lines; if not, an answer is
   *     one that ended without an error
   * @param protocol the options that choose it, such as {@code --h1}
   * @throws IOException if any request failed, or if the tool cannot be understood
   */
  static Sums get(
      String url, int connections, int requests, boolean readsStatus, List<String> protocol)
      throws IOException, InterruptedException {
    List<String> command = new ArrayList<>(List.of("h2load", "-t1"));
    command.addAll(List.of("-c", "" + connections, "-n", "" + requests));
    command.addAll(protocol);
    command.add(url);
    Process process = start(command);
    try {
      String said = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
      int exit = process.waitFor();
      MatchResult counts = find(REQUESTS, said);
      MatchResult bytes = find(BODIES, said);
      boolean isErrorFree = counts.group(4).equals("0") && counts.group(5).equals("0");
      boolean isAnswered = !readsStatus || counts.group(1).equals(counts.group(2));
      if (exit != 0 || !isErrorFree || !isAnswered) {
        throw new IOException("h2load ended with " + exit + ": " + said);
      }
      long done = Long.parseLong(counts.group(1));
      return new Sums(done, Long.parseLong(bytes.group(1)), new TreeMap<>(Map.of(200, done)));
    } finally {
      process.destroy();
    }
  }

  private static Process start(List<String> command) throws IOException {
    try {
      return new ProcessBuilder(command).redirectErrorStream(true).start();
    } catch (IOException e) {
      assumeTrue("true".equals(System.getenv("CI")), "no h2load: apt-get install nghttp2-client");
      throw e;
    }
  }

  private static MatchResult find(Pattern pattern, String text) throws IOException {
    Matcher matcher = pattern.matcher(text);
    if (!matcher.find()) {
      throw new IOException("h2load says nothing like " + pattern + ": " + text);
    }
    return matcher.toMatchResult();
  }
}
