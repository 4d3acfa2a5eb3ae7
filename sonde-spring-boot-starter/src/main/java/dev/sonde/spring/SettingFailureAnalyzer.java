// SPDX-License-Identifier: Apache-2.0
package dev.sonde.spring;

import org.springframework.boot.diagnostics.AbstractFailureAnalyzer;
import org.springframework.boot.diagnostics.FailureAnalysis;

/** Has Boot report a bad setting in words rather than by a stack trace. */
final class SettingFailureAnalyzer extends AbstractFailureAnalyzer<InvalidSettingException> {
  SettingFailureAnalyzer() {}

  @Override
  protected FailureAnalysis analyze(Throwable rootFailure, InvalidSettingException cause) {
    return new FailureAnalysis(
        "A setting of Sonde cannot be followed: " + cause.getMessage(),
        "Correct the setting, or switch Sonde off with sonde.enabled=false.",
        cause);
  }
}
