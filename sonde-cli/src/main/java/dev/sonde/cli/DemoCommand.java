// SPDX-License-Identifier: Apache-2.0
package dev.sonde.cli;

import dev.sonde.SondeConfig;
import dev.sonde.cli.demo.Demo;
import dev.sonde.cli.demo.shop.DemoServer;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Iterator;
import java.util.Locale;
import java.util.Objects;
import java.util.concurrent.Callable;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.ITypeConverter;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;
import picocli.CommandLine.TypeConversionException;

/** {@code sonde demo}. */
@Command(
    name = "demo",
    mixinStandardHelpOptions = true,
    sortOptions = false,
    description = {
      "Runs a shop on a real server with a database, a load of real clients against it,",
      "and the dashboard that shows them. Ctrl-C ends it."
    },
    footer = {
      "",
      "Three faults are planted; the dashboard shows them:",
      "  a page that asks the database 49 times, clients that hang up in the middle of an",
      "  export, and bursts of checkouts that fail."
    })
final class DemoCommand implements Callable<Integer> {
  @Spec private @Nullable CommandSpec spec;

  @Option(
      names = "--server",
      paramLabel = "NAME",
      defaultValue = "jetty",
      converter = Servers.class,
      completionCandidates = ServerNames.class,
      description = "Server to run: ${COMPLETION-CANDIDATES}. Default: ${DEFAULT-VALUE}.")
  private DemoServer server = DemoServer.JETTY;

  @Option(
      names = "--port",
      paramLabel = "PORT",
      defaultValue = "8080",
      description = "Port of the shop, 0 for any free one. Default: ${DEFAULT-VALUE}.")
  private int port;

  @Option(
      names = "--dashboard-port",
      paramLabel = "PORT",
      description = "Port of the dashboard, 0 for any free one. Default: 7077, or the next free.")
  private @Nullable Integer dashboardPort;

  @Option(
      names = "--token",
      paramLabel = "TOKEN",
      description = "Token of the dashboard, 22 or more characters. Default: a random one.")
  private @Nullable String token;

  @Option(
      names = "--duration",
      paramLabel = "TIME",
      converter = Durations.class,
      description = "End after this time, such as 20s or 5m. Default: run until Ctrl-C.")
  private @Nullable Duration duration;

  @Option(
      names = "--jsonl",
      paramLabel = "DIR",
      defaultValue = "sonde-demo",
      description = "Directory of the JSONL archive. Default: ${DEFAULT-VALUE}.")
  private Path jsonl = Path.of("sonde-demo");

  @Option(
      names = "--rate",
      paramLabel = "N",
      defaultValue = "150",
      description = "Requests a second of the shoppers. Default: ${DEFAULT-VALUE}.")
  private double rate;

  @Option(names = "--headless", description = "Do not suggest to open the dashboard in a browser.")
  private boolean headless;

  @Override
  public Integer call() throws Failure, IOException, InterruptedException {
    CommandLine line = commandLine();
    checkPort("--port", port);
    check(rate > 0 && rate <= 5_000, "--rate must be in (0, 5000], was " + rate);
    check(
        duration == null || duration.toMillis() >= 1_000,
        "--duration must be at least 1s, was " + duration);
    try {
      SondeConfig.Builder config = SondeConfig.builder().fromEnvironment();
      config.serviceName("shop").jsonlDir(jsonl);
      if (dashboardPort != null) {
        checkPort("--dashboard-port", dashboardPort);
        config.dashboardPort(dashboardPort);
      }
      if (token != null) {
        config.dashboardToken(token);
      }
      Demo demo =
          new Demo(
              config.build(),
              server,
              port,
              rate,
              duration,
              !headless,
              line.getOut(),
              line.getErr());
      return demo.run() ? 0 : Failure.FAILED;
    } catch (IllegalArgumentException e) {
      throw new Failure(Failure.USAGE, String.valueOf(e.getMessage()));
    }
  }

  private void checkPort(String option, int value) {
    check(value >= 0 && value <= 65_535, option + " must be in [0, 65535], was " + value);
  }

  private void check(boolean isGood, String complaint) {
    if (!isGood) {
      throw new ParameterException(commandLine(), complaint);
    }
  }

  private CommandLine commandLine() {
    return Objects.requireNonNull(spec, "set by picocli").commandLine();
  }

  /** Servers by their names. */
  static final class Servers implements ITypeConverter<DemoServer> {
    @Override
    public DemoServer convert(String value) {
      try {
        return DemoServer.named(value);
      } catch (IllegalArgumentException e) {
        throw new TypeConversionException(String.valueOf(e.getMessage()));
      }
    }
  }

  /** The names that there are, for the help. */
  static final class ServerNames implements Iterable<String> {
    @Override
    public Iterator<String> iterator() {
      return DemoServer.names().iterator();
    }
  }

  /** Durations as people write them: {@code 500ms}, {@code 20s}, {@code 5m}, {@code 1h}. */
  static final class Durations implements ITypeConverter<Duration> {
    private static final Pattern FORM = Pattern.compile("(\\d{1,9})(ms|s|m|h)");

    @Override
    public Duration convert(String value) {
      Matcher matcher = FORM.matcher(value.toLowerCase(Locale.ROOT));
      if (!matcher.matches()) {
        throw new TypeConversionException("must be like 20s, 5m or 1h, was " + value);
      }
      long amount = Long.parseLong(matcher.group(1));
      return switch (matcher.group(2)) {
        case "ms" -> Duration.ofMillis(amount);
        case "s" -> Duration.ofSeconds(amount);
        case "m" -> Duration.ofMinutes(amount);
        default -> Duration.ofHours(amount);
      };
    }
  }
}
