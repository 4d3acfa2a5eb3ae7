// SPDX-License-Identifier: Apache-2.0
package dev.sonde.dashboard;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import dev.sonde.Sonde;
import dev.sonde.SondeConfig;
import dev.sonde.event.Outcome;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Objects;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;
import org.openqa.selenium.By;
import org.openqa.selenium.Keys;
import org.openqa.selenium.WebElement;

final class DashboardPageIT {
  private static final List<String> VIEWS =
      List.of("overview", "routes", "errors", "live", "health");

  private static Browser browser;
  private static Sonde sonde;
  private static Dashboard dashboard;

  @BeforeAll
  static void start(@TempDir Path profile) {
    browser = Browser.start(profile);
    sonde = startSonde();
    new Traffic(sonde).shop(200);
    await().atMost(Duration.ofSeconds(10)).until(() -> sonde.recent().newest().size() > 500);
    dashboard = Dashboard.start(sonde, DashboardConfig.builder().port(0).build());
  }

  @AfterAll
  static void stop() {
    if (browser != null) {
      browser.close();
    }
    if (sonde != null) {
      dashboard.close();
      sonde.close();
    }
  }

  private static Sonde startSonde() {
    return Sonde.start(SondeConfig.builder().keepsErrorMessages(true).build());
  }

  @ParameterizedTest(name = "{0} {1} {2}")
  @MethodSource("everyLook")
  void view_showsRealDataWithoutScrollingSideways(String view, String scheme, int width) {
    browser.scheme(scheme);
    browser.size(width, 844);
    browser.complaints();
    browser.requests();

    browser.open(dashboard.url() + "&view=" + view);

    for (String text : expected(view)) {
      browser.await(text);
    }
    browser.await("live");
    assertThat(width(browser, "scrollWidth")).isLessThanOrEqualTo(width);
    assertThat(background())
        .isEqualTo(scheme.equals("dark") ? "rgb(14, 19, 20)" : "rgb(244, 246, 246)");
    assertThat(browser.complaints()).isEmpty();
    assertThat(browser.requests())
        .isNotEmpty()
        .allSatisfy(url -> assertThat(url).startsWith(dashboard.address()));
  }

  static Stream<Arguments> everyLook() {
    return VIEWS.stream()
        .flatMap(
            view ->
                Stream.of("light", "dark")
                    .flatMap(
                        scheme ->
                            Stream.of(1280, 390).map(width -> Arguments.of(view, scheme, width))));
  }

  private static List<String> expected(String view) {
    return switch (view) {
      case "overview" -> List.of("Requests", "p99", "Latency", "/products/{id}", "What changed");
      case "routes" -> List.of("/products/{id}", "/checkout", "SELECT id, name FROM product");
      case "errors" -> List.of("IllegalStateException", "card declined", "client abort");
      case "live" -> List.of("/orders", "412 ms", "500");
      default -> List.of("holds", "offered", "Nothing has been dropped", "queue full");
    };
  }

  @Test
  void page_erasesTokenFromAddressAtOnceAndSendsItInNoUrl() {
    browser.size(1280, 844);
    browser.requests();
    browser.open(dashboard.url());
    browser.await("live");

    assertThat(browser.driver().getCurrentUrl()).doesNotContain(dashboard.token());
    assertThat(browser.requests())
        .allSatisfy(url -> assertThat(url).doesNotContain(dashboard.token()));
    assertThat(browser.driver().manage().getCookies()).isEmpty();
    assertThat(
            String.valueOf(
                browser.driver().executeScript("return window['local' + 'Storage'].length")))
        .isEqualTo("0");
    browser.driver().navigate().refresh();
    browser.await("live");
  }

  @Test
  void page_asksForTokenAndOpensWithIt() {
    browser.driver().executeScript("sessionStorage.clear()");
    browser.open(dashboard.address());
    browser.driver().executeScript("sessionStorage.clear()");
    browser.open(dashboard.address() + "#t=wrong");
    browser.await("not the one of this process");

    WebElement field = browser.driver().findElement(By.id("token"));
    field.sendKeys(dashboard.url(), Keys.ENTER);

    browser.await("live");
  }

  @Test
  void page_connectsAgainWhenOnlyTheHashBringsAnotherToken() {
    browser.open(dashboard.address());
    browser.driver().executeScript("sessionStorage.clear()");
    browser.open(dashboard.address() + "#t=wrong");
    browser.await("not the one of this process");

    browser.driver().executeScript("location.hash = arguments[0]", "t=" + dashboard.token());

    browser.await("● live");
    assertThat(browser.driver().getCurrentUrl()).doesNotContain(dashboard.token());
    browser.driver().executeScript("location.hash = arguments[0]", "t=wrong");
    browser.await("not the one of this process");
  }

