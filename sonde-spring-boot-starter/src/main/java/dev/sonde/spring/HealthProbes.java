// SPDX-License-Identifier: Apache-2.0
package dev.sonde.spring;

import java.util.List;
import java.util.stream.Stream;
import org.springframework.core.env.Environment;

/** Where Boot answers the health probes of a platform. */
final class HealthProbes {
  private HealthProbes() {}

  /** Rules for their paths; they ask every few seconds and tell nothing of the traffic. */
  static List<String> paths(Environment environment) {
    String context =
        property(environment, "server.servlet.context-path", "")
            + property(environment, "spring.webflux.base-path", "");
    String actuator = property(environment, "management.endpoints.web.base-path", "/actuator");
    return Stream.of(actuator + "/health", "/livez", "/readyz")
        .map(path -> context + path)
        .toList();
  }

  private static String property(Environment environment, String key, String otherwise) {
    String path = environment.getProperty(key, otherwise).strip();
    String rooted = path.isEmpty() || path.startsWith("/") ? path : "/" + path;
    return rooted.endsWith("/") ? rooted.substring(0, rooted.length() - 1) : rooted;
  }
}
