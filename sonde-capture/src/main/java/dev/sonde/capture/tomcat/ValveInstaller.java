// SPDX-License-Identifier: Apache-2.0
package dev.sonde.capture.tomcat;

import org.apache.catalina.Engine;
import org.apache.catalina.Lifecycle;
import org.apache.catalina.LifecycleEvent;
import org.apache.catalina.LifecycleListener;
import org.apache.catalina.Pipeline;
import org.apache.catalina.Valve;
import org.apache.catalina.connector.Connector;

/** Puts the valve into the engine of a connector that starts, unless another one has done so. */
final class ValveInstaller implements LifecycleListener {
  private final ObservedProtocol protocol;

  ValveInstaller(ObservedProtocol protocol) {
    this.protocol = protocol;
  }

  @Override
  public void lifecycleEvent(LifecycleEvent event) {
    if (Lifecycle.BEFORE_START_EVENT.equals(event.getType())
        && protocol.isObserving()
        && event.getLifecycle() instanceof Connector connector) {
      Engine engine = connector.getService().getContainer();
      if (engine != null) {
        install(engine.getPipeline());
      }
    }
  }

  private static void install(Pipeline pipeline) {
    synchronized (pipeline) {
      for (Valve valve : pipeline.getValves()) {
        if (valve instanceof ObservingValve) {
          return;
        }
      }
      pipeline.addValve(new ObservingValve());
    }
  }
}
