// SPDX-License-Identifier: Apache-2.0
package dev.sonde.testkit;

import static java.nio.charset.StandardCharsets.ISO_8859_1;

import dev.sonde.testkit.net.RawHttpClient;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;

/** Requests that are wrong in one way or another, the same ones in every run. */
final class MalformedCorpus {
  private static final int MUTANTS = 60;
  private static final String VALID =
      String.join(
          "\r\n",
          "POST /upload HTTP/1.1",
          "Host: localhost",
          "Transfer-Encoding: chunked",
          "",
          "5",
          "hello",
          "0",
          "",
          "");
  private static final List<String> KNOWN =
      List.of(
          "\r\n\r\n\r\n",
          "GET\r\n\r\n",
          "GET /hello\r\n\r\n",
          "GET  /hello HTTP/1.1\r\nHost: a\r\n\r\n",
          "GET /hello HTTP/9.9\r\nHost: a\r\n\r\n",
          "GET /hello HTTP/1.1\r\n\r\n",
          "GET /hello HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
          "GET /hello HTTP/1.1\r\nHost: a\r\nNo colon\r\n\r\n",
          "GET /hello HTTP/1.1\r\nHost: a\r\nNul: \0\r\n\r\n",
          "GET /hello HTTP/1.1\nHost: a\n\n",
          "GET /he\u0001llo HTTP/1.1\r\nHost: a\r\n\r\n",
          "GET /%zz HTTP/1.1\r\nHost: a\r\n\r\n",
          "GET /../../etc/passwd HTTP/1.1\r\nHost: a\r\n\r\n",
          "GET http://[::1 HTTP/1.1\r\nHost: a\r\n\r\n",
          "POST /upload HTTP/1.1\r\nHost: a\r\nContent-Length: -1\r\n\r\n",
          "POST /upload HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab",
          "POST /upload HTTP/1.1\r\nHost: a\r\nContent-Length: 99999999999999999999\r\n\r\n",
          "POST /upload HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
          "POST /upload HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhelloXX",
          "\u0016\u0003\u0001\u0002\0\u0001\0\u0001\u00fc\u0003\u0003",
          "PRI * HTTP/2.0\r\n\r\nNO\r\n\r\n");

  private MalformedCorpus() {}

  /** Known abuses, and mutations of a valid request by a generator with a fixed seed. */
  static List<String> requests() {
    List<String> requests = new ArrayList<>(KNOWN);
    Random random = new Random(19);
    for (int i = 0; i < MUTANTS; i++) {
      StringBuilder mutant = new StringBuilder(VALID);
      for (int changes = 1 + random.nextInt(3); changes > 0; changes--) {
        int at = random.nextInt(mutant.length());
        switch (random.nextInt(3)) {
          case 0 -> mutant.setCharAt(at, (char) random.nextInt(256));
          case 1 -> mutant.deleteCharAt(at);
          default -> mutant.insert(at, (char) random.nextInt(256));
        }
      }
      requests.add(mutant.toString());
    }
    return List.copyOf(requests);
  }

  /**
   * The requests that two servers answer differently, each with both answers.
   *
   * <p>A server that closes with bytes unread may reset the connection and so take its answer back;
   * what differs is therefore asked again, and only what differs every time is returned.
   */
  static List<String> differences(int port, int otherPort, List<String> requests)
      throws IOException {
    List<String> suspects = requests;
    List<String> differences = new ArrayList<>();
    for (int attempt = 0; attempt < 4 && !suspects.isEmpty(); attempt++) {
      List<String> answers = answers(port, suspects);
      List<String> others = answers(otherPort, suspects);
      List<String> different = new ArrayList<>();
      differences.clear();
      for (int i = 0; i < suspects.size(); i++) {
        if (!answers.get(i).equals(others.get(i))) {
          different.add(suspects.get(i));
          differences.add(suspects.get(i) + "\n=> " + answers.get(i) + "\n=> " + others.get(i));
        }
      }
      suspects = different;
    }
    return suspects.isEmpty() ? List.of() : differences;
  }

  /**
   * What a server answers to each, on a connection of its own, without the date.
   *
   * <p>All are sent before the first answer is read, as some end by a time-out only.
   */
  private static List<String> answers(int port, List<String> requests) throws IOException {
    List<RawHttpClient> clients = new ArrayList<>();
    List<String> answers = new ArrayList<>();
    for (String request : requests) {
      RawHttpClient client = RawHttpClient.connect(port);
      client.send(request);
      clients.add(client);
    }
    for (RawHttpClient client : clients) {
      String answer = new String(client.readToEnd(), ISO_8859_1);
      answers.add(answer.replaceAll("Date: [^\r]*\r\n", ""));
      client.close();
    }
    return answers;
  }
}
