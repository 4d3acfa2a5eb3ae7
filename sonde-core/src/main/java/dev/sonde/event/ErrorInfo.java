// SPDX-License-Identifier: Apache-2.0
package dev.sonde.event;

import org.jspecify.annotations.Nullable;

/**
 * An exception that the application threw.
 *
 * @param type class name of the exception
 * @param message its message, or null where messages are not kept
 * @param stack its frames, one a line, without the first line that would repeat the message
 */
public record ErrorInfo(String type, @Nullable String message, String stack) {}
