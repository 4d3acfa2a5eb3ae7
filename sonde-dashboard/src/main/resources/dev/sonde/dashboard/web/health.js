// SPDX-License-Identifier: Apache-2.0
// Can these pictures be trusted, and what do they cost?

import { html } from "/charts.js";
import * as f from "/format.js";
import { docs, skippedFrames } from "/state.js";
import { Fact, Meter, Panel } from "/parts.js";

const ALL_CAPABILITIES = { accept: "accepted connections", byteless: "silent connections", malformed: "malformed heads", wire_bytes: "bytes on the wire", idle_exact: "exact time-outs", passive_disconnect: "disconnects while idle", h2: "HTTP/2", websocket: "WebSocket", blocked_writes: "slow clients", route: "route templates" };

const settled = new Map();

// While events move, the terms are read one after the other and may differ by those under way.
// A difference that stays the same through five readings is no movement but a loss.
function verdict(law) {
  const before = settled.get(law.name);
  const same = before && before.difference === law.difference ? before.times + (before.law === law ? 0 : 1) : 0;
  settled.set(law.name, { difference: law.difference, times: same, law });
  return law.difference === 0 ? ["ok", "✓ holds"] : same >= 5 ? ["bad", `✕ broken by ${f.count(Math.abs(law.difference))}`] : ["ok", `≈ holds, ${f.count(Math.abs(law.difference))} under way`];
}

function Law({ law }) {
  const [tone, text] = verdict(law);
  return html`<div class="law"><p><span class=${"verdict " + tone}>${text}</span> <b>${law.name}</b></p>
    <p class="equation"><span><b>${f.exact(law.left.value)}</b><small>${law.left.name}</small></span>${law.right.map((term, i) => html`<i aria-hidden="true">${i ? "+" : "="}</i><span class=${/^(dropped|failed)/.test(term.name) && term.value ? "warn" : ""}><b>${f.exact(term.value)}</b><small>${term.name.replaceAll("_", " ")}</small></span>`)}</p></div>`;
}

