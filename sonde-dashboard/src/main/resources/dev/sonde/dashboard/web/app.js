// SPDX-License-Identifier: Apache-2.0
// The frame of the page: header, filter, keys, and the view in front.

import { render } from "/vendor/preact.mjs";
import { effect } from "/vendor/signals-core.mjs";
import { html } from "/charts.js";
import * as f from "/format.js";
import * as s from "/state.js";
import { Overview } from "/overview.js";
import { Routes, visibleRoutes } from "/routes.js";
import { Errors, visibleErrors } from "/errors.js";
import { Live, visibleRequests } from "/live.js";
import { Health } from "/health.js";
import { Icon, RequestPanel } from "/parts.js";

const VIEWS = { overview: ["Overview", Overview], routes: ["Routes", Routes], errors: ["Errors", Errors], live: ["Live", Live], health: ["Health", Health] };
const WINDOW_NAMES = { 60: "1m", 300: "5m", 900: "15m" };
const THEMES = { auto: ["light", "colours follow the system"], light: ["dark", "light colours"], dark: ["auto", "dark colours"] };

const KEYS = [
  ["1 – 5", "Overview, Routes, Errors, Live, Health"], ["/", "filter"], ["w", "next window: 1m, 5m, 15m"], ["p", "pause and go on"], ["j k", "next and previous row"],
  ["Enter", "open the row"], ["Esc", "close, or clear the filter"], ["c", "copy a link to this state"], ["d", "download"], ["t", "light, dark, system"], ["?", "this help"],
];

function Connection() {
  const [sign, text] = s.paused.value ? ["‖", "paused"] : { live: ["●", "live"], connecting: ["○", "connecting"], lost: ["○", "disconnected"], full: ["○", "no free place"], refused: ["✕", "no access"] }[s.link.value];
  return html`<span class=${"link-state " + (s.paused.value ? "paused" : s.link.value)} role="status"><i aria-hidden="true">${sign}</i> ${text}</span>`;
}

function Drops() {
  const n = s.tick.value?.dropped ?? s.docs.value.health?.dropped ?? null;
  return html`<button class=${"drops " + (n ? "warn" : "")} title="events dropped since the start; the statistics are exact all the same" onClick=${() => s.go("health")}>${n === null ? "–" : (n ? "▲ " : "") + f.count(n)} dropped</button>`;
}

function Header() {
  const [, said] = THEMES[s.theme.value];
  return html`<header class="top">
    <div class="brand"><svg viewBox="0 0 32 32" aria-hidden="true"><path d="M3 17h6l3-9 5 17 4-11 2 3h6" /></svg><b>Sonde</b></div>
    <nav aria-label="Views">${Object.entries(VIEWS).map(([id, [name]], i) => html`<button class=${s.view.value === id ? "on" : ""} aria-current=${s.view.value === id ? "page" : undefined} title=${name + " (" + (i + 1) + ")"} onClick=${() => s.go(id)}>${name}</button>`)}</nav>
    <div class="state"><${Drops} /><${Connection} /></div>
    <div class="tools">
      <div class="seg" role="group" aria-label="Window">${s.WINDOWS.map((w) => html`<button class=${s.windowSeconds.value === w ? "on" : ""} aria-pressed=${s.windowSeconds.value === w} onClick=${() => setWindow(w)}>${WINDOW_NAMES[w]}</button>`)}</div>
      <button class=${"icon " + (s.paused.value ? "on" : "")} aria-pressed=${s.paused.value} title="Pause (p)" aria-label="Pause" onClick=${pause}><${Icon} name=${s.paused.value ? "play" : "pause"} /></button>
      <button class="icon" title=${said + " (t)"} aria-label=${"Colours: " + said} onClick=${nextTheme}><${Icon} name=${s.theme.value} /></button>
      <button class="icon" title="Copy a link to this state, without the token (c)" aria-label="Copy link" onClick=${copyLink}><${Icon} name="copy" /></button>
      <span class="menu"><button class="icon" title="Download (d)" aria-label="Download" aria-haspopup="true" aria-expanded=${s.menu.value} onClick=${() => { s.menu.value = !s.menu.value; }}><${Icon} name="download" /></button>
        ${s.menu.value && html`<span class="pop" role="menu"><button role="menuitem" onClick=${() => download("json")}>JSON</button><button role="menuitem" onClick=${() => download("csv")}>CSV</button></span>`}</span>
      <button class="icon" title="Keys (?)" aria-label="Keys" onClick=${() => { s.help.value = true; }}><${Icon} name="help" /></button>
    </div>
    <div class="filter"><label class="sr" for="filter">Filter</label>
      <input id="filter" type="search" autocomplete="off" spellcheck="false" placeholder="Filter:  route:/api/*  status:5xx  dur>200ms  err" value=${s.filterText.value} onInput=${(e) => { s.filterText.value = e.target.value; }} aria-invalid=${s.filter.value.error ? "true" : "false"} aria-describedby="filter-said" />
      ${s.filter.value.error && html`<p id="filter-said" role="alert">${s.filter.value.error}</p>`}</div>
  </header>`;
}

