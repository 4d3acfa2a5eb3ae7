// SPDX-License-Identifier: Apache-2.0
/** The shop with its database, on each of the servers that it can run on; requests come in. */
@NullMarked
package dev.sonde.cli.demo.shop;

import org.jspecify.annotations.NullMarked;
