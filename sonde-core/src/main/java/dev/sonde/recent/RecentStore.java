// SPDX-License-Identifier: Apache-2.0
package dev.sonde.recent;

import dev.sonde.event.DatabaseEvent;
import dev.sonde.event.ErrorInfo;
import dev.sonde.event.FunctionEvent;
import dev.sonde.event.ProfileEvent;
import dev.sonde.recent.PartLists.Parts;
import dev.sonde.recent.RecentRequests.SlowRoute;
import dev.sonde.stats.GroupHandle;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.locks.ReentrantLock;
import org.jspecify.annotations.Nullable;

/**
 * Keeps the newest requests and the slowest of each route, with the calls and statements within
 * them.
 *
 * <p>Calls and statements usually arrive before the end of their request; they wait in a group
 * under the id of the process's outermost span. Everything is bounded: requests, routes, groups,
 * children per request, and the bytes of it all, texts included. Where these are too many, the
 * group that has waited or been kept for longest loses its calls, statements and stack first; then
 * the oldest requests go.
 *
 * <p>One thread writes, in batches from {@link #beginBatch} to {@link #endBatch}; any may read.
 */
public final class RecentStore {
  /*
   * A record stays what it is in the ring: numbers and references in a row. Events and views are
   * made of it when somebody asks. The writer allocates nothing once all is in use, and pays for
   * the lock once a batch. The lock is fair, since a writer that has much to do would otherwise
   * take it again and again before a reader wakes up.
   */

  /** Requests kept by default. */
  public static final int DEFAULT_CAPACITY = 1_000;

  /** In place of a request's number in this store: there is none. */
  public static final int NONE = RowPool.NONE;

  private static final int MAX_GROUPS = 2_048;
  private static final int MAX_PARTS_PER_REQUEST = 128;
  private static final int MAX_PARTS = 65_536;
  private static final int MAX_HELD = 32_768;

  /** At most this much is kept when a record has been digested. */
  static final long MAX_BYTES = 24L << 20;

  /** What one record can add before that: a statement, or an error with its longest stack. */
  private static final long MAX_RECORD_BYTES = 256L << 10;

  /** Texts are counted as if nothing else shared them, and none were Latin-1. */
  private static final long CHAR_BYTES = Character.BYTES;

  /** What is held for each row besides the record. */
  private static final int REQUEST_BYTES =
      100 + 2 * RowList.BYTES_PER_ROW + SpanIndex.BYTES_PER_ROW;

  private final ReentrantLock lock = new ReentrantLock(true);

  /** All bytes held; by one writer, and without the lock for readers. */
  private final AtomicLong bytes = new AtomicLong();

  private final RowPool rows;
  private final PartLists parts;
  private Request[] requests = {};

  /** Rows of the newest requests, in a ring. */
  private final int[] newest;

  private long ended;

  /** Rows of the newest requests and of groups, for their calls and statements. */
  private final SpanIndex bySpan = new SpanIndex();

  /** Groups whose request has not ended, oldest first. */
  private final RowList waiting = new RowList();

  /** Groups with calls, statements or a stack, in the order in which they got the first. */
  private final RowList detailed = new RowList();

  private final SlowRoutes slowest = new SlowRoutes(this::leavePlace, bytes);

  /**
   * Without requests.
   *
   * @param capacity newest requests kept
   * @param layout how records lie in their arrays
   */
  public RecentStore(int capacity, RecordReader layout) {
    newest = new int[capacity];
    Arrays.fill(newest, NONE);
    rows = new RowPool(layout, bytes);
    parts = new PartLists(layout, bytes);
    hold((long) capacity * Integer.BYTES + SpanIndex.BYTES);
    resizeRequests();
  }

  /** What is known of the request in a row beside its record; without references that change. */
  private static final class Request {
    private final Parts parts = new Parts();
    private boolean hasEnded;
    private boolean isDetailed;
    private double weight;
    private int omitted;
    private int places;
    private long textBytes;
    private long stackBytes;
  }

  /** Begins a batch of changes, which readers see at its end. */
  public void beginBatch() {
    lock.lock();
  }

  /** Ends a batch of changes. */
  public void endBatch() {
    lock.unlock();
  }

