// SPDX-License-Identifier: Apache-2.0
package dev.sonde.testkit.net;

import static java.nio.charset.StandardCharsets.US_ASCII;

import java.io.BufferedInputStream;
import java.io.ByteArrayOutputStream;
import java.io.DataInputStream;
import java.io.EOFException;
import java.io.IOException;
import java.io.OutputStream;
import java.net.Socket;
import java.net.SocketTimeoutException;
import java.util.HashMap;
import java.util.Map;
import java.util.function.BooleanSupplier;
import javax.net.ssl.SSLContext;

/**
 * An HTTP/2 client (RFC 9113) that speaks frames: streams, resets and GOAWAY as the caller says.
 *
 * <p>It is written here, and on no library, because servers are tested on one class path with their
 * own HTTP/2 code: a client made of Netty or Jetty would tie every server under test to its
 * version. One connection, used by one thread; frames are read while the caller waits for
 * something. No read waits longer than 10 s. The header table is switched off by SETTINGS, so of
 * HPACK only {@code :status} has to be understood.
 */
public final class Http2Client implements AutoCloseable {
  /** Error code of a stream that is no longer wanted. */
  public static final int CANCEL = 8;

  private static final byte[] PREFACE = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".getBytes(US_ASCII);
  private static final int DATA = 0;
  private static final int HEADERS = 1;
  private static final int RST_STREAM = 3;
  private static final int SETTINGS = 4;
  private static final int PING = 6;
  private static final int GOAWAY = 7;
  private static final int WINDOW_UPDATE = 8;
  private static final int CONTINUATION = 9;
  private static final int END_STREAM = 1;
  private static final int ACK = 1;
  private static final int END_HEADERS = 4;
  private static final int PADDED = 8;
  private static final int PRIORITY = 32;

  /**
   * Half of the largest one. Helidon 4.5 takes what it sent from its window when it is sent
   * already: a grant that comes before would overflow the largest one, which is an error to it.
   */
  private static final int WINDOW = 1 << 30;

  private static final int DEFAULT_WINDOW = 65_535;

  private final Socket socket;
  private final int localPort;
  private final boolean isTls;
  private final DataInputStream in;
  private final OutputStream out;
  private final Map<Integer, Stream> streams = new HashMap<>();
  private final ByteArrayOutputStream headerBlock = new ByteArrayOutputStream();
  private int nextStream = 1;
  private boolean isGoAwayReceived;
  private long goAwayError;

  private Http2Client(Socket tcp, Socket socket) throws IOException {
    this.socket = socket;
    localPort = tcp.getLocalPort();
    isTls = socket != tcp;
    in = new DataInputStream(new BufferedInputStream(socket.getInputStream()));
    out = socket.getOutputStream();
    out.write(PREFACE);
    // No header table, no push, and windows so wide that flow control never holds a test up.
    frame(SETTINGS, 0, 0, settings(1, 0, 2, 0, 4, WINDOW));
    frame(WINDOW_UPDATE, 0, 0, int32(WINDOW - DEFAULT_WINDOW));
    out.flush();
  }

  /** Connects to a port of 127.0.0.1 in cleartext, by prior knowledge. */
  public static Http2Client connect(int port) throws IOException {
    Socket tcp = RawHttpClient.tcp(port);
    return new Http2Client(tcp, tcp);
  }

  /** Connects to a port of 127.0.0.1 and shakes hands for {@code h2}. */
  public static Http2Client connectTls(int port, SSLContext context) throws IOException {
    Socket tcp = RawHttpClient.tcp(port);
    return new Http2Client(tcp, RawHttpClient.tls(tcp, context, "h2"));
  }

  /** The port that the server sees as the client's. */
  public int localPort() {
    return localPort;
  }

  /** Sends a GET and returns its stream. */
  public int get(String path) throws IOException {
    int stream = open("GET", path, true);
    out.flush();
    return stream;
  }

  /** Sends many GETs in one write and returns the first stream; the others follow in steps of 2. */
  public int getAll(String path, int count) throws IOException {
    ByteArrayOutputStream frames = new ByteArrayOutputStream();
    int first = nextStream;
    for (int i = 0; i < count; i++) {
      frames.writeBytes(headersFrame(newStream(), "GET", path, true));
    }
    out.write(frames.toByteArray());
    out.flush();
    return first;
  }

  /** Sends the head of a POST, whose body follows by {@link #data}, and returns its stream. */
  public int post(String path) throws IOException {
    int stream = open("POST", path, false);
    out.flush();
    return stream;
  }

  /** Sends a part of a body. */
  public void data(int stream, byte[] bytes, boolean isLast) throws IOException {
    frame(DATA, isLast ? END_STREAM : 0, stream, bytes);
    out.flush();
  }

  /** Resets a stream. */
  public void reset(int stream, int errorCode) throws IOException {
    frame(RST_STREAM, 0, stream, int32(errorCode));
    out.flush();
  }

