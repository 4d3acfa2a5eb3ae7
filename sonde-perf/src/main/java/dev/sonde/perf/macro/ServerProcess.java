// SPDX-License-Identifier: Apache-2.0
package dev.sonde.perf.macro;

import dev.sonde.perf.macro.server.ServerKind;
import java.io.BufferedReader;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;

/** A {@link HelloProcess} in a process of its own, on a processor of its own. */
final class ServerProcess implements AutoCloseable {
  /**
   * The same for all: a heap that is not the subject, the collector of larger machines, and a
   * compiler whose threads stay, for with a thread its processor time would be forgotten.
   */
  static final List<String> JVM =
      List.of("-Xms256m", "-Xmx256m", "-XX:+UseG1GC", "-XX:-UseDynamicNumberOfCompilerThreads");

  private static final String PROCESSOR = "0";
  private static final long CLOSE_SECONDS = 20;

  private final Variant variant;
  private final Process process;
  private final BufferedReader replies;
  private final Path log;
  private final int port;
  private final int dashboardPort;
  private final String token;
  private long loads;
  private long answered;

  /** Starts it and waits until it listens. */
  ServerProcess(ServerKind kind, Variant variant, Path scratch, Path agent, long workIterations)
      throws IOException {
    this.variant = variant;
    log = scratch.resolve(variant.key() + ".log");
    List<String> command = new ArrayList<>(List.of("taskset", "-c", PROCESSOR, java()));
    command.addAll(JVM);
    command.addAll(variant.jvmArguments(scratch.resolve("archive"), agent));
    command.addAll(List.of("-cp", System.getProperty("java.class.path")));
    command.addAll(
        List.of(
            HelloProcess.class.getName(),
            kind.key(),
            variant.key(),
            Long.toString(workIterations)));
    process = new ProcessBuilder(command).redirectError(log.toFile()).start();
    replies = process.inputReader(StandardCharsets.US_ASCII);
    String[] ready = reply("ready", 4);
    port = Integer.parseInt(ready[1]);
    dashboardPort = Integer.parseInt(ready[2]);
    token = ready[3];
  }

  private static String java() {
    return Path.of(System.getProperty("java.home"), "bin", "java").toString();
  }

  /** Its state now. */
  Mark mark() throws IOException {
    process.getOutputStream().write('\n');
    process.getOutputStream().flush();
    String[] mark = reply("mark", 3);
    return new Mark(Long.parseLong(mark[1]), Usage.parse(mark[2]));
  }

  private String[] reply(String expected, int fields) throws IOException {
    String line = replies.readLine();
    if (line == null || !line.startsWith(expected + " ")) {
      throw new IOException(
          variant.key() + " did not say " + expected + "; its log:\n" + Files.readString(log));
    }
    return line.split(" ", fields);
  }

  /** Counts what a client got answered in one load. */
  void loaded(long requests) {
    loads++;
    answered += requests;
  }

  /** Loads so far: at the end of each the client leaves up to one request on each connection. */
  long loads() {
    return loads;
  }

  /** Requests that clients got answered in all loads. */
  long answered() {
    return answered;
  }

  Variant variant() {
    return variant;
  }

  String url() {
    return "http://127.0.0.1:" + port + "/hello";
  }

  String dashboardUrl() {
    return "http://127.0.0.1:" + dashboardPort;
  }

  String token() {
    return token;
  }

  @Override
  public void close() {
    try {
      process.getOutputStream().close();
      if (!process.waitFor(CLOSE_SECONDS, TimeUnit.SECONDS)) {
        process.destroyForcibly();
      }
    } catch (IOException e) {
      process.destroyForcibly();
    } catch (InterruptedException e) {
      process.destroyForcibly();
      Thread.currentThread().interrupt();
    }
  }

  /**
   * What a server has done since its start.
   *
   * @param handled requests that its handler answered
   * @param usage what the process used
   */
  record Mark(long handled, Usage usage) {}
}