  /**
   * Adds a call or a statement to the group of its outermost span; within a batch.
   *
   * @param holds whether it is to come back from {@link #end} or {@link #release} if its request
   *     has not ended
   * @return the number of its group until the next change, or {@link #NONE} if it is not held and
   *     has no request to belong to
   */
  public int add(RecordReader part, boolean holds) {
    long root = part.localRootSpanId();
    int row = bySpan.find(root);
    boolean hasEnded = row != NONE && requests[row].hasEnded;
    if (!hasEnded && part.spanId() == root) {
      return NONE;
    }
    if (row == NONE) {
      row = take(root);
      waiting.add(row);
    }
    Request request = requests[row];
    boolean isHeld = holds && !hasEnded;
    boolean isKept = request.parts.kept() < MAX_PARTS_PER_REQUEST;
    if (!isKept) {
      request.omitted++;
    }
    if (isKept || isHeld) {
      parts.add(request.parts, part, isKept, isHeld);
      addDetailed(row, request);
    }
    return row;
  }

  /** Whether the request with this number, as {@link #add} gave it, has ended. */
  public boolean hasEnded(int number) {
    return requests[number].hasEnded;
  }

  /** Weight that the request with this number was given, known once it has ended. */
  public double weight(int number) {
    return requests[number].weight;
  }

  /**
   * Adds a request that ended; within a batch.
   *
   * @param route under which the slowest are kept
   * @param weight what sampling said of it; 0 if its events are not passed on
   * @return what was held for it
   */
  public List<ProfileEvent> end(RecordReader record, GroupHandle route, double weight) {
    leaveNewest((int) (ended % newest.length));
    long span = record.spanId();
    int row = bySpan.find(span);
    if (row != NONE && !requests[row].hasEnded) {
      waiting.remove(row);
    } else {
      row = take(span);
    }
    Request request = requests[row];
    ErrorInfo error = record.error();
    if (error != null) {
      request.stackBytes = stackBytes(error);
      addDetailed(row, request);
    }
    request.textBytes = record.textChars() * CHAR_BYTES;
    hold(request.textBytes + request.stackBytes);
    request.hasEnded = true;
    request.weight = weight;
    rows.put(row, record);
    newest[(int) (ended++ % newest.length)] = row;
    request.places++;
    if (slowest.add(route, row, record.durationNanos(), record.timestampNanos())) {
      request.places++;
    }
    return parts.takeHeld(request.parts);
  }

  /** Takes the group of an outermost span that is no request; what it holds comes back. */
  public List<ProfileEvent> release(long localRootSpanId) {
    int row = bySpan.find(localRootSpanId);
    return row == NONE || requests[row].hasEnded ? List.of() : dissolve(row);
  }

  /**
   * Makes room if there are too many groups, too much is held, or too many bytes are: returns what
   * was held for the group that went, or null if there is room enough.
   */
  public @Nullable List<ProfileEvent> releaseExcess() {
    if (waiting.size() > MAX_GROUPS || parts.held() > MAX_HELD) {
      return releaseOldest();
    }
    boolean isFull = parts.size() >= MAX_PARTS || bytes.getPlain() > MAX_BYTES;
    while (isFull) {
      int oldest = detailed.first();
      if (oldest == NONE) {
        forgetOldestRequest();
      } else if (requests[oldest].hasEnded) {
        forgetDetails(oldest, requests[oldest]);
      } else {
        return dissolve(oldest);
      }
      isFull = parts.size() >= MAX_PARTS || bytes.getPlain() > MAX_BYTES;
    }
    return null;
  }

  /** Takes the oldest group; null if there is none. */
  public @Nullable List<ProfileEvent> releaseOldest() {
    int oldest = waiting.first();
    return oldest == NONE ? null : dissolve(oldest);
  }

  /** Calls and statements whose passing on waits for their request; within a batch. */
  public int held() {
    return parts.held();
  }

  /** What can be looked at now. */
  public RecentRequests snapshot(long nowNanos) {
    lock.lock();
    try {
      return new RecentRequests(newestViews(0), slowestViews(nowNanos));
    } finally {
      lock.unlock();
    }
  }

  /**
   * What has ended since an earlier look.
   *
   * @param endedCount what {@link RecentNews#endedCount()} said then
   * @param most requests at most, at least 0
   */
  public RecentNews news(long endedCount, int most) {
    lock.lock();
    try {
      return new RecentNews(ended, newestViews(Math.max(ended - most, endedCount)));
    } finally {
      lock.unlock();
    }
  }

  /** The request with this number, or null if it is not kept. */
  public @Nullable RecentRequest find(long requestId) {
    lock.lock();
    try {
      for (int row = 0; row < requests.length; row++) {
        if (requests[row].hasEnded && rows.at(row).requestId() == requestId) {
          return view(row);
        }
      }
      return null;
    } finally {
      lock.unlock();
    }
  }

  /** Estimate of the bytes held now, with all texts. */
  public long memoryBytes() {
    return bytes.getOpaque();
  }

  /** Estimate of the bytes held at most. */
  public long memoryBoundBytes() {
    return MAX_BYTES + MAX_RECORD_BYTES;
  }

