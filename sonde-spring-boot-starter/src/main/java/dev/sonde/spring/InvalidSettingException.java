// SPDX-License-Identifier: Apache-2.0
package dev.sonde.spring;

/** A setting that cannot be followed; its message names the key, the limit and the value. */
final class InvalidSettingException extends RuntimeException {
  private static final long serialVersionUID = 1;

  InvalidSettingException(IllegalArgumentException refusal) {
    super(refusal.getMessage(), refusal);
  }
}
