// SPDX-License-Identifier: Apache-2.0
package dev.sonde.perf.stress;

import dev.sonde.capture.Capability;
import dev.sonde.capture.CaptureOutlet;
import dev.sonde.capture.CloseHint;
import dev.sonde.capture.ConnectionState;
import dev.sonde.capture.Exchange;
import dev.sonde.capture.Initiator;
import dev.sonde.capture.ListenerScope;
import dev.sonde.event.Protocol;
import java.util.EnumSet;
import java.util.concurrent.atomic.AtomicInteger;
import org.openjdk.jcstress.annotations.Actor;
import org.openjdk.jcstress.annotations.Arbiter;
import org.openjdk.jcstress.annotations.Expect;
import org.openjdk.jcstress.annotations.JCStressTest;
import org.openjdk.jcstress.annotations.Outcome;
import org.openjdk.jcstress.annotations.State;
import org.openjdk.jcstress.infra.results.IIII_Result;

/**
 * The only request of a connection: its end and its start, each against the close, and the release
 * of its object against the start of the next one.
 */
public final class ExchangeStress {
  private ExchangeStress() {}

  /** Counts what is handed on, and what comes after the close. */
  private static final class Counting implements CaptureOutlet {
    private final AtomicInteger ends = new AtomicInteger();
    private final AtomicInteger closes = new AtomicInteger();
    private final AtomicInteger afterClose = new AtomicInteger();

    @Override
    public boolean tellsEveryStart() {
      return false;
    }

    @Override
    public void connectionOpened(ConnectionState connection) {}

    @Override
    public void requestStarted(Exchange exchange) {}

    @Override
    public void requestEnded(Exchange exchange) {
      ends.incrementAndGet();
      afterClose.addAndGet(closes.get());
    }

    @Override
    public void connectionClosed(ConnectionState connection) {
      closes.incrementAndGet();
    }

    @Override
    public void connectionRejected(ListenerScope listener, CloseHint limit, long nanos) {}

    void tell(IIII_Result result, ListenerScope listener) {
      // An end may have looked for the close too early: the outlet asks again, as the digest does.
      listener.sweep();
      result.r1 = ends.get();
      result.r2 = closes.get();
      result.r3 = afterClose.get();
      result.r4 = (int) listener.lateCalls();
    }
  }

  private static ListenerScope listener(CaptureOutlet outlet) {
    return new ListenerScope("stress", EnumSet.noneOf(Capability.class), outlet);
  }

  private static ConnectionState open(ListenerScope listener) {
    return listener.opened(0, null, null, Protocol.H1, false, 0);
  }

  private static Exchange begin(ConnectionState connection) {
    return connection.begin(0, 0, "GET", "/", "HTTP/1.1", 1);
  }

  /** A request that is open ends once, by itself or by the close, and the close comes last. */
  @JCStressTest
  @Outcome(id = "1, 1, 0, 0", expect = Expect.ACCEPTABLE, desc = "it ended before the close")
  @Outcome(id = "1, 1, 0, 1", expect = Expect.ACCEPTABLE, desc = "the close cut it")
  @State
  public static class EndVsClose {
    private final Counting outlet = new Counting();
    private final ListenerScope listener = listener(outlet);
    private final ConnectionState connection = open(listener);
    private final Exchange exchange = begin(connection);

    /** Ends it. */
    @Actor
    public void ender() {
      exchange.completed(200, 1, 2);
    }

    /** Closes its connection. */
    @Actor
    public void closer() {
      connection.closed(Initiator.REMOTE, null, 3);
    }

    /** Counts. */
    @Arbiter
    public void arbiter(IIII_Result result) {
      outlet.tell(result, listener);
    }
  }

  /** Of a request that begins during the close nothing is told, or its one end before the close. */
  @JCStressTest
  @Outcome(id = "1, 1, 0, 0", expect = Expect.ACCEPTABLE, desc = "before the close")
  @Outcome(id = "1, 1, 0, 1", expect = Expect.ACCEPTABLE, desc = "the close cut it")
  @Outcome(id = "0, 1, 0, 1", expect = Expect.ACCEPTABLE, desc = "during the close: void")
  @Outcome(id = "0, 1, 0, 2", expect = Expect.ACCEPTABLE, desc = "after the close: both are late")
  @State
  public static class BeginVsClose {
    private final Counting outlet = new Counting();
    private final ListenerScope listener = listener(outlet);
    private final ConnectionState connection = open(listener);

    /** Begins and ends one. */
    @Actor
    public void server() {
      begin(connection).completed(200, 1, 2);
    }

    /** Closes its connection. */
    @Actor
    public void closer() {
      connection.closed(Initiator.REMOTE, null, 3);
    }

    /** Counts. */
    @Arbiter
    public void arbiter(IIII_Result result) {
      outlet.tell(result, listener);
    }
  }

  /** The same, where the request uses the object of the one before. */
  @JCStressTest
  @Outcome(id = "2, 1, 0, 0", expect = Expect.ACCEPTABLE, desc = "before the close")
  @Outcome(id = "2, 1, 0, 1", expect = Expect.ACCEPTABLE, desc = "the close cut it")
  @Outcome(id = "1, 1, 0, 1", expect = Expect.ACCEPTABLE, desc = "during the close: void")
  @Outcome(id = "1, 1, 0, 2", expect = Expect.ACCEPTABLE, desc = "after the close: both are late")
  @State
  public static class BeginAgainVsClose {
    private final Counting outlet = new Counting();
    private final ListenerScope listener = listener(outlet);
    private final ConnectionState connection = open(listener);

    /** One request before. */
    public BeginAgainVsClose() {
      Exchange first = begin(connection);
      first.completed(200, 1, 2);
      first.release();
    }

    /** Begins and ends one. */
    @Actor
    public void server() {
      begin(connection).completed(200, 1, 2);
    }

    /** Closes its connection. */
    @Actor
    public void closer() {
      connection.closed(Initiator.REMOTE, null, 3);
    }

    /** Counts. */
    @Arbiter
    public void arbiter(IIII_Result result) {
      outlet.tell(result, listener);
    }
  }

  /** A release that comes as late as the next request leaves that alone. */
  @JCStressTest
  @Outcome(id = "2, 0, 207, 7", expect = Expect.ACCEPTABLE, desc = "the second is whole")
  @State
  public static class ReleaseVsBegin {
    private final Counting outlet = new Counting();
    private final ListenerScope listener = listener(outlet);
    private final ConnectionState connection = open(listener);
    private final Exchange first = begin(connection);

    /** A request that has ended, with some body. */
    public ReleaseVsBegin() {
      first.bytesIn(1);
      first.completed(200, 1, 2);
    }

    /** The last part of the application returns. */
    @Actor
    public void application() {
      first.release();
    }

    /** Begins and ends the next one. */
    @Actor
    public void server(IIII_Result result) {
      Exchange second = begin(connection);
      second.bytesIn(7);
      second.completed(207, 1, 4);
      result.r3 = second.status();
      result.r4 = (int) second.bytesIn();
    }

    /** Counts. */
    @Arbiter
    public void arbiter(IIII_Result result) {
      result.r1 = outlet.ends.get();
      result.r2 = (int) listener.lateCalls();
    }
  }
}
