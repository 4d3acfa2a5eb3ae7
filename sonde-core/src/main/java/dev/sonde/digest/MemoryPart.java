// SPDX-License-Identifier: Apache-2.0
package dev.sonde.digest;

/**
 * What one part of the observer holds in memory, estimated.
 *
 * @param name such as {@code statistics}
 * @param heldBytes bytes held now
 * @param boundBytes bytes that it can hold at most
 */
public record MemoryPart(String name, long heldBytes, long boundBytes) {}
