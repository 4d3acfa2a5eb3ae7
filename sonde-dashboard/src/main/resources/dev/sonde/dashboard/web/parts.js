// SPDX-License-Identifier: Apache-2.0
// Pieces that several views share: status marks, request rows, the request's own panel.

import { html } from "/charts.js";
import * as f from "/format.js";
import { nowUs, openRequest, request, requestId } from "/state.js";

const OUTCOMES = {
  completed: "completed", client_abort_before_headers: "client left before the response", client_abort_during_body: "client left during the response",
  server_timeout: "server timed out", app_error: "application failed", rejected: "rejected",
};

export const outcome = (name) => OUTCOMES[name] || name;

// The sign differs in shape as well as in colour.
export function Status({ r }) {
  const kind = r.is_error ? "bad" : r.outcome?.startsWith("client_abort") ? "abort" : r.status >= 400 ? "warn" : "ok";
  const sign = { bad: "✕", abort: "⇤", warn: "!", ok: "" }[kind];
  return html`<span class=${"status " + kind} title=${outcome(r.outcome)}>${r.status || "–––"}${sign && html`<i aria-hidden="true">${sign}</i>`}</span>`;
}

export function Method({ name }) {
  return html`<span class="method">${name}</span>`;
}

export function Empty({ title, children }) {
  return html`<div class="empty"><h3>${title}</h3>${children}</div>`;
}

export function Panel({ title, note, id, class: name, children, actions }) {
  return html`<section class=${"panel " + (name || "")} aria-label=${title} id=${id}>
    <header><h2>${title}</h2>${note && html`<p>${note}</p>`}${actions}</header>${children}
  </section>`;
}

export function RequestTable({ rows, caption, showAge }) {
  const worst = Math.max(1, ...rows.map((r) => r.dur_us));
  return html`<table class="rows requests"><caption>${caption}</caption>
    <thead><tr><th scope="col">${showAge ? "Ended" : "Time"}</th><th scope="col">Status</th><th scope="col" class="path">Request</th><th scope="col" class="n d">Duration</th><th scope="col" class="lo" aria-label="Duration as a bar"></th><th scope="col" class="n lo">First byte</th><th scope="col" class="n lo">Sent</th><th scope="col" class="n lo">Work</th><th scope="col" class="n lo">Conn.</th></tr></thead>
    <tbody>${rows.map((r) => html`<tr key=${r.request_id} class=${"open " + (requestId.value === r.request_id ? "on" : "")} tabindex="0" data-row
      onClick=${() => openRequest(r.request_id)} onKeyDown=${(e) => { if (e.key === "Enter") openRequest(r.request_id); }}>
      <td class="t" title=${f.iso(r.t_us)}>${showAge ? f.ago(r.t_us, nowUs.value) : f.time(r.t_us)}</td><td><${Status} r=${r} /></td>
      <td class="path"><${Method} name=${r.method} /> <span title=${r.route ?? ""}>${r.path}</span>${r.error_type && html` <em class="why">${r.error_type.split(".").pop()}</em>`}</td>
      <td class="n d">${f.duration(r.dur_us)}</td><td class="lo meter"><${Meter} part=${r.dur_us / worst} tone=${r.is_error ? "bad" : ""} /></td>
      <td class="n lo">${f.duration(r.ttfb_us)}</td><td class="n lo">${f.bytes(r.bytes_out)}</td>
      <td class="n lo">${r.statements ? html`<span title="database statements">${r.statements} sql</span>` : ""}${r.functions ? html` <span title="profiled calls">${r.functions} fn</span>` : ""}${!r.statements && !r.functions ? "–" : ""}</td>
      <td class="n lo">${r.connection_id === "0" ? "–" : "#" + r.connection_id}</td></tr>`)}</tbody></table>`;
}

const ICONS = {
  pause: "M6 4v12M14 4v12", play: "M6 4l10 6-10 6z", light: "M10 6.5a3.5 3.5 0 1 0 0 7a3.5 3.5 0 1 0 0-7M10 1.5v2M10 16.5v2M1.5 10h2M16.5 10h2M4 4l1.4 1.4M14.6 14.6L16 16M4 16l1.4-1.4M14.6 5.4L16 4",
  dark: "M16 12.5A7 7 0 1 1 8 3.6a5.5 5.5 0 0 0 8 8.9z", auto: "M10 3a7 7 0 1 0 0 14a7 7 0 1 0 0-14M10 3v14M10 6h4M10 9h6M10 12h6M10 15h4", copy: "M8 12l4-4M9 6l2-2a3.5 3.5 0 0 1 5 5l-2 2M11 14l-2 2a3.5 3.5 0 0 1-5-5l2-2",
  download: "M10 3v9M6 8.5l4 4 4-4M4 16.5h12", close: "M5 5l10 10M15 5L5 15", help: "M7 7.5a3 3 0 1 1 4.2 2.8c-.8.4-1.2.9-1.2 1.9M10 15.4v.2",
};

