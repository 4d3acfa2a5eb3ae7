// SPDX-License-Identifier: Apache-2.0
// Numbers, durations and times as people read them; every function takes the units of the JSON.

const group = new Intl.NumberFormat("en-US");
const clock = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit", second: "2-digit", hourCycle: "h23" });

const NONE = "–";

function digits(value, decimals) {
  return value.toFixed(decimals);
}

// Three significant digits, so that a column of mixed magnitudes stays comparable.
function three(value) {
  return value >= 100 ? digits(value, 0) : value >= 10 ? digits(value, 1) : digits(value, 2);
}

export function duration(us) {
  if (us === null || us === undefined || us < 0) return NONE;
  if (us < 1) return "0 µs";
  if (us < 999.5) return three(us) + " µs";
  if (us < 999_500) return three(us / 1e3) + " ms";
  if (us < 99.95e6) return three(us / 1e6) + " s";
  return span(us / 1e6);
}

// A long stretch of time in at most two units.
export function span(seconds) {
  const s = Math.round(seconds);
  if (s < 60) return s + " s";
  if (s < 3600) return Math.floor(s / 60) + " min" + (s % 60 ? " " + (s % 60) + " s" : "");
  if (s < 86400) return Math.floor(s / 3600) + " h" + (Math.floor(s / 60) % 60 ? " " + (Math.floor(s / 60) % 60) + " min" : "");
  return Math.floor(s / 86400) + " d " + (Math.floor(s / 3600) % 24) + " h";
}

export function count(n) {
  if (n === null || n === undefined) return NONE;
  if (n < 1e6) return group.format(Math.round(n));
  return n < 1e9 ? three(n / 1e6) + " M" : three(n / 1e9) + " G";
}

// Every digit, where a sum is to be checked.
export function exact(n) {
  return group.format(n);
}

export function rate(perSecond) {
  if (perSecond === null || perSecond === undefined) return NONE;
  if (perSecond === 0) return "0";
  if (perSecond < 0.01) return "<0.01";
  return perSecond < 100 ? three(perSecond) : count(perSecond);
}

export function percent(ratio) {
  if (ratio === null || ratio === undefined) return NONE;
  if (ratio === 0) return "0 %";
  if (ratio < 0.0001) return "<0.01 %";
  return (ratio >= 0.0995 ? digits(ratio * 100, ratio === 1 ? 0 : 1) : digits(ratio * 100, 2)) + " %";
}

export function bytes(n) {
  if (n === null || n === undefined || n < 0) return NONE;
  if (n < 1024) return n + " B";
  const units = ["KiB", "MiB", "GiB", "TiB"];
  let unit = -1;
  do { n /= 1024; unit++; } while (n >= 1023.5 && unit < units.length - 1);
  return three(n) + " " + units[unit];
}

export function time(us) {
  return us ? clock.format(new Date(us / 1e3)) : NONE;
}

export function iso(us) {
  return us ? new Date(us / 1e3).toISOString() : "";
}

export function ago(us, nowUs) {
  if (!us) return NONE;
  const s = Math.max(0, (nowUs - us) / 1e6);
  return s < 1.5 ? "now" : s < 90 ? Math.round(s) + " s ago" : s < 5400 ? Math.round(s / 60) + " min ago" : s < 129600 ? Math.round(s / 3600) + " h ago" : Math.round(s / 86400) + " d ago";
}

export function plural(n, one, many) {
  return count(n) + " " + (n === 1 ? one : many || one + "s");
}

// Rows to CSV. A cell that a spreadsheet would run as a formula is made text by an apostrophe.
export function csv(rows) {
  if (!rows.length) return "";
  const keys = [...new Set(rows.flatMap((row) => Object.keys(row)))];
  const cell = (value) => {
    if (value === null || value === undefined) return "";
    let text = typeof value === "object" ? JSON.stringify(value) : String(value);
    if (typeof value === "string" && /^[=+\-@\t\r]/.test(text)) text = "'" + text;
    return /[",\r\n]/.test(text) ? '"' + text.replaceAll('"', '""') + '"' : text;
  };
  return [keys, ...rows.map((row) => keys.map((key) => row[key]))].map((row) => row.map(cell).join(",")).join("\r\n") + "\r\n";
}
