// SPDX-License-Identifier: Apache-2.0
/**
 * What an adapter calls: a server's hooks come in as {@code ListenerScope}, {@code ConnectionState}
 * and {@code Exchange}, and go out, with ids, sums and reasons, to a {@code CaptureOutlet}.
 */
@NullMarked
package dev.sonde.capture;

import org.jspecify.annotations.NullMarked;
