// SPDX-License-Identifier: Apache-2.0
package dev.sonde.cli.demo.shop;

import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import org.jspecify.annotations.Nullable;

/**
 * One request to the shop and its response, in the few operations that every server offers.
 *
 * <p>All may block. The response is complete when the shop returns; what the shop throws is the
 * server's to answer or to cut. Streams throw as the server's own do.
 */
interface ShopExchange {
  /** HTTP method as sent. */
  String method();

  /** Path as sent, without the query string. */
  String path();

  /** Query string as sent, without the question mark, or null. */
  @Nullable String query();

  /** Body of the request. */
  InputStream body() throws IOException;

  /** Tells Sonde the route template, such as {@code /products/{id}}, before the response. */
  void route(String template);

  /**
   * Sets status and headers of the response.
   *
   * @param length bytes of the body, 1 or more
   * @return where the body goes, in as many writes as the shop likes
   */
  OutputStream respond(int status, String contentType, long length) throws IOException;
}
