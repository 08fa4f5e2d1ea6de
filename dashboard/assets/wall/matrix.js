// Zone by domain: empty and grey when normal, the highest level where an alarm is active.

import { byId, make, say, set } from "./dom.js";
import { named, t } from "./words.js";

export class Matrix {
  /** @param {{zones: any[], domains: any[]}} about @param {(of: {zone: string, domain: string}) => void} choose */
  constructor({ zones, domains }, choose) {
    this.choose = choose;
    this.zones = zones;
    this.domains = domains;
    /** @type {number[][]} */
    this.block = [];
    /** @type {Set<string>} */
    this.late = new Set();
    /** @type {any[][]} */
    this.cells = [];
    /** @type {Element[]} */
    this.heads = [];
    /** @type {Element[]} */
    this.names = [];
    this.build();
  }

  /** Draw another version of the city. @param {{zones: any[], domains: any[]}} about */
  redraw({ zones, domains }) {
    Object.assign(this, { zones, domains, block: [], cells: [] });
    this.late.clear();
    byId("matrix-body").replaceChildren();
    this.build();
  }

  build() {
    const box = byId("matrix-body");
    box.style.setProperty("--zones", String(this.zones.length));
    box.style.setProperty("--domains", String(this.domains.length));
    set(box, "role", "table");
    const head = make("div", { role: "row", class: "row head" }, make("span", { class: "corner" }));
    this.heads = this.zones.map(() => head.appendChild(make("span", { role: "columnheader" }, make("i"))));
    box.append(head);
    this.names = this.domains.map((_, d) => {
      const name = make("span", { role: "rowheader" });
      const row = make("div", { role: "row", class: "row" }, name);
      this.cells[d] = this.zones.map((_, z) => row.appendChild(this.cell(z, d)));
      box.append(row);
      return name;
    });
  }

  /** @param {number} z @param {number} d */
  cell(z, d) {
    const cell = make("span", { role: "cell" });
    const choose = () => cell.hasAttribute("data-level") && this.choose({ zone: this.zones[z].id, domain: this.domains[d].id });
    cell.addEventListener("click", choose);
    cell.addEventListener("keydown", (/** @type {KeyboardEvent} */ event) => event.key === "Enter" && choose());
    return cell;
  }

  /** @param {import("./stream.js").Message} message */
  take(message) {
    if (message.sources) {
      const late = message.sources.filter((/** @type {any} */ one) => one.late).map((/** @type {any} */ one) => one.domain);
      if (late.join() !== [...this.late].join()) {
        this.late = new Set(late);
        this.show();
      }
    }
    if (message.matrix) {
      this.block = message.matrix;
      this.show();
    }
  }

  show() {
    this.zones.forEach((zone, z) => say(this.heads[z].children[0], named(zone.short)));
    this.domains.forEach((domain, d) => {
      say(this.names[d], named(domain));
      set(/** @type {Element} */ (this.names[d].parentNode), "data-late", this.late.has(domain.id));
    });
    const found = new Map(this.block.map((cell) => [`${cell[0]}:${cell[1]}`, cell]));
    this.cells.forEach((row, d) =>
      row.forEach((cell, z) => {
        const hit = found.get(`${z}:${d}`);
        const level = hit ? String(hit[2]) : "";
        set(cell, "data-level", hit ? level : undefined);
        set(cell, "data-waiting", Boolean(hit && hit[4]));
        set(cell, "tabindex", hit ? 0 : undefined);
        say(cell, hit ? ["", "I", "II", "III", "IV"][hit[2]] : "");
        const label = `${named(this.zones[z])} · ${named(this.domains[d])}`;
        set(cell, "aria-label", hit ? `${label}: ${t(`level.${hit[2]}`)} × ${hit[3]}` : undefined);
        set(cell, "title", hit ? `${label}: ${t(`level.${hit[2]}`)} × ${hit[3]}` : undefined);
      }),
    );
  }
}
