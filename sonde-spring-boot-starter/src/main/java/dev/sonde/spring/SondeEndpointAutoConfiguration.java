// SPDX-License-Identifier: Apache-2.0
package dev.sonde.spring;

import dev.sonde.Sonde;
import org.springframework.boot.actuate.autoconfigure.endpoint.condition.ConditionalOnAvailableEndpoint;
import org.springframework.boot.actuate.endpoint.annotation.Endpoint;
import org.springframework.boot.autoconfigure.AutoConfiguration;
import org.springframework.boot.autoconfigure.condition.ConditionalOnClass;
import org.springframework.context.annotation.Bean;

/** The Actuator endpoint {@code sonde}, where Actuator is present and lets it be seen. */
@AutoConfiguration(after = SondeAutoConfiguration.class)
@ConditionalOnClass({Endpoint.class, ConditionalOnAvailableEndpoint.class})
public final class SondeEndpointAutoConfiguration {
  /** Made by Spring. */
  public SondeEndpointAutoConfiguration() {}

  @Bean
  @ConditionalOnAvailableEndpoint(endpoint = SondeEndpoint.class)
  static SondeEndpoint sondeEndpoint(Sonde sonde) {
    return new SondeEndpoint(sonde);
  }
}
