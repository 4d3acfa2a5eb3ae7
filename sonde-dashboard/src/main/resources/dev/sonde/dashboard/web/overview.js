// SPDX-License-Identifier: Apache-2.0
// Is it healthy, and what changed?

import { HeatMap, Spark, TimeChart, html } from "/charts.js";
import * as f from "/format.js";
import { ofRequest, ofRoute } from "/filter.js";
import { cell, docs, filter, go, nowUs, refresh, series, theme, tick, total, windowSeconds } from "/state.js";
import { Empty, Meter, Method, Panel, RequestTable } from "/parts.js";

const within = (values, t, fromUs) => { let i = t.findIndex((us) => us >= fromUs); return i < 0 ? [] : values.slice(i); };

function Kpi({ name, value, unit, sub, values, tone, alarm }) {
  return html`<div class=${"kpi " + (alarm ? "alarm" : "")}><dt>${name}${alarm && html` <span aria-hidden="true">▲</span>`}</dt>
    <dd><b>${value}</b>${unit && html`<small>${unit}</small>`}</dd><dd class="sub">${sub}</dd><${Spark} values=${values} tone=${tone} label=${name + " over the window"} /></div>`;
}

export function split(text) {
  const at = text.lastIndexOf(" ");
  return at > 0 ? [text.slice(0, at), text.slice(at + 1)] : [text, ""];
}

export function Overview() {
  const t = total.value;
  const metrics = docs.value.metrics;
  if (!t || !metrics) return html`<p class="pad muted">Loading …</p>`;
  const hooks = docs.value.health?.hooks ?? [];
  const c = tick.value?.connections ?? metrics.connections;
  if (t.count === 0 && c.opened === 0 && c.open === 0) {
    return html`<${Empty} title="No request has been seen in this window">
      ${hooks.length ? html`<p>Sonde is attached to ${hooks.map((x) => x.name).join(", ")}. Send a request to the application and it appears here within a second.</p>`
        : html`<p>No server is hooked yet. Add the adapter of your server, for example <code>server.addBean(SondeJetty.on(sonde))</code>, or start the JVM with the agent. The <button class="link" onClick=${() => go("health")}>Health view</button> says what was found.</p>`}
      ${windowSeconds.value < 900 && html`<p>Older traffic may be in a longer window: press <kbd>w</kbd>.</p>`}<//>`;
  }
  const s = series.value;
  const now = nowUs.value;
  const from = now - windowSeconds.value * 1e6;
  const cut = (key) => (s ? within(s[key], s.t_us, from) : []);
  const times = cut("t_us");
  const kpi = (us) => split(f.duration(us));
  const [p50, u50] = kpi(t.p50_us), [p95, u95] = kpi(t.p95_us), [p99, u99] = kpi(t.p99_us);
  const aborts = (t.outcomes.client_abort_before_headers || 0) + (t.outcomes.client_abort_during_body || 0);
  const streams = Object.values(tick.value?.open_streams ?? metrics.open_streams).reduce((sum, n) => sum + n, 0);
  return html`<div class="overview">
    <dl class="kpis">
      <${Kpi} name="Requests" value=${f.rate(t.window_rps)} unit="/s" sub=${f.count(t.count) + " in the window"} values=${cut("rps")} />
      <${Kpi} name="Errors" value=${split(f.percent(t.error_ratio))[0]} unit="%" sub=${f.count(t.errors) + " failed"} values=${cut("errors_per_s")} tone="bad" alarm=${t.error_ratio > 0.01} />
      <${Kpi} name="p50" value=${p50} unit=${u50} sub=${"mean " + f.duration(t.mean_us)} values=${cut("p50_us")} />
      <${Kpi} name="p95" value=${p95} unit=${u95} sub="19 of 20 faster" values=${cut("p95_us")} />
      <${Kpi} name="p99" value=${p99} unit=${u99} sub=${(t.app_p99_us === null ? "" : "application " + f.duration(t.app_p99_us) + ", ") + "max " + f.duration(t.max_us)} values=${cut("p99_us")} />
      <${Kpi} name="Connections" value=${f.count(c.open)} unit="open" sub=${f.count(tick.value?.in_flight ?? metrics.in_flight) + " requests in flight" + (streams ? ", " + f.plural(streams, "open stream") : "")} values=${cut("open")} />
      <${Kpi} name="Client aborts" value=${f.count(aborts)} sub=${t.count ? f.percent(aborts / t.count) + " of requests" : "none"} values=${cut("aborts_per_s")} tone="warn" />
    </dl>
    ${filter.value.active && html`<p class="hint">The filter narrows lists; the totals above always describe all traffic.</p>`}
    <div class="grid">
      <${Panel} title="Latency" note="every request, none sampled away" class="wide">
        <${HeatMap} heat=${metrics.heat} fromUs=${Math.max(from, metrics.heat.start_us)} toUs=${Math.max(metrics.now_us, now)} selected=${cell.value} theme=${theme.value} onSelect=${(c) => { cell.value = c; refresh(); }} />
        ${cell.value && html`<${Cell} />`}
      <//>
      <${Changes} metrics=${metrics} />
      <${Panel} title="Throughput" note="requests and errors per second">
        <${TimeChart} t=${times} fromUs=${from} toUs=${now} format=${f.rate} label="Requests and errors per second over time"
          lines=${[{ label: "Requests/s", values: cut("rps"), tone: "c1", area: true }, { label: "Errors/s", values: cut("errors_per_s"), tone: "c4" }]} />
      <//>
      <${Panel} title="Percentiles" note="of the ten seconds before each point">
        <${TimeChart} t=${times} fromUs=${from} toUs=${now} format=${f.duration} label="Latency percentiles over time"
          lines=${[{ label: "p50", values: cut("p50_us"), tone: "c1" }, { label: "p95", values: cut("p95_us"), tone: "c2" }, { label: "p99", values: cut("p99_us"), tone: "c3" }]} />
      <//>
      <${Busiest} /><${Endings} c=${docs.value.connections} />
    </div></div>`;
}

