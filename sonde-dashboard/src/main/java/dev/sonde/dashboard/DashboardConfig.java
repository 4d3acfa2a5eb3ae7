// SPDX-License-Identifier: Apache-2.0
package dev.sonde.dashboard;

import dev.sonde.SondeConfig;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import org.jspecify.annotations.Nullable;

/** Where the dashboard listens and who may read it. */
public final class DashboardConfig {
  /** Port that is tried first when none was asked for. */
  public static final int DEFAULT_PORT = 7077;

  private final String host;
  private final int port;
  private final boolean isPortExplicit;
  private final @Nullable String token;
  private final List<String> allowedHosts;

  private DashboardConfig(Builder builder) {
    host = builder.host;
    port = builder.port;
    isPortExplicit = builder.isPortExplicit;
    token = builder.token;
    allowedHosts = List.copyOf(builder.allowedHosts);
  }

  /** Starts with the defaults: 127.0.0.1, port 7077 or the next free one, a random token. */
  public static Builder builder() {
    return new Builder();
  }

  /** All defaults. */
  public static DashboardConfig defaults() {
    return builder().build();
  }

  /** The dashboard's part of Sonde's own configuration. */
  public static DashboardConfig of(SondeConfig config) {
    Builder builder = builder().host(config.dashboardHost()).token(config.dashboardToken());
    if (config.isDashboardPortSet()) {
      builder.port(config.dashboardPort());
    }
    config.dashboardAllowedHosts().forEach(builder::allowedHost);
    return builder.build();
  }

  /** Address or name that is bound. */
  public String host() {
    return host;
  }

  /** Port that is tried first; 0 lets the system choose. */
  public int port() {
    return port;
  }

  /** Whether the port was asked for; a taken one is then an error. */
  public boolean isPortExplicit() {
    return isPortExplicit;
  }

  /** Names that the {@code Host} header may carry besides the bound address. */
  public List<String> allowedHosts() {
    return allowedHosts;
  }

  /** The configured token, or null if a random one is made at start. */
  @Nullable String token() {
    return token;
  }

  @Override
  public String toString() {
    return "DashboardConfig[host="
        + host
        + ", port="
        + port
        + ", token="
        + (token == null ? "random" : "***")
        + ", allowedHosts="
        + allowedHosts
        + "]";
  }

  /** Collects settings; every one has a default. */
  public static final class Builder {
    private String host = "127.0.0.1";
    private int port = DEFAULT_PORT;
    private boolean isPortExplicit;
    private @Nullable String token;
    private final List<String> allowedHosts = new ArrayList<>();

    private Builder() {}

    /**
     * Address or name to bind. Default 127.0.0.1; any that is not loopback needs {@link #token}.
     */
    public Builder host(String host) {
      if (host.isBlank()) {
        throw new IllegalArgumentException(
            "sonde.dashboard.host must not be empty, was '" + host + "'");
      }
      this.host = host.strip();
      return this;
    }

    /**
     * Port to listen on, 0 for any free one. Default 7077 or, if that is taken, the next free one;
     * a port set here is used or start fails.
     */
    public Builder port(int port) {
      if (port < 0 || port > 65_535) {
        throw new IllegalArgumentException("sonde.dashboard.port must be 0 to 65535, was " + port);
      }
      this.port = port;
      isPortExplicit = true;
      return this;
    }

    /**
     * Token that readers must present. Default: 192 random bits, new at every start.
     *
     * <p>22 to 256 letters, digits and {@code . _ ~ + / = -}, at least 128 bits: 32 hexadecimal
     * digits or 22 other characters, 8 of them different.
     */
    public Builder token(String token) {
      this.token = Token.requireUsable(token);
      return this;
    }

    /**
     * Adds a name under which a reverse proxy serves the dashboard, without a port. Default none.
     */
    public Builder allowedHost(String name) {
      if (name.isBlank() || name.length() > 253 || name.contains("/") || name.contains("*")) {
        throw new IllegalArgumentException(
            "sonde.dashboard.allowed.hosts must be plain host names, was '" + name + "'");
      }
      allowedHosts.add(name.strip().toLowerCase(Locale.ROOT));
      return this;
    }

    /** Checks the settings against each other. */
    public DashboardConfig build() {
      if (!Addresses.isLoopback(host) && token == null) {
        throw new IllegalArgumentException(
            "sonde.dashboard.token must be set when sonde.dashboard.host is not a loopback address"
                + " (\""
                + host
                + "\"), was unset; 'openssl rand -hex 16' makes one");
      }
      return new DashboardConfig(this);
    }
  }
}