  private int take(long span) {
    int row = rows.take();
    if (rows.size() != requests.length) {
      resizeRequests();
    }
    bySpan.add(span, row);
    return row;
  }

  /** As many as there are rows. */
  private void resizeRequests() {
    int before = requests.length;
    requests = Arrays.copyOf(requests, rows.size());
    for (int row = before; row < requests.length; row++) {
      requests[row] = new Request();
    }
    hold((long) (requests.length - before) * REQUEST_BYTES);
  }

  private void addDetailed(int row, Request request) {
    if (!request.isDetailed) {
      request.isDetailed = true;
      detailed.add(row);
    }
  }

  private static long stackBytes(ErrorInfo error) {
    String message = error.message();
    return CHAR_BYTES * (error.stack().length() + (message == null ? 0 : message.length()));
  }

  private void hold(long moreBytes) {
    bytes.setOpaque(bytes.getPlain() + moreBytes);
  }

  private void leaveNewest(int index) {
    int row = newest[index];
    if (row != NONE) {
      newest[index] = NONE;
      bySpan.remove(row);
      leavePlace(row);
    }
  }

  private void leavePlace(int row) {
    Request request = requests[row];
    request.places--;
    if (request.places == 0) {
      forget(row, request);
    }
  }

  /** Of a group that waits no more and has no request. */
  private List<ProfileEvent> dissolve(int row) {
    Request request = requests[row];
    waiting.remove(row);
    bySpan.remove(row);
    List<ProfileEvent> taken = parts.takeHeld(request.parts);
    forget(row, request);
    return taken;
  }

  private void forget(int row, Request request) {
    if (request.isDetailed) {
      forgetDetails(row, request);
    }
    hold(-request.textBytes);
    request.textBytes = 0;
    request.omitted = 0;
    request.hasEnded = false;
    rows.giveBack(row);
    if (rows.size() != requests.length) {
      resizeRequests();
    }
  }

  /** Leaves a group with its request alone. */
  private void forgetDetails(int row, Request request) {
    request.isDetailed = false;
    detailed.remove(row);
    request.omitted += request.parts.kept();
    parts.clear(request.parts);
    if (request.stackBytes > 0) {
      hold(-request.stackBytes);
      request.stackBytes = 0;
      rows.at(row).forgetStack();
    }
  }

  private void forgetOldestRequest() {
    for (long i = Math.max(0, ended - newest.length); i < ended; i++) {
      int index = (int) (i % newest.length);
      if (newest[index] != NONE) {
        leaveNewest(index);
        return;
      }
    }
    slowest.forgetOne();
  }

  private List<RecentRequest> newestViews(long from) {
    long first = Math.max(from, Math.max(0, ended - newest.length));
    List<RecentRequest> views = new ArrayList<>((int) Math.max(0, ended - first));
    for (long i = ended - 1; i >= first; i--) {
      int row = newest[(int) (i % newest.length)];
      if (row != NONE) {
        views.add(view(row));
      }
    }
    return List.copyOf(views);
  }

  private List<SlowRoute> slowestViews(long nowNanos) {
    // Two handles can have one name: a route's statistics may be forgotten before its requests.
    Map<String, List<RecentRequest>> byName = new TreeMap<>();
    for (SlowRoutes.Route route : slowest.routes()) {
      List<RecentRequest> views =
          byName.computeIfAbsent(route.handle().toString(), name -> new ArrayList<>());
      route.forEach(nowNanos, row -> views.add(view(row)));
    }
    List<SlowRoute> routes = new ArrayList<>(byName.size());
    byName.forEach(
        (name, views) -> {
          if (!views.isEmpty()) {
            routes.add(new SlowRoute(name, slowestOf(views)));
          }
        });
    return List.copyOf(routes);
  }

  private static List<RecentRequest> slowestOf(List<RecentRequest> views) {
    return views.stream()
        .sorted(Comparator.comparingLong(view -> -view.request().durationNanos()))
        .limit(SlowRoutes.PER_ROUTE)
        .toList();
  }

  private RecentRequest view(int row) {
    Request request = requests[row];
    List<FunctionEvent> functions = new ArrayList<>();
    List<DatabaseEvent> statements = new ArrayList<>();
    parts.forEachKept(
        request.parts,
        part -> {
          if (part instanceof FunctionEvent function) {
            functions.add(function);
          } else if (part instanceof DatabaseEvent statement) {
            statements.add(statement);
          }
        });
    RecordReader record = rows.at(row);
    return new RecentRequest(
        record.request(request.weight > 0 ? request.weight : 1),
        record.workerId(),
        record.streamId(),
        record.httpVersion(),
        List.copyOf(functions),
        List.copyOf(statements),
        request.omitted);
  }
}
