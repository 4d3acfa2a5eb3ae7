// SPDX-License-Identifier: Apache-2.0
package dev.sonde.capture;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.HashSet;
import java.util.Set;
import java.util.SplittableRandom;
import java.util.UUID;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

final class RouteNormalizerTest {
  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "/                                                    | /",
        "/users                                               | /users",
        "/users/                                              | /users/",
        "/users/17                                            | /users/{id}",
        "/users/17/orders/99                                  | /users/{id}/orders/{id}",
        "/users/-17                                           | /users/{id}",
        "/v2/users                                            | /v2/users",
        "/o/3f2504e0-4f89-11d3-9a0c-0305e82c3301              | /o/{id}",
        "/o/3F2504E04F8911D39A0C0305E82C3301                  | /o/{id}",
        "/c/da39a3ee5e6b4b0d3255bfef95601890afd80709          | /c/{id}",
        "/c/deadbeef                                          | /c/deadbeef",
        "/c/1a2b3c4d                                          | /c/{id}",
        "/t/eyJhbGciOiJIUzI1NiJ9                              | /t/{id}",
        "/2024-01-31                                          | /{id}",
        "/1.2.3                                               | /{id}",
        "/a%20b                                               | /{id}",
        "/mail/me@example.org                                 | /mail/{id}",
        "/search?q=secret                                     | /search",
        "/users/17?x=/y/z                                     | /users/{id}",
        "/a;jsessionid=ABC/b                                  | /a/b",
        "/a#b                                                 | /a",
        "/application-settings/notification-preferences       | /application-settings/notification-preferences",
        "/1/2/3/4/5/6/7/8/9                                   | /{id}/{id}/{id}/{id}/{id}/{id}/{id}/{id}/**",
        "*                                                    | *",
        "http://h/x                                           | <invalid>",
        "''                                                   | <invalid>",
      })
  void normalize_keepsNamesAndHidesIdentifiers(String path, String route) {
    assertThat(RouteNormalizer.normalize(path)).isEqualTo(route);
  }

  @Test
  void normalize_givesThePathItselfWhenNothingChanges() {
    String path = "/api/orders/latest";

    assertThat(RouteNormalizer.normalize(path)).isSameAs(path);
  }

  @Test
  void normalize_isBoundedInLengthAndSegments() {
    SplittableRandom random = new SplittableRandom(1);
    for (int i = 0; i < 5_000; i++) {
      StringBuilder path = new StringBuilder("/");
      int length = random.nextInt(2_000);
      for (int j = 0; j < length; j++) {
        path.append((char) (random.nextInt(4) == 0 ? '/' : random.nextInt(1, 400)));
      }

      String route = RouteNormalizer.normalize(path.toString());

      assertThat(route.length()).isLessThanOrEqualTo(140);
      assertThat(route.chars().filter(c -> c == '/').count()).isLessThanOrEqualTo(9);
      assertThat(RouteNormalizer.normalize(path.toString())).isEqualTo(route);
    }
  }

  @Test
  void normalize_makesOneRouteOfMillionsOfIdentifiers() {
    SplittableRandom random = new SplittableRandom(2);
    Set<String> routes = new HashSet<>();
    for (int i = 0; i < 10_000; i++) {
      routes.add(RouteNormalizer.normalize("/a/" + random.nextLong()));
      routes.add(RouteNormalizer.normalize("/a/" + new UUID(random.nextLong(), random.nextLong())));
    }

    assertThat(routes).containsExactly("/a/{id}");
  }

  @ParameterizedTest
  @ValueSource(
      strings = {"GET", "HEAD", "POST", "PUT", "DELETE", "CONNECT", "OPTIONS", "TRACE", "PATCH"})
  void method_keepsTheNine(String method) {
    assertThat(RouteNormalizer.method(method)).isEqualTo(method);
  }

  @ParameterizedTest
  @ValueSource(strings = {"get", "BREW", "", "-", "PROPFIND"})
  void method_isOtherForTheRest(String method) {
    assertThat(RouteNormalizer.method(method)).isEqualTo("_OTHER");
  }
}
