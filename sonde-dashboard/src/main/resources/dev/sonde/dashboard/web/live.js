// SPDX-License-Identifier: Apache-2.0
// What happens this second?

import { html } from "/charts.js";
import * as f from "/format.js";
import { ofRequest } from "/filter.js";
import { docs, filter, live, paused, skippedFrames } from "/state.js";
import { Empty, Icon, Panel, RequestTable } from "/parts.js";

export function visibleRequests() {
  const rows = live.value.rows.length ? live.value.rows : docs.value.requests?.newest ?? [];
  return rows.filter((r) => filter.value.matches(ofRequest(r)));
}

export function Live() {
  const rows = visibleRequests();
  const held = live.value.rows.length || docs.value.requests?.newest.length || 0;
  const missed = live.value.missed;
  return html`<${Panel} title="Live" note=${`${f.plural(rows.length, "request")}${filter.value.active ? ` of ${f.count(held)} match` : ""}${missed ? `; ${f.count(missed)} more went by too fast to list` : ""}${skippedFrames.value ? `; ${f.plural(skippedFrames.value, "frame")} skipped, this page was slow` : ""}`}
    actions=${html`<button class=${paused.value ? "on" : ""} aria-pressed=${paused.value} onClick=${() => { paused.value = !paused.value; }}>${paused.value ? html`<${Icon} name="play" /> Follow` : html`<${Icon} name="pause" /> Hold`}</button>`}>
    ${rows.length ? html`<div class="scroll"><${RequestTable} rows=${rows.slice(0, 200)} caption="Newest requests first; a row opens its details" /></div>`
      : held ? html`<${Empty} title="Nothing matches the filter"><p>${f.count(held)} requests are held. Press <kbd>Esc</kbd> in the filter box to clear it.</p><//>`
      : html`<${Empty} title="Waiting for requests"><p>Each request appears here a moment after its last byte. Sampled or excluded ones are counted but not listed.</p><//>`}<//>`;
}
