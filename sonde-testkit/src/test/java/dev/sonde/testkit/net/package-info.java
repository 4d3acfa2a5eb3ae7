// SPDX-License-Identifier: Apache-2.0
/** Tests of the clients and the fault proxy against plain sockets. */
@NullMarked
package dev.sonde.testkit.net;

import org.jspecify.annotations.NullMarked;
