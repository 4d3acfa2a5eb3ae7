// SPDX-License-Identifier: Apache-2.0
package dev.sonde.testkit.net;

import static java.nio.charset.StandardCharsets.US_ASCII;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.net.SocketException;
import java.net.SocketTimeoutException;
import java.time.Duration;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

@Timeout(20)
final class TcpFaultProxyTest {
  private final ServerSocket listener;
  private final TcpFaultProxy proxy;
  private Socket client = new Socket();
  private Socket server = new Socket();

  TcpFaultProxyTest() throws IOException {
    listener = new ServerSocket(0, 50, InetAddress.getLoopbackAddress());
    proxy = TcpFaultProxy.to(listener.getLocalPort());
  }

  @BeforeEach
  void connect() throws IOException {
    client = new Socket(InetAddress.getLoopbackAddress(), proxy.port());
    client.setTcpNoDelay(true);
    client.setSoTimeout(5000);
    server = listener.accept();
    server.setSoTimeout(5000);
    // The server's side is there before the proxy knows the pair.
    await().until(() -> proxy.connections() == 1);
  }

  @AfterEach
  void close() throws IOException {
    client.close();
    server.close();
    proxy.close();
    listener.close();
  }

  @Test
  void pass_relaysBothWaysAndTheEnd() throws IOException {
    send(client, "question");
    assertThat(receive(server, 8)).isEqualTo("question");
    send(server, "answer");
    assertThat(receive(client, 6)).isEqualTo("answer");

    client.close();

    assertThat(server.getInputStream().read()).isEqualTo(-1);
    server.close();
    await().until(() -> proxy.connections() == 0);
  }

  @Test
  void delay_holdsDataBack() throws IOException {
    proxy.delay(Duration.ofMillis(150));

    long start = System.nanoTime();
    send(client, "late");
    assertThat(receive(server, 4)).isEqualTo("late");

    assertThat(Duration.ofNanos(System.nanoTime() - start))
        .isGreaterThanOrEqualTo(Duration.ofMillis(150));
  }

  @Test
  void dribble_sendsByteByByte() throws IOException {
    proxy.dribble(1, Duration.ofMillis(20));

    send(client, "slow");
    byte[] buffer = new byte[16];
    int first = server.getInputStream().read(buffer);

    assertThat(first).isEqualTo(1);
    assertThat(receive(server, 3)).isEqualTo("low");
  }

  @Test
  void blackHole_swallowsWhileBothSidesStayConnected() throws IOException {
    proxy.blackHole();
    server.setSoTimeout(150);

    send(client, "lost");

    assertThatThrownBy(() -> server.getInputStream().read())
        .isInstanceOf(SocketTimeoutException.class);
    assertThat(proxy.connections()).isEqualTo(1);
  }

  @Test
  void cut_endsBothSidesInOrder() throws IOException {
    proxy.cut();

    assertThat(client.getInputStream().read()).isEqualTo(-1);
    assertThat(server.getInputStream().read()).isEqualTo(-1);
  }

  @Test
  void reset_breaksBothSides() {
    proxy.reset();

    assertThatThrownBy(() -> client.getInputStream().read())
        .isInstanceOf(SocketException.class)
        .hasMessageContaining("reset");
    assertThatThrownBy(() -> server.getInputStream().read())
        .isInstanceOf(SocketException.class)
        .hasMessageContaining("reset");
  }

  @Test
  void halfClose_stillLetsTheAnswerThrough() throws IOException {
    proxy.halfClose();

    assertThat(server.getInputStream().read()).isEqualTo(-1);
    send(server, "answer");
    assertThat(receive(client, 6)).isEqualTo("answer");
  }

  @Test
  void relay_handsAResetOn() throws IOException {
    client.setSoLinger(true, 0);
    client.close();

    assertThatThrownBy(() -> server.getInputStream().read())
        .isInstanceOf(SocketException.class)
        .hasMessageContaining("reset");
  }

  private static void send(Socket socket, String text) throws IOException {
    socket.getOutputStream().write(text.getBytes(US_ASCII));
  }

  private static String receive(Socket socket, int bytes) throws IOException {
    return new String(socket.getInputStream().readNBytes(bytes), US_ASCII);
  }
}
