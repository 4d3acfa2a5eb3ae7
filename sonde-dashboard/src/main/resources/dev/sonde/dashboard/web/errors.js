// SPDX-License-Identifier: Apache-2.0
// What fails, since when, and an example of each?

import { Bars, html } from "/charts.js";
import * as f from "/format.js";
import { ofError } from "/filter.js";
import { docs, filter, nowUs, openRequest, opened } from "/state.js";
import { Empty, Panel } from "/parts.js";

const SOURCES = { request: ["✕", "request", "bad"], client_abort: ["⇤", "client abort", "warn"], function: ["ƒ", "function", "bad"], database: ["▤", "database", "bad"] };

// Two kinds may differ in their stack alone; a hash of it is enough to tell rows apart.
const hash = (text) => { let h = 0; for (let i = 0; i < text.length; i++) h = (Math.imul(h, 31) + text.charCodeAt(i)) | 0; return (h >>> 0).toString(36); };

const keyOf = (e) => `${e.source} ${e.type} ${e.where.slice(0, 100)} ${hash(e.stack + e.where)}`;

export function visibleErrors() {
  return (docs.value.errors?.kinds ?? []).filter((e) => filter.value.matches(ofError(e)));
}

export function Errors() {
  const doc = docs.value.errors;
  if (!doc) return html`<p class="pad muted">Loading …</p>`;
  if (!doc.kinds.length) return html`<${Empty} title="No failure has been seen"><p>Exceptions, responses of 500 and above, failed statements and clients that leave early are listed here, each kind once, with its count and an example.</p><//>`;
  const rows = visibleErrors();
  return html`<${Panel} title="Errors" note=${`${f.plural(rows.length, "kind")}, ${f.plural(doc.total, "failure")} since the start${doc.evicted_kinds ? `; ${f.plural(doc.evicted_kinds, "older kind")} (${f.count(doc.evicted_count)} failures) forgotten to stay within memory` : ""}`}>
    ${!rows.length ? html`<${Empty} title="Nothing matches the filter"><p>Press <kbd>Esc</kbd> in the filter box to clear it.</p><//>` : html`<div class="scroll"><table class="rows errors"><caption>Kinds of failure, newest first; a row opens its example</caption>
    <thead><tr><th scope="col">What</th><th scope="col">Type</th><th scope="col" class="lo">Where</th><th scope="col" class="n">Count</th><th scope="col" class="lo" title="failures in each of the last 15 minutes">15 min</th><th scope="col" class="n lo">First</th><th scope="col" class="n">Last</th></tr></thead>
    <tbody>${rows.map((e) => { const id = keyOf(e); const on = opened.value === id; const toggle = () => { opened.value = on ? "" : id; }; const [sign, name, tone] = SOURCES[e.source] ?? ["?", e.source, ""];
      return [html`<tr key=${id} class=${"open " + (on ? "on" : "")} tabindex="0" aria-expanded=${on} data-row onClick=${toggle} onKeyDown=${(k) => { if (k.key === "Enter") toggle(); }}>
        <td><span class=${"mark " + tone}><i aria-hidden="true">${sign}</i> ${name}</span></td><td class="clip" title=${e.type}><b class="mono">${e.type.split(".").pop()}</b>${e.message && html`<small class="message">${e.message}</small>`}<small class="message hi mono">${e.where}</small></td><td class="mono clip lo" title=${e.where}>${e.where}</td>
        <td class="n">${f.count(e.count)}</td><td class="lo trend"><${Bars} values=${e.trend} tone=${tone} label=${"failures per minute, newest right: " + e.trend.join(" ")} /></td><td class="n lo" title=${f.iso(e.first_us)}>${f.ago(e.first_us, nowUs.value)}</td><td class="n" title=${f.iso(e.last_us)}>${f.ago(e.last_us, nowUs.value)}</td></tr>`,
        on && html`<tr key=${id + " open"} class="inside"><td colspan="7"><div class="opened"><p class="mono wrap"><b>${e.type}</b>${e.message ? ": " + e.message : ""}</p>
          <p class="small muted">${e.where} · first ${f.iso(e.first_us)} · last ${f.iso(e.last_us)}${e.example_trace_id ? html` · trace <span class="mono">${e.example_trace_id}</span>` : ""}</p>
          ${e.stack ? html`<pre tabindex="0">${e.stack}</pre>` : html`<p class="muted small">${e.source === "client_abort" ? "The client closed its side; there is no stack, and no fault of the application." : "No stack belongs to this failure."}</p>`}
          ${e.example_request_id && html`<p class="actions"><button onClick=${() => openRequest(e.example_request_id)}>Open the newest example #${e.example_request_id}</button></p>`}</div></td></tr>`]; })}</tbody></table></div>`}<//>`;
}
