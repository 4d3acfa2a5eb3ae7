// SPDX-License-Identifier: Apache-2.0
package dev.sonde.spring;

import java.util.List;

final class TomcatMvcIT extends MvcContract {
  TomcatMvcIT() {
    super(
        "tomcat",
        List.of(
            "org.springframework.boot.web.embedded.tomcat.TomcatServletWebServerFactory",
            "org.springframework.boot.tomcat.servlet.TomcatServletWebServerFactory"));
  }

  @Override
  String server() {
    return "Tomcat";
  }
}
