// SPDX-License-Identifier: Apache-2.0
package dev.sonde.spring;

import dev.sonde.Sonde;
import org.springframework.aop.Pointcut;
import org.springframework.aop.framework.autoproxy.AbstractBeanFactoryAwareAdvisingPostProcessor;
import org.springframework.aop.support.ComposablePointcut;
import org.springframework.aop.support.DefaultPointcutAdvisor;
import org.springframework.aop.support.annotation.AnnotationMatchingPointcut;
import org.springframework.beans.factory.ObjectProvider;

/** Gives a proxy to every bean with a method that is {@link Profiled}. */
final class ProfiledMethods extends AbstractBeanFactoryAwareAdvisingPostProcessor {
  private static final long serialVersionUID = 1;

  ProfiledMethods(ObjectProvider<Sonde> sonde) {
    Pointcut onClass = new AnnotationMatchingPointcut(Profiled.class, true);
    Pointcut onMethod = new AnnotationMatchingPointcut(null, Profiled.class, true);
    advisor =
        new DefaultPointcutAdvisor(
            new ComposablePointcut(onClass).union(onMethod), new ProfiledCalls(sonde));
    // Outside of what is there already, so that all of it is measured.
    setBeforeExistingAdvisors(true);
  }
}
