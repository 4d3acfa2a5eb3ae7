// SPDX-License-Identifier: Apache-2.0
package dev.sonde.perf.macro;

/**
 * One server under load for some seconds, while the others idle.
 *
 * @param fork number of the set of processes
 * @param client what the client saw
 * @param handled requests that the server answered
 * @param cpuNanos processor time of the whole process of the server
 * @param allocatedBytes by the server's Java threads
 * @param compilerNanos the part of the processor time that the compiler took
 * @param idleCpuNanos processor time of all of the servers that idled
 */
record Interval(
    Variant variant,
    int fork,
    Wrk client,
    long handled,
    long cpuNanos,
    long allocatedBytes,
    long compilerNanos,
    long idleCpuNanos) {
  double cpuNanosPerRequest() {
    return (double) cpuNanos / handled;
  }

  double compilerNanosPerRequest() {
    return (double) compilerNanos / handled;
  }

  double requestsPerSecond() {
    return client.requests() / client.seconds();
  }

  /** Processors that the server had, of the one that it was given. */
  double processors() {
    return cpuNanos / 1e9 / client.seconds();
  }

  double p50Micros() {
    return client.p50Micros();
  }

  double p99Micros() {
    return client.p99Micros();
  }

  double bytesPerRequest() {
    return (double) allocatedBytes / handled;
  }
}
