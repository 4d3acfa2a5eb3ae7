// SPDX-License-Identifier: Apache-2.0
// Everything the page knows: the token, the state in the address, the stream, the documents.

import { batch, computed, signal } from "/vendor/signals-core.mjs";
import { parse } from "/filter.js";

export const VIEWS = ["overview", "routes", "errors", "live", "health"];
export const WINDOWS = [60, 300, 900];

const MAX_LIVE = 500;
const MAX_POINTS = 450;

export const view = signal("overview");
export const windowSeconds = signal(300);
export const filterText = signal("");
export const filter = computed(() => parse(filterText.value));
export const paused = signal(false);
export const theme = signal("auto");
export const sort = signal("total_us");
export const opened = signal(""); // route, error or nothing, by key
export const requestId = signal("");
export const cell = signal(null);
export const help = signal(false);
export const menu = signal(false);
export const notice = signal("");

export const token = signal("");
export const link = signal("connecting"); // connecting, live, lost, full, refused
export const tick = signal(null);
export const skippedFrames = signal(0);
export const live = signal({ rows: [], missed: 0 });
export const docs = signal({});
export const request = signal(null);
export const series = signal(null);

const storage = {
  get(key) { try { return sessionStorage.getItem(key); } catch { return null; } },
  set(key, value) { try { sessionStorage.setItem(key, value); } catch { /* kept in memory only */ } },
};

// ---- the address: state without the token ----

// Returns whether it brought a token, which asks for a new stream.
export function readAddress() {
  const given = new URLSearchParams(location.hash.slice(1));
  batch(() => {
    const t = given.get("t");
    if (t) { storage.set("sonde.token", t); token.value = t; link.value = "connecting"; }
    else if (!token.value) token.value = storage.get("sonde.token") || "";
    const v = given.get("view");
    view.value = VIEWS.includes(v) ? v : "overview";
    const w = Number(given.get("window"));
    windowSeconds.value = WINDOWS.includes(w) ? w : 300;
    filterText.value = (given.get("filter") || "").slice(0, 500);
    sort.value = /^-?[a-z0-9_]{1,20}$/.test(given.get("sort") || "") ? given.get("sort") : "total_us";
    opened.value = (given.get("open") || "").slice(0, 1000);
    requestId.value = /^\d{1,18}$/.test(given.get("request") || "") ? given.get("request") : "";
    theme.value = storage.get("sonde.theme") || "auto";
  });
  // At once, before anything can be copied or logged: the token leaves the address bar.
  history.replaceState(null, "", location.pathname + "#" + stateText());
  return given.has("t");
}

export function stateText() {
  const state = new URLSearchParams();
  state.set("view", view.value);
  state.set("window", windowSeconds.value);
  if (filterText.value) state.set("filter", filterText.value);
  if (view.value === "routes" && sort.value !== "total_us") state.set("sort", sort.value);
  if (opened.value) state.set("open", opened.value);
  if (requestId.value) state.set("request", requestId.value);
  return state.toString();
}

let written = "";
export function writeAddress() {
  const text = stateText();
  if (text === written) return;
  const isMove = written.split("&")[0] !== text.split("&")[0];
  written = text;
  if (isMove && location.hash.slice(1) !== text) history.pushState(null, "", "#" + text);
  else history.replaceState(null, "", "#" + text);
}

export function signIn(text) {
  const pasted = text.trim();
  // Only an address has a "#": a bare token is taken as it is, one in an address is decoded.
  const hash = pasted.indexOf("#");
  const value = (hash >= 0 && new URLSearchParams(pasted.slice(hash + 1)).get("t")) || pasted;
  storage.set("sonde.token", value);
  batch(() => { token.value = value; link.value = "connecting"; });
  connect();
}

export function setTheme(value) {
  theme.value = value;
  storage.set("sonde.theme", value);
}

export function go(to, more = {}) {
  batch(() => {
    view.value = to;
    opened.value = more.open ?? "";
    requestId.value = "";
    if (more.filter !== undefined) filterText.value = more.filter;
  });
  refresh();
}

let noticeTimer = 0;
export function say(text) {
  notice.value = text;
  clearTimeout(noticeTimer);
  noticeTimer = setTimeout(() => { notice.value = ""; }, 2500);
}

// ---- documents ----

function headers() {
  return { Authorization: "Bearer " + token.value };
}

export async function load(path) {
  // Without a limit, one answer that never ends would be waited for instead of asking again.
  const response = await fetch(path, { headers: headers(), signal: AbortSignal.timeout(10000), cache: "no-store", credentials: "omit", referrerPolicy: "no-referrer" });
  if (response.status === 401 || response.status === 429) { link.value = "refused"; throw new Error("refused"); }
  if (!response.ok) throw new Error(String(response.status));
  return response.json();
}

// The list of requests is the heaviest document, so it is fetched only where it is looked at.
function wanted() {
  switch (view.value) {
    case "routes": return opened.value ? ["routes", "requests"] : ["routes"];
    case "errors": return ["errors"];
    case "live": return live.value.rows.length ? [] : ["requests"];
    case "health": return ["health"];
    default: return ["metrics", "routes", "connections", "health", ...(cell.value ? ["requests"] : [])];
  }
}

