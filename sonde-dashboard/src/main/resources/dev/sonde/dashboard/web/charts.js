// SPDX-License-Identifier: Apache-2.0
// Sparklines and time charts in SVG, the heat map on a canvas.

import { Component, h } from "/vendor/preact.mjs";
import htm from "/vendor/htm.mjs";
import { signal } from "/vendor/signals-core.mjs";
import { count, duration, time } from "/format.js";

export const html = htm.bind(h);

export function Spark({ values, label, tone, width = 120, height = 26, max }) {
  const known = values.filter((v) => v !== null && v !== undefined);
  if (known.length < 2) return html`<svg class="spark" viewBox="0 0 ${width} ${height}" aria-hidden="true"><path class="base" d="M0 ${height - 1}H${width}" /></svg>`;
  const top = max ?? Math.max(...known) * 1.05;
  const step = width / (values.length - 1);
  let line = "";
  let pen = false;
  values.forEach((v, i) => {
    if (v === null || v === undefined) { pen = false; return; }
    const y = top > 0 ? height - 1 - (v / top) * (height - 3) : height - 1;
    line += (pen ? "L" : "M") + (i * step).toFixed(1) + " " + y.toFixed(1);
    pen = true;
  });
  return html`<svg class=${"spark " + (tone || "")} viewBox="0 0 ${width} ${height}" preserveAspectRatio="none" role="img" aria-label=${label || "trend"}>
    <path class="base" d="M0 ${height - 0.5}H${width}" /><path class="line" d=${line} />
  </svg>`;
}

// Bars of equal width, for counts per minute or second.
export function Bars({ values, label, tone, width = 90, height = 22 }) {
  const top = Math.max(1, ...values);
  const step = width / values.length;
  let d = "";
  values.forEach((v, i) => {
    if (v > 0) { const y = Math.min(height - 2, height - (v / top) * (height - 1)); d += `M${(i * step + 0.5).toFixed(1)} ${height}V${y.toFixed(1)}h${Math.max(1, step - 1).toFixed(1)}V${height}z`; }
  });
  return html`<svg class=${"spark bars " + (tone || "")} viewBox="0 0 ${width} ${height}" preserveAspectRatio="none" role="img" aria-label=${label || "trend"}>
    <path class="base" d="M0 ${height - 0.5}H${width}" /><path class="fill" d=${d} />
  </svg>`;
}

export function color(name) {
  return getComputedStyle(document.documentElement).getPropertyValue("--" + name).trim();
}

class Sized extends Component {
  setBox(element) { this.box = element; }
  componentDidMount() {
    this.observer = new ResizeObserver(() => { const w = Math.floor(this.box.clientWidth); if (w && w !== this.width) { this.width = w; this.draw(true); } });
    this.observer.observe(this.box);
    this.scheme = matchMedia("(prefers-color-scheme: dark)");
    this.onScheme = () => this.draw(true);
    this.scheme.addEventListener("change", this.onScheme);
    this.width = Math.floor(this.box.clientWidth);
    this.draw(true);
  }
  componentDidUpdate(before) { this.draw(before.theme !== this.props.theme); }
  componentWillUnmount() { this.observer.disconnect(); this.scheme.removeEventListener("change", this.onScheme); this.drop(); }
  drop() {}
}

// Steps of 1, 2 or 5 times a power of ten that give about `wanted` lines up to the highest value.
function steps(top, wanted) {
  const raw = top / wanted;
  const power = 10 ** Math.floor(Math.log10(raw));
  const step = [1, 2, 5, 10].find((m) => m * power >= raw) * power;
  return Array.from({ length: Math.floor(top / step + 1e-9) + 1 }, (_, i) => i * step);
}

// Whole seconds or minutes at which a time axis is marked.
function moments(fromUs, toUs, most) {
  const step = [5, 10, 15, 30, 60, 120, 300, 600].find((s) => (toUs - fromUs) / 1e6 / s <= most) * 1e6;
  const first = Math.ceil(fromUs / step) * step;
  return Array.from({ length: Math.max(0, Math.floor((toUs - first) / step) + 1) }, (_, i) => first + i * step);
}

