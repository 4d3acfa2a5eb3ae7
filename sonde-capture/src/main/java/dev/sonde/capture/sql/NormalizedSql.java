// SPDX-License-Identifier: Apache-2.0
package dev.sonde.capture.sql;

import org.jspecify.annotations.Nullable;

/**
 * A statement without its literals.
 *
 * @param text the statement with {@code ?} in place of every literal
 * @param hash 64-bit hash of the text, the same in every process, never 0
 * @param operation first keyword in upper case, such as {@code SELECT}; {@code OTHER} without one
 * @param target main table or procedure without quotes, schema-qualified if written so, or null
 */
public record NormalizedSql(String text, long hash, String operation, @Nullable String target) {}
