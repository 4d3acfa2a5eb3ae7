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
public record ErrorInfo(String type, @Nullable String message, String stack) {
  private static final int MAX_FRAMES = 64;
  private static final int MAX_CAUSE_FRAMES = 8;
  private static final int MAX_CAUSES = 4;
  private static final int MAX_MESSAGE_CHARS = 1_024;
  private static final int MAX_STACK_CHARS = 16_384;

  /**
   * What is kept of an exception: its frames, at most 64, and those around the origin of its
   * causes.
   *
   * <p>Never more than 16,384 characters of stack, in whole lines. Never throws, although the
   * exception's own code, which is the application's, may do so.
   *
   * @param keepsMessage whether its message is kept, which often holds personal data
   */
  public static ErrorInfo of(Throwable thrown, boolean keepsMessage) {
    StringBuilder stack = new StringBuilder();
    String message = null;
    try {
      appendFrames(stack, thrown, MAX_FRAMES);
      Throwable cause = thrown.getCause();
      for (int i = 0; cause != null && i < MAX_CAUSES; i++) {
        stack.append("Caused by: ").append(cause.getClass().getName()).append('\n');
        appendFrames(stack, cause, MAX_CAUSE_FRAMES);
        cause = cause.getCause();
      }
      message = keepsMessage ? cut(thrown.getMessage()) : null;
    } catch (Throwable ofItsOwn) {
      stack.append("(not readable: ").append(ofItsOwn.getClass().getName()).append(")\n");
    }
    if (stack.length() > MAX_STACK_CHARS) {
      stack.setLength(stack.lastIndexOf("\n", MAX_STACK_CHARS - 1) + 1);
    }
    return new ErrorInfo(thrown.getClass().getName(), message, stack.toString());
  }

  private static void appendFrames(StringBuilder stack, Throwable thrown, int max) {
    StackTraceElement[] frames = thrown.getStackTrace();
    for (int i = 0; i < frames.length && i < max; i++) {
      stack.append(frames[i]).append('\n');
    }
  }

  private static @Nullable String cut(@Nullable String message) {
    if (message == null || message.length() <= MAX_MESSAGE_CHARS) {
      return message;
    }
    boolean splitsPair = Character.isHighSurrogate(message.charAt(MAX_MESSAGE_CHARS - 1));
    return message.substring(0, splitsPair ? MAX_MESSAGE_CHARS - 1 : MAX_MESSAGE_CHARS);
  }
}