export function Health() {
  const d = docs.value.health;
  if (!d) return html`<p class="pad muted">Loading …</p>`;
  const ns = d.ns_per_record <= 0 ? "–" : d.ns_per_record < 1000 ? Math.round(d.ns_per_record) + " ns" : f.duration(d.ns_per_record / 1e3);
  const drops = Object.entries(d.drops);
  const faults = Object.entries(d.faults);
  return html`<div class="grid health">
    <${Panel} title="What it costs" class="wide"><dl class="facts costs">
      <${Fact} name="Per record, on the request thread"><b class="big">${ns}</b> <small>${d.ns_per_record > 0 ? "median of samples" : "no sample yet"}</small><//>
      <${Fact} name="Allocated per record"><b class="big">${d.bytes_per_record < 0 ? "–" : d.bytes_per_record < 9.95 ? d.bytes_per_record.toFixed(1) + " B" : f.bytes(Math.round(d.bytes_per_record))}</b> <small>${d.bytes_per_record < 0 ? "no sample yet" : "background threads included"}</small><//>
      <${Fact} name="Processor, own threads"><b class="big">${d.cpu_ratio < 0 ? "unknown" : f.percent(d.cpu_ratio)}</b> <small>of one core</small><//>
      <${Fact} name="Memory held"><b class="big">${f.bytes(d.held_bytes)}</b> <small>of at most ${f.bytes(d.memory_bound_bytes)}</small><${Meter} part=${d.held_bytes / d.memory_bound_bytes} label="memory held of its bound" /><small>statistics ${f.bytes(d.statistics.held_bytes)} of at most ${f.bytes(d.statistics.bound_bytes)}</small><//>
      <${Fact} name="Queue"><b class="big">${f.count(d.counts.in_queue)}</b> <small>of ${f.count(d.queue_capacity)}, lag ${f.duration(d.lag_us)}</small><${Meter} part=${d.counts.in_queue / d.queue_capacity} tone=${d.counts.in_queue > d.queue_capacity / 2 ? "warn" : ""} label="queue filled" /><//>
    </dl><//>
    <${Panel} title="Conservation" note="every record is accounted for: the sides must be equal" class="wide">${d.laws.map((law) => html`<${Law} key=${law.name} law=${law} />`)}
      <p class="small muted">${f.plural(d.counts.excluded, "request")} left out by rule before counting.</p><//>
    <${Panel} title="Drops by reason" note="since the start"><table class="rows tight"><caption>Drops</caption><tbody>${drops.map(([name, n]) => html`<tr key=${name} class=${n ? "warn" : "muted"}><td>${n ? "▲ " : ""}${name.replaceAll("_", " ")}</td><td class="n">${f.count(n)}</td></tr>`)}</tbody></table>
      ${d.dropped === 0 ? html`<p class="calm"><span aria-hidden="true">✓</span> Nothing has been dropped.</p>` : html`<p class="small muted">Statistics are exact all the same; the dropped events are missing from Live and from the sinks.</p>`}<//>
    <${Panel} title="Hooks" note="where the application is observed">${d.hooks.length ? d.hooks.map((x) => html`<div class="hook"><p><b>${x.name}</b></p>${x.capabilities.length > 0 && html`<ul class="chips">${Object.entries(ALL_CAPABILITIES).map(([id, text]) => html`<li class=${x.capabilities.includes(id) ? "has" : "lacks"}><i aria-hidden="true">${x.capabilities.includes(id) ? "✓" : "○"}</i> ${text}<span class="sr">${x.capabilities.includes(id) ? "" : " (missing)"}</span></li>`)}</ul>`}</div>`)
      : html`<p class="pad">Nothing is hooked. Add a server’s adapter, such as <code>server.addBean(SondeJetty.on(sonde))</code>, and wrap the DataSource, or start the JVM with the agent.</p>`}<//>
    <${Panel} title="Sinks" note="each on a thread of its own; one cannot harm another" class="wide">${d.sinks.length ? html`<div class="scroll"><table class="rows"><caption>Sinks</caption><thead><tr><th scope="col">Sink</th><th scope="col">State</th><th scope="col" class="n">Handed over</th><th scope="col" class="n">Accepted</th><th scope="col" class="n">Waiting</th><th scope="col" class="n">Dropped</th><th scope="col" class="n lo">Failed calls</th></tr></thead><tbody>${d.sinks.map((s) => html`<tr key=${s.name}><td><b>${s.name}</b></td><td><span class=${"verdict " + (s.state === "active" ? "ok" : "bad")}>${s.state === "active" ? "✓" : "✕"} ${s.state.replaceAll("_", " ")}</span></td><td class="n">${f.count(s.enqueued)}</td><td class="n">${f.count(s.processed)}</td><td class="n">${f.count(s.queue_depth)}</td><td class=${"n " + (s.dropped ? "warn" : "muted")}>${f.count(s.dropped)}</td><td class=${"n lo " + (s.flush_errors ? "bad" : "muted")}>${f.count(s.flush_errors)}</td></tr>`)}</tbody></table></div>` : html`<p class="pad muted">No sink: events are shown here and written nowhere. Set <code>sonde.jsonl.dir</code> to keep an archive.</p>`}<//>
    <${Panel} title="Memory" note="estimated, of what is bounded"><table class="rows tight"><caption>Memory</caption><thead><tr><th scope="col">Part</th><th scope="col" class="n">Held now</th><th scope="col" class="n">At most</th></tr></thead><tbody>${d.memory.map((m) => html`<tr key=${m.name}><td>${m.name}</td><td class="n">${f.bytes(m.held_bytes)}</td><td class="n">${f.bytes(m.bound_bytes)}</td></tr>`)}</tbody></table><//>
    <${Panel} title="Process"><dl class="facts"><${Fact} name="Instance"><span class="mono wrap">${d.instance_id}</span><//><${Fact} name="Observing for">${f.span(d.uptime_s)}<//><${Fact} name="State">${d.is_enabled ? "✓ observing" : "○ off"}<//></dl>
      ${faults.length > 0 && html`<h3 class="pad">Faults inside Sonde</h3><table class="rows tight"><caption>Faults</caption><tbody>${faults.map(([name, n]) => html`<tr key=${name}><td>${name}</td><td class="n bad">${f.count(n)}</td></tr>`)}</tbody></table>`}<//>
    <${Panel} title="This dashboard"><table class="rows tight"><caption>Dashboard</caption><tbody>
      ${[["open pages (at most " + d.dashboard.max_readers + ")", d.dashboard.readers], ["frames skipped for slow pages", d.dashboard.frames_skipped], ["of them for this page", skippedFrames.value], ["pages disconnected", d.dashboard.kicked], ["connections (at most " + d.dashboard.max_connections + ")", d.dashboard.connections], ["closed to make room", d.dashboard.evicted], ["closed for slowness", d.dashboard.expired], ["wrong tokens", d.dashboard.wrong_tokens], ["failed beats", d.dashboard.failed_beats]].map(([name, n]) => html`<tr key=${name} class=${n ? "" : "muted"}><td>${name}</td><td class="n">${f.count(n)}</td></tr>`)}</tbody></table><//>
  </div>`;
}