// Lines over time; the cursor is shared by all charts. Props: t (µs), lines [{label, values, tone, area}], format, fromUs, toUs.
export class TimeChart extends Sized {
  draw() { if (this.width !== this.state.width) this.setState({ width: this.width }); }

  render({ t, lines, format, fromUs, toUs, label, height = 176 }, { width }) {
    const left = 54, right = 8, top = 8, bottom = 20;
    const w = (width || 400) - left - right, h = height - top - bottom;
    const highest = Math.max(0, ...lines.flatMap((line) => line.values.filter((v) => v !== null && v !== undefined)));
    const marks = steps(highest || 1, 5);
    const peak = Math.max(highest * 1.04, marks[marks.length - 1]) || 1;
    const x = (us) => left + ((us - fromUs) / (toUs - fromUs)) * w;
    const y = (v) => top + h - (v / peak) * h;
    const at = cursor.value === null ? -1 : nearest(t, cursor.value);
    const index = at >= 0 ? at : t.length - 1;
    const move = (e) => {
      const box = this.box.getBoundingClientRect();
      const us = fromUs + ((e.clientX - box.left - left) / w) * (toUs - fromUs);
      cursor.value = us >= fromUs && us <= toUs ? us : null;
    };
    return html`<div class="chart"><div ref=${(e) => e && this.setBox(e)} onMouseMove=${move} onMouseLeave=${() => { cursor.value = null; }}>
      <svg width=${width || 400} height=${height} viewBox=${`0 0 ${width || 400} ${height}`} role="img" aria-label=${label}>
        ${marks.map((v) => html`<path class="rule" d=${`M${left} ${y(v).toFixed(1)}h${w}`} /><text x=${left - 6} y=${y(v) + 4} text-anchor="end">${v === 0 ? "0" : format(v).replace(/\.0+(?=\D|$)/, "")}</text>`)}
        ${moments(fromUs, toUs, Math.max(2, w / 90)).map((us) => html`<path class="rule" d=${`M${x(us).toFixed(1)} ${top + h}v4`} /><text x=${x(us)} y=${height - 4} text-anchor="middle">${x(us) - left < 26 || left + w - x(us) < 26 ? "" : time(us)}</text>`)}
        ${lines.map((line) => { const d = path(t, line.values, x, y); return html`${line.area && d.area && html`<path class=${"area " + line.tone} d=${d.areas(y(0))} />`}<path class=${"curve " + line.tone} d=${d.line} />`; })}
        ${at >= 0 && html`<path class="cursor" d=${`M${x(t[at]).toFixed(1)} ${top}v${h}`} />${lines.map((line) => line.values[at] !== null && line.values[at] !== undefined && html`<circle class=${line.tone} cx=${x(t[at])} cy=${y(line.values[at])} r="3" />`)}`}
      </svg></div>
      <p class="keys"><span class="when">${at >= 0 ? time(t[at]) : "latest"}</span>${lines.map((line) => html`<span><svg viewBox="0 0 22 8" aria-hidden="true"><path class=${"curve " + line.tone} d="M0 4H22" /></svg>${line.label} <b>${index >= 0 && line.values[index] !== null && line.values[index] !== undefined ? format(line.values[index]) : "–"}</b></span>`)}</p></div>`;
  }
}

const cursor = signal(null);

function nearest(t, us) {
  let best = -1;
  for (let i = 0; i < t.length; i++) if (best < 0 || Math.abs(t[i] - us) < Math.abs(t[best] - us)) best = i;
  return best;
}

