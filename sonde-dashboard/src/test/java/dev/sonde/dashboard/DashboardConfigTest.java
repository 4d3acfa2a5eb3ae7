// SPDX-License-Identifier: Apache-2.0
package dev.sonde.dashboard;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.sonde.SondeConfig;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

final class DashboardConfigTest {
  private static final String STRONG = "0123456789abcdef0123456789abcdef";

  @Test
  void defaults_listenOnLoopbackWithFlexiblePort() {
    DashboardConfig config = DashboardConfig.defaults();

    assertThat(config.host()).isEqualTo("127.0.0.1");
    assertThat(config.port()).isEqualTo(7077);
    assertThat(config.isPortExplicit()).isFalse();
    assertThat(config.token()).isNull();
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "0.0.0.0",
        "::",
        "[::]",
        "192.168.1.5",
        "example.org",
        "127.evil.example",
        "1270.0.0.1"
      })
  void build_refusesOtherHostsWithoutToken(String host) {
    DashboardConfig.Builder builder = DashboardConfig.builder().host(host);

    assertThatThrownBy(builder::build)
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("sonde.dashboard.token")
        .hasMessageContaining(host)
        .hasMessageContaining("unset");
    assertThat(builder.token(STRONG).build().host()).isEqualTo(host);
  }

  @ParameterizedTest
  @ValueSource(strings = {"127.0.0.1", "127.1.2.3", "localhost", "::1", "[::1]"})
  void build_allowsLoopbackWithoutToken(String host) {
    assertThat(DashboardConfig.builder().host(host).build().token()).isNull();
  }

  @ParameterizedTest
  @ValueSource(ints = {-1, 65_536})
  void port_rejectsImpossible(int port) {
    assertThatThrownBy(() -> DashboardConfig.builder().port(port))
        .hasMessageContaining("sonde.dashboard.port")
        .hasMessageContaining("65535")
        .hasMessageContaining("" + port);
  }

  @ParameterizedTest
  @ValueSource(strings = {"", " ", "*", "a/b", "http://a"})
  void allowedHost_rejectsWhatIsNoName(String name) {
    assertThatThrownBy(() -> DashboardConfig.builder().allowedHost(name))
        .hasMessageContaining("sonde.dashboard.allowed.hosts");
  }

  @Test
  void of_takesWhatSondeIsConfiguredWith() {
    SondeConfig sonde =
        SondeConfig.builder()
            .dashboardHost("localhost")
            .dashboardPort(7077)
            .dashboardToken(STRONG)
            .dashboardAllowedHosts(List.of("Sonde.Example"))
            .build();

    DashboardConfig config = DashboardConfig.of(sonde);

    assertThat(config.host()).isEqualTo("localhost");
    assertThat(config.port()).isEqualTo(7077);
    assertThat(config.isPortExplicit()).isTrue();
    assertThat(config.token()).isEqualTo(STRONG);
    assertThat(config.allowedHosts()).containsExactly("sonde.example");
    assertThat(DashboardConfig.of(SondeConfig.builder().build()).isPortExplicit()).isFalse();
  }

  @Test
  void toString_hidesToken() {
    assertThat(DashboardConfig.builder().token(STRONG).build().toString())
        .doesNotContain(STRONG)
        .contains("***");
  }
}
