// SPDX-License-Identifier: Apache-2.0
package dev.sonde.capture.jdbc;

import java.io.File;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.UserPrincipal;
import java.nio.file.attribute.UserPrincipalLookupService;
import java.nio.file.attribute.UserPrincipalNotFoundException;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/** A throw-away PostgreSQL server on a free loopback port. */
final class PostgresCluster implements AutoCloseable {
  private static final int ATTEMPTS = 5;
  private static final long TIMEOUT_SECONDS = 120;

  private final Path bin;
  private final Path directory;
  private final List<String> runAs;
  private final int port;

  private PostgresCluster(Path bin, Path directory, List<String> runAs) throws IOException {
    this.bin = bin;
    this.directory = directory;
    this.runAs = runAs;
    run("initdb", "-D", data(), "-U", "sonde", "-A", "trust", "-E", "UTF8", "--no-sync");
    port = start();
  }

  /** Directory of the server's programs, or null if it is not installed. */
  static @Nullable Path findBin() {
    List<Path> candidates = new ArrayList<>();
    for (String path : System.getenv("PATH").split(File.pathSeparator, -1)) {
      candidates.add(Path.of(path));
    }
    Path debian = Path.of("/usr/lib/postgresql");
    if (Files.isDirectory(debian)) {
      try (Stream<Path> versions = Files.list(debian)) {
        versions
            .map(version -> version.resolve("bin"))
            .sorted(Comparator.reverseOrder())
            .forEach(candidates::add);
      } catch (IOException e) {
        throw new UncheckedIOException(e);
      }
    }
    return candidates.stream()
        .filter(path -> Files.isExecutable(path.resolve("initdb")))
        .filter(path -> Files.isExecutable(path.resolve("pg_ctl")))
        .findFirst()
        .orElse(null);
  }

  static PostgresCluster start(Path bin) throws IOException {
    Path directory = Files.createTempDirectory("sonde-postgres");
    List<String> runAs = List.of();
    if (System.getProperty("user.name").equals("root")) {
      String user = unprivilegedUser(directory);
      runAs = List.of("runuser", "-u", user, "--");
    }
    return new PostgresCluster(bin, directory, runAs);
  }

  int port() {
    return port;
  }

  @Override
  public void close() throws IOException {
    run("pg_ctl", "-D", data(), "-m", "immediate", "-w", "stop");
    try (Stream<Path> files = Files.walk(directory)) {
      for (Path file : files.sorted(Comparator.reverseOrder()).toList()) {
        Files.delete(file);
      }
    }
  }

  /** The server refuses to run as root. */
  private static String unprivilegedUser(Path directory) throws IOException {
    UserPrincipalLookupService users = directory.getFileSystem().getUserPrincipalLookupService();
    String user = "postgres";
    UserPrincipal owner;
    try {
      owner = users.lookupPrincipalByName(user);
    } catch (UserPrincipalNotFoundException e) {
      user = "nobody";
      owner = users.lookupPrincipalByName(user);
    }
    Files.setOwner(directory, owner);
    return user;
  }

  private int start() throws IOException {
    for (int attempt = 1; ; attempt++) {
      int free = freePort();
      String options = "-h 127.0.0.1 -p " + free + " -c unix_socket_directories='' -c fsync=off";
      String log = directory.resolve("log").toString();
      try {
        run("pg_ctl", "-D", data(), "-l", log, "-o", options, "-w", "start");
        return free;
      } catch (IOException e) {
        if (attempt == ATTEMPTS) {
          throw e;
        }
      }
    }
  }

  private static int freePort() throws IOException {
    try (ServerSocket socket = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
      return socket.getLocalPort();
    }
  }

  private String data() {
    return directory.resolve("data").toString();
  }

  private void run(String program, String... arguments) throws IOException {
    List<String> command = new ArrayList<>(runAs);
    command.add(bin.resolve(program).toString());
    command.addAll(List.of(arguments));
    Path output = Files.createTempFile("sonde-postgres", ".out");
    // To a file: the server keeps the streams of pg_ctl open, and a pipe would never end.
    Process process =
        new ProcessBuilder(command)
            .directory(new File("/"))
            .redirectErrorStream(true)
            .redirectOutput(output.toFile())
            .start();
    try {
      if (!process.waitFor(TIMEOUT_SECONDS, TimeUnit.SECONDS) || process.exitValue() != 0) {
        process.destroyForcibly();
        throw new IOException(command + " failed: " + Files.readString(output));
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new IOException(command + " was interrupted", e);
    } finally {
      Files.delete(output);
    }
  }
}
