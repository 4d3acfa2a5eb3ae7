// SPDX-License-Identifier: Apache-2.0
package dev.sonde.perf;

import dev.sonde.Sonde;
import dev.sonde.SondeConfig;
import dev.sonde.collect.AsyncCollector;
import java.io.FileDescriptor;
import java.io.FileOutputStream;
import java.io.PrintStream;
import java.lang.management.ManagementFactory;
import java.lang.management.ThreadMXBean;
import java.nio.charset.StandardCharsets;
import java.util.concurrent.TimeUnit;

/**
 * Prints what the background threads cost while nothing happens, as a share of one core; ends with
 * 1 if it is 0.1 % or more.
 */
public final class IdleCost {
  private static final double BOUND = 0.001;

  private IdleCost() {}

  /** Arguments: for how many seconds, 10 if none is given. */
  public static void main(String[] arguments) throws InterruptedException {
    long seconds = arguments.length == 0 ? 10 : Long.parseLong(arguments[0]);
    PrintStream out =
        new PrintStream(new FileOutputStream(FileDescriptor.out), true, StandardCharsets.UTF_8);
    boolean isCheap = true;
    try (Sonde sonde = Sonde.start(SondeConfig.builder().build());
        AsyncCollector<String> collector =
            AsyncCollector.<String>builder(batch -> {}).name("writer").start()) {
      // Classes are loaded and the start is over.
      TimeUnit.SECONDS.sleep(2);
      for (String name : new String[] {"sonde-digest", "sonde-" + collector.name()}) {
        double share = share(find(name), seconds);
        out.printf("%s: %.4f %% of a core%n", name, 100 * share);
        isCheap &= share < BOUND;
      }
    }
    System.exit(isCheap ? 0 : 1);
  }

  private static Thread find(String name) {
    return Thread.getAllStackTraces().keySet().stream()
        .filter(thread -> thread.getName().equals(name))
        .findAny()
        .orElseThrow(() -> new IllegalStateException("no thread " + name));
  }

  private static double share(Thread thread, long seconds) throws InterruptedException {
    ThreadMXBean threads = ManagementFactory.getThreadMXBean();
    long start = System.nanoTime();
    long before = threads.getThreadCpuTime(thread.getId());
    TimeUnit.SECONDS.sleep(seconds);
    long cpu = threads.getThreadCpuTime(thread.getId()) - before;
    return (double) cpu / (System.nanoTime() - start);
  }
}
