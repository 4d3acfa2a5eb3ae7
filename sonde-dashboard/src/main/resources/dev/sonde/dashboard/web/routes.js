// SPDX-License-Identifier: Apache-2.0
// Which endpoint costs most, and where is its time?

import { Bars, html } from "/charts.js";
import * as f from "/format.js";
import { ofRoute } from "/filter.js";
import { docs, filter, opened, refresh, sort, tick } from "/state.js";
import { Empty, Meter, Method, Panel, RequestTable, Split } from "/parts.js";

const COLUMNS = [
  ["route", "Route", "", (r) => html`<${Method} name=${r.method} /> <span title=${r.route}>${r.route}</span>`, "path"],
  ["window_rps", "Req/s", "requests per second in the window", (r) => f.rate(r.window_rps), "n"],
  ["spark", "60 s", "requests in each of the last 60 seconds", (r) => html`<${Bars} values=${r.spark} label=${"requests per second, last minute, highest " + Math.max(0, ...r.spark)} />`, "lo trend"],
  ["p50_us", "p50", "half were faster", (r) => f.duration(r.p50_us), "n lo"],
  ["p95_us", "p95", "19 of 20 were faster", (r) => f.duration(r.p95_us), "n"],
  ["p99_us", "p99", "99 of 100 were faster", (r) => f.duration(r.p99_us), "n lo"],
  ["app_p99_us", "App p99", "99 of 100 took the application less, without waiting for slow clients", (r) => html`<span class=${r.app_p99_us !== null && r.app_p99_us < r.p99_us / 2 ? "warn" : "muted"} title=${r.app_p99_us === null ? "the server does not let it be known" : r.app_p99_us < r.p99_us / 2 ? "most of the p99 is slow clients" : ""}>${f.duration(r.app_p99_us)}</span>`, "n lo"],
  ["error_ratio", "Errors", "failed on the server’s side", (r) => html`<span class=${r.errors ? "bad" : "muted"}>${r.errors ? "✕ " + f.percent(r.error_ratio) : "0"}</span>`, "n"],
  ["aborts", "Aborts", "the client left", (r) => html`<span class=${r.aborts ? "warn" : "muted"}>${f.count(r.aborts)}</span>`, "n lo"],
  ["total_us", "Time", "share of the time of all requests", (r) => html`<span class="share"><span>${f.percent(r.share)}</span><${Meter} part=${r.share} /></span>`, "n"],
  ["split", "Inside", "database, functions, other: from the requests kept as examples", (r) => html`<${Split} split=${r.split} />`, "lo"],
];

const value = (r, key) => key === "route" ? r.route + " " + r.method : key === "split" ? r.split?.db ?? -1 : key === "spark" ? r.spark.reduce((a, b) => a + b, 0) : r[key] ?? -1;

export function sorted(rows) {
  const up = sort.value.startsWith("-");
  const key = up ? sort.value.slice(1) : sort.value;
  const way = (key === "route") !== up ? 1 : -1;
  return [...rows].sort((a, b) => { const x = value(a, key), y = value(b, key); return (x < y ? -1 : x > y ? 1 : 0) * way; });
}

export function visibleRoutes() {
  return sorted((docs.value.routes?.routes ?? []).filter((r) => filter.value.matches(ofRoute(r))));
}

export function Routes() {
  const doc = docs.value.routes;
  if (!doc) return html`<p class="pad muted">Loading …</p>`;
  if (!doc.routes.length) return html`<${Empty} title="No route has had a request in this window"><p>Routes appear with their first request. Press <kbd>w</kbd> for a longer window.</p><//><${Streams} doc=${doc} />`;
  const rows = visibleRoutes();
  const key = sort.value.replace(/^-/, "");
  return html`<${Panel} title="Routes" note=${`${rows.length === doc.routes.length ? rows.length : rows.length + " of " + doc.routes.length} in the last ${f.span(doc.covered_s)}${doc.overflow ? `; ${f.plural(doc.overflow, "request")} beyond the limit counted as “other”` : ""}`}
    actions=${html`<span class="legend"><i class="db"></i>database <i class="fn"></i>functions <i class="other"></i>other</span>`}>
    ${rows.length === 0 ? html`<${Empty} title="Nothing matches the filter"><p>Press <kbd>Esc</kbd> in the filter box to clear it.</p><//>` : html`<div class="scroll"><table class="rows routes"><caption>Routes; a header sorts, a row opens</caption>
    <thead><tr>${COLUMNS.map(([id, name, title, , cls]) => html`<th scope="col" class=${cls} title=${title} aria-sort=${key === id ? (sort.value.startsWith("-") === (id === "route") ? "descending" : "ascending") : "none"}><button onClick=${() => { sort.value = sort.value === id ? "-" + id : id; }}>${name}<i aria-hidden="true">${key !== id ? "" : sort.value.startsWith("-") === (id === "route") ? " ▾" : " ▴"}</i></button></th>`)}</tr></thead>
    <tbody>${rows.slice(0, 1000).map((r) => { const id = r.method + " " + r.route; const on = opened.value === id; const toggle = () => { opened.value = on ? "" : id; refresh(); };
      return [html`<tr key=${id} class=${"open " + (on ? "on" : "")} tabindex="0" aria-expanded=${on} data-row onClick=${toggle} onKeyDown=${(e) => { if (e.key === "Enter") toggle(); }}>${COLUMNS.map(([, , , cell, cls]) => html`<td class=${cls}>${cell(r)}</td>`)}</tr>`,
        on && html`<tr key=${id + " open"} class="inside"><td colspan=${COLUMNS.length}><${Opened} r=${r} /></td></tr>`]; })}</tbody></table></div>`}
  <//><${Streams} doc=${doc} />${doc.statements.length > 0 && html`<${Groups} title="Statements" groups=${doc.statements} unit="rows" />`}${doc.functions.length > 0 && html`<${Groups} title="Functions" groups=${doc.functions} />`}`;
}

