// One line over a day with its normal band: for the trends on the wall and the chart in the drawer.

import { make } from "./dom.js";
import { number, time } from "./words.js";
import { scale } from "./vitals.js";

/**
 * @typedef {object} Chart
 * @property {number} from_ms
 * @property {number} until_ms
 * @property {(number | null)[]} values one a slot, equally spaced from from_ms on
 * @property {([number, number] | null)[]} [band] one a slot
 * @property {[number, number] | null} [normal] one for all slots
 * @property {number | null} [limit]
 * @property {number} decimals
 * @property {number} [now_ms]
 */

const PAD = { left: 3.1, right: 0.7, top: 0.7, bottom: 1.7 };
/** Every zone's hours begin at a quarter of UTC's. */
const QUARTER_MS = 900_000;

/**
 * Draw into an empty SVG whose units are rem.
 * @param {SVGSVGElement} svg
 * @param {Chart} chart
 */
export function draw(svg, chart) {
  const rem = parseFloat(getComputedStyle(document.documentElement).fontSize);
  const [width, height] = [svg.clientWidth / rem, svg.clientHeight / rem];
  if (!width || !height) return;
  svg.setAttribute("viewBox", `0 0 ${width} ${height}`);
  const slots = chart.values.length;
  const known = chart.values.filter((value) => value !== null);
  const usual = (chart.band ?? []).filter((pair) => pair !== null).flat();
  const numbers = /** @type {number[]} */ ([...known, ...usual, ...(typeof chart.limit === "number" ? [chart.limit] : [])]);
  if (!numbers.length) {
    svg.replaceChildren();
    return;
  }
  const [from, to] = scale(numbers, usual.length ? null : (chart.normal ?? null));
  const [low, high, step] = nice(Math.min(...numbers) >= 0 ? Math.max(0, from) : from, to);
  const inner = { width: width - PAD.left - PAD.right, height: height - PAD.top - PAD.bottom };
  const x = (/** @type {number} */ slot) => PAD.left + (slot / slots) * inner.width;
  const y = (/** @type {number} */ value) => PAD.top + (1 - (value - low) / (high - low)) * inner.height;
  const parts = [...axis(chart, low, high, step, width, y), ...hours(chart, inner.width, height)];
  const inside = (/** @type {number} */ at) => Math.min(PAD.top + inner.height, Math.max(PAD.top, at));
  parts.push(...bandOf(chart, x, (value) => inside(y(value)), slots));
  if (typeof chart.limit === "number") parts.push(make("svg:path", { class: "limit", d: `M${PAD.left} ${y(chart.limit)}H${width - PAD.right}` }));
  parts.push(make("svg:path", { class: "line", d: line(chart.values, x, y, () => true) }));
  parts.push(make("svg:path", { class: "line off", d: line(chart.values, x, y, (value, slot) => outside(chart, value, slot)) }));
  const last = chart.values.findLastIndex((value) => value !== null);
  if (last >= 0) parts.push(make("svg:circle", { class: "dot", cx: x(last + 0.5), cy: y(/** @type {number} */ (chart.values[last])), r: 0.28 }));
  svg.replaceChildren(...parts);
}

/** @param {number} low @param {number} high @returns {[number, number, number]} */
function nice(low, high) {
  const raw = (high - low) / 4;
  const power = 10 ** Math.floor(Math.log10(raw));
  const step = [1, 2, 2.5, 5, 10].map((one) => one * power).find((one) => one >= raw) ?? raw;
  return [Math.floor(low / step) * step, Math.ceil(high / step) * step, step];
}

/** @param {Chart} chart @param {number} low @param {number} high @param {number} step @param {number} width @param {(v: number) => number} y */
function axis(chart, low, high, step, width, y) {
  const parts = [];
  const decimals = step >= 1 && Number.isInteger(step) ? 0 : Math.min(3, Math.ceil(-Math.log10(step)) + (step % 1 && String(step).includes("25") ? 1 : 0));
  for (let value = low; value <= high + step / 2; value += step) {
    const at = y(value).toFixed(2);
    parts.push(make("svg:path", { class: "grid", d: `M${PAD.left} ${at}H${width - PAD.right}` }));
    parts.push(make("svg:text", { class: "tick", x: PAD.left - 0.5, y: Number(at) + 0.33, "text-anchor": "end" }, number(value, Math.max(0, decimals))));
  }
  return parts;
}

/** A mark at each sixth hour of the city's clock, on days of any length. @param {Chart} chart @param {number} inner @param {number} height */
function hours(chart, inner, height) {
  const parts = [];
  const span = chart.until_ms - chart.from_ms;
  const local = (/** @type {number} */ at) => time("minute", at);
  for (let at = Math.ceil(chart.from_ms / QUARTER_MS) * QUARTER_MS; at <= chart.until_ms; at += QUARTER_MS) {
    const [hour, minute] = local(at).split(":");
    if (minute !== "00" || Number(hour) % 6) continue;
    const x = PAD.left + ((at - chart.from_ms) / span) * inner;
    parts.push(make("svg:path", { class: "grid", d: `M${x.toFixed(2)} ${PAD.top}V${height - PAD.bottom}` }));
    const text = at === chart.until_ms && local(chart.from_ms) === "00:00" ? "24" : hour;
    parts.push(make("svg:text", { class: "tick", x: x.toFixed(2), y: height - 0.45, "text-anchor": "middle" }, text));
  }
  return parts;
}

/** @param {Chart} chart @param {(s: number) => number} x @param {(v: number) => number} y @param {number} slots */
function bandOf(chart, x, y, slots) {
  if (chart.band?.length) {
    const known = chart.band.map((pair, slot) => ({ pair, slot })).filter(({ pair }) => pair !== null);
    const up = known.map(({ pair, slot }) => `${x(slot + 0.5).toFixed(2)} ${y(/** @type {any} */ (pair)[1]).toFixed(2)}`);
    const down = known.reverse().map(({ pair, slot }) => `${x(slot + 0.5).toFixed(2)} ${y(/** @type {any} */ (pair)[0]).toFixed(2)}`);
    return known.length ? [make("svg:path", { class: "band", d: `M${[...up, ...down].join("L")}Z` })] : [];
  }
  if (!chart.normal) return [];
  const [top, bottom] = [y(chart.normal[1]), y(chart.normal[0])];
  return [make("svg:rect", { class: "band", x: x(0), width: x(slots) - x(0), y: top, height: bottom - top })];
}

/** @param {Chart} chart @param {number} value @param {number} slot */
function outside(chart, value, slot) {
  const pair = chart.band?.length ? chart.band[slot] : (chart.normal ?? null);
  return pair ? value < pair[0] || value > pair[1] : false;
}

/** @param {(number | null)[]} values @param {(s: number) => number} x @param {(v: number) => number} y @param {(v: number, s: number) => boolean} want */
function line(values, x, y, want) {
  let out = "";
  let pen = false;
  values.forEach((value, slot) => {
    if (value === null || !want(value, slot)) {
      pen = false;
      return;
    }
    out += `${pen ? "L" : "M"}${x(slot + 0.5).toFixed(2)} ${y(value).toFixed(2)}`;
    pen = true;
  });
  return out;
}
