// SPDX-License-Identifier: Apache-2.0
package dev.sonde.spring;

import dev.sonde.Sonde;
import org.springframework.boot.autoconfigure.AutoConfiguration;
import org.springframework.boot.autoconfigure.condition.ConditionalOnClass;
import org.springframework.boot.autoconfigure.condition.ConditionalOnWebApplication;
import org.springframework.context.annotation.Bean;
import org.springframework.context.annotation.Configuration;

/** Hooks the web server that Boot embeds, which has other class names in 3.5 than in 4. */
@AutoConfiguration(after = SondeAutoConfiguration.class)
@ConditionalOnWebApplication
public final class SondeWebServerAutoConfiguration {
  /** Made by Spring. */
  public SondeWebServerAutoConfiguration() {}

  /** Jetty under Boot 3.5. */
  @Configuration(proxyBeanMethods = false)
  @ConditionalOnClass(
      name = {
        "org.eclipse.jetty.server.Server",
        "org.springframework.boot.web.embedded.jetty.ConfigurableJettyWebServerFactory"
      })
  static final class Jetty3 {
    Jetty3() {}

    @Bean
    static dev.sonde.spring.boot3.JettyCustomizer sondeJetty(Sonde sonde) {
      return new dev.sonde.spring.boot3.JettyCustomizer(sonde);
    }
  }

  /** Jetty under Boot 4. */
  @Configuration(proxyBeanMethods = false)
  @ConditionalOnClass(
      name = {
        "org.eclipse.jetty.server.Server",
        "org.springframework.boot.jetty.ConfigurableJettyWebServerFactory"
      })
  static final class Jetty4 {
    Jetty4() {}

    @Bean
    static dev.sonde.spring.boot4.JettyCustomizer sondeJetty(Sonde sonde) {
      return new dev.sonde.spring.boot4.JettyCustomizer(sonde);
    }
  }

  /** Reactor Netty under Boot 3.5. */
  @Configuration(proxyBeanMethods = false)
  @ConditionalOnClass(
      name = {
        "reactor.netty.http.server.HttpServer",
        "org.springframework.boot.web.embedded.netty.NettyReactiveWebServerFactory"
      })
  static final class Netty3 {
    Netty3() {}

    @Bean
    static dev.sonde.spring.boot3.NettyCustomizer sondeNetty(Sonde sonde) {
      return new dev.sonde.spring.boot3.NettyCustomizer(sonde);
    }
  }

  /** Reactor Netty under Boot 4. */
  @Configuration(proxyBeanMethods = false)
  @ConditionalOnClass(
      name = {
        "reactor.netty.http.server.HttpServer",
        "org.springframework.boot.reactor.netty.NettyReactiveWebServerFactory"
      })
  static final class Netty4 {
    Netty4() {}

    @Bean
    static dev.sonde.spring.boot4.NettyCustomizer sondeNetty(Sonde sonde) {
      return new dev.sonde.spring.boot4.NettyCustomizer(sonde);
    }
  }

  /** Tomcat under Boot 3.5. */
  @Configuration(proxyBeanMethods = false)
  @ConditionalOnClass(
      name = {
        "org.apache.coyote.http11.Http11NioProtocol",
        "org.springframework.boot.web.embedded.tomcat.ConfigurableTomcatWebServerFactory"
      })
  static final class Tomcat3 {
    Tomcat3() {}

    @Bean
    static dev.sonde.spring.boot3.TomcatCustomizer sondeTomcat(Sonde sonde) {
      return new dev.sonde.spring.boot3.TomcatCustomizer(sonde);
    }
  }

  /** Tomcat under Boot 4. */
  @Configuration(proxyBeanMethods = false)
  @ConditionalOnClass(
      name = {
        "org.apache.coyote.http11.Http11NioProtocol",
        "org.springframework.boot.tomcat.TomcatWebServerFactory"
      })
  static final class Tomcat4 {
    Tomcat4() {}

    @Bean
    static dev.sonde.spring.boot4.TomcatCustomizer sondeTomcat(Sonde sonde) {
      return new dev.sonde.spring.boot4.TomcatCustomizer(sonde);
    }
  }
}