export function Icon({ name }) {
  return html`<svg class="glyph" viewBox="0 0 20 20" aria-hidden="true"><path d=${ICONS[name]} /></svg>`;
}

export function Meter({ part, tone, label }) {
  const width = Math.max(0, Math.min(1, part || 0)) * 100;
  return html`<svg class=${"meterbar " + (tone || "")} viewBox="0 0 100 8" preserveAspectRatio="none" role=${label ? "img" : "presentation"} aria-label=${label}><rect class="bg" width="100" height="8" /><rect class="fg" width=${width} height="8" /></svg>`;
}

// db / functions / other of the requests kept as examples.
export function Split({ split }) {
  if (!split) return html`<span class="muted">–</span>`;
  const other = Math.max(0, 1 - split.db - split.functions);
  const text = `database ${f.percent(split.db)}, functions ${f.percent(split.functions)}, other ${f.percent(other)}; from ${f.plural(split.samples, "example")}`;
  return html`<span class="split" title=${text}><svg viewBox="0 0 100 8" preserveAspectRatio="none" role="img" aria-label=${text}>
    <rect class="db" width=${split.db * 100} height="8" /><rect class="fn" x=${split.db * 100} width=${split.functions * 100} height="8" /><rect class="other" x=${(split.db + split.functions) * 100} width=${other * 100} height="8" /></svg></span>`;
}

export function Fact({ name, children, title }) {
  return html`<div title=${title}><dt>${name}</dt><dd>${children}</dd></div>`;
}

function shellQuoted(text) {
  return "'" + text.replaceAll("'", "'\\''") + "'";
}

