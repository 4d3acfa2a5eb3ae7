// SPDX-License-Identifier: Apache-2.0
package dev.sonde.capture.jetty;

import org.eclipse.jetty.server.handler.ContextHandler;
import org.eclipse.jetty.util.component.Container;

/** Adds a {@link ContextWatch} to every context of a server, now and later. */
final class ContextFinder implements Container.InheritedListener {
  private final ContextWatch watch;

  ContextFinder(SondeJetty jetty) {
    watch = new ContextWatch(jetty);
  }

  @Override
  public void beanAdded(Container parent, Object child) {
    if (child instanceof ContextHandler context && !context.getEventListeners().contains(watch)) {
      context.addEventListener(watch);
    }
  }

  @Override
  public void beanRemoved(Container parent, Object child) {}
}
