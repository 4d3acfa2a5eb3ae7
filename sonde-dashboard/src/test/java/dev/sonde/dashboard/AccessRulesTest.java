// SPDX-License-Identifier: Apache-2.0
package dev.sonde.dashboard;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import org.eclipse.jetty.http.HttpFields;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

final class AccessRulesTest {
  private static final String SECRET = "0123456789abcdef0123456789abcdef";

  private long nanos;
  private final FailureBucket failures = new FailureBucket(() -> nanos, 10);

  @ParameterizedTest(name = "bound to {0}, host {1}: {2}")
  @CsvSource({
    "127.0.0.1, 127.0.0.1:7077, true",
    "127.0.0.1, localhost, true",
    "127.0.0.1, 192.168.1.1, false",
    "127.0.0.1, proxy.example, true",
    "127.0.0.1, PROXY.example:443, true",
    "127.0.0.1, proxy.example.evil, false",
    "127.0.0.1, xproxy.example, false",
    "0.0.0.0, 192.168.1.1:7077, true",
    "0.0.0.0, [2001:db8::1]:7077, true",
    "0.0.0.0, evil.example, false",
    "0.0.0.0, 192.168.1.1.evil.example, false",
    "0.0.0.0, 192.168.1.256, false",
    "intra.example, intra.example:7077, true",
    "intra.example, intra.example.evil, false",
    "10.1.2.3, 10.1.2.3, true",
    "127.0.0.1, '', false",
    "127.0.0.1, ':80', false",
    "127.0.0.1, '[::1', false",
    "127.0.0.1, 'localhost:80:80', false",
    "127.0.0.1, 'localhost:', false",
    "127.0.0.1, 'localhost:123456', false",
    "127.0.0.1, 'local host', false",
  })
  void isAllowedHost_knowsNamesAndAddresses(String bound, String host, boolean isAllowed) {
    assertThat(rules(bound).isAllowedHost(host)).isEqualTo(isAllowed);
  }

  @Test
  void checkToken_countsFailuresAndLimitsThemPerSecond() {
    AccessRules rules = rules("127.0.0.1");
    HttpFields wrong = HttpFields.build().add("Authorization", "Bearer wrong");
    HttpFields right = HttpFields.build().add("Authorization", "bearer " + SECRET);

    for (int i = 0; i < 10; i++) {
      assertThat(rules.checkToken(null, wrong)).isEqualTo(401);
    }
    assertThat(rules.checkToken(null, wrong)).isEqualTo(429);
    assertThat(rules.checkToken(null, right)).isZero();
    nanos += 1_000_000_000L;

    assertThat(rules.checkToken(null, wrong)).isEqualTo(401);
    assertThat(failures.total()).isEqualTo(12);
    assertThat(failures.limited()).isEqualTo(1);
  }

  @Test
  void checkToken_survivesMillionWrongTokens() {
    AccessRules rules = rules("127.0.0.1");
    HttpFields[] wrong = new HttpFields[100];
    for (int i = 0; i < wrong.length; i++) {
      wrong[i] = HttpFields.build().add("Authorization", "Bearer wrong" + i);
    }
    for (int i = 0; i < 1_000_000; i++) {
      rules.checkToken(null, wrong[i % wrong.length]);
    }

    assertThat(failures.total()).isEqualTo(1_000_000);
    assertThat(failures.limited()).isEqualTo(999_990);
    assertThat(rules.checkToken(null, HttpFields.build().add("Authorization", "Bearer " + SECRET)))
        .isZero();
  }

  private AccessRules rules(String bound) {
    return new AccessRules(new Token(SECRET), bound, List.of("proxy.example"), failures);
  }
}
