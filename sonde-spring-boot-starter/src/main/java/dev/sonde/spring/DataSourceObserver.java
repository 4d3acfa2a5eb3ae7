// SPDX-License-Identifier: Apache-2.0
package dev.sonde.spring;

import dev.sonde.Sonde;
import dev.sonde.capture.jdbc.SondeJdbc;
import java.lang.reflect.Modifier;
import javax.sql.DataSource;
import org.aopalliance.intercept.MethodInterceptor;
import org.aopalliance.intercept.MethodInvocation;
import org.jspecify.annotations.Nullable;
import org.springframework.aop.framework.ProxyFactory;
import org.springframework.beans.factory.ObjectProvider;
import org.springframework.beans.factory.config.BeanPostProcessor;

/**
 * Observes every data source that is a bean.
 *
 * <p>A bean keeps its class, because others may ask for it by that class: what it is replaced by is
 * a proxy that opens observed connections and passes all else on.
 */
final class DataSourceObserver implements BeanPostProcessor {
  private final ObjectProvider<Sonde> sonde;

  DataSourceObserver(ObjectProvider<Sonde> sonde) {
    this.sonde = sonde;
  }

  @Override
  public Object postProcessAfterInitialization(Object bean, String name) {
    if (!(bean instanceof DataSource dataSource)) {
      return bean;
    }
    DataSource observed = SondeJdbc.observe(dataSource, sonde.getObject());
    return observed == dataSource ? bean : proxy(dataSource, observed);
  }

  private static Object proxy(DataSource dataSource, DataSource observed) {
    // Begins with all interfaces of the bean, which is what a proxy of an interface has.
    ProxyFactory factory = new ProxyFactory(dataSource);
    int modifiers = dataSource.getClass().getModifiers();
    factory.setProxyTargetClass(Modifier.isPublic(modifiers) && !Modifier.isFinal(modifiers));
    factory.addAdvice(new Redirection(observed));
    return factory.getProxy(dataSource.getClass().getClassLoader());
  }

  /** Sends to the observed data source what leads to a connection or to itself. */
  private static final class Redirection implements MethodInterceptor {
    private final DataSource observed;

    Redirection(DataSource observed) {
      this.observed = observed;
    }

    @Override
    public @Nullable Object invoke(MethodInvocation call) throws Throwable {
      @Nullable Object[] arguments = call.getArguments();
      return switch (call.getMethod().getName()) {
        case "getConnection" -> connection(call, arguments);
        case "unwrap" ->
            arguments.length == 1 && arguments[0] instanceof Class<?> type
                ? observed.unwrap(type)
                : call.proceed();
        case "isWrapperFor" ->
            arguments.length == 1 && arguments[0] instanceof Class<?> type
                ? (Object) observed.isWrapperFor(type)
                : call.proceed();
        default -> call.proceed();
      };
    }

    private @Nullable Object connection(MethodInvocation call, @Nullable Object[] arguments)
        throws Throwable {
      Class<?>[] types = call.getMethod().getParameterTypes();
      if (types.length == 0) {
        return observed.getConnection();
      }
      boolean isByName = types.length == 2 && types[0] == String.class && types[1] == String.class;
      return isByName
          ? observed.getConnection((String) arguments[0], (String) arguments[1])
          : call.proceed();
    }
  }
}
