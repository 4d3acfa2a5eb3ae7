// SPDX-License-Identifier: Apache-2.0
/**
 * The server contract: a server with its adapter comes in as a {@link ServerFixture}, and a verdict
 * for every scenario goes out.
 */
@NullMarked
package dev.sonde.testkit;

import org.jspecify.annotations.NullMarked;
