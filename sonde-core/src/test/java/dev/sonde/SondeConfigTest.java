// SPDX-License-Identifier: Apache-2.0
package dev.sonde;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.sonde.sampling.SamplingPolicy;
import dev.sonde.sink.ConsoleFormat;
import java.io.IOException;
import java.io.InputStream;
import java.net.URL;
import java.net.URLClassLoader;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.function.BiFunction;
import java.util.function.Function;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

final class SondeConfigTest {
  /** One documented setting: its text, the same in code, and where it can be read. */
  record Setting(
      String key,
      String text,
      @Nullable Object defaultValue,
      Object value,
      Function<SondeConfig, @Nullable Object> accessor,
      Function<SondeConfig.Builder, SondeConfig.Builder> inCode) {
    @Override
    public String toString() {
      return key;
    }
  }

  /** Written out by hand, so that a setting that disappears is missed here. */
  static Stream<Setting> settings() {
    return Stream.of(
        of("enabled", "false", true, false, SondeConfig::isEnabled, (b, v) -> b.enabled(v)),
        of(
            "service.name",
            "shop",
            "sonde",
            "shop",
            SondeConfig::serviceName,
            (b, v) -> b.serviceName(v)),
        of("queue.size", "16", 8192, 16, SondeConfig::queueSize, (b, v) -> b.queueSize(v)),
        of(
            "sink.queue.size",
            "999",
            2048,
            999,
            SondeConfig::sinkQueueSize,
            (b, v) -> b.sinkQueueSize(v)),
        of(
            "sink.flush.interval",
            "20ms",
            Duration.ofMillis(500),
            Duration.ofMillis(20),
            SondeConfig::sinkFlushInterval,
            (b, v) -> b.sinkFlushInterval(v)),
        of("sink.batch.max", "7", 256, 7, SondeConfig::sinkBatchMax, (b, v) -> b.sinkBatchMax(v)),
        of(
            "sink.failures.max",
            "3",
            5,
            3,
            SondeConfig::sinkFailuresMax,
            (b, v) -> b.sinkFailuresMax(v)),
        of(
            "sink.retry",
            "false",
            true,
            false,
            SondeConfig::retriesSinks,
            (b, v) -> b.retriesSinks(v)),
        of(
            "close.timeout",
            "0",
            Duration.ofSeconds(2),
            Duration.ZERO,
            SondeConfig::closeTimeout,
            (b, v) -> b.closeTimeout(v)),
        of(
            "sampling.rate",
            "0.25",
            1.0,
            0.25,
            SondeConfig::samplingRate,
            (b, v) -> b.samplingRate(v)),
        of(
            "sampling.excludes",
            "/health, re:^/a{1\\,2}$",
            List.of(),
            List.of("/health", "re:^/a{1,2}$"),
            SondeConfig::samplingExcludes,
            (b, v) -> b.samplingExcludes(v)),
        of(
            "streams.long.polls",
            "/poll, /news*",
            List.of(),
            List.of("/poll", "/news*"),
            SondeConfig::longPolls,
            (b, v) -> b.longPolls(v)),
        of(
            "sampling.overrides",
            "exact:/a=1, re:x=y$=0.5",
            Map.of(),
            Map.of("exact:/a", 1.0, "re:x=y$", 0.5),
            SondeConfig::samplingOverrides,
            (b, v) -> b.samplingOverrides(v)),
        of(
            "sampling.keep.errors",
            "false",
            true,
            false,
            SondeConfig::samplingKeepsErrors,
            (b, v) -> b.samplingKeepsErrors(v)),
        of(
            "sampling.keep.slow",
            "30s",
            Duration.ofSeconds(1),
            Duration.ofSeconds(30),
            SondeConfig::samplingKeepSlow,
            (b, v) -> b.samplingKeepSlow(v)),
        of(
            "sampling.seed",
            "-42",
            null,
            -42L,
            SondeConfig::samplingSeed,
            (b, v) -> b.samplingSeed(v)),
        of(
            "stats.window",
            "1h",
            Duration.ofMinutes(15),
            Duration.ofHours(1),
            SondeConfig::statsWindow,
            (b, v) -> b.statsWindow(v)),
        of(
            "stats.routes.max",
            "12",
            1000,
            12,
            SondeConfig::statsRoutesMax,
            (b, v) -> b.statsRoutesMax(v)),
        of("errors.max", "9", 256, 9, SondeConfig::errorsMax, (b, v) -> b.errorsMax(v)),
        of(
            "errors.messages",
            "true",
            false,
            true,
            SondeConfig::keepsErrorMessages,
            (b, v) -> b.keepsErrorMessages(v)),
        of(
            "client.address.mask",
            "true",
            false,
            true,
            SondeConfig::masksClientAddresses,
            (b, v) -> b.masksClientAddresses(v)),
        of(
            "jsonl.dir",
            "/tmp/archive",
            null,
            Path.of("/tmp/archive"),
            SondeConfig::jsonlDir,
            (b, v) -> b.jsonlDir(v)),
        of(
            "jsonl.prefix",
            "shop",
            "sonde",
            "shop",
            SondeConfig::jsonlPrefix,
            (b, v) -> b.jsonlPrefix(v)),
        of(
            "jsonl.rotate.bytes",
            "1MiB",
            10_000_000L,
            1_048_576L,
            SondeConfig::jsonlRotateBytes,
            (b, v) -> b.jsonlRotateBytes(v)),
        of(
            "jsonl.rotate.interval",
            "90s",
            Duration.ofMinutes(5),
            Duration.ofSeconds(90),
            SondeConfig::jsonlRotateInterval,
            (b, v) -> b.jsonlRotateInterval(v)),
        of(
            "jsonl.files.max",
            "4",
            null,
            4,
            SondeConfig::jsonlFilesMax,
            (b, v) -> b.jsonlFilesMax(v)),
        of(
            "jsonl.age.max",
            "14d",
            null,
            Duration.ofDays(14),
            SondeConfig::jsonlAgeMax,
            (b, v) -> b.jsonlAgeMax(v)),
        of(
            "jsonl.total.bytes.max",
            "2GB",
            null,
            2_000_000_000L,
            SondeConfig::jsonlTotalBytesMax,
            (b, v) -> b.jsonlTotalBytesMax(v)),
        of(
            "jsonl.compress",
            "true",
            false,
            true,
            SondeConfig::compressesJsonl,
            (b, v) -> b.compressesJsonl(v)),
        of(
            "console",
            "pretty",
            null,
            ConsoleFormat.PRETTY,
            SondeConfig::console,
            (b, v) -> b.console(v)),
        of(
            "dashboard.host",
            "localhost",
            "127.0.0.1",
            "localhost",
            SondeConfig::dashboardHost,
            (b, v) -> b.dashboardHost(v)),
        of(
            "dashboard.port",
            "0",
            7077,
            0,
            SondeConfig::dashboardPort,
            (b, v) -> b.dashboardPort(v)),
        of(
            "dashboard.allowed.hosts",
            "a.example,b.example",
            List.of(),
            List.of("a.example", "b.example"),
            SondeConfig::dashboardAllowedHosts,
            (b, v) -> b.dashboardAllowedHosts(v)));
  }

