// The map: one path per segment, coloured only where traffic departs from free flow; numbered alarm markers; top corridors.

import { byId, make, say, set } from "./dom.js";
import { levelMark, named, number, t } from "./words.js";

const CLASSES = ["local", "collector", "arterial", "expressway"];
const GAP_REM = 1;
const AIR_REM = 0.35;
/** How far a marker reaches from its place: its ring, also when pointed at, and its number to the right. */
const MARK_REM = { ring: 1.7, right: 2.2 };
const LABEL_SHIFTS = [0, 1.5, -1.5, 2.8, -2.8, 4, -4].flatMap((dy) => [0, -2.4, 2.4, -4.2, 4.2].map((dx) => [dx, dy]));
LABEL_SHIFTS.sort(([a, b], [c, d]) => a * a + b * b * 2 - c * c - d * d * 2);

export class Roads {
  /** @param {{map: any, grades: number[]}} about @param {(kind: string, id: string) => void} open */
  constructor({ map, grades }, open) {
    this.map = map;
    this.grades = grades;
    this.open = open;
    /** @type {SVGPathElement[]} */
    this.paths = [];
    /** @type {any[]} */
    this.markers = [];
    /** @type {any} */
    this.tally = null;
    this.box = { x: 0, y: 0, unit: 1 };
    this.build();
    new ResizeObserver(() => this.fit()).observe(byId("map-view"));
  }

  /** Draw another version of the city. @param {{map: any}} about */
  redraw({ map }) {
    Object.assign(this, { map, markers: [], tally: null });
    byId("map-view").replaceChildren();
    byId("map-side").replaceChildren();
    this.build();
    this.fit();
  }

  build() {
    const svg = make("svg:svg", { class: "city", role: "img" });
    const layer = (/** @type {string} */ name) => svg.appendChild(make("svg:g", { class: name }));
    const water = layer("water");
    for (const one of this.map.water) water.append(make("svg:path", { d: one.d, class: one.line ? "line" : "area" }));
    const districts = layer("districts");
    for (const d of this.map.districts) districts.append(make("svg:path", { d }));
    const layers = Object.fromEntries(CLASSES.map((name) => [name, layer(`road ${name}`)]));
    this.raised = layer("road raised");
    this.homes = layers;
    this.paths = this.map.segments.map((/** @type {any} */ one) => {
      const path = make("svg:path", { d: one.d, class: one.class, "data-segment": one.id, "data-at": "", "data-grade": "none" });
      (layers[one.class] ?? layers.local).append(path);
      return path;
    });
    svg.addEventListener("click", (/** @type {MouseEvent} */ event) => {
      const id = /** @type {Element} */ (event.target).getAttribute("data-segment") ?? this.near(event);
      if (id) this.open("segment", id);
    });
    this.svg = svg;
    this.labels = make("div", { class: "labels" });
    this.marks = make("div", { class: "marks" });
    this.head = make("div", { class: "map-head" }, make("h2"), make("span"));
    byId("map-view").append(svg, this.labels, this.marks, this.head);
    this.legend = make("div", { class: "legend" });
    this.worst = make("ol", { class: "worst" });
    byId("map-side").append(make("h2", { class: "worst-title" }), this.worst, this.legend);
  }

  /** The nearest segment within a finger's width of a click. @param {MouseEvent} event */
  near(event) {
    const reach = 0.6 * parseFloat(getComputedStyle(document.documentElement).fontSize);
    for (const [dx, dy] of [[-1, 0], [1, 0], [0, -1], [0, 1], [-0.7, -0.7], [0.7, 0.7], [-0.7, 0.7], [0.7, -0.7]]) {
      for (const share of [0.5, 1]) {
        const found = document.elementFromPoint(event.clientX + dx * reach * share, event.clientY + dy * reach * share);
        const id = found?.getAttribute("data-segment");
        if (id) return id;
      }
    }
    return null;
  }

