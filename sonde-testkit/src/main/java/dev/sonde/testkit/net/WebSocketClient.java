// SPDX-License-Identifier: Apache-2.0
package dev.sonde.testkit.net;

import static java.nio.charset.StandardCharsets.UTF_8;

import java.io.ByteArrayOutputStream;
import java.io.IOException;

/** A WebSocket client (RFC 6455) for short text messages; one connection, used by one thread. */
public final class WebSocketClient implements AutoCloseable {
  private static final int TEXT = 0x1;
  private static final int CLOSE = 0x8;
  private static final byte[] MASK = {1, 2, 3, 4};
  private static final byte[] NORMAL_CLOSURE = {0x03, (byte) 0xe8};

  private final RawHttpClient http;

  private WebSocketClient(RawHttpClient http) {
    this.http = http;
  }

  /** Connects to a port of 127.0.0.1 and upgrades. */
  public static WebSocketClient connect(int port, String path) throws IOException {
    RawHttpClient http = RawHttpClient.connect(port);
    http.send(
        RawHttpClient.request(
            "GET",
            path,
            "Connection: Upgrade",
            "Upgrade: websocket",
            "Sec-WebSocket-Version: 13",
            "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=="));
    RawResponse response = http.read();
    if (response.status() != 101) {
      http.close();
      throw new IOException("no upgrade but status " + response.status());
    }
    return new WebSocketClient(http);
  }

  /** The port that the server sees as the client's. */
  public int localPort() {
    return http.localPort();
  }

  /** Sends a message of at most 125 bytes and returns the server's answer. */
  public String exchange(String message) throws IOException {
    send(TEXT, message.getBytes(UTF_8));
    return new String(receive(TEXT), UTF_8);
  }

  /** Closes with both close frames and waits until the server has closed the connection. */
  public void closeNormally() throws IOException {
    send(CLOSE, NORMAL_CLOSURE);
    byte[] unusedStatus = receive(CLOSE);
    byte[] unusedRest = http.readToEnd();
    http.close();
  }

  /** Leaves with a reset. */
  public void reset() throws IOException {
    http.reset();
  }

  @Override
  public void close() throws IOException {
    http.close();
  }

  private void send(int opcode, byte[] payload) throws IOException {
    if (payload.length > 125) {
      throw new IllegalArgumentException("payload must be <= 125 bytes, was " + payload.length);
    }
    ByteArrayOutputStream frame = new ByteArrayOutputStream();
    frame.write(0x80 | opcode);
    frame.write(0x80 | payload.length);
    frame.writeBytes(MASK);
    for (int i = 0; i < payload.length; i++) {
      frame.write(payload[i] ^ MASK[i % 4]);
    }
    http.send(frame.toByteArray());
  }

  private byte[] receive(int opcode) throws IOException {
    byte[] head = http.readBytes(2);
    if ((head[0] & 0x0f) != opcode) {
      throw new IOException("expected opcode " + opcode + " but got " + (head[0] & 0x0f));
    }
    return http.readBytes(head[1] & 0x7f);
  }
}
