// SPDX-License-Identifier: Apache-2.0
package dev.sonde.digest;

import dev.sonde.capture.Capability;
import java.util.Set;

/**
 * A place at which the application is observed.
 *
 * @param name server or client with its version, such as {@code Jetty 12.0.39}
 * @param capabilities what can be seen there; empty for clients
 */
public record Hook(String name, Set<Capability> capabilities) {}
