// SPDX-License-Identifier: Apache-2.0
package dev.sonde.spring;

import dev.sonde.Sonde;
import dev.sonde.SondeConfig;
import dev.sonde.dashboard.Dashboard;
import java.io.UncheckedIOException;
import javax.sql.DataSource;
import org.jspecify.annotations.Nullable;
import org.springframework.beans.factory.ObjectProvider;
import org.springframework.boot.autoconfigure.AutoConfiguration;
import org.springframework.boot.autoconfigure.condition.ConditionalOnClass;
import org.springframework.boot.autoconfigure.condition.ConditionalOnMissingBean;
import org.springframework.context.ApplicationContext;
import org.springframework.context.annotation.Bean;
import org.springframework.context.annotation.Configuration;
import org.springframework.context.annotation.Lazy;
import org.springframework.core.env.ConfigurableEnvironment;

/** Observes a Spring Boot application and shows what it sees, with nothing to be configured. */
@AutoConfiguration
public final class SondeAutoConfiguration {
  /** Made by Spring. */
  public SondeAutoConfiguration() {}

  @Bean
  @ConditionalOnMissingBean
  static Sonde sonde(ConfigurableEnvironment environment) {
    SondeConfig config = SpringSettings.read(environment);
    try {
      return Sonde.start(config);
    } catch (IllegalArgumentException e) {
      throw new InvalidSettingException(e);
    }
  }

  /** There is none where nothing is observed. */
  @Bean
  @Lazy(false)
  @ConditionalOnMissingBean
  static @Nullable Dashboard sondeDashboard(Sonde sonde) {
    if (!sonde.isEnabled()) {
      return null;
    }
    try {
      return Dashboard.start(sonde);
    } catch (UncheckedIOException e) {
      throw new InvalidSettingException(e);
    }
  }

  @Bean
  @Lazy(false)
  static ExitOrder sondeExitOrder(Sonde sonde) {
    return new ExitOrder(sonde);
  }

  @Bean
  static Announcement sondeAnnouncement(
      ApplicationContext context, Sonde sonde, ObjectProvider<Dashboard> dashboard) {
    return new Announcement(context, sonde, dashboard);
  }

  @Bean
  static ProfiledMethods sondeProfiledMethods(ObjectProvider<Sonde> sonde) {
    return new ProfiledMethods(sonde);
  }

  /** Databases, where the application has any. */
  @Configuration(proxyBeanMethods = false)
  @ConditionalOnClass({DataSource.class})
  static final class Databases {
    Databases() {}

    @Bean
    static DataSourceObserver sondeDataSourceObserver(ObjectProvider<Sonde> sonde) {
      return new DataSourceObserver(sonde);
    }
  }
}
