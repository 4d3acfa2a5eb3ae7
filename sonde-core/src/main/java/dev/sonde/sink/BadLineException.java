// SPDX-License-Identifier: Apache-2.0
package dev.sonde.sink;

import java.io.IOException;

/** Says why a line is no event. */
public final class BadLineException extends IOException {
  private static final long serialVersionUID = 1L;

  /** Creates it with the reason, which quotes nothing but names of fields. */
  public BadLineException(String reason) {
    super(reason);
  }
}
