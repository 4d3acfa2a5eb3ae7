// SPDX-License-Identifier: Apache-2.0
package dev.sonde.spring;

import dev.sonde.Sonde;
import java.lang.reflect.Method;
import java.util.Map;
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
    if (CompletionStage.class.isAssignableFrom(result)) {
      return observer.profileAsync(name, () -> stage(call));
    }
    if (HAS_REACTOR && ProfiledPublishers.isOne(result)) {
      return ProfiledPublishers.observe(observer, name, call.proceed());
    }
    Sonde.Work<Object, RuntimeException> work = () -> proceed(call);
    return observer.profile(name, work);
  }

  private static String nameOf(Method method, @Nullable Object target) {
    Class<?> type =
        target == null ? method.getDeclaringClass() : ClassUtils.getUserClass(target.getClass());
    Method specific = ClassUtils.getMostSpecificMethod(method, type);
    Profiled profiled = AnnotatedElementUtils.findMergedAnnotation(specific, Profiled.class);
    String name = profiled == null ? "" : profiled.value();
    return name.isEmpty() ? type.getSimpleName() + "." + method.getName() : name;
  }

  @SuppressWarnings("unchecked") // the method's return type says so
  private static CompletionStage<Object> stage(MethodInvocation call) {
    return (CompletionStage<Object>) proceed(call);
  }

  @SuppressWarnings("NullAway") // a null passes through as it came
  private static Object proceed(MethodInvocation call) {
    try {
      return call.proceed();
    } catch (Throwable thrown) {
      throw ProfiledCalls.<RuntimeException>asIs(thrown);
    }
  }

  /** Lets through what only the caller of the method knows to declare. */
  @SuppressWarnings("unchecked") // erased, so that nothing is cast
  private static <X extends Throwable> RuntimeException asIs(Throwable thrown) throws X {
    throw (X) thrown;
  }
}
