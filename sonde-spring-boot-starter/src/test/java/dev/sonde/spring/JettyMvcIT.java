// SPDX-License-Identifier: Apache-2.0
package dev.sonde.spring;

import java.util.List;

final class JettyMvcIT extends MvcContract {
  JettyMvcIT() {
    super(
        "jetty",
        List.of(
            "org.springframework.boot.web.embedded.jetty.JettyServletWebServerFactory",
            "org.springframework.boot.jetty.servlet.JettyServletWebServerFactory"));
  }

  @Override
  String server() {
    return "Jetty";
  }
}
