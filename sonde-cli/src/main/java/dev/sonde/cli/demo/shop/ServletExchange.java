// SPDX-License-Identifier: Apache-2.0
package dev.sonde.cli.demo.shop;

import jakarta.servlet.http.HttpServletRequest;
import jakarta.servlet.http.HttpServletResponse;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import org.jspecify.annotations.Nullable;

/** A request to a servlet; how its route is told differs. */
abstract class ServletExchange implements ShopExchange {
  private final HttpServletRequest request;
  private final HttpServletResponse response;

  ServletExchange(HttpServletRequest request, HttpServletResponse response) {
    this.request = request;
    this.response = response;
  }

  @Override
  public final String method() {
    return request.getMethod();
  }

  @Override
  public final String path() {
    return request.getRequestURI();
  }

  @Override
  public final @Nullable String query() {
    return request.getQueryString();
  }

  @Override
  public final InputStream body() throws IOException {
    return request.getInputStream();
  }

  @Override
  public final OutputStream respond(int status, String contentType, long length)
      throws IOException {
    response.setStatus(status);
    response.setContentType(contentType);
    response.setContentLengthLong(length);
    return response.getOutputStream();
  }
}