export function RequestPanel() {
  const state = request.value;
  if (!requestId.value || !state) return null;
  const close = () => openRequest("");
  return html`<aside class="drawer" role="dialog" aria-label="Request" aria-modal="false" tabindex="-1" ref=${(e) => { if (e && e.dataset.id !== state.id) { e.dataset.id = state.id; e.focus({ preventScroll: true }); } }}>
    <header><h2>Request <span class="mono">#${state.id}</span></h2><button class="icon" onClick=${close} aria-label="Close (Escape)" title="Close (Esc)"><${Icon} name="close" /></button></header>
    ${state.state === "loading" && html`<p class="pad muted">Loading …</p>`}
    ${state.state === "gone" && html`<${Empty} title="No longer kept"><p>Sonde keeps the newest requests and the slowest of each route. The archive (JSONL) still has this one, if a sink wrote it.</p><//>`}
    ${state.state === "failed" && html`<${Empty} title="Not loaded"><p>The connection was lost. Close this and open the request again.</p><//>`}
    ${state.state === "ready" && html`<${RequestDetail} r=${state.json} />`}
  </aside>`;
}

function RequestDetail({ r }) {
  const repeated = new Map();
  for (const s of r.spans) if (s.kind === "DB" && s.query) repeated.set(s.query, (repeated.get(s.query) || 0) + 1);
  const worst = [...repeated].sort((a, b) => b[1] - a[1])[0];
  return html`<div class="detail">
    <p class="line"><${Method} name=${r.method} /> <b class="mono wrap">${r.path}</b></p>
    <dl class="facts">
      <${Fact} name="Status"><${Status} r=${r} /> ${outcome(r.outcome)}<//>
      <${Fact} name="Duration"><b>${f.duration(r.dur_us)}</b>${r.ttfb_us >= 0 ? html` <span class="muted">first byte ${f.duration(r.ttfb_us)}</span>` : ""}<//>
      ${r.app_us >= 0 && html`<${Fact} name="Of it"><b>${f.duration(r.app_us)}</b> <span class="muted">the application,</span> <span class=${r.blocked_us > r.app_us ? "warn" : "muted"}>${f.duration(r.blocked_us)} waiting for the client</span><//>`}
      ${r.stream && html`<${Fact} name="Stream">${r.stream.replaceAll("_", " ")}<//>`}
      <${Fact} name="Route"><span class="mono wrap">${r.route ?? "–"}</span><//>
      <${Fact} name="Ended" title=${f.iso(r.t_us)}>${f.time(r.t_us)} <span class="muted">${f.ago(r.t_us, nowUs.value)}</span><//>
      <${Fact} name="Body">${f.bytes(r.bytes_in)} in, ${f.bytes(r.bytes_out)} out<//>
      <${Fact} name="Connection">${r.connection_id === "0" ? "–" : "#" + r.connection_id}${r.http_version ? " · " + r.http_version : ""}${r.stream_id !== "0" ? " · stream " + r.stream_id : ""}${r.worker_id >= 0 ? " · worker " + r.worker_id : ""}<//>
      <${Fact} name="Trace"><span class="mono wrap">${r.trace_id ?? "–"}</span><//>
      ${r.weight > 1 && html`<${Fact} name="Weight">stands for ${f.count(r.weight)} requests after sampling<//>`}
    </dl>
    ${worst && worst[1] >= 5 && html`<p class="flag"><b>${worst[1]} × the same statement</b> in one request: a query in a loop (N+1). <span class="mono wrap">${worst[0]}</span></p>`}
    <h3>Where the time went</h3><${Waterfall} r=${r} />
    ${r.error && html`<h3>Exception</h3><p class="mono wrap bad">${r.error.type}${r.error.message ? ": " + r.error.message : ""}</p><pre tabindex="0">${r.error.stack || "(no stack kept)"}</pre>`}
    <p class="actions"><button onClick=${() => navigator.clipboard?.writeText(`curl -X ${shellQuoted(r.method)} ${shellQuoted("http://localhost" + r.path)}${r.trace_id ? ` -H 'traceparent: 00-${r.trace_id}-${r.span_id}-01'` : ""}`)}>Copy as cURL</button>
      <button onClick=${() => navigator.clipboard?.writeText(JSON.stringify(r, null, 2))}>Copy JSON</button></p>
  </div>`;
}

function Waterfall({ r }) {
  const full = Math.max(1, r.dur_us);
  const parents = new Map(r.spans.map((s) => [s.span_id, s.parent_span_id]));
  const depth = (s) => { let d = 0; for (let p = s.parent_span_id; parents.has(p) && d < 12; p = parents.get(p)) d++; return d; };
  const bar = (start, length, kind) => html`<svg viewBox="0 0 1000 10" preserveAspectRatio="none" aria-hidden="true"><rect class="track" width="1000" height="10" /><rect class=${kind} x=${Math.max(0, Math.min(995, (start / full) * 1000))} width=${Math.max(5, Math.min(1000, (length / full) * 1000))} height="10" /></svg>`;
  const spans = [...r.spans].sort((a, b) => a.start_us - b.start_us || b.dur_us - a.dur_us);
  const covered = cover(spans.filter((s) => !parents.has(s.parent_span_id)));
  return html`<ol class="fall">
    <li><span class="what"><b>request</b></span>${bar(0, r.dur_us, "req")}<span class="n">${f.duration(r.dur_us)}</span></li>
    ${r.ttfb_us >= 0 && r.ttfb_us < r.dur_us && html`<li><span class="what">first byte → last byte</span>${bar(r.ttfb_us, r.dur_us - r.ttfb_us, "write")}<span class="n">${f.duration(r.dur_us - r.ttfb_us)}</span></li>`}
    ${spans.map((s) => html`<li key=${s.span_id} class=${s.is_error ? "failed" : ""}><span class=${"what in" + Math.min(4, depth(s))} title=${s.query ?? s.name}>${s.kind === "DB" ? html`<b class="tag db">sql</b>` : html`<b class="tag fn">fn</b>`} <span class="mono">${s.query ?? s.name}</span>${s.is_error ? html` <em class="why">✕ ${s.error_type ?? "failed"}</em>` : ""}${s.rows >= 0 && s.kind === "DB" ? html` <small>${f.plural(s.rows, "row")}</small>` : ""}${s.batch_size > 1 ? html` <small>batch of ${s.batch_size}</small>` : ""}</span>${bar(s.start_us, s.dur_us, s.kind === "DB" ? "db" : "fn")}<span class="n">${f.duration(s.dur_us)}</span></li>`)}
    ${r.omitted > 0 && html`<li class="muted"><span class="what">${f.plural(r.omitted, "more span")} not kept</span></li>`}
    <li class="muted"><span class="what">outside of all spans</span><span></span><span class="n">${f.duration(Math.max(0, r.dur_us - covered))}</span></li>
  </ol>${!r.spans.length && html`<p class="muted small">No profiled call or statement ran in this request. Wrap a DataSource with Sonde’s JDBC adapter, or a call with <code>sonde.profile(…)</code>, to see inside.</p>`}`;
}

// Length of the union of the spans: parallel work counts once.
function cover(spans) {
  let sum = 0, end = -Infinity;
  for (const s of spans) { const from = Math.max(s.start_us, end); const to = s.start_us + s.dur_us; if (to > from) sum += to - from; end = Math.max(end, to); }
  return sum;
}