function Opened({ r }) {
  const all = docs.value.requests;
  const slow = all?.slowest.find((g) => g.route === r.route || g.route === r.method + " " + r.route)?.requests.filter((q) => q.method === r.method) ?? [];
  const newest = (all?.newest ?? []).filter((q) => q.method === r.method && (q.route ?? "") === r.route);
  const kept = [...new Map([...slow, ...newest].map((q) => [q.request_id, q])).values()];
  return html`<div class="opened">
    <div class="two"><div><h3>Latency in the window</h3><${Ladder} r=${r} /></div>
    <div><h3>Status and outcome</h3><ul class="chips">${Object.entries(r.codes).map(([code, n]) => html`<li class=${code >= 500 ? "bad" : code >= 400 ? "warn" : ""}><b>${code}</b> ${f.count(n)}</li>`)}${Object.entries(r.outcomes).filter(([name, n]) => n && name !== "completed").map(([name, n]) => html`<li class="warn"><b>${name.replaceAll("_", " ")}</b> ${f.count(n)}</li>`)}</ul>
      <p class="muted small">${f.count(r.count)} requests, ${f.bytes(r.bytes_in)} in, ${f.bytes(r.bytes_out)} out, ${f.duration(r.total_us)} in all</p>
      <h3>Distribution of the ${kept.length} kept</h3><${Histogram} rows=${kept} /></div></div>
    ${r.statements?.length > 0 && html`<h3>Its statements <small class="muted">in the requests kept as examples</small></h3><table class="rows tight"><caption>Statements of this route</caption><thead><tr><th scope="col">Statement</th><th scope="col" class="n">Calls per request</th><th scope="col" class="n">Mean</th><th scope="col" class="n">Share of time</th></tr></thead><tbody>${r.statements.map((s) => html`<tr key=${s.query}><td class="mono wrap">${s.query}${s.calls_per_request >= 5 ? html` <em class="why">N+1?</em>` : ""}</td><td class="n">${f.rate(s.calls_per_request)}</td><td class="n">${f.duration(s.mean_us)}</td><td class="n">${f.percent(s.share)}</td></tr>`)}</tbody></table>`}
    <h3>Slowest kept</h3>${kept.length ? html`<${RequestTable} rows=${kept.sort((a, b) => b.dur_us - a.dur_us).slice(0, 20)} caption="Slowest requests of this route" showAge=${true} />` : html`<p class="muted small">None is kept: they were sampled away or left out by a rule.</p>`}
  </div>`;
}

export const STREAM_KINDS = { sse: "event stream", websocket: "WebSocket", long_poll: "long poll", grpc: "gRPC stream" };

