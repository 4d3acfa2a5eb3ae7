// SPDX-License-Identifier: Apache-2.0
package dev.sonde.spring;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.catchThrowable;

import dev.sonde.Sonde;
import dev.sonde.SondeConfig;
import dev.sonde.dashboard.Dashboard;
import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.springframework.boot.SpringApplication;
import org.springframework.boot.SpringBootConfiguration;
import org.springframework.boot.WebApplicationType;
import org.springframework.boot.autoconfigure.ImportAutoConfiguration;
import org.springframework.boot.diagnostics.FailureAnalysis;
import org.springframework.context.ConfigurableApplicationContext;

@Timeout(60)
final class SettingsIT {
  @Test
  void settings_areThoseOfSpring() {
    try (ConfigurableApplicationContext context =
        run(
            "spring.application.name=shop",
            "sonde.queue.size=${size}",
            "size=128",
            "sonde.sampling.excludes[0]=/static",
            "sonde.sampling.excludes[1]=re:^/a{1,2}$")) {
      SondeConfig config = context.getBean(Sonde.class).config();

      assertThat(config.serviceName()).isEqualTo("shop");
      assertThat(config.queueSize()).isEqualTo(128);
      assertThat(config.samplingExcludes()).containsExactly("/static", "re:^/a{1,2}$");
    }
  }

  @Test
  void healthProbes_areLeftOutWhereverTheyAre() {
    try (ConfigurableApplicationContext context =
        run("server.servlet.context-path=/shop", "management.endpoints.web.base-path=manage")) {
      assertThat(context.getBean(Sonde.class).config().samplingExcludes())
          .containsExactly("/shop/manage/health", "/shop/livez", "/shop/readyz");
    }
  }

  @Test
  void unknownKey_stopsTheStartInWords() {
    assertThatThrownBy(() -> run("sonde.queu.size=1"))
        .hasRootCauseInstanceOf(IllegalArgumentException.class)
        .satisfies(
            thrown -> {
              FailureAnalysis analysis = new SettingFailureAnalyzer().analyze(thrown);
              assertThat(analysis.getDescription())
                  .contains("unknown key sonde.queu.size", "sonde.queue.size");
            });
  }

  @Test
  void directoryThatIsAFile_stopsTheStartInWords(@TempDir Path directory) throws IOException {
    Path file = Files.createFile(directory.resolve("file"));

    assertThat(failure("sonde.jsonl.dir=" + file)).contains(file.toString());
  }

  @Test
  void portInUse_stopsTheStartInWords() throws IOException {
    try (ServerSocket taken = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
      String setting = "sonde.dashboard.port=" + taken.getLocalPort();

      assertThat(failure(setting)).contains("sonde.dashboard.port " + taken.getLocalPort());
    }
  }

  private static String failure(String setting) {
    Throwable thrown = catchThrowable(() -> run(setting));
    FailureAnalysis analysis = new SettingFailureAnalyzer().analyze(thrown);
    assertThat(analysis).as("analysis of %s", thrown).isNotNull();
    return analysis.getDescription();
  }

  @Test
  void enabledFalse_leavesABeanThatDoesNothingAndNoDashboard() {
    try (ConfigurableApplicationContext context = run("sonde.enabled=false")) {
      assertThat(context.getBean(Sonde.class).isEnabled()).isFalse();
      assertThat(context.getBeanProvider(Dashboard.class).getIfAvailable()).isNull();
      assertThat(context.getBean(Announcement.class).line())
          .isEqualTo("[sonde] off: sonde.enabled=false");
    }
  }

  @Test
  void announcement_saysWhyNothingIsWatched() {
    try (ConfigurableApplicationContext context = run()) {
      assertThat(context.getBean(Announcement.class).line())
          .contains("no web server is watched", context.getBean(Dashboard.class).url());
    }
  }

  private static ConfigurableApplicationContext run(String... settings) {
    SpringApplication application = new SpringApplication(Nothing.class);
    application.setWebApplicationType(WebApplicationType.NONE);
    String[] arguments = new String[settings.length + 1];
    for (int i = 0; i < settings.length; i++) {
      arguments[i] = "--" + settings[i];
    }
    // Found after what the command line says.
    application.setDefaultProperties(Map.of("sonde.dashboard.port", "0"));
    arguments[settings.length] = "--spring.main.banner-mode=off";
    return application.run(arguments);
  }

  /** An application without anything but the starter. */
  @SpringBootConfiguration(proxyBeanMethods = false)
  @ImportAutoConfiguration(SondeAutoConfiguration.class)
  static class Nothing {}
}
