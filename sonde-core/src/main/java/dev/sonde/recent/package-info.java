// SPDX-License-Identifier: Apache-2.0
/**
 * The requests that can be looked at one by one: records of requests, calls and statements come in
 * and stay as they are; views of the newest and the slowest go out.
 */
@NullMarked
package dev.sonde.recent;

import org.jspecify.annotations.NullMarked;
