// SPDX-License-Identifier: Apache-2.0
package dev.sonde.dashboard;

import java.io.ByteArrayOutputStream;
import java.io.DataOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import org.jspecify.annotations.NullMarked;

/** Makes exceptions whose class has any name that a class file can hold. */
@NullMarked
final class HostileThrowables extends ClassLoader {
  HostileThrowables() {
    super(HostileThrowables.class.getClassLoader());
  }

  /** An exception whose class, message and frames all carry the text. */
  RuntimeException named(String text, int number) throws ReflectiveOperationException {
    // The four characters that a class name cannot hold; the number keeps the names apart.
    String name = text.replaceAll("[.;\\[/]", "_") + "_" + number;
    byte[] bytes = classFile(name);
    Class<?> type = defineClass(null, bytes, 0, bytes.length);
    RuntimeException exception =
        (RuntimeException) type.getConstructor(String.class).newInstance(text);
    exception.setStackTrace(new StackTraceElement[] {new StackTraceElement(text, "run", text, 1)});
    return exception;
  }

  /** A class that extends RuntimeException and has its constructor with a message. */
  private static byte[] classFile(String name) {
    ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    try (DataOutputStream out = new DataOutputStream(bytes)) {
      out.writeInt(0xCAFEBABE);
      out.writeShort(0);
      out.writeShort(52);
      out.writeShort(10);
      utf8(out, name);
      reference(out, 7, 1);
      utf8(out, "java/lang/RuntimeException");
      reference(out, 7, 3);
      utf8(out, "<init>");
      utf8(out, "(Ljava/lang/String;)V");
      utf8(out, "Code");
      reference(out, 12, 5, 6);
      reference(out, 10, 4, 8);
      out.writeShort(0x21);
      out.writeShort(2);
      out.writeShort(4);
      out.writeShort(0);
      out.writeShort(0);
      out.writeShort(1);
      out.writeShort(1);
      out.writeShort(5);
      out.writeShort(6);
      out.writeShort(1);
      out.writeShort(7);
      out.writeInt(18);
      out.writeShort(2);
      out.writeShort(2);
      out.writeInt(6);
      out.write(new byte[] {0x2A, 0x2B, (byte) 0xB7, 0, 9, (byte) 0xB1});
      out.writeShort(0);
      out.writeShort(0);
      out.writeShort(0);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    return bytes.toByteArray();
  }

  private static void utf8(DataOutputStream out, String text) throws IOException {
    out.writeByte(1);
    out.writeUTF(text);
  }

  private static void reference(DataOutputStream out, int tag, int... indexes) throws IOException {
    out.writeByte(tag);
    for (int index : indexes) {
      out.writeShort(index);
    }
  }
}
