// SPDX-License-Identifier: Apache-2.0
package dev.sonde.capture.jetty;

import dev.sonde.testkit.ContractApplication;
import dev.sonde.testkit.ContractExchange;
import dev.sonde.testkit.ContractRoute;
import dev.sonde.testkit.ObservedListeners;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.util.concurrent.Executor;
import org.eclipse.jetty.http.HttpHeader;
import org.eclipse.jetty.io.Content;
import org.eclipse.jetty.server.Handler;
import org.eclipse.jetty.server.Request;
import org.eclipse.jetty.server.Response;
import org.eclipse.jetty.util.Callback;
import org.jspecify.annotations.Nullable;

/** The contract's application on Jetty's own handlers, which say their routes themselves. */
final class CoreFixture extends JettyFixture {
  CoreFixture(String server, Way way) {
    super(server, way);
  }

  @Override
  Handler handler(ContractApplication application, @Nullable ObservedListeners listeners) {
    return new Handler.Abstract() {
      @Override
      public boolean handle(Request request, Response response, Callback callback)
          throws IOException, InterruptedException {
        ContractRoute route = ContractRoute.of(Request.getPathInContext(request));
        if (route == null) {
          return false;
        }
        request.setAttribute(SondeJetty.ROUTE_ATTRIBUTE, route.template());
        CoreExchange exchange = new CoreExchange(request, response, callback);
        route.serve(application, exchange);
        exchange.served();
        return true;
      }
    };
  }

  /** One request on blocking streams. */
  private static final class CoreExchange implements ContractExchange {
    private final Request request;
    private final Response response;
    private final Callback callback;
    private boolean isAsync;

    CoreExchange(Request request, Response response, Callback callback) {
      this.request = request;
      this.response = response;
      this.callback = callback;
    }

    void served() {
      if (!isAsync) {
        callback.succeeded();
      }
    }

    @Override
    public String path() {
      return Request.getPathInContext(request);
    }

    @Override
    public @Nullable String query() {
      return request.getHttpURI().getQuery();
    }

    @Override
    public InputStream requestBody() {
      return Content.Source.asInputStream(request);
    }

    @Override
    public void respond(int status) {
      response.setStatus(status);
    }

    @Override
    public OutputStream respond(int status, String contentType, long contentLength) {
      response.setStatus(status);
      response.getHeaders().put(HttpHeader.CONTENT_TYPE, contentType);
      if (contentLength >= 0) {
        response.getHeaders().put(HttpHeader.CONTENT_LENGTH, contentLength);
      }
      return Content.Sink.asOutputStream(response);
    }

    @Override
    public void async(Executor executor, Task task) {
      isAsync = true;
      executor.execute(
          () -> {
            try {
              task.run(this);
              callback.succeeded();
            } catch (IOException | InterruptedException | RuntimeException e) {
              callback.failed(e);
            }
          });
    }
  }
}
