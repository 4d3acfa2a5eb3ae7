// SPDX-License-Identifier: Apache-2.0
package dev.sonde.capture.jetty;

import dev.sonde.Sonde;
import dev.sonde.capture.Capability;
import dev.sonde.capture.ListenerScope;
import java.util.Collection;
import java.util.EnumSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.function.BiFunction;
import org.eclipse.jetty.io.EndPoint;
import org.eclipse.jetty.server.ConnectionFactory;
import org.eclipse.jetty.server.Connector;
import org.eclipse.jetty.server.HttpConnectionFactory;
import org.eclipse.jetty.server.Request;
import org.eclipse.jetty.server.RequestLog;
import org.eclipse.jetty.server.Server;
import org.eclipse.jetty.server.ServerConnector;
import org.eclipse.jetty.util.component.Container;
import org.eclipse.jetty.util.component.LifeCycle;
import org.jspecify.annotations.Nullable;

/**
 * Watches a Jetty server, 12.0 or 12.1; a bean of it.
 *
 * <pre>{@code
 * Server server = new Server();
 * server.addConnector(SondeJetty.connector(server, sonde));
 * }</pre>
 *
 * <p>Where the connectors are made by others, {@code server.addBean(SondeJetty.on(sonde))} watches
 * them as they are. It then sees neither bytes on the wire nor who closed a connection, and infers
 * a time-out from how long the connection had been quiet.
 */
public final class SondeJetty implements LifeCycle.Listener, Container.Listener {
  /**
   * Name of the request attribute by which an application says its route template, such as {@code
   * /users/{id}}; it goes before what is found out otherwise.
   */
  public static final String ROUTE_ATTRIBUTE = "dev.sonde.route";

  /**
   * Name of the request attribute by which an application says what failed, a {@link Throwable}; it
   * goes before what the container says, and counts if the response is a 5xx.
   */
  public static final String ERROR_ATTRIBUTE = "dev.sonde.error";

  /** Where Spring MVC leaves the pattern of the handler that it chose. */
  static final String SPRING_ROUTE =
      "org.springframework.web.servlet.HandlerMapping.bestMatchingPattern";

  private static final Set<Capability> EVERYWHERE =
      EnumSet.of(
          Capability.ACCEPT,
          Capability.BYTELESS,
          Capability.MALFORMED,
          Capability.H2,
          Capability.ROUTE);

  private final BiFunction<String, Set<Capability>, ListenerScope> listeners;
  private final List<ConnectorWatch> watches = new CopyOnWriteArrayList<>();

  /** Connections whose endpoint is Jetty's own and cannot carry them. */
  private final Map<EndPoint, ObservedConnection> foreign = new ConcurrentHashMap<>();

  private volatile @Nullable AnswerLog answers;

  private SondeJetty(BiFunction<String, Set<Capability>, ListenerScope> listeners) {
    this.listeners = listeners;
  }

  /** A bean that watches the server it is added to, which must not have been started. */
  public static SondeJetty on(Sonde sonde) {
    return on(sonde::listener);
  }

  /**
   * A connector all of whose connections can be seen in full, to be added to its server.
   *
   * <p>It is otherwise a {@link ServerConnector}, to be configured like one. Adds {@link
   * #on(Sonde)} to the server unless it is there.
   *
   * @param factories what it speaks, as for a {@code ServerConnector}; HTTP/1.1 if none is given
   */
  public static ServerConnector connector(
      Server server, Sonde sonde, ConnectionFactory... factories) {
    return connector(server, sonde::listener, factories);
  }

  static SondeJetty on(BiFunction<String, Set<Capability>, ListenerScope> listeners) {
    return new SondeJetty(listeners);
  }

  static ServerConnector connector(
      Server server,
      BiFunction<String, Set<Capability>, ListenerScope> listeners,
      ConnectionFactory... factories) {
    if (server.getBean(SondeJetty.class) == null) {
      server.addBean(on(listeners));
    }
    return new ObservedConnector(
        server,
        factories.length == 0 ? new ConnectionFactory[] {new HttpConnectionFactory()} : factories);
  }

  /** The connectors that are watched. */
  Collection<ConnectorWatch> watches() {
    return watches;
  }

  Map<EndPoint, ObservedConnection> foreign() {
    return foreign;
  }

