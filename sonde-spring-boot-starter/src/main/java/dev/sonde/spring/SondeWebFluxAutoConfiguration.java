// SPDX-License-Identifier: Apache-2.0
package dev.sonde.spring;

import org.springframework.boot.autoconfigure.AutoConfiguration;
import org.springframework.boot.autoconfigure.condition.ConditionalOnClass;
import org.springframework.boot.autoconfigure.condition.ConditionalOnWebApplication;
import org.springframework.context.annotation.Bean;
import org.springframework.core.env.Environment;
import org.springframework.web.reactive.HandlerMapping;

/** Routes of WebFlux, of controllers and of functional endpoints. */
@AutoConfiguration(after = SondeAutoConfiguration.class)
@ConditionalOnWebApplication(type = ConditionalOnWebApplication.Type.REACTIVE)
@ConditionalOnClass(HandlerMapping.class)
public final class SondeWebFluxAutoConfiguration {
  /** Made by Spring. */
  public SondeWebFluxAutoConfiguration() {}

  @Bean
  static FluxRoutes sondeFluxRoutes(Environment environment) {
    return new FluxRoutes(environment.getProperty("spring.webflux.base-path", ""));
  }
}
