// Two trends: today against what is usual.

import { draw } from "./chart.js";
import { byId, make, say } from "./dom.js";
import { named, t } from "./words.js";

export class Trends {
  /** @param {any[]} about @param {(kind: string, id: string) => void} open */
  constructor(about, open) {
    this.about = new Map(about.map((one) => [one.id, one]));
    this.open = open;
    /** @type {any[]} */
    this.block = [];
    for (const box of this.boxes()) {
      box.append(make("div", { class: "panel-head" }, make("h2"), make("span", { class: "aside" })), make("svg:svg", { class: "chart", "aria-hidden": "true" }));
      box.addEventListener("click", () => {
        const id = box.getAttribute("data-trend");
        if (id) this.open("vital", id);
      });
      new ResizeObserver(() => this.show()).observe(box);
    }
  }

  boxes() {
    return [byId("trend-0"), byId("trend-1")];
  }

  /** @param {import("./stream.js").Message} message */
  take(message) {
    if (!message.trends) return;
    this.block = message.trends;
    this.show();
  }

  show() {
    this.boxes().forEach((box, index) => {
      const trend = this.block[index];
      const about = trend && this.about.get(trend.id);
      if (!about) return;
      box.setAttribute("data-trend", trend.id);
      const [head, svg] = box.children;
      const unit = named(about.unit);
      say(head.children[0], unit ? `${named(about)}  ${unit}` : named(about));
      say(head.children[1], t(trend.band.length ? "trend.usual" : about.normal ? "trend.normal" : "trend.none"));
      draw(/** @type {any} */ (svg), {
        from_ms: trend.start_ms,
        until_ms: trend.start_ms + trend.values.length * trend.step_ms,
        values: trend.values,
        band: trend.band,
        normal: about.normal,
        decimals: about.decimals,
      });
    });
  }
}