  /** Settings whose default is random. */
  static Stream<Setting> randomSettings() {
    return Stream.of(
        of(
            "instance.id",
            "web-1",
            null,
            "web-1",
            SondeConfig::instanceId,
            (b, v) -> b.instanceId(v)),
        of(
            "dashboard.token",
            "correct-horse-battery-staple",
            null,
            "correct-horse-battery-staple",
            SondeConfig::dashboardToken,
            (b, v) -> b.dashboardToken(v)));
  }

  static Stream<Setting> allSettings() {
    return Stream.concat(settings(), randomSettings());
  }

  private static <T> Setting of(
      String key,
      String text,
      @Nullable Object defaultValue,
      T value,
      Function<SondeConfig, @Nullable Object> accessor,
      BiFunction<SondeConfig.Builder, T, SondeConfig.Builder> setter) {
    return new Setting(
        "sonde." + key,
        text,
        defaultValue,
        value,
        accessor,
        builder -> setter.apply(builder, value));
  }

  @Test
  void settings_areAllTestedHere() {
    List<String> known = Options.all().stream().map(option -> option.key()).toList();

    assertThat(allSettings().map(Setting::key)).containsExactlyInAnyOrderElementsOf(known);
  }

  @ParameterizedTest
  @MethodSource("settings")
  void build_givesTheDefaultWhenNothingIsSet(Setting setting) {
    SondeConfig config = SondeConfig.builder().build();

    assertThat(setting.accessor().apply(config)).isEqualTo(setting.defaultValue());
  }

