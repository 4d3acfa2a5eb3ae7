// SPDX-License-Identifier: Apache-2.0
package dev.sonde.capture.servlet;

import dev.sonde.Sonde;
import dev.sonde.SondeConfig;
import dev.sonde.capture.Capability;
import dev.sonde.capture.Exchange;
import dev.sonde.capture.ListenerScope;
import dev.sonde.trace.TraceContext;
import jakarta.servlet.DispatcherType;
import jakarta.servlet.Filter;
import jakarta.servlet.FilterChain;
import jakarta.servlet.FilterConfig;
import jakarta.servlet.FilterRegistration;
import jakarta.servlet.ServletContext;
import jakarta.servlet.ServletException;
import jakarta.servlet.ServletRequest;
import jakarta.servlet.ServletResponse;
import jakarta.servlet.http.HttpServletRequest;
import jakarta.servlet.http.HttpServletResponse;
import java.io.IOException;
import java.time.Duration;
import java.util.EnumSet;
import java.util.Set;
import java.util.function.BiFunction;
import org.jspecify.annotations.Nullable;

/**
 * Watches the requests of one web application, in any container of Jakarta Servlet 5 or later.
 *
 * <p>By code, from a {@code ServletContainerInitializer} or a {@code ServletContextListener}:
 *
 * <pre>{@code
 * SondeFilter.install(servletContext, sonde);
 * }</pre>
 *
 * <p>By {@code web.xml}, as the first filter, for the dispatchers {@code REQUEST} and {@code ASYNC}
 * and with {@code async-supported}: then the Sonde is the one that the application has put into the
 * attribute {@link #SONDE_ATTRIBUTE} of its context, or else one that is started with {@link
 * SondeConfig#load()} and closed with the filter.
 *
 * <p>A filter is told of requests and of nothing else. A connection is known from its first request
 * on, and counts as closed when the response says so, when a read or write fails, or when it has
 * been quiet for a minute. The pages by which a container answers errors come after the filter, so
 * their bytes are not seen. Where an adapter of Sonde watches the server itself, or this filter is
 * met twice, a request is counted once.
 */
public final class SondeFilter implements Filter {
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

  /** Name of the context's attribute that holds the {@link Sonde} of a filter made by name. */
  public static final String SONDE_ATTRIBUTE = "dev.sonde.Sonde";

  private static final String NAME = "sonde";

  /** From here on a container names the connection of a request. */
  private static final int NAMES_CONNECTIONS = 6;

  /** Longer than most containers leave a connection open on which nothing happens. */
  private static final Duration UNSEEN_AFTER = Duration.ofMinutes(1);

  private final Duration unseenAfter;
  private @Nullable BiFunction<String, Set<Capability>, ListenerScope> listeners;
  private @Nullable Sonde own;
  private String container = "";
  private boolean namesConnections;
  private volatile @Nullable ContainerWatch watch;

  /** Made by a container, by name. */
  public SondeFilter() {
    unseenAfter = UNSEEN_AFTER;
  }

  /** Watches for this Sonde. */
  public SondeFilter(Sonde sonde) {
    this(sonde::listener, UNSEEN_AFTER);
  }

  /**
   * @param unseenAfter how long a connection is quiet before it counts as closed
   */
  SondeFilter(BiFunction<String, Set<Capability>, ListenerScope> listeners, Duration unseenAfter) {
    this.listeners = listeners;
    this.unseenAfter = unseenAfter;
  }

  /**
   * Puts a filter before all others of a web application that is being set up; none for a Sonde
   * that is switched off, as a container allocates for each request that passes a filter.
   *
   * @throws IllegalStateException if the application is set up already, or has a filter of the name
   *     {@code sonde}
   */
  public static void install(ServletContext context, Sonde sonde) {
    install(context, new SondeFilter(sonde), sonde.isEnabled());
  }

  static void install(ServletContext context, SondeFilter filter, boolean isEnabled) {
    if (!isEnabled) {
      return;
    }
    FilterRegistration.@Nullable Dynamic added = context.addFilter(NAME, filter);
    if (added == null) {
      throw new IllegalStateException("the application has a filter named " + NAME);
    }
    added.setAsyncSupported(true);
    added.addMappingForUrlPatterns(
        EnumSet.of(DispatcherType.REQUEST, DispatcherType.ASYNC), /* isMatchAfter= */ false, "/*");
  }

  @Override
  public void init(FilterConfig config) {
    ServletContext context = config.getServletContext();
    init(context.getServerInfo(), context.getMajorVersion());
    if (listeners != null) {
      return;
    }
    if (context.getAttribute(SONDE_ATTRIBUTE) instanceof Sonde given) {
      listeners = given::listener;
    } else {
      Sonde started = Sonde.start(SondeConfig.load());
      own = started;
      listeners = started::listener;
    }
  }

  /**
   * @param servletVersion major version of Jakarta Servlet that the container implements
   */
  void init(String containerInfo, int servletVersion) {
    container = containerInfo;
    namesConnections = servletVersion >= NAMES_CONNECTIONS;
  }

  @Override
  public void doFilter(ServletRequest request, ServletResponse response, FilterChain chain)
      throws IOException, ServletException {
    Object mark = request.getAttribute(ObservedRequest.MARK);
    DispatcherType dispatcher = request.getDispatcherType();
    if (dispatcher == DispatcherType.ASYNC && mark instanceof ObservedRequest begun) {
      goOn(begun, request, response, chain);
      return;
    }
    ObservedRequest begun =
        mark == null && dispatcher == DispatcherType.REQUEST ? begin(request, response) : null;
    if (begun == null) {
      chain.doFilter(request, response);
      return;
    }
    Throwable thrown = null;
    try (TraceContext.Scope ignored = begun.exchange().enter()) {
      chain.doFilter(begun, begun.response());
    } catch (Throwable t) {
      thrown = t;
      throw t;
    } finally {
      begun.returned(thrown);
    }
  }

  @Override
  public synchronized void destroy() {
    ContainerWatch known = watch;
    if (known != null) {
      known.stopped();
    }
    Sonde started = own;
    if (started != null) {
      started.close();
    }
  }

  private static void goOn(
      ObservedRequest begun, ServletRequest request, ServletResponse response, FilterChain chain)
      throws IOException, ServletException {
    try (TraceContext.Scope ignored = begun.exchange().enter()) {
      chain.doFilter(request, response);
    } catch (Throwable t) {
      begun.failed(t);
      throw t;
    }
  }

  private @Nullable ObservedRequest begin(ServletRequest request, ServletResponse response) {
    if (TraceContext.currentWork() instanceof Exchange
        || !(request instanceof HttpServletRequest head)
        || !(response instanceof HttpServletResponse answer)) {
      return null;
    }
    ContainerWatch known = watch;
    if (known == null) {
      known = firstWatch();
    }
    return known.begin(head, answer);
  }

  /** Asked for when a request comes: where an adapter watches the server, none ever does. */
  private synchronized ContainerWatch firstWatch() {
    ContainerWatch known = watch;
    if (known == null) {
      BiFunction<String, Set<Capability>, ListenerScope> observers = listeners;
      if (observers == null) {
        throw new IllegalStateException("the filter was not initialised");
      }
      known =
          new ContainerWatch(
              observers.apply("Servlet filter, " + container, capabilities()),
              namesConnections,
              unseenAfter);
      watch = known;
    }
    return known;
  }

  private Set<Capability> capabilities() {
    // Before Jakarta Servlet 6 nothing tells one stream from another.
    return namesConnections
        ? EnumSet.of(Capability.ROUTE, Capability.H2)
        : EnumSet.of(Capability.ROUTE);
  }
}
