// SPDX-License-Identifier: Apache-2.0
package dev.sonde.spring;

import dev.sonde.Sonde;
import io.micrometer.observation.ObservationHandler;
import org.springframework.boot.autoconfigure.AutoConfiguration;
import org.springframework.boot.autoconfigure.condition.ConditionalOnClass;
import org.springframework.context.annotation.Bean;

/** Shows what the application observes by Micrometer. */
@AutoConfiguration(after = SondeAutoConfiguration.class)
@ConditionalOnClass(ObservationHandler.class)
public final class SondeObservationAutoConfiguration {
  /** Made by Spring. */
  public SondeObservationAutoConfiguration() {}

  @Bean
  static ObservedCalls sondeObservedCalls(Sonde sonde) {
    return new ObservedCalls(sonde);
  }
}