function Cell() {
  const c = cell.value;
  const all = docs.value.requests;
  const kept = new Map();
  for (const r of all ? [...all.newest, ...all.slowest.flatMap((g) => g.requests)] : []) kept.set(r.request_id, r);
  const rows = [...kept.values()].filter((r) => r.t_us >= c.from_us && r.t_us < c.to_us && r.dur_us > c.low_us && r.dur_us <= c.high_us && filter.value.matches(ofRequest(r))).sort((a, b) => b.dur_us - a.dur_us);
  return html`<div class="cell"><p><b>${f.time(c.from_us)} – ${f.time(c.to_us)}, ${f.duration(c.low_us)} – ${c.high_us === Infinity ? "∞" : f.duration(c.high_us)}</b>: ${f.plural(c.n, "request")} counted, ${rows.length} of them kept to look at. <button class="link" onClick=${() => { cell.value = null; }}>Close</button></p>
    ${!all ? html`<p class="muted small">Loading …</p>` : rows.length ? html`<${RequestTable} rows=${rows.slice(0, 50)} caption="Requests of the chosen cell" />` : html`<p class="muted small">Sonde counts every request but keeps only the newest and, for each route, the slowest. Choose a cell further right or higher up.</p>`}</div>`;
}

const CHANGE = {
  latency_up: ["▲", "slower", "bad"], latency_down: ["▼", "faster", "good"], errors_up: ["✕", "more errors", "bad"], errors_down: ["✓", "fewer errors", "good"],
  traffic_up: ["↗", "more traffic", ""], traffic_down: ["↘", "less traffic", ""], new_route: ["+", "new route", ""], new_error: ["✕", "new error", "bad"],
};