function SignIn() {
  return html`<form class="signin" onSubmit=${(e) => { e.preventDefault(); s.signIn(e.target.elements.token.value); }}>
    <h1>Sonde</h1><p>${s.token.value ? "That token is not the one of this process; every start makes a new one." : "This page needs the token."} Open the whole address that Sonde printed at start (it ends in <code>#t=…</code>), or paste it here.</p>
    <label for="token">Token or address</label><input id="token" name="token" type="password" autocomplete="off" required /><button>Open</button></form>`;
}

// One function for the life of the page: it is called when the dialog comes and when it goes, not at
// every drawing in between, and so the focus stays where the reader has put it.
let cameFrom = null;
function helpFocus(dialog) {
  if (dialog) { cameFrom = document.activeElement; dialog.focus(); }
  else if (cameFrom) { const back = cameFrom; cameFrom = null; queueMicrotask(() => back.isConnected && back.focus()); }
}

function keepFocus(e) {
  if (e.key !== "Tab") return;
  const stops = [...e.currentTarget.querySelectorAll("button, a[href], input, [tabindex='0']")];
  const at = stops.indexOf(document.activeElement) + (e.shiftKey ? -1 : 1);
  e.preventDefault();
  stops[(at + stops.length) % stops.length].focus();
}

function Help() {
  return html`<div class="veil" onClick=${() => { s.help.value = false; }}><div class="help" role="dialog" aria-modal="true" aria-label="Keys and filter" tabindex="-1" ref=${helpFocus} onKeyDown=${keepFocus} onClick=${(e) => e.stopPropagation()}>
    <header><h2>Keys</h2><button class="icon" aria-label="Close" onClick=${() => { s.help.value = false; }}><${Icon} name="close" /></button></header>
    <dl>${KEYS.map(([key, text]) => html`<div><dt>${key.split(" ").map((k) => (k === "–" ? " – " : html`<kbd>${k}</kbd> `))}</dt><dd>${text}</dd></div>`)}</dl>
    <h2>Filter</h2><p>All terms must hold; <code>-</code> in front turns one round.</p>
    <dl class="terms"><div><dt><code>route:/api/*</code></dt><dd>route, path, method, type, client, conn: text with <code>*</code></dd></div><div><dt><code>status:5xx</code></dt><dd>or <code>status:404</code>, <code>status>=400</code></dd></div><div><dt><code>dur>200ms</code></dt><dd>units us, ms, s, m</dd></div><div><dt><code>err</code> <code>abort</code> <code>slow</code></dt><dd>failed, client left, a second or more</dd></div><div><dt><code>word</code></dt><dd>anywhere in the row</dd></div></dl></div></div>`;
}

function App() {
  if (s.link.value === "refused") return html`<main class="bare"><${SignIn} /></main>`;
  const [, View] = VIEWS[s.view.value];
  return html`<a class="skip" href="#main" onClick=${(e) => { e.preventDefault(); document.getElementById("main").focus(); }}>To the content</a><${Header} />
    ${s.link.value === "lost" && !s.paused.value && html`<p class="banner" role="alert"><b>○ Disconnected.</b> The figures below are of ${s.tick.value ? f.time(s.tick.value.now_us) : "an earlier moment"}. Trying again by itself; if the process has ended, start it and open its new address.</p>`}
    ${s.link.value === "full" && html`<p class="banner" role="alert"><b>All places of the live stream are taken.</b> Close another page; this one tries again by itself and reads the figures every two seconds meanwhile.</p>`}
    <main id="main" tabindex="-1"><${View} /></main><${RequestPanel} />${s.help.value && html`<${Help} />`}
    <p class="toast" role="status">${s.notice.value}</p>`;
}

