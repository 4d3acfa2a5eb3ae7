// SPDX-License-Identifier: Apache-2.0
package dev.sonde.spring;

import dev.sonde.Sonde;
import org.springframework.boot.autoconfigure.AutoConfiguration;
import org.springframework.boot.autoconfigure.condition.ConditionalOnClass;
import org.springframework.boot.autoconfigure.condition.ConditionalOnWebApplication;
import org.springframework.context.annotation.Bean;
import org.springframework.core.Ordered;
import org.springframework.web.servlet.config.annotation.AsyncSupportConfigurer;
import org.springframework.web.servlet.config.annotation.InterceptorRegistry;
import org.springframework.web.servlet.config.annotation.WebMvcConfigurer;

/** Routes of Spring MVC, of controllers and of functional endpoints. */
@AutoConfiguration(after = SondeAutoConfiguration.class)
@ConditionalOnWebApplication(type = ConditionalOnWebApplication.Type.SERVLET)
@ConditionalOnClass(WebMvcConfigurer.class)
public final class SondeWebMvcAutoConfiguration {
  /** Made by Spring. */
  public SondeWebMvcAutoConfiguration() {}

  @Bean
  static WebMvcConfigurer sondeMvcRoutes() {
    return new WebMvcConfigurer() {
      @Override
      public void addInterceptors(InterceptorRegistry registry) {
        registry.addInterceptor(new MvcRoutes()).order(Ordered.HIGHEST_PRECEDENCE);
      }

      @Override
      public void configureAsyncSupport(AsyncSupportConfigurer configurer) {
        configurer.registerCallableInterceptors(new MvcCalls());
      }
    };
  }

  @Bean
  static MvcFailures sondeMvcFailures() {
    return new MvcFailures();
  }

  @Bean
  static ServletRequests sondeServletRequests(Sonde sonde) {
    return new ServletRequests(sonde);
  }
}
