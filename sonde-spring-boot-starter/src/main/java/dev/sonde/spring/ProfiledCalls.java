// SPDX-License-Identifier: Apache-2.0
package dev.sonde.spring;

import dev.sonde.Sonde;
import java.lang.reflect.Method;
import java.util.Map;
import java.util.concurrent.CompletionException;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.ConcurrentHashMap;
import org.aopalliance.intercept.MethodInterceptor;
import org.aopalliance.intercept.MethodInvocation;
import org.jspecify.annotations.Nullable;
import org.springframework.beans.factory.ObjectProvider;
import org.springframework.core.annotation.AnnotatedElementUtils;
import org.springframework.util.ClassUtils;

/** Measures a call of a method that is {@link Profiled}. */
final class ProfiledCalls implements MethodInterceptor {
  private static final boolean HAS_REACTOR =
      ClassUtils.isPresent("reactor.core.publisher.Mono", ProfiledCalls.class.getClassLoader());

  private final ObjectProvider<Sonde> sonde;
  private final Map<Method, String> names = new ConcurrentHashMap<>();

  ProfiledCalls(ObjectProvider<Sonde> sonde) {
    this.sonde = sonde;
  }

  @Override
  public @Nullable Object invoke(MethodInvocation call) throws Throwable {
    Sonde observer = sonde.getObject();
    if (!observer.isEnabled()) {
      return call.proceed();
    }
    Method method = call.getMethod();
    String name = names.computeIfAbsent(method, m -> nameOf(m, call.getThis()));
    Class<?> result = method.getReturnType();
    try {
      if (CompletionStage.class.isAssignableFrom(result)) {
        return observer.profileAsync(name, () -> stage(call));
      }
      if (HAS_REACTOR && ProfiledPublishers.isOne(result)) {
        return ProfiledPublishers.observe(observer, name, call.proceed());
      }
      return observer.<@Nullable Object, Exception>profile(name, () -> proceed(call));
    } catch (Thrown thrown) {
      throw thrown.getCause();
    }
  }

  private static String nameOf(Method method, @Nullable Object target) {
    Class<?> type =
        target == null ? method.getDeclaringClass() : ClassUtils.getUserClass(target.getClass());
    Method specific = ClassUtils.getMostSpecificMethod(method, type);
    Profiled profiled = AnnotatedElementUtils.findMergedAnnotation(specific, Profiled.class);
    boolean isNamed = profiled != null && !profiled.value().isEmpty();
    return isNamed ? profiled.value() : type.getSimpleName() + "." + method.getName();
  }

  private static @Nullable Object proceed(MethodInvocation call) throws Exception {
    try {
      return call.proceed();
    } catch (Exception | Error e) {
      throw e;
    } catch (Throwable e) {
      throw new Thrown(e);
    }
  }

  @SuppressWarnings("unchecked") // the method's return type says so
  private static CompletionStage<Object> stage(MethodInvocation call) {
    try {
      return (CompletionStage<Object>) call.proceed();
    } catch (RuntimeException | Error e) {
      throw e;
    } catch (Throwable e) {
      throw new Thrown(e);
    }
  }

  /** Carries what the caller of the method expects and {@link Sonde} does not declare. */
  private static final class Thrown extends CompletionException {
    private static final long serialVersionUID = 1;

    Thrown(Throwable cause) {
      super(cause);
    }

    @Override
    public synchronized Throwable getCause() {
      return java.util.Objects.requireNonNull(super.getCause());
    }
  }
}