  @ParameterizedTest
  @MethodSource("allSettings")
  void fromEnvironment_readsASystemProperty(Setting setting) {
    SondeConfig config = from(Map.of(), Map.of(setting.key(), setting.text()));

    assertThat(setting.accessor().apply(config)).isEqualTo(setting.value());
  }

  @ParameterizedTest
  @MethodSource("allSettings")
  void fromEnvironment_readsAnEnvironmentVariable(Setting setting) {
    String name = setting.key().toUpperCase(Locale.ROOT).replace('.', '_');

    SondeConfig config = from(Map.of(name, setting.text()), Map.of());

    assertThat(setting.accessor().apply(config)).isEqualTo(setting.value());
  }

  @ParameterizedTest
  @MethodSource("allSettings")
  void setter_changesTheSetting(Setting setting) {
    SondeConfig config = setting.inCode().apply(SondeConfig.builder()).build();

    assertThat(setting.accessor().apply(config)).isEqualTo(setting.value());
  }

  @Test
  void build_drawsInstanceAndTokenWhenUnset() {
    SondeConfig first = SondeConfig.builder().build();
    SondeConfig second = SondeConfig.builder().build();

    assertThat(first.instanceId()).matches("[0-9a-f]{8}").isNotEqualTo(second.instanceId());
    assertThat(first.dashboardToken())
        .matches("[A-Za-z0-9_-]{32}")
        .isNotEqualTo(second.dashboardToken());
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "sonde.enabled | yes | true or false",
        "sonde.service.name | a\u0007b | 1 to 128 characters",
        "sonde.instance.id | ../x | 1 to 64 of A-Z",
        "sonde.queue.size | 0 | an integer from 1 to 1048576",
        "sonde.queue.size | 1048577 | an integer from 1 to 1048576",
        "sonde.queue.size | 1e3 | an integer from 1 to 1048576",
        "sonde.sink.queue.size | -1 | an integer from 1",
        "sonde.sink.flush.interval | 500 | a duration from 1ms to 1m",
        "sonde.sink.flush.interval | 2m | a duration from 1ms to 1m",
        "sonde.sink.batch.max | 65537 | an integer from 1 to 65536",
        "sonde.sink.failures.max | 0 | an integer from 1",
        "sonde.close.timeout | 6m | a duration from 0 to 5m",
        "sonde.sampling.rate | NaN | a number from 0 to 1",
        "sonde.sampling.rate | 1.01 | a number from 0 to 1",
        "sonde.sampling.excludes | /a,,/b | rules separated by commas",
        "sonde.sampling.overrides | /a | rule=rate pairs",
        "sonde.sampling.overrides | /a=2 | rule=rate pairs",
        "sonde.sampling.overrides | /a=1,/a=0 | rule=rate pairs",
        "sonde.sampling.keep.slow | 999999999999999d | a duration from 0 to 1d",
        "sonde.sampling.seed | 9223372036854775808 | a 64-bit integer",
        "sonde.stats.window | 59s | a duration from 1m to 1h",
        "sonde.stats.routes.max | 0 | an integer from 1",
        "sonde.errors.max | x | an integer from 1",
        "sonde.jsonl.dir | '' | a path",
        "sonde.jsonl.prefix | a/b | 1 to 64 of A-Z",
        "sonde.jsonl.rotate.bytes | 1B | a size from 64KB to 1TB",
        "sonde.jsonl.rotate.bytes | 999999999999999TB | a size from 64KB to 1TB",
        "sonde.jsonl.rotate.interval | 8d | a duration from 1s to 7d",
        "sonde.jsonl.files.max | 0 | an integer from 1",
        "sonde.jsonl.age.max | 0 | a duration from 1s",
        "sonde.jsonl.total.bytes.max | 10 | a size from 64KB",
        "sonde.console | loud | one of off, compact, pretty",
        "sonde.dashboard.host | a b | a host name",
        "sonde.dashboard.port | 65536 | an integer from 0 to 65535",
        "sonde.dashboard.allowed.hosts | *.example | host names without port",
        "sonde.dashboard.allowed.hosts | a:80 | host names without port",
        "sonde.dashboard.allowed.hosts | a,,b | host names without port"
      })
  void fromEnvironment_refusesABadValueWithKeyLimitValueAndSource(
      String key, String text, String limit) {
    assertThatIllegalArgumentException()
        .isThrownBy(() -> from(Map.of(), Map.of(key, text)))
        .withMessageStartingWith(key + " must be " + limit)
        .withMessageContaining("was \"" + text + "\"")
        .withMessageContaining("(from system property " + key + ")");
  }

  @Test
  void setter_refusesABadValueAtItsOwnLine() {
    assertThatIllegalArgumentException()
        .isThrownBy(() -> SondeConfig.builder().queueSize(0))
        .withMessage("sonde.queue.size must be an integer from 1 to 1048576, was \"0\"");
  }

  @ParameterizedTest
  @CsvSource({
    "sonde.queu.size,sonde.queue.size",
    "sonde.dashbord.prot,sonde.dashboard.port",
    "sonde.jsonl.directory,sonde.jsonl.dir",
    "sonde.,sonde.enabled"
  })
  void set_namesTheNearestKeyWhenUnknown(String key, String nearest) {
    assertThatIllegalArgumentException()
        .isThrownBy(() -> from(Map.of(), Map.of(key, "1")))
        .withMessage(
            "unknown key %s (from system property %s); the nearest known key is %s",
            key, key, nearest);
  }

  @Test
  void fromEnvironment_namesTheVariableWhenItsKeyIsUnknown() {
    assertThatIllegalArgumentException()
        .isThrownBy(() -> from(Map.of("SONDE_QUEUESIZE", "1"), Map.of()))
        .withMessage(
            "unknown key SONDE_QUEUESIZE (from environment variable SONDE_QUEUESIZE);"
                + " the nearest known key is sonde.queue.size");
  }

  @Test
  void fromEnvironment_ignoresTheServiceAddressesOfKubernetes() {
    SondeConfig config =
        from(
            Map.of(
                "SONDE_SERVICE_HOST", "10.0.0.1",
                "SONDE_SERVICE_PORT_HTTP", "7077",
                "SONDE_PORT", "tcp://10.0.0.1:7077",
                "SONDE_PORT_7077_TCP_ADDR", "10.0.0.1",
                "SONDE_DASHBOARD_PORT", "tcp://10.0.0.1:7077"),
            Map.of());

    assertThat(config.dashboardPort()).isEqualTo(7077);
  }

  @Test
  void setter_refusesABadRuleOfSampling() {
    assertThatIllegalArgumentException()
        .isThrownBy(() -> SondeConfig.builder().samplingExcludes(List.of("re:(")))
        .withMessageStartingWith("sonde.sampling.excludes must be rules")
        .withMessageContaining("re:(")
        .withStackTraceContaining("not a regular expression");
  }

  @ParameterizedTest
  @CsvSource({
    "sonde.sampling.excludes, health, rules separated by commas",
    "sonde.sampling.excludes, re:(, rules separated by commas",
    "sonde.sampling.overrides, health=0.5, rule=rate pairs",
    "sonde.sampling.overrides, /a*b=0.5, rule=rate pairs"
  })
  void fromEnvironment_namesKeyAndSourceOfABadRule(
      String key, String text, String limit, @TempDir Path directory) throws IOException {
    String variable = key.toUpperCase(Locale.ROOT).replace('.', '_');
    Path file = Files.writeString(directory.resolve("rules.properties"), key + "=" + text);

    assertThatIllegalArgumentException()
        .isThrownBy(() -> from(Map.of(variable, text), Map.of()))
        .withMessageStartingWith(key + " must be " + limit)
        .withMessageContaining("was \"" + text + "\"")
        .withMessageEndingWith("(from environment variable " + variable + ")");
    assertThatIllegalArgumentException()
        .isThrownBy(() -> from(Map.of("SONDE_CONFIG", file.toString()), Map.of()))
        .withMessageStartingWith(key + " must be " + limit)
        .withMessageContaining("was \"" + text + "\"")
        .withMessageContaining("rules.properties");
  }

  @Test
  void samplingPolicy_followsTheSettings() {
    SamplingPolicy policy =
        SondeConfig.builder()
            .samplingRate(0.5)
            .samplingExcludes(List.of("/health"))
            .samplingOverrides(Map.of("/orders", 0.25))
            .samplingKeepSlow(Duration.ZERO)
            .samplingSeed(7)
            .build()
            .samplingPolicy();

    assertThat(policy.excludes("/health/live")).isTrue();
    assertThat(policy.rateOf("/orders/1")).isEqualTo(0.25);
    assertThat(policy.rateOf("/users")).isEqualTo(0.5);
  }

  @Test
  void build_refusesABatchLargerThanTheQueue() {
    SondeConfig.Builder builder = SondeConfig.builder().sinkQueueSize(10).sinkBatchMax(11);

    assertThatIllegalArgumentException()
        .isThrownBy(builder::build)
        .withMessage("sonde.sink.batch.max must not be above sonde.sink.queue.size (10), was 11");
  }

  @Test
  void build_refusesATotalBelowOneFile() {
    SondeConfig.Builder builder =
        SondeConfig.builder().jsonlRotateBytes(1_000_000).jsonlTotalBytesMax(999_999);

    assertThatIllegalArgumentException()
        .isThrownBy(builder::build)
        .withMessage(
            "sonde.jsonl.total.bytes.max must not be below sonde.jsonl.rotate.bytes (1000000),"
                + " was 999999");
  }

  @ParameterizedTest
  @ValueSource(strings = {"0.0.0.0", "::", "192.168.1.5", "example.org", "127.evil.org"})
  void build_refusesAnOpenDashboardWithoutAToken(String host) {
    SondeConfig.Builder without = SondeConfig.builder().dashboardHost(host);

    assertThatIllegalArgumentException()
        .isThrownBy(without::build)
        .withMessageContaining("sonde.dashboard.token must be set when")
        .withMessageContaining(host)
        .withMessageContaining("was unset");
    assertThatIllegalArgumentException()
        .isThrownBy(() -> SondeConfig.builder().dashboardToken("a".repeat(21)))
        .withMessageStartingWith("sonde.dashboard.token must be 22 to 256 of")
        .withMessageContaining("was *** (21 characters)");
    assertThat(
            SondeConfig.builder()
                .dashboardHost(host)
                .dashboardToken("a".repeat(22))
                .build()
                .dashboardHost())
        .isEqualTo(host);
  }

  @Test
  void isDashboardPortSet_onlyWhenItWasAskedFor() {
    assertThat(SondeConfig.builder().build().isDashboardPortSet()).isFalse();
    assertThat(SondeConfig.builder().dashboardPort(7077).build().isDashboardPortSet()).isTrue();
    assertThat(from(Map.of("SONDE_DASHBOARD_PORT", "7077"), Map.of()).isDashboardPortSet())
        .isTrue();
    assertThat(from(Map.of(), Map.of("sonde.dashboard.host", "::1")).isDashboardPortSet())
        .isFalse();
  }

  @Test
  void dashboardAllowedHosts_areAListOfNames() {
    assertThat(SondeConfig.builder().build().dashboardAllowedHosts()).isEmpty();
    assertThat(
            from(Map.of(), Map.of("sonde.dashboard.allowed.hosts", "sonde.example, [2001:db8::1]"))
                .dashboardAllowedHosts())
        .containsExactly("sonde.example", "[2001:db8::1]");
  }

  @Test
  void toString_hidesTheToken() {
    SondeConfig given = SondeConfig.builder().dashboardToken("a-very-secret-long-token").build();
    SondeConfig random = SondeConfig.builder().build();

    assertThat(given.toString())
        .contains("sonde.dashboard.token=***\n")
        .contains("sonde.queue.size=8192\n")
        .doesNotContain("a-very-secret-long-token");
    assertThat(random.toString()).doesNotContain(random.dashboardToken());
  }

  @Test
  void fromEnvironment_doesNotPrintABadToken() {
    assertThatThrownBy(() -> from(Map.of("SONDE_DASHBOARD_TOKEN", "p\u00e4ssw\u00f6rd"), Map.of()))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("was *** (8 characters)")
        .hasMessageNotContaining("p\u00e4ssw\u00f6rd")
        .hasNoCause();
  }

  @Test
  void samplingExcludes_isACopyOfWhatWasGiven() {
    List<String> rules = new ArrayList<>(List.of("/health"));
    SondeConfig config = SondeConfig.builder().samplingExcludes(rules).build();

    rules.add("/more");

    assertThat(config.samplingExcludes()).containsExactly("/health");
  }

  @Test
  void fromEnvironment_letsTheLaterSourceWin(@TempDir Path dir) throws IOException {
    Path classes = Files.createDirectory(dir.resolve("classes"));
    Path working = Files.createDirectory(dir.resolve("working"));
    Path named = dir.resolve("named.properties");
    Files.writeString(classes.resolve("sonde.properties"), six(1));
    Files.writeString(
        working.resolve("sonde.properties"), six(2).replaceAll("sonde.queue.*\n", ""));
    Files.writeString(
        named, "sonde.errors.max=3\nsonde.stats.routes.max=3\nsonde.sink.failures.max=3\n");
    Map<String, String> environment =
        Map.of(
            "SONDE_CONFIG", named.toString(),
            "SONDE_STATS_ROUTES_MAX", "4",
            "SONDE_SINK_FAILURES_MAX", "4");
    Map<String, String> properties = Map.of("sonde.sink.failures.max", "5");

    SondeConfig config;
    try (URLClassLoader loader = new URLClassLoader(new URL[] {classes.toUri().toURL()}, null)) {
      config =
          SondeConfig.builder()
              .from(new ConfigSources(loader, working, environment, properties))
              .sinkBatchMax(6)
              .build();
    }

    assertThat(config.queueSize()).isEqualTo(1);
    assertThat(config.sinkQueueSize()).isEqualTo(22);
    assertThat(config.errorsMax()).isEqualTo(3);
    assertThat(config.statsRoutesMax()).isEqualTo(4);
    assertThat(config.sinkFailuresMax()).isEqualTo(5);
    assertThat(config.sinkBatchMax()).isEqualTo(6);
  }

  private static String six(int value) {
    return "sonde.queue.size=%1$d\nsonde.sink.queue.size=%1$d%1$d\nsonde.errors.max=%1$d\n"
            .formatted(value)
        + "sonde.stats.routes.max=%1$d\nsonde.sink.failures.max=%1$d\nsonde.sink.batch.max=%1$d\n"
            .formatted(value);
  }

  @Test
  void fromEnvironment_namesTheFileOfABadLine(@TempDir Path dir) throws IOException {
    Path file = dir.resolve("sonde.properties");
    Files.writeString(file, "sonde.queue.size = many\n");

    assertThatIllegalArgumentException()
        .isThrownBy(() -> SondeConfig.builder().from(sources(dir, Map.of(), Map.of())))
        .withMessageContaining("(from file " + file.toAbsolutePath() + ")");

    Files.writeString(file, "queue.size = 5\n");
    assertThatIllegalArgumentException()
        .isThrownBy(() -> SondeConfig.builder().from(sources(dir, Map.of(), Map.of())))
        .withMessageContaining("unknown key queue.size (from file");

    Files.writeString(file, "sonde.queue.size = \\u00zz\n");
    assertThatIllegalArgumentException()
        .isThrownBy(() -> SondeConfig.builder().from(sources(dir, Map.of(), Map.of())))
        .withMessageContaining(file.toAbsolutePath() + " must be a properties file");
  }

  @Test
  void fromEnvironment_refusesAConfigFileThatIsNotThere(@TempDir Path dir) {
    Map<String, String> environment = Map.of("SONDE_CONFIG", "absent.properties");

    assertThatIllegalArgumentException()
        .isThrownBy(() -> SondeConfig.builder().from(sources(dir, environment, Map.of())))
        .withMessageContaining("absent.properties named by SONDE_CONFIG must be readable");
  }

  @Test
  void load_readsTheProcess() {
    System.setProperty("sonde.errors.max", "77");
    try {
      assertThat(SondeConfig.load().errorsMax()).isEqualTo(77);
    } finally {
      System.clearProperty("sonde.errors.max");
    }
  }

  @Test
  void reference_isWhatTheDocumentationSays() throws IOException {
    String documentation = Files.readString(Path.of("..", "docs", "configuration.md"));

    List<String> rows = documentation.lines().filter(line -> line.startsWith("| `sonde.")).toList();

    assertThat(rows).isEqualTo(Options.all().stream().map(option -> option.reference()).toList());
  }

  private static SondeConfig from(Map<String, String> environment, Map<String, String> properties) {
    Path nowhere = Path.of("target", "no-such-directory");
    return SondeConfig.builder().from(sources(nowhere, environment, properties)).build();
  }

  private static ConfigSources sources(
      Path directory, Map<String, String> environment, Map<String, String> properties) {
    return new ConfigSources(new EmptyLoader(), directory, environment, properties);
  }

  /** Finds no resource. */
  private static final class EmptyLoader extends ClassLoader {
    EmptyLoader() {
      super(null);
    }

    @Override
    public @Nullable InputStream getResourceAsStream(String name) {
      return null;
    }
  }
}
