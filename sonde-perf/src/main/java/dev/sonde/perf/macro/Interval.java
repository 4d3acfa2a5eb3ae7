// SPDX-License-Identifier: Apache-2.0
package dev.sonde.perf.macro;

/**
 * One server under load for some seconds, while the others idle.
 *
 * @param fork number of the set of processes
 * @param client what the client saw
 * @param handled requests that the server answered
 * @param usage what the whole process of the server used
 * @param idleCpuNanos processor time of all of the servers that idled
 */
record Interval(
    Variant variant, int fork, Wrk client, long handled, Usage usage, long idleCpuNanos) {
  double cpuNanosPerRequest() {
    return (double) usage.cpuNanos() / handled;
  }

  double compilerNanosPerRequest() {
    return (double) usage.compilerNanos() / handled;
  }

  double sondeNanosPerRequest() {
    return (double) usage.sondeNanos() / handled;
  }

  double serverNanosPerRequest() {
    return (double) usage.serverNanos() / handled;
  }

  double requestsPerSecond() {
    return client.requests() / client.seconds();
  }

  /** Processors that the server had, of the one that it was given. */
  double processors() {
    return usage.cpuNanos() / 1e9 / client.seconds();
  }

  double p50Micros() {
    return client.p50Micros();
  }

  double p99Micros() {
    return client.p99Micros();
  }

  double serverBytesPerRequest() {
    return (double) usage.serverBytes() / handled;
  }

  double bytesPerRequest() {
    return (double) usage.bytes() / handled;
  }
}