// A gap in the values is a gap in the line.
function path(t, values, x, y) {
  const runs = [];
  let run = null;
  values.forEach((v, i) => {
    if (v === null || v === undefined) { run = null; return; }
    if (!run) runs.push((run = []));
    run.push(x(t[i]).toFixed(1) + " " + y(v).toFixed(1));
  });
  return {
    line: runs.map((r) => "M" + (r.length === 1 ? r[0] + "h1" : r.join("L"))).join(""),
    area: runs.some((r) => r.length > 1),
    areas: (base) => runs.filter((r) => r.length > 1).map((r) => `M${r[0].split(" ")[0]} ${base}L${r.join("L")}L${r[r.length - 1].split(" ")[0]} ${base}z`).join(""),
  };
}

// Latency over time. Props: heat (JSON), fromUs, toUs, selected, onSelect(cell).
export class HeatMap extends Sized {
  constructor() { super(); this.left = 54; this.bottom = 20; this.top = 4; this.state = { hover: null }; }

  prepare() {
    const { heat, fromUs, toUs } = this.props;
    const cells = heat.cells.filter(([c]) => { const s = heat.start_us + c * heat.column_us; return s + heat.column_us > fromUs && s < toUs; });
    let low = Infinity, high = -1, most = 0;
    for (const [, r, n] of cells) { low = Math.min(low, r); high = Math.max(high, r); most = Math.max(most, n); }
    if (high < 0) { low = 8; high = 20; }
    // At least twelve rows, so that a steady service does not fill the picture with one bar.
    while (high - low < 11) { if (low > 0) low--; if (high - low < 11 && high < heat.upper_us.length - 1) high++; if (low === 0 && high === heat.upper_us.length - 1) break; }
    return { cells, low, high, most };
  }

  draw() {
    if (!this.width || !this.canvas) return;
    const { heat, fromUs, toUs, selected } = this.props;
    const { cells, low, high, most } = this.prepare();
    const height = 230;
    const dpr = devicePixelRatio || 1;
    const g = this.canvas.getContext("2d");
    if (this.canvas.width !== this.width * dpr || this.canvas.height !== height * dpr) {
      this.canvas.width = this.width * dpr; this.canvas.height = height * dpr;
      this.canvas.style.width = this.width + "px"; this.canvas.style.height = height + "px";
    }
    g.setTransform(dpr, 0, 0, dpr, 0, 0);
    g.clearRect(0, 0, this.width, height);
    const plotW = this.width - this.left - 6;
    const plotH = height - this.bottom - this.top;
    const rows = high - low + 1;
    const rowH = plotH / rows;
    const x = (us) => this.left + ((us - fromUs) / (toUs - fromUs)) * plotW;
    this.geometry = { plotW, plotH, rows, rowH, low, high, x };
    g.fillStyle = color("well");
    g.fillRect(this.left, this.top, plotW, plotH);
    const ramp = [1, 2, 3, 4, 5, 6, 7].map((i) => color("heat" + i));
    for (const [c, r, n] of cells) {
      const s = heat.start_us + c * heat.column_us;
      const x0 = Math.max(this.left, x(s)), x1 = Math.min(this.left + plotW, x(s + heat.column_us));
      const y0 = this.top + (high - r) * rowH;
      // The logarithm lets one slow request be seen beside ten thousand fast ones.
      const step = most <= 1 ? 3 : Math.min(6, Math.floor((Math.log(n) / Math.log(most)) * 6.999));
      g.fillStyle = ramp[step];
      g.fillRect(x0 + 0.5, y0 + 0.5, Math.max(1, x1 - x0 - 1), Math.max(1, rowH - 1));
    }
    g.font = "11px system-ui, sans-serif";
    g.fillStyle = color("muted");
    g.textAlign = "right"; g.textBaseline = "middle";
    // Rows are steps of one factor, so round values can be marked between them.
    const factor = Math.log(heat.upper_us[low + 2] / heat.upper_us[low + 1]);
    const level = (us) => this.top + (high - low - Math.log(us / heat.upper_us[low]) / factor) * rowH;
    for (let power = 1; power < 1e11; power *= 10) {
      for (const us of rowH * 2.3 / factor > 34 ? [power, 3 * power] : [power]) {
        const y = level(us);
        if (y > this.top + 4 && y < this.top + plotH + 2) g.fillText(duration(us).replace(/\.0+ /, " "), this.left - 6, y);
      }
    }
    g.textBaseline = "top"; g.textAlign = "center";
    const marks = Math.max(2, Math.min(8, Math.floor(plotW / 110)));
    for (let i = 0; i <= marks; i++) {
      const us = fromUs + ((toUs - fromUs) * i) / marks;
      g.textAlign = i === 0 ? "left" : i === marks ? "right" : "center";
      g.fillText(time(us), x(us), height - this.bottom + 5);
    }
    const mark = (cell, width) => {
      if (!cell) return;
      const s = cell.from_us;
      g.lineWidth = width; g.strokeStyle = color("ink");
      g.strokeRect(Math.max(this.left, x(s)) + 0.5, this.top + (high - cell.row) * rowH + 0.5, x(s + heat.column_us) - Math.max(this.left, x(s)) - 1, rowH - 1);
    };
    mark(this.state.hover, 1);
    mark(selected, 2);
  }

