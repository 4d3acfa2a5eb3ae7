// SPDX-License-Identifier: Apache-2.0
package dev.sonde.spring;

import java.lang.annotation.Documented;
import java.lang.annotation.ElementType;
import java.lang.annotation.Retention;
import java.lang.annotation.RetentionPolicy;
import java.lang.annotation.Target;

/**
 * Every call of this method of a bean is shown as a function, within the request that made it.
 *
 * <p>A method that returns a {@link java.util.concurrent.CompletionStage}, or a {@code Mono} or
 * {@code Flux} of Reactor, lasts until what it returns has ended. Like every annotation that Spring
 * follows by a proxy it counts for calls from outside of the bean, and for methods that can be
 * overridden. On a class it counts for all its public methods.
 */
@Documented
@Target({ElementType.METHOD, ElementType.TYPE})
@Retention(RetentionPolicy.RUNTIME)
public @interface Profiled {
  /** Name to show. Default: the simple name of the class, a dot, and that of the method. */
  String value() default "";
}
