// SPDX-License-Identifier: Apache-2.0
package dev.sonde.capture.jetty;

import org.eclipse.jetty.ee10.servlet.ServletContextRequest;
import org.eclipse.jetty.http.pathmap.PathSpec;
import org.eclipse.jetty.server.Request;
import org.jspecify.annotations.Nullable;

/** Route templates of servlets, where Jetty's servlets for Jakarta EE 10 are present. */
final class ServletRoutes {
  private static final boolean IS_PRESENT = isPresent();

  private ServletRoutes() {}

  static void tell(Request request, ObservedStream stream) {
    if (IS_PRESENT) {
      Ee10.tell(request, stream);
    }
  }

  private static boolean isPresent() {
    try {
      return Ee10.isLoaded();
    } catch (LinkageError e) {
      return false;
    }
  }

  /** Apart, so that nothing of it is linked where those servlets are missing. */
  private static final class Ee10 {
    private Ee10() {}

    static boolean isLoaded() {
      return !ServletContextRequest.class.getName().isEmpty();
    }

    static void tell(Request request, ObservedStream stream) {
      ServletContextRequest servlet = Request.as(request, ServletContextRequest.class);
      if (servlet == null) {
        return;
      }
      PathSpec matched = servlet.getMatchedResource().getResource().getPathSpec();
      if (matched != null) {
        String declared = matched.getDeclaration();
        String context = servlet.getContext().getContextPath();
        stream.route(templateOf(context, declared), declared.equals("/"));
      }
    }

    private static String templateOf(@Nullable String context, String declared) {
      // The empty pattern matches the context's root alone (Jakarta Servlet 6.0, section 12.2).
      String pattern = declared.isEmpty() ? "/" : declared;
      return context == null || context.length() <= 1 ? pattern : context + pattern;
    }
  }
}