  /** Sends a GET and its reset in one write, and returns the stream. */
  public int getAndReset(String path) throws IOException {
    int stream = newStream();
    ByteArrayOutputStream frames = new ByteArrayOutputStream();
    frames.writeBytes(headersFrame(stream, "GET", path, true));
    frames.writeBytes(frameBytes(RST_STREAM, 0, stream, int32(CANCEL)));
    out.write(frames.toByteArray());
    out.flush();
    return stream;
  }

  /** Announces the end of the connection. */
  public void goAway(int errorCode) throws IOException {
    ByteArrayOutputStream payload = new ByteArrayOutputStream();
    payload.writeBytes(int32(0));
    payload.writeBytes(int32(errorCode));
    frame(GOAWAY, 0, 0, payload.toByteArray());
    out.flush();
  }

  /** Sends bytes that need not be frames. */
  public void garbage(byte[] bytes) throws IOException {
    out.write(bytes);
    out.flush();
  }

  /** Waits for the head of the response and returns its status. */
  public int awaitStatus(int stream) throws IOException {
    Stream state = stream(stream);
    readUntil(() -> state.status != 0 || state.isEnded);
    return state.status;
  }

  /** Waits for so many body bytes. */
  public void awaitBytes(int stream, long bytes) throws IOException {
    Stream state = stream(stream);
    readUntil(() -> state.bytes >= bytes || state.isEnded);
  }

  /** Waits for the end of the response and returns its body's length. */
  public long awaitEnd(int stream) throws IOException {
    Stream state = stream(stream);
    readUntil(() -> state.isEnded);
    if (state.isReset) {
      throw new IOException("stream " + stream + " was reset with code " + state.resetError);
    }
    return state.bytes;
  }

  /** Reads until the server has closed the connection. */
  public void awaitClosed() throws IOException {
    try {
      readUntil(() -> false);
    } catch (SocketTimeoutException e) {
      throw e;
    } catch (IOException e) {
      // The end, by FIN or by reset.
    }
  }

  /** Error code of the server's GOAWAY, or -1 if none has come. */
  public long goAwayError() {
    return isGoAwayReceived ? goAwayError : -1;
  }

  /** Leaves without a word. */
  @Override
  public void close() throws IOException {
    socket.close();
  }

  private int open(String method, String path, boolean isLast) throws IOException {
    int stream = newStream();
    out.write(headersFrame(stream, method, path, isLast));
    return stream;
  }

  private int newStream() {
    int stream = nextStream;
    nextStream += 2;
    streams.put(stream, new Stream());
    return stream;
  }

  private Stream stream(int id) {
    Stream stream = streams.get(id);
    if (stream == null) {
      throw new IllegalArgumentException("stream " + id + " was never opened");
    }
    return stream;
  }

  private byte[] headersFrame(int stream, String method, String path, boolean isLast) {
    ByteArrayOutputStream block = new ByteArrayOutputStream();
    // RFC 7541 appendix A: 1 :authority, 2 :method GET, 4 :path, 6 and 7 :scheme.
    literal(block, 2, method);
    block.write(0x80 | (isTls ? 7 : 6));
    literal(block, 4, path);
    literal(block, 1, "localhost");
    return frameBytes(
        HEADERS, END_HEADERS | (isLast ? END_STREAM : 0), stream, block.toByteArray());
  }

  /** A field without indexing and without Huffman coding, RFC 7541 section 6.2.2. */
  private static void literal(ByteArrayOutputStream block, int nameIndex, String value) {
    byte[] bytes = value.getBytes(US_ASCII);
    block.write(nameIndex);
    int length = bytes.length;
    if (length < 127) {
      block.write(length);
    } else {
      block.write(127);
      int rest = length - 127;
      while (rest >= 128) {
        block.write(rest % 128 + 128);
        rest /= 128;
      }
      block.write(rest);
    }
    block.writeBytes(bytes);
  }

  private void readUntil(BooleanSupplier isDone) throws IOException {
    while (!isDone.getAsBoolean()) {
      readFrame();
    }
  }

  private void readFrame() throws IOException {
    int length = in.readUnsignedByte() << 16 | in.readUnsignedShort();
    int type = in.readUnsignedByte();
    int flags = in.readUnsignedByte();
    int id = in.readInt() & 0x7fffffff;
    byte[] payload = new byte[length];
    in.readFully(payload);
    Stream stream = streams.getOrDefault(id, Stream.UNKNOWN);
    switch (type) {
      case DATA -> {
        stream.bytes += unpadded(payload, flags, false).length;
        grant(length);
      }
      case HEADERS -> headerBlock.writeBytes(unpadded(payload, flags, (flags & PRIORITY) != 0));
      case CONTINUATION -> headerBlock.writeBytes(payload);
      case RST_STREAM -> {
        stream.isReset = true;
        stream.isEnded = true;
        stream.resetError = int32(payload, 0);
      }
      case SETTINGS -> {
        if ((flags & ACK) == 0) {
          frame(SETTINGS, ACK, 0, new byte[0]);
          out.flush();
        }
      }
      case PING -> {
        if ((flags & ACK) == 0) {
          frame(PING, ACK, 0, payload);
          out.flush();
        }
      }
      case GOAWAY -> {
        isGoAwayReceived = true;
        goAwayError = int32(payload, 4) & 0xffff_ffffL;
      }
      default -> {
        // PRIORITY, PUSH_PROMISE, WINDOW_UPDATE and extensions do not matter here.
      }
    }
    if ((type == HEADERS || type == CONTINUATION) && (flags & END_HEADERS) != 0) {
      int status = status(headerBlock.toByteArray());
      headerBlock.reset();
      if (status >= 200) {
        stream.status = status;
      }
    }
    if ((type == DATA || type == HEADERS) && (flags & END_STREAM) != 0) {
      stream.isEnded = true;
    }
  }