  /** @param {import("./stream.js").Message} message */
  take(message) {
    if (message.segments) this.segments(message.segments);
    if (message.roads) {
      this.tally = message.roads;
      this.showSide();
    }
    if (message.alarms) this.showMarks(message.alarms.rows);
  }

  /** @param {[number, number, number | null, number | null, number][]} rows */
  segments(rows) {
    for (const [index, at, tti, , state] of rows) {
      const path = this.paths[index];
      if (!path) continue;
      path.setAttribute("data-at", String(at));
      const found = tti === null ? "none" : String(this.grades.filter((limit) => tti >= limit).length);
      if (path.getAttribute("data-grade") !== found) {
        path.setAttribute("data-grade", found);
        const raise = found === "2" || found === "3" || found === "4";
        const home = raise ? this.raised : this.homes?.[path.getAttribute("class") ?? "local"];
        if (home && path.parentNode !== home) home.append(path);
      }
      const mark = state === 0 ? "provisional" : state === 1 ? "final" : "corrected";
      if (path.getAttribute("data-label") !== mark) path.setAttribute("data-label", mark);
    }
  }

  /** Fit the city into what the panel leaves free, and put names and markers where it then is. */
  fit() {
    const view = byId("map-view");
    const rem = parseFloat(getComputedStyle(document.documentElement).fontSize);
    const gap = GAP_REM * rem;
    const [width, height] = [view.clientWidth, view.clientHeight];
    if (!width || !height) return;
    const top = 1.2 * rem;
    const { frame } = this.map;
    const share = Math.min((width - 2 * gap) / frame.width, (height - 2 * gap - top) / frame.height);
    const unit = 1 / share;
    const [x, y] = [frame.x + frame.width / 2, frame.y + frame.height / 2];
    this.box = { x: x - (width / 2) * unit, y: y - ((height + top) / 2) * unit, unit };
    this.svg.setAttribute("viewBox", `${this.box.x} ${this.box.y} ${width * unit} ${height * unit}`);
    this.placeMarks();
    this.showLabels();
  }

  /** Where a place of the map is in the panel, px. @param {{x: number, y: number}} place */
  spot({ x, y }) {
    return { left: (x - this.box.x) / this.box.unit, top: (y - this.box.y) / this.box.unit };
  }

  /** Names of districts, each shifted until it covers no marker and no other name. */
  showLabels() {
    const rem = parseFloat(getComputedStyle(document.documentElement).fontSize);
    const all = this.map.labels;
    while (this.labels.children.length < all.length) this.labels.append(make("span"));
    /** @type {{l: number, t: number, r: number, b: number}[]} */
    const taken = this.markers.map(({ left, top }) => ({ l: left - rem, t: top - rem, r: left + 1.9 * rem, b: top + rem }));
    all.forEach((/** @type {any} */ label, /** @type {number} */ index) => {
      const element = this.labels.children[index];
      say(element, named(label));
      set(element, "class", label.kind);
      const at = this.spot(label);
      const half = { w: element.offsetWidth / 2, h: element.offsetHeight / 2 };
      const boxes = LABEL_SHIFTS.map(([dx, dy]) => {
        const [x, y] = [at.left + dx * rem, at.top + dy * rem];
        return { x, y, l: x - half.w - AIR_REM * rem, t: y - half.h, r: x + half.w + AIR_REM * rem, b: y + half.h };
      });
      const free = boxes.find((box) => !taken.some((other) => box.l < other.r && other.l < box.r && box.t < other.b && other.t < box.b));
      element.hidden = !free;
      if (!free) return;
      taken.push(free);
      element.style.left = `${free.l + AIR_REM * rem}px`;
      element.style.top = `${free.t}px`;
    });
  }

