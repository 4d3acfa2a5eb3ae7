// SPDX-License-Identifier: Apache-2.0
package dev.sonde.capture.servlet;

import dev.sonde.testkit.ContractApplication;
import dev.sonde.testkit.ContractExchange;
import dev.sonde.testkit.ContractRoute;
import jakarta.servlet.AsyncContext;
import jakarta.servlet.ServletException;
import jakarta.servlet.http.HttpServlet;
import jakarta.servlet.http.HttpServletRequest;
import jakarta.servlet.http.HttpServletResponse;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.util.concurrent.Executor;
import org.jspecify.annotations.Nullable;

/** Serves one route of the contract, in every container. */
public final class RouteServlet extends HttpServlet {
  private final transient ContractRoute route;
  private final transient ContractApplication application;
  private final boolean isBrokenEnded;

  /**
   * @param isBrokenEnded whether the container ends by itself an asynchronous request whose client
   *     cannot be written to
   */
  public RouteServlet(ContractRoute route, ContractApplication application, boolean isBrokenEnded) {
    this.route = route;
    this.application = application;
    this.isBrokenEnded = isBrokenEnded;
  }

  /** The mapping of a route, which is its template, too. */
  public static String pattern(ContractRoute route) {
    return route.template().replaceFirst("\\{.*", "*");
  }

  @Override
  protected void service(HttpServletRequest request, HttpServletResponse response)
      throws ServletException, IOException {
    try {
      route.serve(application, new ServletExchange(request, response, isBrokenEnded));
    } catch (InterruptedException e) {
      throw new ServletException(e);
    }
  }

  /** One request of a servlet. */
  private record ServletExchange(
      HttpServletRequest request, HttpServletResponse response, boolean isBrokenEnded)
      implements ContractExchange {
    @Override
    public String path() {
      return request.getRequestURI();
    }

    @Override
    public @Nullable String query() {
      return request.getQueryString();
    }

    @Override
    public InputStream requestBody() throws IOException {
      return request.getInputStream();
    }

    @Override
    public void respond(int status) {
      response.setStatus(status);
    }

    @Override
    public OutputStream respond(int status, String contentType, long contentLength)
        throws IOException {
      response.setStatus(status);
      response.setContentType(contentType);
      if (contentLength >= 0) {
        response.setContentLengthLong(contentLength);
      }
      return response.getOutputStream();
    }

    @Override
    public void async(Executor executor, Task task) {
      AsyncContext async = request.startAsync();
      async.setTimeout(0);
      executor.execute(
          () -> {
            try {
              task.run(this);
            } catch (IOException | InterruptedException | RuntimeException e) {
              if (e instanceof IOException && isBrokenEnded) {
                return;
              }
              if (!response.isCommitted()) {
                response.setStatus(HttpServletResponse.SC_INTERNAL_SERVER_ERROR);
              }
            }
            try {
              async.complete();
            } catch (IllegalStateException e) {
              if (!isBrokenEnded) {
                throw e;
              }
            }
          });
    }
  }
}
