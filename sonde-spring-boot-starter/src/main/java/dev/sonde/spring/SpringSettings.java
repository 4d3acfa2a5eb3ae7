// SPDX-License-Identifier: Apache-2.0
package dev.sonde.spring;

import dev.sonde.SondeConfig;
import java.util.List;
import java.util.SortedSet;
import java.util.TreeSet;
import org.jspecify.annotations.Nullable;
import org.springframework.boot.context.properties.bind.Bindable;
import org.springframework.boot.context.properties.bind.Binder;
import org.springframework.core.env.ConfigurableEnvironment;
import org.springframework.core.env.EnumerablePropertySource;
import org.springframework.core.env.PropertySource;
import org.springframework.core.env.SystemEnvironmentPropertySource;

/** What Spring's environment says under {@code sonde.}, which goes before Sonde's own files. */
final class SpringSettings {
  private static final String PREFIX = "sonde.";
  private static final int SERVICE_NAME_MAX = 128;

  private SpringSettings() {}

  /**
   * The configuration that the environment asks for.
   *
   * @throws InvalidSettingException naming the key, if there is one that cannot be followed
   */
  static SondeConfig read(ConfigurableEnvironment environment) {
    try {
      SondeConfig.Builder config =
          SondeConfig.builder().samplingExcludes(HealthProbes.paths(environment));
      String name = environment.getProperty("spring.application.name");
      if (name != null && !name.isBlank() && name.length() <= SERVICE_NAME_MAX) {
        config.serviceName(name);
      }
      config.fromEnvironment();
      for (String key : keys(environment)) {
        String text = text(environment, key);
        if (text != null) {
          config.set(key, text);
        }
      }
      return config.build();
    } catch (IllegalArgumentException e) {
      throw new InvalidSettingException(e);
    }
  }

  /** The keys that are set somewhere; those of environment variables are read by Sonde itself. */
  private static SortedSet<String> keys(ConfigurableEnvironment environment) {
    SortedSet<String> keys = new TreeSet<>();
    for (PropertySource<?> source : environment.getPropertySources()) {
      if (source instanceof EnumerablePropertySource<?> named
          && !(source instanceof SystemEnvironmentPropertySource)) {
        for (String name : named.getPropertyNames()) {
          if (name.startsWith(PREFIX)) {
            int index = name.indexOf('[');
            keys.add(index < 0 ? name : name.substring(0, index));
          }
        }
      }
    }
    return keys;
  }

  private static @Nullable String text(ConfigurableEnvironment environment, String key) {
    String text = environment.getProperty(key);
    if (text != null) {
      return text;
    }
    // A list of YAML comes as key[0], key[1], ...; the comma parts ours.
    List<String> items =
        Binder.get(environment).bind(key, Bindable.listOf(String.class)).orElse(List.of());
    return items.isEmpty()
        ? null
        : String.join(",", items.stream().map(item -> item.replace(",", "\\,")).toList());
  }
}
