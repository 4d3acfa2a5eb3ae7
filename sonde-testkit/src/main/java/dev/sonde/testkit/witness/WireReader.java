// SPDX-License-Identifier: Apache-2.0
package dev.sonde.testkit.witness;

import dev.sonde.testkit.witness.WireConnection.Side;
import java.io.BufferedReader;
import java.io.IOException;
import java.math.BigDecimal;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.Deque;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;

/** Turns packets into connections, by {@code tshark}'s own understanding of HTTP. */
final class WireReader {
  private static final List<String> FIELDS =
      List.of(
          "tcp.stream",
          "tcp.srcport",
          "tcp.dstport",
          "tcp.flags.syn",
          "tcp.flags.fin",
          "tcp.flags.reset",
          "tcp.len",
          "http.request.method",
          "http.response.code",
          "http.content_length_header",
          "http.chunk_size",
          "http2.type",
          "http2.length",
          "http2.headers.status",
          "frame.time_epoch");
  private static final String DATA = "0";
  private static final String HEADERS = "1";
  private static final int FIRST_FINAL_STATUS = 200;
  private static final int SWITCHING_PROTOCOLS = 101;

  private final Set<Integer> clearPorts;
  private final Set<Integer> ports;

  WireReader(Set<Integer> clearPorts, Set<Integer> tlsPorts) {
    this.clearPorts = clearPorts;
    ports = new TreeSet<>(clearPorts);
    ports.addAll(tlsPorts);
  }

  /** The connections in all of these files, each whole in one of them, in order of their begin. */
  List<WireConnection> read(List<Path> parts) throws IOException {
    if (ports.isEmpty()) {
      return List.of();
    }
    List<Process> dissectors = new ArrayList<>();
    try {
      for (Path part : parts) {
        dissectors.add(
            new ProcessBuilder(command(part))
                .redirectError(ProcessBuilder.Redirect.DISCARD)
                .redirectOutput(linesOf(part).toFile())
                .start());
      }
      List<WireConnection> connections = new ArrayList<>();
      for (int i = 0; i < parts.size(); i++) {
        if (dissectors.get(i).waitFor() != 0) {
          throw new IOException("tshark ended with " + dissectors.get(i).exitValue());
        }
        connections.addAll(connections(linesOf(parts.get(i))));
      }
      connections.sort(Comparator.comparing(WireConnection::begin));
      return connections;
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new IOException(e);
    } finally {
      dissectors.forEach(Process::destroy);
    }
  }

  /** Where the lines of what was found in a file go. */
  static Path linesOf(Path packets) {
    return packets.resolveSibling(packets.getFileName() + ".txt");
  }

  private List<WireConnection> connections(Path found) throws IOException {
    Map<String, Stream> streams = new LinkedHashMap<>();
    try (BufferedReader lines = Files.newBufferedReader(found)) {
      for (String line = lines.readLine(); line != null; line = lines.readLine()) {
        String[] fields = line.split("\t", -1);
        streams.computeIfAbsent(fields[0], id -> new Stream()).add(fields);
      }
    }
    return streams.values().stream().filter(Stream::isWhole).map(Stream::connection).toList();
  }

  private List<String> command(Path packets) {
    List<String> command = new ArrayList<>(List.of("tshark", "-n", "-r", packets.toString()));
    // A connection may turn from HTTP/1 to HTTP/2, or begin with it: its preface tells.
    command.addAll(List.of("-o", "tcp.try_heuristic_first:TRUE"));
    for (int port : clearPorts) {
      command.addAll(List.of("-d", "tcp.port==" + port + ",http"));
    }
    List<String> numbers = ports.stream().map(String::valueOf).toList();
    command.addAll(List.of("-Y", "tcp.port in {" + String.join(",", numbers) + "}"));
    command.addAll(List.of("-T", "fields", "-E", "occurrence=a"));
    for (String field : FIELDS) {
      command.addAll(List.of("-e", field));
    }
    return command;
  }

  /** One TCP stream while its packets are read. */
  private final class Stream {
    private final Deque<String> unanswered = new ArrayDeque<>();
    private final List<Integer> statuses = new ArrayList<>();
    private Instant begin = Instant.EPOCH;
    private int serverPort;
    private int clientPort;
    private boolean isAccepted;
    private long requests;
    private long bodyBytes;
    private long payloadBytes;
    private Side firstToEnd = Side.NEITHER;

    void add(String[] fields) {
      int from = Integer.parseInt(fields[1]);
      int to = Integer.parseInt(fields[2]);
      boolean isSyn = isSet(fields[3]);
      if (isSyn && ports.contains(to) && clientPort == 0) {
        serverPort = to;
        clientPort = from;
        begin = time(fields[14]);
      }
      boolean isServers = from == serverPort;
      isAccepted |= isSyn && isServers;
      payloadBytes += Long.parseLong(fields[6]);
      if ((isSet(fields[4]) || isSet(fields[5])) && firstToEnd == Side.NEITHER) {
        firstToEnd = isServers ? Side.SERVER : Side.CLIENT;
      }
      if (isServers) {
        addResponses(fields);
      } else {
        addRequests(fields);
      }
    }

    private void addRequests(String[] fields) {
      for (String method : values(fields[7])) {
        unanswered.add(method);
        requests++;
      }
      for (String type : values(fields[11])) {
        requests += type.equals(HEADERS) ? 1 : 0;
      }
    }

    private void addResponses(String[] fields) {
      boolean hasBody = true;
      for (String code : values(fields[8])) {
        int status = Integer.parseInt(code);
        if (status < FIRST_FINAL_STATUS && status != SWITCHING_PROTOCOLS) {
          continue;
        }
        String method = unanswered.poll();
        hasBody = !"HEAD".equals(method) && status != 304;
        statuses.add(status);
      }
      if (hasBody) {
        bodyBytes += sum(values(fields[9])) + sum(values(fields[10]));
      }
      List<String> types = values(fields[11]);
      List<String> lengths = values(fields[12]);
      for (int i = 0; i < types.size(); i++) {
        bodyBytes += types.get(i).equals(DATA) ? Long.parseLong(lengths.get(i)) : 0;
      }
      for (String status : values(fields[13])) {
        statuses.add(Integer.parseInt(status));
      }
    }

    /** Whether its first packet was seen. */
    boolean isWhole() {
      return clientPort != 0;
    }

    WireConnection connection() {
      return new WireConnection(
          begin,
          serverPort,
          clientPort,
          isAccepted,
          requests,
          List.copyOf(statuses),
          bodyBytes,
          payloadBytes,
          firstToEnd);
    }

    private static Instant time(String seconds) {
      long nanos = new BigDecimal(seconds).movePointRight(9).longValue();
      return Instant.ofEpochSecond(0, nanos);
    }

    private static boolean isSet(String flag) {
      return flag.equals("1") || flag.equals("True");
    }

    private static List<String> values(String field) {
      return field.isEmpty() ? List.of() : List.of(field.split(","));
    }

    private static long sum(List<String> numbers) {
      return numbers.stream().mapToLong(Long::parseLong).sum();
    }
  }
}
