// SPDX-License-Identifier: Apache-2.0
package dev.sonde.stats;

import dev.sonde.time.MonotonicClock;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import org.jspecify.annotations.Nullable;

/**
 * A group of like work that has its own numbers, looked up once and kept by whoever records.
 *
 * <p>It stays valid for ever: when its numbers were forgotten because nothing came for a whole
 * window, the next event begins them anew.
 */
public final class GroupHandle {
  private final Registry registry;
  private final String kind;
  private final String name;

  /** Where its numbers are; null while it is forgotten. Written under the registry's lock. */
  private volatile @Nullable Group group;

  /** Whether of one of its requests it was known how long it waited for its client. */
  private volatile boolean hasToldBlocked;

  /** Second of the last request before that of which it was not known, or -1. */
  private volatile int untoldSecond = -1;

  private GroupHandle(Registry registry, String kind, String name) {
    this.registry = registry;
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

  /**
   * Whether it has no numbers now. Looking it up anew instead of keeping it finds the handle that
   * somebody else may have begun them with since.
   */
  public boolean isForgotten() {
    return group == null;
  }

  Registry registry() {
    return registry;
  }

  boolean hasToldBlocked() {
    return hasToldBlocked;
  }

  void tellsBlocked() {
    if (!hasToldBlocked) {
      hasToldBlocked = true;
    }
  }

  int untoldSecond() {
    return untoldSecond;
  }

  void untold(int second) {
    if (second > untoldSecond) {
      untoldSecond = second;
    }
  }

  /** Where to record now; the overflow group if this one was forgotten and found no room. */
  Group attached() {
    Group known = group;
    return known != null ? known : registry.attach(this);
  }

  /** Its numbers, or null if they are forgotten. */
  @Nullable Group groupOrNull() {
    return group;
  }

  /** What all groups of a store count in: seconds since its start, and slots of several seconds. */
  record Timeline(MonotonicClock clock, long startNanos, int slotSeconds, int slots) {
    private static final long SECOND_NANOS = 1_000_000_000L;

    int secondOf(long timestampNanos) {
      return (int) (Math.max(0, timestampNanos - startNanos) / SECOND_NANOS);
    }

    int slotOf(int second) {
      return second / slotSeconds;
    }

    int secondNow() {
      return secondOf(clock.nanoTime());
    }

    long nanosOfSlot(int slot) {
      return startNanos + (long) slot * slotSeconds * SECOND_NANOS;
    }
  }

  /** The bytes that all groups of a store hold together. */
  static final class Budget {
    private final long limitBytes;
    private final AtomicLong heldBytes = new AtomicLong();
    private final AtomicInteger windows = new AtomicInteger();

    /** What groups may hold that are not there for all the rest. */
    Budget(long limitBytes) {
      this.limitBytes = limitBytes;
    }

    long heldBytes() {
      return heldBytes.get();
    }

    /** Whether history should be told in coarser steps, to leave room for what is to come. */
    boolean isTight() {
      return heldBytes.get() > tightBytes();
    }

    /** Whether events have to be counted together with the rest. */
    boolean isFull() {
      return heldBytes.get() > limitBytes;
    }

    boolean hasRoomFor(long bytes) {
      return heldBytes.get() + bytes <= limitBytes;
    }

    /** Bytes that each group with numbers may hold while memory is tight. */
    long fairBytes() {
      return tightBytes() / Math.max(1, windows.get());
    }

    void hold(long bytes) {
      heldBytes.addAndGet(bytes);
    }

    void windowMade() {
      windows.incrementAndGet();
    }

    void windowReleased() {
      windows.decrementAndGet();
    }

    private long tightBytes() {
      return limitBytes / 5 * 4;
    }
  }

  /** The groups of one sort, bounded in number. */
  static final class Registry {
    /*
     * Look-ups read a concurrent map and take no lock; only a group that is new, or forgotten,
     * takes the monitor, and once the registry is full unknown names do not even do that.
     */
    static final String OTHER = "other";

    private static final int MAX_NAME_CHARS = 512;
    private static final int HANDLE_BYTES = 280;

    private final int capacity;
    private final Timeline timeline;
    private final HeatMap.@Nullable Live heatMap;
    private final Budget budget;
    private final GroupHandle other;
    private final ConcurrentHashMap<String, GroupHandle[]> handles = new ConcurrentHashMap<>();
    private final AtomicLong recordedBefore = new AtomicLong();
    private final AtomicInteger size = new AtomicInteger();

    Registry(int capacity, Timeline timeline, Budget budget, HeatMap.@Nullable Live heatMap) {
      this.capacity = capacity;
      this.timeline = timeline;
      this.budget = budget;
      this.heatMap = heatMap;
      other = new GroupHandle(this, "", OTHER);
      other.group = new Group(other, timeline, heatMap, true);
    }

    GroupHandle other() {
      return other;
    }

    int size() {
      return size.get();
    }

    Budget budget() {
      return budget;
    }

    /** Events ever recorded, as far as they were taken from their cells. */
    long recorded() {
      long sum = recordedBefore.get();
      for (Group group : groups()) {
        sum += group.recorded();
      }
      return sum;
    }

    GroupHandle intern(String kind, String name) {
      String shortName = name.length() <= MAX_NAME_CHARS ? name : shorten(name);
      GroupHandle known = find(kind, shortName);
      if (known != null) {
        return known;
      }
      if (size.get() >= capacity) {
        return other;
      }
      GroupHandle handle = new GroupHandle(this, kind, shortName);
      Group group = attach(handle);
      return group.handle();
    }

    Group attach(GroupHandle handle) {
      GroupHandle successor = find(handle.kind, handle.name);
      Group begun = successor == null ? null : successor.group;
      if (begun != null) {
        return begun;
      }
      if (size.get() < capacity) {
        synchronized (this) {
          GroupHandle known = find(handle.kind, handle.name);
          Group group = known == null ? handle.group : known.group;
          if (group == null && size.get() < capacity && budget.hasRoomFor(bytesOf(handle))) {
            group = new Group(handle, timeline, heatMap, false);
            handle.group = group;
            put(handle);
          }
          if (group != null) {
            return group;
          }
        }
      }
      return other.attached();
    }

    /** Forgets a group that is retired. */
    synchronized void detach(Group group, long recorded) {
      recordedBefore.addAndGet(recorded);
      GroupHandle handle = group.handle();
      if (handle.group != group) {
        return;
      }
      handle.group = null;
      size.decrementAndGet();
      budget.hold(-bytesOf(handle));
      handles.computeIfPresent(handle.name, (name, all) -> without(all, handle));
    }

    List<Group> groups() {
      List<Group> groups = new ArrayList<>(size.get() + 1);
      for (GroupHandle[] all : handles.values()) {
        for (GroupHandle handle : all) {
          Group group = handle.group;
          if (group != null) {
            groups.add(group);
          }
        }
      }
      groups.add(other.attached());
      return groups;
    }

    @Nullable GroupHandle find(String kind, String name) {
      GroupHandle[] all = handles.get(name);
      if (all != null) {
        for (GroupHandle handle : all) {
          if (handle.kind.equals(kind)) {
            return handle;
          }
        }
      }
      return null;
    }

    private void put(GroupHandle handle) {
      GroupHandle[] all = handles.get(handle.name);
      GroupHandle[] more = all == null ? new GroupHandle[1] : Arrays.copyOf(all, all.length + 1);
      more[more.length - 1] = handle;
      handles.put(handle.name, more);
      size.incrementAndGet();
      budget.hold(bytesOf(handle));
    }

    private static GroupHandle @Nullable [] without(GroupHandle[] all, GroupHandle handle) {
      List<GroupHandle> rest = new ArrayList<>(List.of(all));
      rest.remove(handle);
      return rest.isEmpty() ? null : rest.toArray(new GroupHandle[0]);
    }

    private static long bytesOf(GroupHandle handle) {
      return HANDLE_BYTES + Group.OBJECT_BYTES + 2L * handle.name.length();
    }

    /** The hash keeps long texts apart that begin alike. */
    private static String shorten(String name) {
      long hash = ErrorRing.hashOfFrames(name);
      return name.substring(0, MAX_NAME_CHARS - 18) + "…" + Long.toHexString(hash);
    }
  }
}
