// SPDX-License-Identifier: Apache-2.0
package dev.sonde;

import java.io.IOException;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.Locale;
import java.util.Map;
import java.util.Properties;
import java.util.TreeMap;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * Where settings come from, in the order in which they are applied.
 *
 * @param classPath finds {@code sonde.properties} on the class path
 * @param workingDirectory where another {@code sonde.properties} may stand
 * @param environment environment variables
 * @param systemProperties properties of the JVM
 */
record ConfigSources(
    ClassLoader classPath,
    Path workingDirectory,
    Map<String, String> environment,
    Map<String, String> systemProperties) {
  private static final String FILE_NAME = "sonde.properties";
  private static final String FILE_VARIABLE = "SONDE_CONFIG";
  private static final String VARIABLE_PREFIX = "SONDE_";
  private static final String KEY_PREFIX = "sonde.";

  /*
   * Kubernetes puts the address of every service of the namespace into the environment of every
   * pod, so a service called "sonde" or "sonde-dashboard" must not look like a setting.
   */
  private static final Pattern SERVICE_LINK_NAME =
      Pattern.compile(
          "SONDE_(\\w+_)?(SERVICE_HOST|SERVICE_PORT(_\\w+)?|PORT_\\d+_(TCP|UDP|SCTP)(_\\w+)?)");
  private static final Pattern SERVICE_LINK_VALUE = Pattern.compile("(tcp|udp|sctp)://.*");

  /** The surroundings of this process. */
  static ConfigSources ofProcess() {
    ClassLoader context = Thread.currentThread().getContextClassLoader();
    Properties properties = System.getProperties();
    Map<String, String> copy = new HashMap<>();
    for (String name : properties.stringPropertyNames()) {
      copy.put(name, properties.getProperty(name));
    }
    return new ConfigSources(
        context == null ? ClassLoader.getSystemClassLoader() : context,
        Path.of(""),
        System.getenv(),
        copy);
  }

  void applyTo(SondeConfig.Builder builder) {
    applyClassPath(builder);
    Path local = workingDirectory.resolve(FILE_NAME);
    if (Files.exists(local)) {
      applyFile(builder, local, "file " + local.toAbsolutePath());
    }
    applyNamedFile(builder, environment.get(FILE_VARIABLE));
    applyEnvironment(builder);
    applySystemProperties(builder);
  }

  /** The key with the fewest changed letters. */
  static Option<?> nearest(String key) {
    Option<?> nearest = Options.ENABLED;
    int fewest = Integer.MAX_VALUE;
    for (Option<?> option : Options.all()) {
      int distance = distance(key, option.key());
      if (distance < fewest) {
        fewest = distance;
        nearest = option;
      }
    }
    return nearest;
  }

  private void applyClassPath(SondeConfig.Builder builder) {
    try (InputStream in = classPath.getResourceAsStream(FILE_NAME)) {
      if (in != null) {
        apply(builder, in, FILE_NAME + " on the class path");
      }
    } catch (IOException e) {
      throw new IllegalArgumentException(FILE_NAME + " on the class path must be readable", e);
    }
  }

  private void applyNamedFile(SondeConfig.Builder builder, @Nullable String name) {
    if (name == null || name.isEmpty()) {
      return;
    }
    Path file;
    try {
      file = workingDirectory.resolve(name);
    } catch (InvalidPathException e) {
      throw new IllegalArgumentException(
          FILE_VARIABLE + " must name a readable file, was \"" + name + "\"", e);
    }
    applyFile(builder, file, "file " + name + " named by " + FILE_VARIABLE);
  }

  private static void applyFile(SondeConfig.Builder builder, Path file, String source) {
    try (InputStream in = Files.newInputStream(file)) {
      apply(builder, in, source);
    } catch (IOException e) {
      throw new IllegalArgumentException(source + " must be readable: " + e, e);
    }
  }

  private static void apply(SondeConfig.Builder builder, InputStream in, String source)
      throws IOException {
    Properties properties = new Properties();
    try {
      properties.load(new InputStreamReader(in, StandardCharsets.UTF_8));
    } catch (IllegalArgumentException e) {
      throw new IllegalArgumentException(source + " must be a properties file: " + e, e);
    }
    Map<String, String> sorted = new TreeMap<>();
    for (String key : properties.stringPropertyNames()) {
      sorted.put(key, properties.getProperty(key));
    }
    sorted.forEach((key, value) -> builder.set(key, value, source));
  }

  private void applyEnvironment(SondeConfig.Builder builder) {
    new TreeMap<>(environment)
        .forEach(
            (name, value) -> {
              if (isSetting(name, value)) {
                builder.set(keyOf(name), value, "environment variable " + name);
              }
            });
  }

  private static boolean isSetting(String name, String value) {
    return name.startsWith(VARIABLE_PREFIX)
        && !name.equals(FILE_VARIABLE)
        && !SERVICE_LINK_NAME.matcher(name).matches()
        && !SERVICE_LINK_VALUE.matcher(value).matches();
  }

  private static String keyOf(String variable) {
    for (Option<?> option : Options.all()) {
      if (option.environmentName().equals(variable)) {
        return option.key();
      }
    }
    return variable;
  }

  private void applySystemProperties(SondeConfig.Builder builder) {
    new TreeMap<>(systemProperties)
        .forEach(
            (name, value) -> {
              if (name.startsWith(KEY_PREFIX)) {
                builder.set(name, value, "system property " + name);
              }
            });
  }

  /** Edit distance of the two texts, upper and lower case, dots and underscores alike. */
  private static int distance(String left, String right) {
    String a = comparable(left);
    String b = comparable(right);
    int[] row = new int[b.length() + 1];
    for (int j = 0; j <= b.length(); j++) {
      row[j] = j;
    }
    for (int i = 1; i <= a.length(); i++) {
      int diagonal = row[0];
      row[0] = i;
      for (int j = 1; j <= b.length(); j++) {
        int replaced = diagonal + (a.charAt(i - 1) == b.charAt(j - 1) ? 0 : 1);
        diagonal = row[j];
        row[j] = Math.min(replaced, 1 + Math.min(row[j], row[j - 1]));
      }
    }
    return row[b.length()];
  }

  private static String comparable(String key) {
    // A key of absurd length is not a slip of the finger, and must not cost quadratic time.
    String start = key.length() > 100 ? key.substring(0, 100) : key;
    return start.toLowerCase(Locale.ROOT).replace('_', '.');
  }
}