  cellAt(column, row) {
    const { heat } = this.props;
    const found = heat.cells.find(([c, r]) => c === column && r === row);
    return { column, row, n: found ? found[2] : 0, from_us: heat.start_us + column * heat.column_us, to_us: heat.start_us + (column + 1) * heat.column_us, low_us: row === 0 ? 0 : heat.upper_us[row - 1], high_us: heat.upper_us[row] < 0 ? Infinity : heat.upper_us[row] };
  }

  at(event) {
    const box = this.canvas.getBoundingClientRect();
    const px = event.clientX - box.left - this.left, py = event.clientY - box.top - this.top;
    const { plotW, plotH, rowH, high } = this.geometry;
    if (px < 0 || py < 0 || px >= plotW || py >= plotH) return null;
    const { heat, fromUs, toUs } = this.props;
    const column = Math.floor((fromUs + (px / plotW) * (toUs - fromUs) - heat.start_us) / heat.column_us);
    return column < 0 || column >= heat.columns ? null : this.cellAt(column, high - Math.floor(py / rowH));
  }

  key(event) {
    const moves = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] };
    const { heat } = this.props;
    const now = this.state.hover ?? this.props.selected;
    if (event.key === "Enter" && now) { event.preventDefault(); this.props.onSelect(now.n ? now : null); return; }
    const move = moves[event.key];
    if (!move) return;
    event.preventDefault();
    event.stopPropagation();
    const first = heat.cells[heat.cells.length - 1] ?? [heat.columns - 1, this.geometry.low];
    const column = now ? now.column + move[0] : first[0];
    const row = now ? now.row + move[1] : first[1];
    if (column >= 0 && column < heat.columns && row >= this.geometry.low && row <= this.geometry.high) this.setState({ hover: this.cellAt(column, row) });
  }

  say(cell) {
    if (!cell) return "Time runs to the right, latency upwards; stronger colour means more requests. Click a cell to see its requests.";
    return `${time(cell.from_us)} – ${time(cell.to_us)}, ${duration(cell.low_us)} – ${cell.high_us === Infinity ? "∞" : duration(cell.high_us)}: ${cell.n === 0 ? "no requests" : count(cell.n) + (cell.n === 1 ? " request" : " requests")}`;
  }

  render({ onSelect }) {
    return html`<div class="heat">
      <div ref=${(e) => e && this.setBox(e)}><canvas ref=${(e) => { this.canvas = e; }} tabindex="0" role="application" aria-label="Latency heat map; arrow keys move, Enter shows the requests of a cell"
        onMouseMove=${(e) => { const hover = this.at(e); this.setState({ hover }); }} onMouseLeave=${() => this.setState({ hover: null })}
        onClick=${(e) => { const c = this.at(e); onSelect(c && c.n ? c : null); }} onKeyDown=${(e) => this.key(e)}></canvas></div>
      <p class="hint" aria-live="polite">${this.say(this.state.hover)}</p>
    </div>`;
  }
}
