// SPDX-License-Identifier: Apache-2.0
package dev.sonde.spring;

/** A setting that cannot be followed; its message says what is wrong with which value. */
final class InvalidSettingException extends RuntimeException {
  private static final long serialVersionUID = 1;

  InvalidSettingException(RuntimeException refusal) {
    super(refusal.getMessage(), refusal);
  }
}
