// SPDX-License-Identifier: Apache-2.0
/** The bytes of an HTTP/2 connection come in; what they say of an end goes out. */
@NullMarked
package dev.sonde.capture.http2;

import org.jspecify.annotations.NullMarked;