  /** @param {any[]} rows */
  showMarks(rows) {
    const wanted = rows.map((row, index) => ({ row, number: index + 1 })).filter(({ row }) => row.x !== null);
    const old = new Map(this.markers.map((mark) => [mark.id, mark]));
    this.markers = wanted.map(({ row, number: n }) => {
      const known = old.get(row.id);
      const mark = known && known.level === row.level ? known : this.mark(row);
      Object.assign(mark, { x: row.x, y: row.y });
      set(mark.element, "data-waiting", !row.acknowledged);
      say(mark.element.lastChild, String(n));
      return mark;
    });
    this.marks.replaceChildren(...this.markers.map(({ element }) => element).reverse());
    this.placeMarks();
    this.showLabels();
  }

  /** @param {any} row */
  mark(row) {
    const element = make("button", { type: "button", class: `mark mark-${row.level}`, "data-mark": row.id, tabindex: -1 });
    element.append(levelMark(row.level), make("span"));
    set(element, "aria-label", `${named(row.place)} ${named(row.kind)}`);
    element.addEventListener("click", () => this.open("alarm", row.id));
    return { id: row.id, level: row.level, element, left: 0, top: 0, x: 0, y: 0 };
  }

  /** The nearest place whose marker is wholly inside the panel. @param {{left: number, top: number}} place @param {number} rem */
  inside({ left, top }, rem) {
    const { clientWidth: width, clientHeight: height } = byId("map-view");
    const [ring, right] = [MARK_REM.ring * rem, MARK_REM.right * rem];
    return { left: Math.max(ring, Math.min(left, width - right)), top: Math.max(ring, Math.min(top, height - ring)) };
  }

  /** Put markers at their places; those that would cover another step aside. */
  placeMarks() {
    const rem = parseFloat(getComputedStyle(document.documentElement).fontSize);
    /** @type {any[]} */
    const set_ = [];
    for (const mark of this.markers) {
      const home = this.inside(this.spot(mark), rem);
      let { left, top } = home;
      for (let turn = 0; turn < 12 && set_.some((other) => Math.abs(other.left - left) < 2.6 * rem && Math.abs(other.top - top) < 1.7 * rem); turn += 1) {
        const angle = turn * 1.05;
        const far = (1.8 + turn * 0.35) * rem;
        const aside = { left: home.left + Math.cos(angle) * far * 1.4, top: home.top + Math.sin(angle) * far };
        ({ left, top } = this.inside(aside, rem));
      }
      Object.assign(mark, { left, top });
      set_.push(mark);
      mark.element.style.left = `${left}px`;
      mark.element.style.top = `${top}px`;
    }
  }

  /** Light up what an alarm row is about. @param {string | null} id */
  point(id) {
    for (const mark of this.markers) mark.element.classList.toggle("pointed", mark.id === id);
  }

  showSide() {
    const { slow, total, worst, grades, unknown } = this.tally;
    say(this.head.children[0], t("map.title"));
    say(this.head.children[1], t("map.slow", { slow: number(slow), total: number(total) }));
    say(byId("map-side").children[0], t("map.worst"));
    const rows = worst.map((/** @type {any} */ road) => {
      return make(
        "li",
        { "data-grade": road.grade },
        make("b", { title: named(road) }, named(road)),
        make("span", {}, t("map.lost", { min: number(road.lost_min, 1), km: number(road.km, 1) })),
        make("i", {}, number(road.tti, 2)),
      );
    });
    while (rows.length < 5) rows.push(make("li", { class: "none" }, "—"));
    this.worst.replaceChildren(...rows);
    const items = grades.map((/** @type {number} */ count, /** @type {number} */ index) => legend(String(index), t(`grade.${index}`), count));
    this.legend.replaceChildren(...items, legend("none", t("grade.none"), unknown));
  }
}

/** @param {string} grade_ @param {string} text @param {number} count */
function legend(grade_, text, count) {
  const line = make("svg:svg", { viewBox: "0 0 30 10", "aria-hidden": "true" }, make("svg:path", { d: "M1 5H29", class: "collector", "data-grade": grade_ }));
  return make("div", { class: "road" }, line, make("span", {}, text), make("i", {}, number(count)));
}
