// SPDX-License-Identifier: Apache-2.0
/** The connections and requests of Helidon's web server come in; capture's reports go out. */
@NullMarked
package dev.sonde.capture.helidon;

import org.jspecify.annotations.NullMarked;
