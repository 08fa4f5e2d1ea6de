// How the data is doing: rate, lag, dead letters by reason, and the age of each source.

import { byId, make, say, set } from "./dom.js";
import { age, named, number, t } from "./words.js";

const REASONS_SHOWN = 4;

export class Pipeline {
  /** @param {{domains: any[], reasons: Record<string, {zh: string, en: string}>}} about */
  constructor({ domains, reasons }) {
    this.domains = domains;
    this.reasons = reasons;
    /** @type {any} */
    this.block = {};
    /** @type {any[]} */
    this.sources = [];
    /** @type {Element[]} */
    this.figures = [];
    this.build();
  }

  /** Draw another version of the city. @param {{domains: any[]}} about */
  redraw({ domains }) {
    Object.assign(this, { domains, block: {}, sources: [] });
    byId("pipeline-body").replaceChildren();
    this.build();
  }

  build() {
    const figure = () => make("div", {}, make("b"), make("span"));
    this.figures = [figure(), figure(), figure(), figure()];
    this.rows = new Map(this.domains.map(({ id }) => [id, make("div", { class: "source", "data-source": id }, make("span"), make("i"))]));
    this.dead = make("div", { class: "dead" });
    byId("pipeline-body").style.setProperty("--rows", String(Math.ceil(this.domains.length / 2)));
    byId("pipeline-body").append(
      make("div", { class: "figures" }, ...this.figures),
      make("div", { class: "sources" }, ...this.rows.values()),
      this.dead,
    );
  }

  /** @param {import("./stream.js").Message} message @param {number} now */
  take(message, now) {
    if (message.pipeline) this.block = message.pipeline;
    if (message.sources) this.sources = message.sources;
    if (message.pipeline || message.sources) this.show(now);
  }

  /** @param {number} now */
  show(now) {
    const { in_per_s, lag_s, lag_records, dead_letters } = this.block;
    const dead = dead_letters ? Object.values(dead_letters).reduce((/** @type {number} */ sum, one) => sum + Number(one), 0) : null;
    const values = [number(in_per_s), number(lag_s, 1), number(lag_records), number(dead)];
    ["rate", "lag", "behind", "dead"].forEach((key, index) => {
      say(this.figures[index].children[0], values[index]);
      say(this.figures[index].children[1], t(`pipeline.${key}`));
    });
    set(this.figures[1], "data-late", lag_s !== null && lag_s > 5);
    for (const source of this.sources) this.source(source, now);
    if (this.block.troubles?.length) this.showTroubles(this.block.troubles);
    else this.showDead(dead_letters);
  }

  /** What stands still is told in the place of the dead letters. @param {{zh: string, en: string}[]} found */
  showTroubles(found) {
    const more = found.length > 1 ? [chip(t("dead.rest"), found.length - 1)] : [];
    const title = make("span", { class: "dead-title", "data-late": "" }, t("trouble.title"));
    const text = make("span", { class: "trouble", title: named(found[0]) }, named(found[0]));
    this.dead.replaceChildren(title, text, ...more);
  }

  /** @param {any} source @param {number} now */
  source({ domain, late, at_ms, silent }, now) {
    const row = this.rows?.get(domain);
    const about = this.domains.find(({ id }) => id === domain);
    if (!row) return;
    set(row, "data-late", late);
    say(row.children[0], named(about));
    say(row.children[1], at_ms === null ? t("source.none") : age(now - at_ms));
    set(row, "title", silent === null ? undefined : t("source.silent", { n: Math.round(silent * 100) }));
  }

  /** @param {Record<string, number> | null} found */
  showDead(found) {
    const all = Object.entries(found ?? {});
    const title = make("span", { class: "dead-title" }, t("dead.title"));
    if (!all.length) {
      const text = found === null || found === undefined ? t("dead.unknown") : t("dead.none");
      this.dead.replaceChildren(title, make("span", { class: "quiet" }, text));
      return;
    }
    for (let shown = Math.min(REASONS_SHOWN, all.length); shown > 0; shown -= 1) {
      const rest = all.slice(shown).reduce((sum, [, count]) => sum + count, 0);
      const chips = all.slice(0, shown).map(([reason, count]) => chip(named(this.reasons[reason]) || reason, count));
      if (rest) chips.push(chip(t("dead.rest"), rest));
      this.dead.replaceChildren(title, ...chips);
      if (this.dead.scrollWidth <= this.dead.clientWidth) return;
    }
  }
}

/** @param {string} name @param {number} count */
function chip(name, count) {
  return make("span", { class: "chip" }, name, make("i", {}, number(count)));
}