function Changes({ metrics }) {
  const list = metrics.changes.filter((x) => filter.value.matches({ route: x.route, path: x.route, method: x.method, is_error: x.kind.includes("error"), text: `${x.method} ${x.route}`.toLowerCase() }));
  const show = (x) => x.kind.startsWith("latency") ? html`p95 ${f.duration(x.before)} → <b>${f.duration(x.now)}</b>` : x.kind.startsWith("errors") ? html`${f.percent(x.before)} → <b>${f.percent(x.now)}</b>` : x.kind.startsWith("traffic") ? html`${f.rate(x.before)} → <b>${f.rate(x.now)}</b> /s` : x.kind === "new_error" ? html`<b>${f.count(x.now)}</b> times` : html`<b>${f.rate(x.now)}</b> /s`;
  return html`<${Panel} title="What changed" note="last minute against the four before">
    ${list.length ? html`<ul class="changes">${list.map((x) => html`<li key=${x.kind + x.method + x.route}><span class=${"mark " + CHANGE[x.kind][2]} aria-hidden="true">${CHANGE[x.kind][0]}</span>
      <button class="link name" title=${x.route} onClick=${() => go(x.kind === "new_error" ? "errors" : "routes", { open: x.kind === "new_error" ? "" : x.method + " " + x.route })}>${x.method && html`<${Method} name=${x.method} /> `}${x.route}</button><span class="said">${CHANGE[x.kind][1]}, ${show(x)}</span></li>`)}</ul>`
      : html`<p class="calm"><span aria-hidden="true">✓</span> Nothing of note: latency, errors and traffic are as they were.</p>`}<//>`;
}

function Busiest() {
  const doc = docs.value.routes;
  const rows = (doc?.routes ?? []).filter((r) => filter.value.matches(ofRoute(r))).slice(0, 8);
  return html`<${Panel} title="Where the time goes" note="routes by share of total time" actions=${html`<button class="link" onClick=${() => go("routes")}>All routes</button>`}>
    <table class="rows tight"><caption>Busiest routes</caption><thead><tr><th scope="col">Route</th><th scope="col" class="n">Share</th><th scope="col" aria-label="Share as a bar"></th><th scope="col" class="n">p95</th><th scope="col" class="n">Errors</th></tr></thead>
    <tbody>${rows.map((r) => html`<tr key=${r.method + r.route} class="open" tabindex="0" data-row onClick=${() => go("routes", { open: r.method + " " + r.route })} onKeyDown=${(e) => { if (e.key === "Enter") go("routes", { open: r.method + " " + r.route }); }}>
      <td class="path"><${Method} name=${r.method} /> <span title=${r.route}>${r.route}</span></td><td class="n">${f.percent(r.share)}</td><td class="meter"><${Meter} part=${r.share} /></td><td class="n">${f.duration(r.p95_us)}</td><td class=${"n " + (r.errors ? "bad" : "muted")}>${r.errors ? f.percent(r.error_ratio) : "0"}</td></tr>`)}</tbody></table><//>`;
}

export const REASONS = {
  complete: "complete", timeout: "timed out", client_disconnect: "client disconnected", error: "error", backpressure: "limit reached", server_shutdown: "server shut down",
};

function Endings({ c }) {
  if (!c) return null;
  const sum = Math.max(1, c.closed);
  return html`<${Panel} title="How connections ended" note=${`${f.count(c.opened)} opened, ${f.count(c.closed)} closed, ${f.rate(c.requests_per_connection)} requests each`}>
    <table class="rows tight"><caption>Connections by reason</caption><thead><tr><th scope="col">Reason</th><th scope="col" class="n">Count</th><th scope="col" aria-label="Count as a bar"></th><th scope="col" class="n">Share</th></tr></thead>
    <tbody>${Object.entries(c.reasons).map(([name, n]) => html`<tr key=${name} class=${n ? "" : "muted"}><td>${REASONS[name] || name}${n ? html`<small class="details">${c.details.filter((d) => d.reason === name && d.detail).slice(0, 3).map((d) => `${d.detail.replaceAll("_", " ")} ${f.count(d.count)}`).join(", ")}</small>` : ""}</td><td class="n">${f.count(n)}</td><td class="meter"><${Meter} part=${n / sum} tone=${name === "complete" || name === "server_shutdown" ? "" : "warn"} /></td><td class="n">${f.percent(n / sum)}</td></tr>`)}
    <tr class=${c.never_used ? "" : "muted"}><td>of them never used</td><td class="n">${f.count(c.never_used)}</td><td></td><td class="n">${f.percent(c.never_used / sum)}</td></tr></tbody></table><//>`;
}