function setWindow(w) {
  s.windowSeconds.value = w;
  s.cell.value = null;
  s.refresh();
}

function pause() {
  s.paused.value = !s.paused.value;
  if (!s.paused.value) s.refresh();
}

function nextTheme() {
  s.setTheme(THEMES[s.theme.value][0]);
}

async function copyLink() {
  try {
    await navigator.clipboard.writeText(location.origin + location.pathname + "#" + s.stateText());
    s.say("Link copied, without the token");
  } catch {
    s.say("The browser did not allow copying; the address bar holds the same link");
  }
}

function rowsOf(name) {
  switch (name) {
    case "routes": return visibleRoutes();
    case "errors": return visibleErrors();
    case "live": return visibleRequests();
    case "health": return s.docs.value.health?.sinks ?? [];
    default: return s.series.value ? s.series.value.t_us.map((t, i) => Object.fromEntries(Object.entries(s.series.value).filter(([, v]) => Array.isArray(v)).map(([key, v]) => [key, v[i]]))) : [];
  }
}

function download(kind) {
  s.menu.value = false;
  const name = s.view.value;
  const doc = { overview: s.docs.value.metrics, routes: s.docs.value.routes, errors: s.docs.value.errors, health: s.docs.value.health, live: visibleRequests() }[name];
  const text = kind === "json" ? JSON.stringify(doc ?? null, null, 2) : f.csv(rowsOf(name));
  const url = URL.createObjectURL(new Blob([text], { type: kind === "json" ? "application/json" : "text/csv" }));
  const a = document.createElement("a");
  a.href = url;
  a.download = `sonde-${name}-${new Date().toISOString().slice(0, 19).replaceAll(":", "")}.${kind}`;
  a.click();
  setTimeout(() => URL.revokeObjectURL(url), 1000);
}

function step(by) {
  const rows = [...document.querySelectorAll("[data-row]")];
  if (!rows.length) return;
  const at = rows.indexOf(document.activeElement);
  rows[Math.max(0, Math.min(rows.length - 1, at < 0 ? 0 : at + by))].focus();
}

const ACTIONS = {
  "/": () => document.getElementById("filter")?.focus(), "?": () => { s.help.value = true; }, p: pause, t: nextTheme, c: copyLink, d: () => { s.menu.value = !s.menu.value; }, j: () => step(1), k: () => step(-1),
  w: () => setWindow(s.WINDOWS[(s.WINDOWS.indexOf(s.windowSeconds.value) + 1) % s.WINDOWS.length]),
};

addEventListener("keydown", (e) => {
  if (e.ctrlKey || e.metaKey || e.altKey || s.link.value === "refused") return;
  const inField = e.target instanceof HTMLInputElement;
  if (e.key === "Escape") {
    if (inField) { if (s.filterText.value) s.filterText.value = ""; else e.target.blur(); }
    else if (s.help.value || s.menu.value) { s.help.value = false; s.menu.value = false; }
    else if (s.requestId.value) s.openRequest("");
    else if (s.opened.value) s.opened.value = "";
    else s.cell.value = null;
    return;
  }
  if (inField || s.help.value) return;
  const number = Number(e.key);
  if (number >= 1 && number <= s.VIEWS.length) { s.go(s.VIEWS[number - 1]); return; }
  const action = ACTIONS[e.key];
  if (action) { e.preventDefault(); action(); }
});

const root = document.getElementById("app");
s.start();
effect(() => {
  document.documentElement.dataset.theme = s.theme.value;
  document.title = `${VIEWS[s.view.value][0]} · Sonde`;
  render(html`<${App} />`, root);
  if (s.link.value !== "refused") s.writeAddress();
});