  /** The request log that was installed last. */
  @Nullable AnswerLog answers() {
    return answers;
  }

  /** The connection of a request, or null if it is not watched. */
  @Nullable ObservedConnection find(Request request) {
    try {
      return find(request.getConnectionMetaData().getConnection().getEndPoint());
    } catch (Throwable t) {
      fault(t);
      return null;
    }
  }

  /** Counts a fault of this adapter, of no connection in particular. */
  private void fault(Throwable thrown) {
    for (ConnectorWatch watch : watches) {
      watch.scope().fault(thrown);
      return;
    }
  }

  @Nullable ObservedConnection find(EndPoint endPoint) {
    // Asked for before it is unwrapped: that a class does not have an interface takes long to tell.
    if (endPoint instanceof ObservedEndPoint observed) {
      return observed.observed();
    }
    EndPoint socket = socketOf(endPoint);
    return socket instanceof ObservedEndPoint observed ? observed.observed() : foreign.get(socket);
  }

  /** The endpoint of the socket itself, below TLS and whatever else lies on it. */
  static EndPoint socketOf(EndPoint endPoint) {
    EndPoint socket = endPoint;
    while (socket instanceof EndPoint.Wrapper wrapper) {
      socket = wrapper.unwrap();
    }
    return socket;
  }

  @Override
  public void beanAdded(Container parent, Object child) {
    if (child == this && parent instanceof Server server && server.isRunning()) {
      throw new IllegalStateException(
          "SondeJetty must be added before the server starts, state was " + server.getState());
    }
    if (child instanceof Connector connector
        && connector.getServer().isRunning()
        && connector.getServer().getBean(SondeJetty.class) == this) {
      watch(connector);
    }
  }

  @Override
  public void beanRemoved(Container parent, Object child) {}

  @Override
  public void lifeCycleStarting(LifeCycle starting) {
    // Beans of a server hear of its start before anything of it starts.
    if (starting instanceof Server server && server.getBean(SondeJetty.class) == this) {
      install(server);
    }
  }

  @Override
  public void lifeCycleStopping(LifeCycle stopping) {
    if (stopping instanceof Server) {
      for (ConnectorWatch watch : watches) {
        watch.scope().stopping();
      }
    }
  }

  private void install(Server server) {
    for (Connector connector : server.getConnectors()) {
      watch(connector);
    }
    // Connectors may be added later to a server that starts without any.
    boolean isWanted =
        watches.isEmpty() || watches.stream().anyMatch(watch -> watch.scope().isEnabled());
    if (isWanted) {
      // A restart finds all of this in place, unless the application has replaced it meanwhile.
      if (server.getBean(ContextFinder.class) == null) {
        server.addBean(new ContextFinder(this));
      }
      if (server.getDescendant(ObservingHandler.class) == null) {
        server.insertHandler(new ObservingHandler(this));
      }
      RequestLog log = server.getRequestLog();
      if (log == null || log != answers) {
        AnswerLog installed = new AnswerLog(this, log);
        server.setRequestLog(installed);
        answers = installed;
      }
    }
  }

  private void watchHttp2(Connector connector) {
    try {
      Http2Watch.install(this, connector);
    } catch (NoClassDefFoundError e) {
      // HTTP/2 is an optional part of Jetty: without it there is nothing to watch.
      return;
    }
  }

  private void watch(Connector connector) {
    if (connector.getBean(ConnectorWatch.class) != null) {
      return;
    }
    EnumSet<Capability> capabilities = EnumSet.copyOf(EVERYWHERE);
    boolean isObserved = connector instanceof ObservedConnector;
    if (isObserved) {
      capabilities.add(Capability.WIRE_BYTES);
      capabilities.add(Capability.IDLE_EXACT);
      capabilities.add(Capability.WEBSOCKET);
      capabilities.add(Capability.BLOCKED_WRITES);
    }
    ListenerScope scope = listeners.apply("Jetty " + Server.getVersion(), capabilities);
    ConnectorWatch watch = new ConnectorWatch(this, connector, scope);
    watches.add(watch);
    connector.addBean(watch);
    if (scope.isEnabled()) {
      watchHttp2(connector);
    }
    if (connector instanceof ObservedConnector observed) {
      observed.watch(watch);
    }
  }
}
