// SPDX-License-Identifier: Apache-2.0
package dev.sonde.dashboard;

import static org.assertj.core.api.Assertions.assertThat;

import java.lang.reflect.Proxy;
import java.util.ArrayList;
import java.util.List;
import org.eclipse.jetty.http.HttpFields;
import org.eclipse.jetty.server.Request;
import org.eclipse.jetty.server.Response;
import org.eclipse.jetty.util.Callback;
import org.junit.jupiter.api.Test;

final class LiveStreamTest {
  @Test
  void join_listsReaderOnlyWhenItsHeadIsComplete() {
    LiveStream live = new LiveStream(new CannedViews(1), System::nanoTime);
    HttpFields.Mutable head = HttpFields.build();
    List<String> steps = new ArrayList<>();
    ClassLoader loader = LiveStreamTest.class.getClassLoader();
    Request request =
        (Request)
            Proxy.newProxyInstance(
                loader,
                new Class<?>[] {Request.class},
                (proxy, method, arguments) -> {
                  steps.add(method.getName() + " with " + live.readers());
                  return null;
                });
    Response response =
        (Response)
            Proxy.newProxyInstance(
                loader,
                new Class<?>[] {Response.class},
                (proxy, method, arguments) -> {
                  steps.add(method.getName() + " with " + live.readers());
                  return method.getName().equals("getHeaders") ? head : null;
                });

    assertThat(live.join(request, response, Callback.NOOP)).isTrue();

    assertThat(steps)
        .containsExactly(
            "setStatus with 0",
            "getHeaders with 0",
            "getHeaders with 0",
            "addIdleTimeoutListener with 0",
            "write with 1");
  }
}
