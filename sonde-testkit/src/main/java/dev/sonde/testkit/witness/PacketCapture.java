// SPDX-License-Identifier: Apache-2.0
package dev.sonde.testkit.witness;

import static java.nio.charset.StandardCharsets.ISO_8859_1;
import static java.nio.charset.StandardCharsets.UTF_8;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.nio.ByteBuffer;
import java.nio.channels.SeekableByteChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Set;
import java.util.UUID;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.BooleanSupplier;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.awaitility.Awaitility;
import org.awaitility.core.ConditionTimeoutException;

/**
 * A running capture of the loopback interface by {@code dumpcap}, which {@code tshark} reads
 * afterwards. Needs both on the path, and the right to capture.
 */
public final class PacketCapture implements AutoCloseable {
  private static final Duration PATIENCE = Duration.ofSeconds(30);
  private static final Pattern DROPPED =
      Pattern.compile("received/dropped on interface .*: \\d+/(\\d+)");
  private static final int READ_BYTES = 1 << 20;

  private final Path directory;
  private final Path packets;
  private final Path talk;

  /** What tshark reads at the same time. */
  private final List<Path> parts;

  private final Process dumpcap;

  private PacketCapture() throws IOException {
    directory = Files.createTempDirectory("sonde-capture");
    packets = directory.resolve("loopback.pcapng");
    talk = directory.resolve("dumpcap.txt");
    parts = List.of(directory.resolve("even.pcapng"), directory.resolve("odd.pcapng"));
    // 128 MB in the kernel: a busy machine must not make the witness blind. It ends by itself, so
    // that a test process that is killed leaves none behind.
    dumpcap =
        new ProcessBuilder(
                ("dumpcap -i lo -f tcp -B 128 -a duration:1800 -w " + packets).split(" "))
            .redirectErrorStream(true)
            .redirectOutput(talk.toFile())
            .start();
  }

  /** Whether packets can be captured here. */
  public static boolean isAvailable() {
    try {
      return run(List.of("tshark", "--version")) == 0
          && run(List.of("dumpcap", "-L", "-i", "lo")) == 0;
    } catch (IOException e) {
      return false;
    }
  }

  /** Begins to capture; returns when a packet that is sent now is in the capture. */
  public static PacketCapture start() throws IOException {
    PacketCapture capture = new PacketCapture();
    try {
      capture.await("the capture begins", () -> capture.says("File: "));
      capture.awaitAllWritten();
      return capture;
    } catch (IOException | RuntimeException e) {
      capture.close();
      throw e;
    }
  }

  /**
   * Ends the capture and reads it.
   *
   * @param clearPorts ports of servers that speak HTTP in the clear
   * @param tlsPorts ports of servers that speak TLS, whose requests are not to be read
   * @return the connections to these ports, in the order in which they began
   * @throws IOException also if packets were dropped, so that the capture proves nothing
   */
  public List<WireConnection> connections(Set<Integer> clearPorts, Set<Integer> tlsPorts)
      throws IOException {
    awaitAllWritten();
    dumpcap.destroy();
    await("the capture ends", () -> !dumpcap.isAlive());
    Matcher dropped = DROPPED.matcher(Files.readString(talk));
    if (!dropped.find() || !dropped.group(1).equals("0")) {
      throw new IOException("the capture is not whole: " + Files.readString(talk));
    }
    PacketFile.deal(packets, parts);
    return new WireReader(clearPorts, tlsPorts).read(parts);
  }

  @Override
  public void close() throws IOException {
    dumpcap.destroyForcibly();
    await("the capture ends", () -> !dumpcap.isAlive());
    for (Path part : parts) {
      Files.deleteIfExists(part);
      Files.deleteIfExists(WireReader.linesOf(part));
    }
    for (Path file : List.of(packets, talk, directory)) {
      Files.deleteIfExists(file);
    }
  }

  /** Sends a mark over the wire and waits until it stands in the file: so does all before it. */
  private void awaitAllWritten() throws IOException {
    String mark = UUID.randomUUID().toString();
    AtomicLong position = new AtomicLong(Files.size(packets));
    try (ServerSocket listener = new ServerSocket(0, 1, InetAddress.getLoopbackAddress());
        Socket client = new Socket(listener.getInetAddress(), listener.getLocalPort())) {
      client.getOutputStream().write(mark.getBytes(UTF_8));
      await("the capture is written", () -> standsBehind(position, mark));
    }
  }

  /**
   * Whether the mark stands in the file behind a position, which moves to where it may yet come.
   */
  private boolean standsBehind(AtomicLong position, String mark) {
    try (SeekableByteChannel file = Files.newByteChannel(packets)) {
      ByteBuffer bytes = ByteBuffer.allocate(READ_BYTES);
      file.position(position.get());
      while (file.read(bytes) > 0) {
        if (new String(bytes.array(), 0, bytes.position(), ISO_8859_1).contains(mark)) {
          return true;
        }
        // The mark may be cut by the end of what was read.
        position.set(file.position() - Math.min(bytes.position(), mark.length()));
        file.position(position.get());
        bytes.clear();
        if (file.size() - file.position() <= mark.length()) {
          return false;
        }
      }
      return false;
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private boolean says(String words) {
    try {
      return Files.readString(talk).contains(words);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private void await(String what, BooleanSupplier condition) throws IOException {
    try {
      Awaitility.await(what)
          .atMost(PATIENCE)
          .pollDelay(Duration.ZERO)
          .pollInterval(Duration.ofMillis(20))
          .until(condition::getAsBoolean);
    } catch (ConditionTimeoutException e) {
      throw new IOException(e.getMessage() + ": " + Files.readString(talk), e);
    }
  }

  private static int run(List<String> command) throws IOException {
    Process process =
        new ProcessBuilder(command)
            .redirectErrorStream(true)
            .redirectOutput(ProcessBuilder.Redirect.DISCARD)
            .start();
    try {
      return process.waitFor(PATIENCE.toSeconds(), TimeUnit.SECONDS) ? process.exitValue() : -1;
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      return -1;
    } finally {
      process.destroyForcibly();
    }
  }
}
