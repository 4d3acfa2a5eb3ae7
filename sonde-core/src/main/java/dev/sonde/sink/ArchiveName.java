// SPDX-License-Identifier: Apache-2.0
package dev.sonde.sink;

import java.nio.file.Path;
import java.time.Instant;
import java.time.ZoneOffset;
import java.time.format.DateTimeFormatter;
import java.util.Comparator;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * What the files of one piece of the archive are called.
 *
 * @param owner prefix and instance, joined by a hyphen
 * @param time when it was begun, in UTC to the millisecond
 * @param number its number within the run, or the next one that was free
 */
record ArchiveName(String owner, String time, long number) {
  static final String FINISHED = ".jsonl";
  static final String ACTIVE = ".jsonl.part";
  static final String COMPRESSED = ".jsonl.gz";
  static final String COMPRESSING = ".jsonl.gz.part";
  static final String LOCK = ".jsonl.lock";

  /** Oldest first; sorting by text would put file 1000000 before file 999999. */
  static final Comparator<ArchiveName> BY_AGE =
      Comparator.comparing(ArchiveName::time)
          .thenComparing(ArchiveName::owner)
          .thenComparingLong(ArchiveName::number);

  private static final Pattern FORMAT =
      Pattern.compile(
          "([A-Za-z0-9_-]{3,129})-(\\d{8}T\\d{6}\\.\\d{3}Z)-(\\d{6,18})"
              + "(\\.jsonl|\\.jsonl\\.part|\\.jsonl\\.gz|\\.jsonl\\.gz\\.part|\\.jsonl\\.lock)");
  private static final DateTimeFormatter TIME =
      DateTimeFormatter.ofPattern("uuuuMMdd'T'HHmmss.SSS'Z'").withZone(ZoneOffset.UTC);

  static ArchiveName of(String prefix, String instance, Instant time, long number) {
    return new ArchiveName(prefix + "-" + instance, TIME.format(time), number);
  }

  /** The name of a file if it belongs to the archive and ends so, else null. */
  static @Nullable ArchiveName parse(Path file, String suffix) {
    Matcher matcher = FORMAT.matcher(file.getFileName().toString());
    if (!matcher.matches() || !matcher.group(4).equals(suffix)) {
      return null;
    }
    return new ArchiveName(matcher.group(1), matcher.group(2), Long.parseLong(matcher.group(3)));
  }

  ArchiveName next() {
    return new ArchiveName(owner, time, number + 1);
  }

  Path in(Path directory, String suffix) {
    return directory.resolve("%s-%s-%06d%s".formatted(owner, time, number, suffix));
  }
}
