// SPDX-License-Identifier: Apache-2.0
package dev.sonde.perf.macro;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import org.junit.jupiter.api.Test;

final class WrkTest {
  private static final String REPORT =
      """
      Running 2s test @ http://127.0.0.1:18080/
        1 threads and 4 connections
        Thread Stats   Avg      Stdev     Max   +/- Stdev
          Latency     2.58ms    2.49ms  28.22ms   91.31%
          Req/Sec     1.77k   299.96     2.21k    80.00%
        Latency Distribution
           50%  980.00us
           75%    2.84ms
           90%    4.64ms
           99%   14.32ms
        3524 requests in 2.00s, 1.27MB read
      Requests/sec:   1760.53
      Transfer/sec:    648.16KB
      """;

  @Test
  void parse_readsCountTimeAndPercentiles() throws IOException {
    Wrk seen = Wrk.parse(REPORT);

    assertThat(seen).isEqualTo(new Wrk(3524, 2.0, 980, 14_320));
  }

  @Test
  void parse_refusesALoadWithFailedRequests() {
    String failed = REPORT + "  Non-2xx or 3xx responses: 1\n";

    assertThatThrownBy(() -> Wrk.parse(failed)).hasMessageContaining("requests failed");
  }

  @Test
  void parse_refusesAReportWithoutAPercentile() {
    String cut = REPORT.replace("99%   14.32ms", "");

    assertThatThrownBy(() -> Wrk.parse(cut)).hasMessageContaining("wrk did not say");
  }
}