// What stays open for as long as somebody wants to hear from it: none of it is in the routes above.
function Streams({ doc }) {
  const open = Object.entries(tick.value?.open_streams ?? doc.open_streams);
  const all = open.reduce((sum, [, n]) => sum + n, 0);
  const rows = doc.streams.filter((s) => filter.value.matches({ text: s.route.toLowerCase(), route: s.route, path: s.route, dur_us: s.lifetime.p95_us, is_error: s.failed > 0 }));
  if (!all && !rows.length) return null;
  return html`<${Panel} title="Streams" note=${`${f.count(all)} open now${all ? ": " + open.filter(([, n]) => n).map(([kind, n]) => f.plural(n, STREAM_KINDS[kind])).join(", ") : ""}; below, those that ended. Their lifetimes are in no percentile of a route`}>
    ${rows.length === 0 ? html`<p class="muted pad">None has ended in this window.</p>` : html`<div class="scroll"><table class="rows streams"><caption>Streams that ended, by kind and route</caption><thead><tr><th scope="col">Stream</th><th scope="col" class="n">Ended</th><th scope="col" class="n" title="half began to answer within">First byte p50</th><th scope="col" class="n lo" title="99 of 100 began to answer within">p99</th><th scope="col" class="n" title="half were open for less">Lifetime p50</th><th scope="col" class="n lo" title="99 of 100 were open for less">p99</th><th scope="col" class="n">Completed</th><th scope="col" class="n">Left by the client</th><th scope="col" class="n">Failed</th></tr></thead>
    <tbody>${rows.map((s) => html`<tr key=${s.kind + s.route}><td class="path"><span class="method">${STREAM_KINDS[s.kind] ?? "other"}</span> <span title=${s.route}>${s.route}</span></td><td class="n">${f.count(s.count)}</td><td class="n">${f.duration(s.ttfb.p50_us)}</td><td class="n lo">${f.duration(s.ttfb.p99_us)}</td><td class="n">${f.duration(s.lifetime.p50_us)}</td><td class="n lo">${f.duration(s.lifetime.p99_us)}</td><td class="n">${f.count(s.completed)}</td><td class=${"n " + (s.disconnected ? "" : "muted")}>${f.count(s.disconnected)}</td><td class=${"n " + (s.failed ? "bad" : "muted")}>${s.failed ? "✕ " : ""}${f.count(s.failed)}</td></tr>`)}</tbody></table></div>`}<//>`;
}

// Exact percentiles on a logarithmic scale.
function Ladder({ r }) {
  const steps = [["p50", r.p50_us], ["p90", r.p90_us], ["p95", r.p95_us], ["p99", r.p99_us], ["p99.9", r.p999_us], ["max", r.max_us]].filter(([, us]) => us !== null && us !== undefined);
  if (!steps.length) return null;
  const low = Math.log(Math.max(1, steps[0][1] / 4)), high = Math.log(Math.max(2, steps[steps.length - 1][1]));
  return html`<table class="ladder"><caption>Percentiles</caption><tbody>${steps.map(([name, us]) => html`<tr><th scope="row">${name}</th><td class="meter"><${Meter} part=${high > low ? (Math.log(Math.max(1, us)) - low) / (high - low) : 1} /></td><td class="n">${f.duration(us)}</td></tr>`)}</tbody></table>`;
}

function Histogram({ rows }) {
  if (rows.length < 2) return html`<p class="muted small">Too few to draw.</p>`;
  const bin = (us) => Math.floor(Math.log2(Math.max(1, us)) * 2);
  const low = Math.min(...rows.map((r) => bin(r.dur_us))), high = Math.max(...rows.map((r) => bin(r.dur_us)));
  const bins = Array(Math.max(1, high - low + 1)).fill(0);
  for (const r of rows) bins[bin(r.dur_us) - low]++;
  return html`<div class="histogram"><${Bars} values=${bins} width=${300} height=${48} label=${`${rows.length} requests between ${f.duration(2 ** (low / 2))} and ${f.duration(2 ** ((high + 1) / 2))}`} /><p><span>${f.duration(2 ** (low / 2))}</span><span>${f.duration(2 ** ((high + 1) / 2))}</span></p></div>`;
}

function Groups({ title, groups, unit }) {
  const rows = groups.filter((g) => filter.value.matches({ text: g.name.toLowerCase(), route: g.name, path: g.name, dur_us: g.p95_us, is_error: g.errors > 0, type: g.kind })).slice(0, 50);
  if (!rows.length) return null;
  return html`<${Panel} title=${title} note="of all requests, by total time"><div class="scroll"><table class="rows"><caption>${title}</caption><thead><tr><th scope="col">Name</th><th scope="col" class="n">Calls/s</th><th scope="col" class="n lo">Calls</th><th scope="col" class="n lo">p50</th><th scope="col" class="n">p95</th><th scope="col" class="n">Errors</th><th scope="col" class="n">Total</th>${unit && html`<th scope="col" class="n lo">Rows</th>`}</tr></thead>
    <tbody>${rows.map((g) => html`<tr key=${g.kind + g.name}><td class="mono clip" title=${g.name}>${g.kind && html`<span class="method">${g.kind}</span> `}${g.name}</td><td class="n">${f.rate(g.window_rps)}</td><td class="n lo">${f.count(g.count)}</td><td class="n lo">${f.duration(g.p50_us)}</td><td class="n">${f.duration(g.p95_us)}</td><td class=${"n " + (g.errors ? "bad" : "muted")}>${f.count(g.errors)}</td><td class="n">${f.duration(g.total_us)}</td>${unit && html`<td class="n lo">${f.count(g.rows)}</td>`}</tr>`)}</tbody></table></div><//>`;
}
