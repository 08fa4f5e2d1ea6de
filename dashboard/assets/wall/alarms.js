// The alarm list: keyed rows whose order stands still while a pointer or the focus is in it; acknowledging.

import { acknowledge } from "./operator.js";
import { byId, make, say, set } from "./dom.js";
import { age, levelMark, named, number, t, unitName } from "./words.js";

const ROW_REM = 4;

export class Alarms {
  /** @param {{open: (kind: string, id: string) => void, point: (id: string | null) => void}} hooks */
  constructor(hooks) {
    this.hooks = hooks;
    /** @type {Map<string, any>} */
    this.elements = new Map();
    /** @type {any} */
    this.block = { rows: [], levels: [[0, 0], [0, 0], [0, 0], [0, 0]], total: 0, waiting: 0 };
    /** @type {string[]} */
    this.order = [];
    this.held = false;
    /** @type {Set<string>} */
    this.local = new Set();
    this.list = byId("alarm-rows");
    this.now = Date.now();
    this.watch();
  }

  watch() {
    const { list } = this;
    const hold = (/** @type {boolean} */ held) => {
      const focus = list.contains(document.activeElement) && document.activeElement?.matches(":focus-visible");
      this.held = held || Boolean(focus);
      set(list, "data-held", this.held);
      if (!this.held) this.show(this.now);
    };
    list.addEventListener("pointerenter", () => hold(true));
    list.addEventListener("pointerleave", () => hold(false));
    list.addEventListener("focusin", () => hold(true));
    list.addEventListener("focusout", () => setTimeout(() => hold(list.matches(":hover")), 0));
    list.addEventListener("pointerover", (event) => this.hooks.point(rowOf(event.target)));
    list.addEventListener("pointerout", () => this.hooks.point(null));
    new ResizeObserver(() => this.show(this.now)).observe(list);
    document.addEventListener("keydown", (event) => this.key(event));
  }

  /** @param {KeyboardEvent} event */
  key(event) {
    const target = /** @type {Element} */ (event.target);
    if (target.matches("input, textarea, select") || event.ctrlKey || event.metaKey || event.altKey) return;
    const rows = [...this.list.children];
    const at = rows.findIndex((row) => row.contains(document.activeElement));
    const key = event.key.toLowerCase();
    if (key === "j" || (at >= 0 && key === "arrowdown")) focusRow(rows[Math.min(at + 1, rows.length - 1)], event);
    else if (key === "k" || (at >= 0 && key === "arrowup")) focusRow(rows[Math.max(at - 1, 0)], event);
    else if (key === "a") {
      const row = at >= 0 ? rows[at] : rows.find((one) => one.matches("[data-waiting]:not([data-sending])"));
      const id = row?.getAttribute("data-alarm");
      event.preventDefault(); // the form that may open must not get the letter
      if (id) this.acknowledge(id);
    } else if (key === "enter" && at >= 0 && rows[at] === document.activeElement) {
      this.hooks.open("alarm", rows[at].getAttribute("data-alarm") ?? "");
    }
  }

  /** @param {import("./stream.js").Message} message @param {number} now */
  take(message, now) {
    this.now = now;
    if (!message.alarms) return;
    this.block = message.alarms;
    for (const row of this.block.rows) if (row.acknowledged || row.sending || row.unconfirmed) this.local.delete(row.id);
    this.show(now);
    this.showCounts();
  }

  /** How many rows fit. */
  room() {
    const rem = parseFloat(getComputedStyle(document.documentElement).fontSize);
    return Math.max(1, Math.floor((this.list.clientHeight + 0.45 * rem) / (ROW_REM * rem)));
  }

  /** @param {number} now */
  show(now) {
    this.now = now;
    const rows = new Map(this.block.rows.map((/** @type {any} */ row, /** @type {number} */ index) => [row.id, { row, number: index + 1 }]));
    const wanted = [...rows.keys()].slice(0, this.room());
    this.order = this.held ? this.order.filter((id) => rows.has(id)) : wanted;
    if (this.held) this.order.push(...wanted.filter((id) => !this.order.includes(id)).slice(0, this.room() - this.order.length));
    this.order.forEach((id, index) => {
      const element = this.element(id);
      if (this.list.children[index] !== element.box) this.list.insertBefore(element.box, this.list.children[index] ?? null);
      const found = rows.get(id);
      if (found) this.fill(element, found.row, found.number, now);
    });
    while (this.list.children.length > this.order.length) this.list.lastChild?.remove();
    for (const id of this.elements.keys()) if (!rows.has(id)) this.elements.delete(id);
    const hidden = this.block.total - this.order.length;
    say(byId("alarm-more"), this.block.total === 0 ? t("alarm.none") : hidden > 0 ? t("alarm.more", { n: number(hidden) }) : "");
  }

