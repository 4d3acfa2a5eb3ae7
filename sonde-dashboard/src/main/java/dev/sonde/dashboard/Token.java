// SPDX-License-Identifier: Apache-2.0
package dev.sonde.dashboard;

import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.security.SecureRandom;
import java.util.Base64;

/** The secret that a reader presents; kept as a digest only. */
final class Token {
  /** Longer ones are refused before anything is computed from them. */
  static final int MAX_LENGTH = 256;

  private static final int RANDOM_BYTES = 24;
  private static final int MIN_BITS = 128;
  private static final int MIN_DISTINCT = 8;

  private final byte[] digest;

  Token(String secret) {
    digest = sha256(secret);
  }

  /** A new secret of 192 bits, in characters that a URL leaves alone. */
  static String random() {
    byte[] bytes = new byte[RANDOM_BYTES];
    new SecureRandom().nextBytes(bytes);
    return Base64.getUrlEncoder().withoutPadding().encodeToString(bytes);
  }

  /** Whether the presented text is the secret. */
  boolean matches(String presented) {
    // Both sides are digests of one length, so neither the length of the secret nor the place of
    // the first wrong character can be read from the time taken.
    return presented.length() <= MAX_LENGTH && MessageDigest.isEqual(sha256(presented), digest);
  }

  /** Returns the secret, or throws if it does not fit a header or is easy to guess. */
  static String requireUsable(String secret) {
    for (int i = 0; i < secret.length(); i++) {
      char c = secret.charAt(i);
      boolean isAllowed =
          (c >= '0' && c <= '9')
              || (c >= 'a' && c <= 'z')
              || (c >= 'A' && c <= 'Z')
              || "-._~+/=".indexOf(c) >= 0;
      if (!isAllowed) {
        throw new IllegalArgumentException(
            "sonde.dashboard.token may hold A-Z a-z 0-9 . _ ~ + / = - only; character "
                + (i + 1)
                + " is another");
      }
    }
    if (secret.length() > MAX_LENGTH || !isStrong(secret)) {
      throw new IllegalArgumentException(
          "sonde.dashboard.token must hold at least 128 bits (32 hexadecimal digits, or 22"
              + " characters, 8 of them different) in at most "
              + MAX_LENGTH
              + " characters, was "
              + secret.length()
              + " characters long; 'openssl rand -hex 16' makes one");
    }
    return secret;
  }

  /** Whether the secret can be as hard to guess as 128 random bits. */
  static boolean isStrong(String secret) {
    boolean isHex = secret.chars().allMatch(c -> "0123456789abcdefABCDEF".indexOf((char) c) >= 0);
    int bits = secret.length() * (isHex ? 4 : 6);
    return bits >= MIN_BITS && secret.chars().distinct().count() >= MIN_DISTINCT;
  }

  private static byte[] sha256(String text) {
    try {
      return MessageDigest.getInstance("SHA-256").digest(text.getBytes(StandardCharsets.UTF_8));
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException("every JVM has SHA-256", e);
    }
  }
}