  @Test
  void page_takesTokenWithSignsFromPastedAddressAndAlone() {
    String token = "a+b/c=d~e.f_g-0123456789";
    try (Dashboard other =
        Dashboard.start(sonde, DashboardConfig.builder().port(0).token(token).build())) {
      for (String pasted : List.of(other.url(), other.url() + "&view=routes", token)) {
        browser.open(other.address());
        browser.driver().executeScript("sessionStorage.clear()");
        browser.open(other.address() + "#t=wrong");
        browser.await("not the one of this process");

        browser.driver().findElement(By.id("token")).sendKeys(pasted, Keys.ENTER);

        browser.await("● live");
      }
      browser.open("about:blank");
    }
  }

  @Test
  void page_findsRoutesByEachOfTheirStatuses() {
    Traffic traffic = new Traffic(sonde);
    traffic.request("PUT", "/mixed", "/mixed", 200, Outcome.COMPLETED, 900, null, 0);
    traffic.request("PUT", "/mixed", "/mixed", 409, Outcome.COMPLETED, 900, null, 0);
    traffic.request(
        "PUT", "/mixed", "/mixed", 503, Outcome.APP_ERROR, 900, new IllegalStateException(), 0);
    browser.size(1280, 844);

    for (String status : List.of("status:200", "status:4xx", "status:409", "status>=500")) {
      browser.open(dashboard.url() + "&view=routes&filter=route:/mixed%20" + status);
      browser.await("/mixed");
    }
    browser.open(dashboard.url() + "&view=routes&filter=route:/mixed%20status:302");
    browser.await("live");
    browser.await(" of ");
    assertThat(browser.text()).doesNotContain("/mixed");
  }

  @Test
  void page_helpKeepsFocusWhileOpenAndGivesItBack() {
    browser.size(1280, 844);
    browser.open(dashboard.url() + "&view=overview");
    browser.await("live");
    browser.driver().executeScript("document.querySelector('nav button').focus()");
    String before = active();
    browser.driver().switchTo().activeElement().sendKeys("?");
    browser.await("next window");
    assertThat(active()).startsWith("DIV Keys and filter");

    browser.driver().switchTo().activeElement().sendKeys(Keys.TAB);
    assertThat(active()).isEqualTo("BUTTON Close");
    browser.driver().switchTo().activeElement().sendKeys(Keys.TAB);
    assertThat(active()).isEqualTo("BUTTON Close");
    // Two ticks draw the page anew; the focus stays.
    browser
        .driver()
        .executeScript(
            "window.drawn = 0; new MutationObserver(() => { window.drawn++; }).observe(document.querySelector('main'), {subtree: true, childList: true, characterData: true, attributes: true})");
    new Traffic(sonde).shop(1);
    await()
        .atMost(Duration.ofSeconds(10))
        .until(
            () ->
                !"0".equals(String.valueOf(browser.driver().executeScript("return window.drawn"))));
    assertThat(active()).isEqualTo("BUTTON Close");
    browser.driver().switchTo().activeElement().sendKeys(Keys.ESCAPE);

    await().atMost(Duration.ofSeconds(5)).until(() -> active().equals(before));
  }

  private static String active() {
    return String.valueOf(
        browser
            .driver()
            .executeScript(
                "const e = document.activeElement; return e.tagName + ' ' + (e.getAttribute('aria-label') || e.innerText)"));
  }

  @Test
  void page_asksForNothingTwiceAtOnce() {
    browser.open(dashboard.url() + "&view=overview");
    browser.await("Where the time goes");

    Object calls =
        browser
            .driver()
            .executeAsyncScript(
                "const done = arguments[0], real = window.fetch; let calls = 0, held = [];"
                    + "window.fetch = (url, ...more) => { if (!String(url).startsWith('/metrics'))"
                    + " return real(url, ...more); calls++; return new Promise((ok, no) =>"
                    + " held.push(() => real(url, ...more).then(ok, no))); };"
                    + "const first = () => { if (!calls) { setTimeout(first, 50); return; }"
                    + " for (let i = 0; i < 5; i++) document.dispatchEvent(new Event('visibilitychange'));"
                    + " const n = calls; window.fetch = real; held.forEach((go) => go()); done(n); };"
                    + "first();");

    assertThat(calls).isEqualTo(1L);
  }

  @Test
  void page_countsWhatGoesByWhilePaused() {
    browser.open(dashboard.url() + "&view=live");
    browser.await("● live");
    browser.await("412 ms");
    browser.driver().findElement(By.tagName("body")).sendKeys("p");
    browser.await("paused");

    new Traffic(sonde).shop(1);

    browser.await("more went by");
  }

  @Test
  void page_openedRequestShowsItsStatementsAsRepeated() {
    browser.size(1280, 844);
    long id =
        sonde.recent().newest().stream()
            .filter(recent -> recent.request().path().equals("/orders"))
            .findFirst()
            .orElseThrow()
            .request()
            .requestId();

    browser.open(dashboard.url() + "&view=live&request=" + id);

    browser.await("48 × the same statement");
    browser.await("Where the time went");
    browser.await("price.calculate");
  }