  /** Gives back what a DATA frame took from the connection's window; a stream's never runs dry. */
  private void grant(int bytes) throws IOException {
    if (bytes > 0) {
      frame(WINDOW_UPDATE, 0, 0, int32(bytes));
      out.flush();
    }
  }

  private static byte[] unpadded(byte[] payload, int flags, boolean hasPriority) {
    int start = 0;
    int padding = 0;
    if ((flags & PADDED) != 0) {
      padding = payload[0] & 0xff;
      start = 1;
    }
    if (hasPriority) {
      start += 5;
    }
    byte[] content = new byte[payload.length - start - padding];
    System.arraycopy(payload, start, content, 0, content.length);
    return content;
  }

  /** Decodes the first field of a response, which is {@code :status}; 0 for trailers. */
  static int status(byte[] block) throws IOException {
    int at = 0;
    while ((block[at] & 0xe0) == 0x20) {
      at++; // a change of the table's size, here always to 0
    }
    int first = block[at] & 0xff;
    if (first >= 0x80) {
      return switch (first & 0x7f) {
        case 8 -> 200;
        case 9 -> 204;
        case 10 -> 206;
        case 11 -> 304;
        case 12 -> 400;
        case 13 -> 404;
        case 14 -> 500;
        default -> 0;
      };
    }
    int nameIndex = first >= 0x40 ? first & 0x3f : first & 0x0f;
    if (nameIndex < 8 || nameIndex > 14) {
      return 0;
    }
    boolean isHuffman = (block[at + 1] & 0x80) != 0;
    int length = block[at + 1] & 0x7f;
    if (!isHuffman) {
      return Integer.parseInt(new String(block, at + 2, length, US_ASCII));
    }
    return huffmanDigits(block, at + 2, length);
  }

  /** RFC 7541 appendix B: 0 to 2 are 5 bits from 00000, 3 to 9 are 6 bits from 011001. */
  private static int huffmanDigits(byte[] block, int from, int length) throws IOException {
    long bits = 0;
    for (int i = 0; i < length; i++) {
      bits = bits << 8 | (block[from + i] & 0xff);
    }
    int left = length * 8;
    int number = 0;
    for (int digits = 0; digits < 3; digits++) {
      int five = (int) (bits >> (left - 5)) & 0x1f;
      if (five <= 2) {
        number = number * 10 + five;
        left -= 5;
      } else {
        int six = (int) (bits >> (left - 6)) & 0x3f;
        if (six < 0x19 || six > 0x1f) {
          throw new IOException("not a digit in :status");
        }
        number = number * 10 + 3 + (six - 0x19);
        left -= 6;
      }
    }
    return number;
  }

  private void frame(int type, int flags, int stream, byte[] payload) throws IOException {
    out.write(frameBytes(type, flags, stream, payload));
  }

  private static byte[] frameBytes(int type, int flags, int stream, byte[] payload) {
    ByteArrayOutputStream frame = new ByteArrayOutputStream(9 + payload.length);
    frame.write(payload.length >> 16);
    frame.write(payload.length >> 8);
    frame.write(payload.length);
    frame.write(type);
    frame.write(flags);
    frame.writeBytes(int32(stream));
    frame.writeBytes(payload);
    return frame.toByteArray();
  }

  private static byte[] settings(int... idsAndValues) {
    ByteArrayOutputStream payload = new ByteArrayOutputStream();
    for (int i = 0; i < idsAndValues.length; i += 2) {
      payload.write(idsAndValues[i] >> 8);
      payload.write(idsAndValues[i]);
      payload.writeBytes(int32(idsAndValues[i + 1]));
    }
    return payload.toByteArray();
  }

  private static byte[] int32(int value) {
    return new byte[] {
      (byte) (value >> 24), (byte) (value >> 16), (byte) (value >> 8), (byte) value
    };
  }

  private static int int32(byte[] bytes, int at) throws EOFException {
    if (bytes.length < at + 4) {
      throw new EOFException("frame too short");
    }
    return (bytes[at] & 0xff) << 24
        | (bytes[at + 1] & 0xff) << 16
        | (bytes[at + 2] & 0xff) << 8
        | (bytes[at + 3] & 0xff);
  }

  /** What is known of one stream. */
  private static final class Stream {
    /** Takes what belongs to no stream of this client. */
    static final Stream UNKNOWN = new Stream();

    int status;
    long bytes;
    boolean isEnded;
    boolean isReset;
    int resetError;
  }
}
