// SPDX-License-Identifier: Apache-2.0
// The filter box: `route:/api/* status:5xx dur>200ms client:10.0.* err word`. All terms must hold.

export const KEYS = ["route", "path", "method", "status", "dur", "client", "conn", "type"];
export const WORDS = ["err", "abort", "slow"];

const UNITS = { us: 1, "µs": 1, ms: 1e3, s: 1e6, m: 60e6, "": 1e3 };

// A glob knows `*` only and is matched in linear time, without a regular expression.
export function glob(pattern) {
  const parts = pattern.toLowerCase().split("*");
  return (text) => {
    if (text === null || text === undefined) return false;
    const value = String(text).toLowerCase();
    if (parts.length === 1) return value === parts[0];
    if (!value.startsWith(parts[0])) return false;
    let at = parts[0].length;
    for (const part of parts.slice(1, -1)) {
      const found = value.indexOf(part, at);
      if (found < 0) return false;
      at = found + part.length;
    }
    const last = parts[parts.length - 1];
    return value.length - at >= last.length && value.endsWith(last);
  };
}

function compare(operator, left, right) {
  switch (operator) {
    case ">": return left > right;
    case ">=": return left >= right;
    case "<": return left < right;
    case "<=": return left <= right;
    default: return left === right;
  }
}

function statusTest(operator, value) {
  const family = /^([1-5])xx$/i.exec(value);
  // A route has many statuses; it matches if any of them does.
  if (family && operator === ":") return (row) => [row.status].flat().some((status) => Math.floor(status / 100) === Number(family[1]));
  if (!/^\d{1,3}$/.test(value)) return null;
  return (row) => row.status !== undefined && [row.status].flat().some((status) => compare(operator, status, Number(value)));
}

function durationTest(operator, value) {
  const match = /^(\d+(?:\.\d+)?)(us|µs|ms|s|m|)$/i.exec(value);
  if (!match || operator === ":") return null;
  const limit = Number(match[1]) * UNITS[match[2].toLowerCase()];
  return (row) => row.dur_us !== undefined && compare(operator, row.dur_us, limit);
}

const WORD_TESTS = {
  err: (row) => row.is_error === true,
  abort: (row) => row.is_abort === true,
  slow: (row) => row.dur_us >= 1e6,
};

function term(text) {
  const match = /^(-?)([a-z]+)(:|>=|<=|>|<|=)(.+)$/i.exec(text);
  if (!match) {
    const negated = text.length > 1 && text.startsWith("-");
    const word = (negated ? text.slice(1) : text).toLowerCase();
    const test = WORD_TESTS[word] || ((row) => row.text.includes(word));
    return { test: negated ? (row) => !test(row) : test };
  }
  const [, minus, rawKey, operator, value] = match;
  const key = rawKey.toLowerCase();
  if (!KEYS.includes(key)) return { error: `there is no “${key}”; keys are ${KEYS.join(", ")}` };
  let test;
  if (key === "status") test = statusTest(operator, value);
  else if (key === "dur") test = durationTest(operator, value);
  else if (operator === ":") {
    const matches = glob(value);
    test = (row) => matches(row[key]);
  }
  if (!test) return { error: `“${text}” is not understood; try ${key === "dur" ? "dur>200ms" : key === "status" ? "status:5xx or status>=500" : key + ":text*"}` };
  return { test: minus ? (row) => !test(row) : test };
}

// Returns { matches(row), error }; an unknown term is reported and left out.
export function parse(text) {
  const terms = text.slice(0, 500).trim().split(/\s+/).filter(Boolean).slice(0, 20).map(term);
  const tests = terms.filter((t) => t.test).map((t) => t.test);
  const wrong = terms.find((t) => t.error);
  return { matches: (row) => tests.every((test) => test(row)), error: wrong ? wrong.error : "", active: tests.length > 0 };
}

// What the terms look at, from a request, a route or an error of the JSON.
export function ofRequest(r) {
  return {
    route: r.route ?? r.path, path: r.path, method: r.method, status: r.status, dur_us: r.dur_us, client: r.client_addr, conn: r.connection_id,
    type: r.error_type ?? (r.outcome === "completed" ? "" : r.outcome), is_error: r.is_error, is_abort: r.outcome.startsWith("client_abort"),
    text: `${r.method} ${r.path} ${r.route ?? ""} ${r.status} ${r.outcome} ${r.error_type ?? ""} ${r.trace_id ?? ""}`.toLowerCase(),
  };
}

export function ofRoute(r) {
  return {
    route: r.route, path: r.route, method: r.method, dur_us: r.p95_us ?? 0, is_error: r.errors > 0, is_abort: r.aborts > 0,
    text: `${r.method} ${r.route}`.toLowerCase(),
    status: Object.keys(r.codes).map(Number),
  };
}

export function ofError(e) {
  return {
    route: e.where, path: e.where, type: e.type, is_error: e.source !== "client_abort", is_abort: e.source === "client_abort",
    status: /^HTTP \d{3}$/.test(e.type) ? Number(e.type.slice(5)) : undefined,
    text: `${e.type} ${e.where} ${e.message ?? ""}`.toLowerCase(),
  };
}