  @Test
  void page_followsKeysAndFilter() {
    browser.size(1280, 844);
    browser.open(dashboard.url() + "&view=overview");
    browser.await("live");
    WebElement body = browser.driver().findElement(By.tagName("body"));

    body.sendKeys("2");
    browser.await("in the last");
    body.sendKeys("/");
    browser.driver().switchTo().activeElement().sendKeys("route:/check*");
    browser.await("1 of ");

    assertThat(browser.text()).contains("/checkout").doesNotContain("/products/{id}");
    browser.driver().switchTo().activeElement().sendKeys(Keys.ESCAPE, Keys.ESCAPE);
    body.sendKeys("?");
    browser.await("next window");
    body.sendKeys(Keys.ESCAPE);
    body.sendKeys("p");
    browser.await("paused");
    assertThat(browser.driver().getCurrentUrl()).contains("view=routes");
  }

  @Test
  void page_reconnectsByItselfAfterRestart() {
    String token = Token.random();
    Dashboard first =
        Dashboard.start(sonde, DashboardConfig.builder().port(0).token(token).build());
    int port = first.port();
    browser.open(first.url());
    browser.await("live");

    first.close();
    browser.await("Disconnected.");
    try (Dashboard second =
        Dashboard.start(sonde, DashboardConfig.builder().port(port).token(token).build())) {
      browser.await("● live");
      assertThat(browser.text()).doesNotContain("Disconnected.");
      assertThat(second.port()).isEqualTo(port);
      browser.open("about:blank");
    }
  }

  @Test
  void page_saysWhatToDoWhenNothingWasSeen() {
    try (Sonde idle = startSonde();
        Dashboard empty = Dashboard.start(idle, DashboardConfig.builder().port(0).build())) {
      browser.size(390, 844);
      for (String view : VIEWS) {
        browser.open(empty.url() + "&view=" + view);
        browser.await(
            switch (view) {
              case "overview" -> "No server is hooked yet";
              case "routes" -> "No route has had a request";
              case "errors" -> "No failure has been seen";
              case "live" -> "Waiting for requests";
              default -> "Nothing is hooked";
            });
        assertThat(width(browser, "scrollWidth")).isLessThanOrEqualTo(390);
      }
      browser.open("about:blank");
    }
  }

  @Test
  void page_showsHostileTextAsTextOnly() throws ReflectiveOperationException {
    List<String> payloads = Payloads.all();
    assertThat(payloads).hasSizeGreaterThanOrEqualTo(300).doesNotHaveDuplicates();
    try (Sonde target = startSonde();
        Dashboard hostile = Dashboard.start(target, DashboardConfig.builder().port(0).build())) {
      Traffic traffic = new Traffic(target);
      HostileThrowables throwables = new HostileThrowables();
      for (int i = 0; i < payloads.size(); i++) {
        String text = payloads.get(i);
        target.emitter().function(text, 1_000, null);
        traffic.statement("SELECT '" + text + "'", 300);
        traffic.request(
            text, text, "/" + text, 500, Outcome.APP_ERROR, 5_000, throwables.named(text, i), 1);
      }
      target.hooked(payloads.get(0));
      await().atMost(Duration.ofSeconds(10)).until(() -> target.recent().newest().size() >= 300);
      browser.size(1280, 844);
      browser.complaints();
      browser.requests();

      for (String view : VIEWS) {
        browser.open(hostile.url() + "&view=" + view);
        browser.await("live");
        browser.await(
            view.equals("overview")
                ? "Where the time goes"
                : view.equals("health") ? "<script>" : "onerror=");
        openRows();
        assertThat(browser.hasDialog()).isFalse();
      }
      long id = target.recent().newest().get(0).request().requestId();
      browser.open(
          hostile.url()
              + "&view=live&request="
              + id
              + "&filter=%3Cimg%20src%3Dx%20onerror%3Dalert(1)%3E");
      browser.await("Where the time went");

      assertThat(browser.hasDialog()).isFalse();
      assertThat(browser.complaints()).isEmpty();
      assertThat(browser.requests())
          .allSatisfy(url -> assertThat(url).startsWith(hostile.address()));
      assertThat(
              String.valueOf(
                  browser
                      .driver()
                      .executeScript(
                          "return"
                              + " document.querySelectorAll('script:not([src]),iframe,img,object,embed,base,meta[http-equiv],style,[onerror],[onload]').length"
                              + " + ' ' + window.pwned + ' ' + document.title")))
          .isEqualTo("0 undefined Live · Sonde");
      browser.open("about:blank");
    }
  }

  /** Opens the first rows, so that what is folded away is drawn too. */
  private static void openRows() {
    browser
        .driver()
        .executeScript(
            "for (const row of [...document.querySelectorAll('tr.open')].slice(0, 30))"
                + " row.click()");
    browser.await("Sonde");
  }

  private static int width(Browser browser, String property) {
    Object width = browser.driver().executeScript("return document.documentElement." + property);
    return ((Number) Objects.requireNonNull(width)).intValue();
  }

  private static String background() {
    return String.valueOf(
        browser.driver().executeScript("return getComputedStyle(document.body).backgroundColor"));
  }
}
