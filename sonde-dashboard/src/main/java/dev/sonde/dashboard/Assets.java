// SPDX-License-Identifier: Apache-2.0
package dev.sonde.dashboard;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.zip.Deflater;
import java.util.zip.GZIPOutputStream;
import org.jspecify.annotations.Nullable;

/**
 * The page's files: a fixed table from path to bytes, so that no path of a request ever reaches a
 * file system or a class loader.
 */
final class Assets {
  private static final String JAVASCRIPT = "text/javascript; charset=utf-8";

  /** Path, file beside this class, media type. */
  private static final String[][] FILES = {
    {"/", "index.html", "text/html; charset=utf-8"},
    {"/app.css", "app.css", "text/css; charset=utf-8"},
    {"/app.js", "app.js", JAVASCRIPT},
    {"/charts.js", "charts.js", JAVASCRIPT},
    {"/errors.js", "errors.js", JAVASCRIPT},
    {"/filter.js", "filter.js", JAVASCRIPT},
    {"/format.js", "format.js", JAVASCRIPT},
    {"/health.js", "health.js", JAVASCRIPT},
    {"/live.js", "live.js", JAVASCRIPT},
    {"/overview.js", "overview.js", JAVASCRIPT},
    {"/parts.js", "parts.js", JAVASCRIPT},
    {"/routes.js", "routes.js", JAVASCRIPT},
    {"/state.js", "state.js", JAVASCRIPT},
    {"/icon.svg", "icon.svg", "image/svg+xml"},
    {"/vendor/preact.mjs", "vendor/preact.mjs", JAVASCRIPT},
    {"/vendor/htm.mjs", "vendor/htm.mjs", JAVASCRIPT},
    {"/vendor/signals-core.mjs", "vendor/signals-core.mjs", JAVASCRIPT},
  };

  private final Map<String, Asset> byPath;

  private Assets(Map<String, Asset> byPath) {
    this.byPath = byPath;
  }

  /** Reads all files once; throws if the jar lacks one. */
  static Assets load() {
    Map<String, Asset> byPath = new LinkedHashMap<>();
    for (String[] file : FILES) {
      byte[] plain = read(file[1]);
      byPath.put(file[0], new Asset(file[2], plain, gzip(plain)));
    }
    return new Assets(Map.copyOf(byPath));
  }

  /** The file at exactly this path as received, or null. */
  @Nullable Asset at(String path) {
    return byPath.get(path);
  }

  /** Bytes of all files as they travel. */
  int totalGzipBytes() {
    return byPath.values().stream().mapToInt(asset -> asset.gzip.length).sum();
  }

  private static byte[] read(String name) {
    try (InputStream in = Assets.class.getResourceAsStream("web/" + name)) {
      if (in == null) {
        throw new IllegalStateException("dashboard file missing from the jar: " + name);
      }
      return in.readAllBytes();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private static byte[] gzip(byte[] plain) {
    ByteArrayOutputStream bytes = new ByteArrayOutputStream(plain.length / 3 + 64);
    try (GZIPOutputStream out = new BestGzip(bytes)) {
      out.write(plain);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    return bytes.toByteArray();
  }

  /** The stream hides its deflater's level from all but subclasses. */
  private static final class BestGzip extends GZIPOutputStream {
    BestGzip(ByteArrayOutputStream out) throws IOException {
      super(out);
      def.setLevel(Deflater.BEST_COMPRESSION);
    }
  }

  /** One file in both encodings. */
  static final class Asset {
    private final String mediaType;
    private final byte[] plain;
    private final byte[] gzip;

    Asset(String mediaType, byte[] plain, byte[] gzip) {
      this.mediaType = mediaType;
      this.plain = plain;
      this.gzip = gzip;
    }

    String mediaType() {
      return mediaType;
    }

    ByteBuffer plain() {
      return ByteBuffer.wrap(plain).asReadOnlyBuffer();
    }

    ByteBuffer gzip() {
      return ByteBuffer.wrap(gzip).asReadOnlyBuffer();
    }
  }
}
