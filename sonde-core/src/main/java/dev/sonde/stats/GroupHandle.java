// SPDX-License-Identifier: Apache-2.0
package dev.sonde.stats;

/**
 * A group of like work that has its own numbers, looked up once and kept by whoever records.
 *
 * <p>It stays valid for ever: when its numbers were forgotten because nothing came for a whole
 * window, the next event begins them anew.
 */
public final class GroupHandle {
  private final String kind;
  private final String name;

  GroupHandle(String kind, String name) {
    this.kind = kind;
    this.name = name;
  }

  /** Method of a route, vendor of a statement, or the empty string. */
  public String kind() {
    return kind;
  }

  /** Route template, function name or statement text; {@code other} beyond the limit. */
  public String name() {
    return name;
  }

  @Override
  public String toString() {
    return kind.isEmpty() ? name : kind + " " + name;
  }
}