  /** @param {string} id */
  element(id) {
    const known = this.elements.get(id);
    if (known) return known;
    const parts = {
      number: make("span", { class: "n" }),
      mark: make("span", { class: "mark-box" }),
      kind: make("b"),
      value: make("span", { class: "value" }),
      place: make("span", { class: "place" }),
      age: make("span", { class: "age" }),
      by: make("span", { class: "by" }),
      bar: make("i", { class: "bar" }),
      button: make("button", { type: "button", "data-action": "acknowledge", class: "ack" }),
    };
    const text = make("span", { class: "text" }, make("span", {}, parts.kind, parts.value), make("span", {}, parts.place, parts.age));
    const timer = make("span", { class: "timer", "aria-hidden": "true" }, parts.bar);
    const box = make("li", { "data-alarm": id, tabindex: 0 }, parts.number, parts.mark, text, make("span", { class: "do" }, parts.button, parts.by), timer);
    parts.button.addEventListener("click", (/** @type {Event} */ event) => {
      event.stopPropagation();
      this.acknowledge(id);
    });
    box.addEventListener("click", () => this.hooks.open("alarm", id));
    const element = { box, level: 0, ...parts };
    this.elements.set(id, element);
    return element;
  }

  /** @param {any} element @param {any} row @param {number} n @param {number} now */
  fill(element, row, n, now) {
    const { box } = element;
    const sending = row.sending ?? (this.local.has(row.id) ? "" : null);
    if (element.level !== row.level) {
      element.mark.replaceChildren(levelMark(row.level));
      element.level = row.level;
    }
    set(box, "data-level", row.level);
    set(box, "data-waiting", !row.acknowledged);
    set(box, "data-cleared", row.cleared);
    set(box, "data-sending", sending !== null && !row.acknowledged);
    say(element.number, String(n));
    say(element.place, named(row.place));
    say(element.kind, named(row.kind));
    const old = now - row.raised_at_ms;
    set(element.place, "title", named(row.place));
    say(element.value, values(row));
    say(element.age, row.unconfirmed ? t("alarm.unconfirmed") : row.cleared ? t("alarm.cleared") : age(old));
    set(element.age, "data-late", row.unconfirmed);
    const waiting = !row.acknowledged && sending === null;
    element.button.hidden = !waiting;
    element.button.disabled = document.documentElement.dataset.state !== "live";
    say(element.button, t("acknowledge"));
    set(element.button, "aria-label", t("alarm.label", { place: named(row.place), kind: named(row.kind), level: t(`level.${row.level}`) }));
    element.by.hidden = waiting;
    say(element.by, row.acknowledged ? `✓ ${row.by ?? ""}` : t("sending"));
    set(element.by, "title", row.acknowledged ? `${row.by ?? ""} · ${row.desk ?? ""}` : undefined);
    const share = row.acknowledged || !row.respond_s ? 0 : Math.max(0, Math.min(1, old / 1000 / row.respond_s));
    element.bar.style.transform = `scaleX(${share.toFixed(3)})`;
    set(box, "data-overdue", !row.acknowledged && share >= 1);
  }

  /** @param {string} id */
  async acknowledge(id) {
    const row = this.block.rows.find((/** @type {any} */ one) => one.id === id);
    if (!row || row.acknowledged || this.local.has(id) || document.documentElement.dataset.state !== "live") return;
    const mark = (/** @type {boolean} */ on) => {
      if (on) this.local.add(id);
      else this.local.delete(id);
      this.show(this.now);
    };
    await acknowledge(row, "", mark);
  }

  showCounts() {
    const { levels, total, waiting } = this.block;
    const box = byId("levels");
    if (box.children.length !== 4) {
      box.replaceChildren(
        ...[1, 2, 3, 4].map((level) => make("div", { class: `count level-${level}`, "data-level": level }, levelMark(level), make("span"), make("b"), make("i"))),
      );
    }
    levels.forEach((/** @type {[number, number]} */ [all, open], /** @type {number} */ index) => {
      const [, name, count, wait] = box.children[index].children;
      say(name, t(`level.short.${index + 1}`));
      say(count, number(all));
      say(wait, t("level.waiting", { n: number(open) }));
      set(box.children[index], "data-waiting", open > 0);
      set(box.children[index], "data-empty", all === 0);
    });
    const count = byId("alarm-count");
    if (!count.firstChild) count.append(make("span"), make("b"), make("i"));
    say(count.children[0], t("alarm.waiting"));
    say(count.children[1], number(waiting));
    say(count.children[2], `/ ${number(total)}`);
  }
}

/** Reading against limit, with as many decimals as both need. @param {any} row */
function values({ value, limit, unit }) {
  if (value === null) return "";
  const decimals = Math.max(digits(value), limit === null ? 0 : digits(limit));
  const both = limit === null ? number(value, decimals) : `${number(value, decimals)} / ${number(limit, decimals)}`;
  return unit ? `${both} ${unitName(unit)}` : both;
}

/** @param {number} value */
function digits(value) {
  const size = Math.abs(value);
  return size >= 20 || Number.isInteger(value) ? 0 : size >= 2 ? 1 : 2;
}

/** @param {EventTarget | null} target */
function rowOf(target) {
  return target instanceof Element ? (target.closest("[data-alarm]")?.getAttribute("data-alarm") ?? null) : null;
}

/** @param {Element | undefined} row @param {Event} event */
function focusRow(row, event) {
  if (!(row instanceof HTMLElement)) return;
  event.preventDefault();
  row.focus();
}
