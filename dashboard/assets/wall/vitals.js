// The tiles: value, unit, normal band and the last 60 minutes.

import { byId, make, say, set } from "./dom.js";
import { age, named, number, t } from "./words.js";

const WIDTH = 200;
const HEIGHT = 56;
const TILE_REM = 4.2;
const GAP_REM = 0.42;
/** Share of twice the middle that a chart spans at least: noise must not look like a storm. */
const LEAST_SPAN = 0.04;
const LOW_COVERAGE = 0.8;
const LABELS = ["provisional", "final", "corrected"];

/** @typedef {{id: string, zh: string, en: string, unit: {zh: string, en: string}, decimals: number, normal: [number, number] | null}} About */

export class Vitals {
  /** @param {About[]} about @param {(kind: string, id: string) => void} open */
  constructor(about, open) {
    this.about = new Map(about.map((one) => [one.id, one]));
    this.open = open;
    /** @type {Map<string, any>} */
    this.tiles = new Map();
    /** @type {any[]} */
    this.rows = [];
    /** @type {Record<string, (number | null)[]>} */
    this.sparks = {};
  }

  /** @param {import("./stream.js").Message} message @param {number} now */
  take(message, now) {
    if (message.sparks) this.sparks = message.sparks;
    if (message.vitals) this.rows = message.vitals;
    if (!message.vitals && !message.sparks) return;
    this.arrange();
    for (const row of this.rows) this.show(row, now);
  }

  arrange() {
    const box = byId("tiles");
    const rem = parseFloat(getComputedStyle(document.documentElement).fontSize);
    const room = Math.max(1, Math.floor((box.clientHeight + GAP_REM * rem) / ((TILE_REM + GAP_REM) * rem)));
    const ids = this.rows.map(({ id }) => id).slice(0, room);
    if ([...box.children].map((tile) => tile.getAttribute("data-tile")).join() === ids.join()) return;
    box.replaceChildren(...ids.map((id) => this.tile(id).box));
  }

  /** @param {string} id */
  tile(id) {
    const known = this.tiles.get(id);
    if (known) return known;
    const parts = {
      name: make("span", { class: "name" }),
      value: make("span", { class: "number" }),
      unit: make("span", { class: "unit" }),
      note: make("span", { class: "note" }),
      range: make("span", { class: "range" }),
      band: make("svg:rect", { class: "band", x: 0, width: WIDTH }),
      line: make("svg:path", { class: "line" }),
    };
    const spark = make(
      "svg:svg",
      { class: "spark", viewBox: `0 0 ${WIDTH} ${HEIGHT}`, preserveAspectRatio: "none", "aria-hidden": "true" },
      parts.band,
      parts.line,
    );
    const box = make(
      "button",
      { class: "tile", "data-tile": id, type: "button" },
      make("span", { class: "tile-head" }, parts.name, parts.range),
      make("span", { class: "figure" }, parts.value, parts.unit, parts.note),
      spark,
    );
    box.addEventListener("click", () => this.open("vital", id));
    const tile = { box, ...parts };
    this.tiles.set(id, tile);
    return tile;
  }

  /** @param {any} row @param {number} now */
  show(row, now) {
    const about = this.about.get(row.id);
    if (!about) return;
    const tile = this.tile(row.id);
    set(tile.box, "data-state", row.state);
    say(tile.name, named(about));
    say(tile.value, number(row.value, about.decimals));
    say(tile.unit, row.value === null ? "" : named(about.unit));
    say(tile.note, row.value === null ? "" : t(`label.short.${LABELS[row.label]}`));
    set(tile.note, "data-label", LABELS[row.label]);
    say(tile.range, this.aside(row, about, now));
    set(tile.box, "aria-label", `${named(about)} ${tile.value.textContent} ${tile.unit.textContent}, ${t(`state.${row.state}`)}`);
    this.draw(tile, about, row.value);
  }

  /** What is wrong with the figure, else its normal range. @param {any} row @param {About} about @param {number} now */
  aside(row, about, now) {
    if (row.state === "unknown") return t(row.at_ms === null ? "vital.none" : "vital.thin");
    if (row.state === "stale") return t("vital.stale", { age: age(now - row.at_ms) });
    if (row.coverage !== null && row.coverage < LOW_COVERAGE) return t("vital.coverage", { n: Math.round(row.coverage * 100) });
    if (!about.normal) return "";
    const [low, high] = about.normal;
    return t("vital.normal", { low: number(low, low % 1 ? 1 : 0), high: number(high, high % 1 ? 1 : 0) });
  }

  /** @param {any} tile @param {About} about @param {number | null} value */
  draw(tile, about, value) {
    const values = (this.sparks[about.id] ?? []).slice();
    if (value !== null && values.length) values[values.length - 1] = value;
    const known = values.filter((one) => one !== null);
    if (!known.length) {
      set(tile.line, "d", "");
      set(tile.band, "height", 0);
      return;
    }
    const [low, high] = scale(/** @type {number[]} */ (known), about.normal);
    const y = (/** @type {number} */ one) => HEIGHT - ((one - low) / (high - low)) * HEIGHT;
    const band = about.normal ? [Math.max(0, y(about.normal[1])), Math.min(HEIGHT, y(about.normal[0]))] : [0, 0];
    set(tile.band, "y", band[0].toFixed(1));
    set(tile.band, "height", Math.max(0, band[1] - band[0]).toFixed(1));
    set(tile.line, "d", path(values, WIDTH, y));
  }
}

/**
 * The range to draw: the values with some air, and as much of the normal band as keeps them readable.
 * @param {number[]} values
 * @param {[number, number] | null} normal
 */
export function scale(values, normal) {
  let low = Math.min(...values);
  let high = Math.max(...values);
  if (normal) {
    const span = Math.max(high - low, (normal[1] - normal[0]) * 0.25);
    low = Math.max(Math.min(low, normal[0]), low - span * 1.5);
    high = Math.min(Math.max(high, normal[1]), high + span * 1.5);
  }
  const least = Math.abs(high + low) * LEAST_SPAN;
  if (high - low < least) [low, high] = [(low + high - least) / 2, (low + high + least) / 2];
  const air = (high - low || Math.abs(high) || 1) * 0.12;
  return [low - air, high + air];
}

/**
 * A line with gaps where nothing is known.
 * @param {(number | null)[]} values
 * @param {number} width
 * @param {(value: number) => number} y
 */
export function path(values, width, y) {
  const step = width / Math.max(1, values.length - 1);
  let out = "";
  let pen = false;
  values.forEach((value, index) => {
    if (value === null) {
      pen = false;
      return;
    }
    out += `${pen ? "L" : "M"}${(index * step).toFixed(1)} ${y(value).toFixed(1)}`;
    pen = true;
  });
  return out;
}