let generation = 0;
let underWay = 0;
let controller = null;

// Loads what the view in front needs; a newer call makes the older one's answers void.
export async function refresh() {
  if (!token.value || link.value === "refused") return;
  const mine = ++generation;
  const w = windowSeconds.value;
  const names = wanted();
  underWay++;
  const loaded = await Promise.all(names.map((name) => load(`/${name}.json?window=${w}`).then((json) => [name, json], () => [name, null])));
  underWay--;
  if (mine !== generation) return;
  batch(() => {
    docs.value = { ...docs.value, ...Object.fromEntries(loaded.filter(([, json]) => json)) };
    const metrics = loaded.find(([name]) => name === "metrics");
    if (metrics && metrics[1]) series.value = metrics[1].series;
  });
}

// The regular refresh: not while the last one is under way, or a slow process gets only slower.
function poll() {
  if (!paused.value && !document.hidden && underWay === 0) refresh();
}

export async function loadRequest(id) {
  request.value = { id, state: "loading" };
  try {
    const json = await load(`/requests/${id}.json`);
    if (requestId.value === id) request.value = { id, state: "ready", json };
  } catch (e) {
    if (requestId.value === id) request.value = { id, state: e.message === "404" ? "gone" : "failed" };
  }
}

export function openRequest(id) {
  requestId.value = id;
  if (id) loadRequest(id);
  else request.value = null;
}

// ---- the stream, read with fetch so that the token stays in a header ----

let wait = 500;
let retry = 0;

export async function connect() {
  clearTimeout(retry);
  if (controller) controller.abort();
  if (!token.value) { link.value = "refused"; return; }
  const mine = (controller = new AbortController());
  let watchdog = 0;
  // A tick comes every second; five of silence mean that the line is dead although it looks open.
  const alive = () => { clearTimeout(watchdog); watchdog = setTimeout(() => mine.abort(), 5000); };
  try {
    alive();
    const response = await fetch("/events", { headers: headers(), cache: "no-store", credentials: "omit", signal: mine.signal });
    if (response.status === 401 || response.status === 429) { link.value = "refused"; return; }
    if (response.status === 503) { link.value = "full"; throw new Error("full"); }
    if (!response.ok) throw new Error(String(response.status));
    wait = 500;
    link.value = "live";
    refresh();
    const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
    let rest = "";
    for (;;) {
      const { value, done } = await reader.read();
      if (done) break;
      alive();
      rest += value;
      for (let end; (end = rest.indexOf("\n\n")) >= 0; rest = rest.slice(end + 2)) handle(rest.slice(0, end));
    }
    throw new Error("ended");
  } catch {
    if (controller !== mine) return;
    if (link.value !== "full") link.value = "lost";
    retry = setTimeout(connect, wait * (0.75 + Math.random() / 2));
    wait = Math.min(wait * 2, 8000);
  } finally {
    clearTimeout(watchdog);
  }
}

function handle(frame) {
  const event = /^event: (\w+)$/m.exec(frame);
  const data = frame.indexOf("data: ");
  if (!event || data < 0) return;
  const json = JSON.parse(frame.slice(data + 6));
  if (event[1] === "skipped") { skippedFrames.value += json.frames; return; }
  if (paused.value) {
    if (event[1] === "requests") live.value = { ...live.value, missed: live.value.missed + json.requests.length + json.missed };
    return;
  }
  if (event[1] === "tick") {
    batch(() => {
      tick.value = json;
      appendPoint(json.point);
    });
  } else if (event[1] === "requests") {
    const rows = [...json.requests, ...live.value.rows];
    live.value = { rows: rows.slice(0, MAX_LIVE), missed: live.value.missed + json.missed };
  }
}

function appendPoint(point) {
  const s = series.value;
  if (!s || !point || (s.t_us.length && point.t_us <= s.t_us[s.t_us.length - 1])) return;
  const next = { step_ms: s.step_ms };
  for (const key of Object.keys(point)) next[key] = [...(s[key] ?? []), point[key]].slice(-MAX_POINTS);
  series.value = next;
}

// The total of the chosen window: newest from the stream, else from the document.
export const total = computed(() => {
  const key = String(windowSeconds.value);
  const fromTick = tick.value?.windows?.[key];
  const doc = docs.value.metrics;
  return fromTick ?? (doc && doc.window_s === windowSeconds.value ? doc.total : null);
});

export const nowUs = computed(() => tick.value?.now_us ?? docs.value[view.value]?.now_us ?? Date.now() * 1000);

export function start() {
  readAddress();
  addEventListener("hashchange", () => { written = ""; if (readAddress()) connect(); else refresh(); if (requestId.value) loadRequest(requestId.value); });
  if (token.value) connect();
  else link.value = "refused";
  if (requestId.value && token.value) loadRequest(requestId.value);
  setInterval(poll, 2000);
  document.addEventListener("visibilitychange", poll);
}
