// The alarm list: whole rows of an order that stands still while somebody holds it, by pointer, focus, menu or form.

import { ASIDE, byKey, byName } from "./actions.js";
import { AlarmFilter, NONE } from "./alarm_filter.js";
import { HeldAlarms } from "./alarm_held.js";
import { closeMenu, menuIsOpen, openForm, openMenu, watchMenus } from "./alarm_menu.js";
import { AlarmPages } from "./alarm_pages.js";
import { AlarmRow, NUMBERED } from "./alarm_row.js";
import { Commands } from "./commands.js";
import { ownDesk } from "./desks.js";
import { byId, isLive, make, say, set } from "./dom.js";
import { tell } from "./operator.js";
import { levelMark, number, t } from "./words.js";

const ROW_REM = 4;
const WHEEL_PX = 60;
/** A hold ends when nobody has touched this desk for so long: a pointer that was left there must not hide what comes. */
const IDLE_MS = 60_000;
/** What moved under a pointer meanwhile is not clicked for so long. */
const MOVED_MS = 500;
/** So long after nobody holds it the list goes back to its head. */
const BACK_MS = 30_000;
/** Of the rows that fit, so many may be acknowledged ones of I and II that would be out of sight. */
const PINNED_SHARE = 1 / 3;
const PINNED_READ = 6;
/** More alarms in ten minutes are a flood (EEMUA 191). */
const FLOOD = 10;
/** So many alarms, the first of the list, are offered to fold one into. */
const OTHERS = 30;
const ALARMS = "alarms";
const OF_DESK = "alarms:";
const IN_HAND = "state=acknowledged&level=1&level=2";
const EMPTY = { rows: [], levels: [[0, 0], [0, 0], [0, 0], [0, 0]], total: 0, waiting: 0 };

export class Alarms {
  /** @param {any} about @param {{open: (kind: string, id: string) => void, point: (id: string | null) => void, wallNow: () => number}} hooks */
  constructor(about, hooks) {
    this.hooks = hooks;
    this.commands = new Commands({ changed: () => this.show(this.now) });
    this.filter = new AlarmFilter(about, () => this.narrow());
    this.pages = new AlarmPages(() => this.renew());
    /** Those that must stay in sight, wherever they stand. */
    this.inHand = new AlarmPages(() => this.renew(), PINNED_READ, IN_HAND);
    /** Those whose places are held and that are in none of these. */
    this.lost = new HeldAlarms(() => this.show(this.now));
    /** What was known last of those that have a place, while it is held. @type {Map<string, any>} */
    this.last = new Map();
    /** Every alarm that is known and wanted, in the order of the wall; null = to be made anew. @type {Map<string, any> | null} */
    this.all = null;
    /** @type {Map<string, AlarmRow>} */
    this.elements = new Map();
    /** What the stream carries: `alarms` of all desks, `alarms:<desk>` of one. @type {Record<string, any>} */
    this.blocks = {};
    /** Whose list is shown, "" = all. */
    this.desk = "";
    /** @type {any} */
    this.block = EMPTY;
    /** @type {any} */
    this.load = null;
    /** Ids in the order of their places; those of `pinned` stand below them. @type {string[]} */
    this.order = [];
    /** @type {string[]} */
    this.pinned = [];
    /** Ids that came while the list was held. @type {Set<string>} */
    this.fresh = new Set();
    /** Up to which all were known: what stands behind it has only been read since. null = all were. @type {any} */
    this.edge = null;
    /** Whether somebody wants to see the last of all, and the pages up to there are being read. */
    this.toEnd = false;
    this.top = 0;
    this.wheel = 0;
    this.leftAt = 0;
    this.held = false;
    /** Whether the list is to be laid out anew, held or not: it was narrowed to something else. */
    this.anew = false;
    this.touchedAt = performance.now();
    this.movedAt = -Infinity;
    this.list = byId("alarm-rows");
    this.now = Date.now();
    this.watch();
  }

  /** @param {any} about another version of the city */
  redraw(about) {
    for (const known of [this.pages, this.inHand, this.lost]) known.forget();
    this.filter.redraw(about);
  }

  /** What is known has changed. */
  renew() {
    this.all = null;
    this.show(this.now);
    if (!this.toEnd) return;
    this.scroll(Infinity, true);
    this.focusPlace(this.space() - 1);
    this.toEnd = this.unread();
  }

  /** Whether there are alarms that nobody has asked for yet. */
  unread() {
    return this.beyond() && this.pages.more();
  }

  /** Whether there are more than the stream carries. */
  beyond() {
    return this.filter.active() || this.block.total > this.block.rows.length;
  }

  watch() {
    const { list } = this;
    const look = () => setTimeout(() => this.hold(), 0);
    for (const name of ["pointerenter", "pointerleave", "focusin", "focusout"]) list.addEventListener(name, look);
    watchMenus(look);
    for (const name of ["pointermove", "pointerdown", "wheel", "keydown"]) document.addEventListener(name, () => this.touch(), { capture: true, passive: true });
    list.addEventListener("click", (event) => performance.now() - this.movedAt < MOVED_MS && event.stopPropagation(), { capture: true });
    list.addEventListener("pointerover", (event) => this.hooks.point(rowOf(event.target)));
    list.addEventListener("pointerout", () => this.hooks.point(null));
    list.addEventListener("wheel", (event) => {
      event.preventDefault();
      this.wheel += event.deltaMode === 0 ? event.deltaY : event.deltaY * WHEEL_PX;
      const rows = Math.trunc(this.wheel / WHEEL_PX);
      this.wheel -= rows * WHEEL_PX;
      if (rows) this.scroll(rows);
    });
    byId("alarm-up").addEventListener("click", () => this.scroll(-this.space()));
    byId("alarm-down").addEventListener("click", () => this.scroll(this.space()));
    byId("alarm-new").addEventListener("click", () => this.letGo());
    new ResizeObserver(() => this.show(this.now)).observe(list);
    document.addEventListener("keydown", (event) => this.key(event));
  }

  /** Somebody is at this desk; who comes back to it has not yet seen what moved meanwhile. */
  touch() {
    const now = performance.now();
    if (now - this.touchedAt >= IDLE_MS) this.movedAt = now;
    this.touchedAt = now;
    this.hold();
  }

  hold() {
    const touched = performance.now() - this.touchedAt < IDLE_MS;
    const held = menuIsOpen() || (touched && (this.list.matches(":hover") || this.list.contains(document.activeElement)));
    if (held === this.held) return;
    this.held = held;
    this.toEnd = false;
    set(this.list, "data-held", held);
    if (!held) this.leftAt = performance.now();
    this.show(this.now);
  }

  /** Show the head of the list as it is now. */
  letGo() {
    if (this.list.contains(document.activeElement)) /** @type {HTMLElement} */ (document.activeElement).blur();
    this.top = 0;
    this.held = false;
    this.show(this.now);
    this.hold();
  }

  narrow() {
    this.top = 0;
    this.desk = this.filter.desk();
    this.block = this.of(this.desk);
    this.inHand.ask(IN_HAND + (this.desk && `&desk=${encodeURIComponent(this.desk)}`));
    this.showLoad(this.load);
    this.order = [];
    this.anew = true;
    this.toEnd = false;
    this.pages.ask(this.filter.query());
    this.renew();
    this.showCounts();
  }

  /** @param {KeyboardEvent} event */
  key(event) {
    const target = /** @type {Element} */ (event.target);
    if (target.matches("input, textarea, select") || event.ctrlKey || event.metaKey || event.altKey || menuIsOpen()) return;
    const key = event.key.length === 1 ? event.key.toLowerCase() : event.key;
    const focused = this.list.contains(document.activeElement) ? rowOf(document.activeElement) : null;
    const places = this.sight();
    const at = focused === null ? -1 : places.indexOf(focused);
    const step = { j: 1, ArrowDown: 1, k: -1, ArrowUp: -1, PageDown: this.space(), PageUp: -this.space(), Home: -Infinity, End: Infinity }[key];
    if (step !== undefined && (at >= 0 || key === "j" || key === "k")) this.walk(at, step, event);
    else if (key === "z") this.commands.undoLast();
    else if (key === "/") this.filter.open(true);
    else if (key === "Escape" && focused) return this.letGo();
    else if (!focused) return;
    else if (key === "Enter" && document.activeElement === this.elements.get(focused)?.box) this.open(focused);
    else if (key === "m") this.menu(focused, /** @type {Element} */ (document.activeElement));
    else if (!this.act(focused, key)) return;
    event.preventDefault(); // the form or drawer that may open must not get the key
  }

  /** @param {number} at place of the focus, −1 = none @param {number} step @param {Event} event */
  walk(at, step, event) {
    event.preventDefault();
    const space = Math.min(this.space(), this.order.length);
    this.toEnd = step === Infinity && this.unread();
    const next = at < 0 ? 0 : at + step;
    if (at < 0 || (next >= 0 && next < space + this.pinned.length && Math.abs(step) === 1 && !(next >= space && this.more()))) return this.focusPlace(Math.max(0, next));
    this.scroll(step, true);
    this.focusPlace(step > 0 ? Math.min(space - 1, Math.max(0, next)) : 0);
  }

  more() {
    return this.top + this.space() < this.order.length;
  }

  /** @param {number} place among those in sight */
  focusPlace(place) {
    const ids = this.sight();
    this.elements.get(ids[Math.min(place, ids.length - 1)])?.box.focus();
  }

  /** @param {number} rows @param {boolean} [keep] the focus moves on by itself */
  scroll(rows, keep = false) {
    const last = Math.max(0, this.order.length - this.space());
    this.top = Math.max(0, Math.min(last, this.top + rows));
    this.leftAt = performance.now();
    this.toEnd &&= keep;
    if (!keep) closeMenu();
    this.show(this.now);
  }

  /** @param {string} id */
  open(id) {
    if (this.elements.get(id)?.row) this.hooks.open("alarm", id);
  }

  /** @param {string} id @param {Element} by */
  menu(id, by) {
    const row = this.elements.get(id)?.row;
    if (row && isLive()) openMenu(by, row, (action) => this.give(action, row));
  }

  /** @param {string} id @param {string} key @returns {boolean} whether there is such an action */
  act(id, key) {
    const row = this.elements.get(id)?.row;
    const action = row && byKey(row, key);
    if (action) this.give(action, row);
    return Boolean(action);
  }

  /** @param {import("./actions.js").Action} action @param {any} row as the person saw it */
  async give(action, row) {
    if (!isLive()) return tell(t("command.stale"));
    if (this.commands.sending.has(row.id)) return;
    const others = [...this.known().values()].filter((one) => one.id !== row.id && one.presented !== false).slice(0, OTHERS);
    const values = action.fields.length ? await openForm(action, row, others) : {};
    if (values) await this.commands.give(action, row, values);
  }

  /** @param {import("./stream.js").Message} message @param {number} now */
  take(message, now) {
    this.now = now;
    this.hold();
    const carried = Object.entries(message).filter(([name]) => name === ALARMS || name.startsWith(OF_DESK));
    Object.assign(this.blocks, Object.fromEntries(carried));
    if (this.filter.desk() !== this.desk) this.narrow();
    if (message.load !== undefined) this.showLoad((this.load = message.load));
    if (message.touched !== undefined) this.pages.old = this.inHand.old = this.lost.old = true;
    if (!carried.length) return;
    this.block = this.of(this.desk);
    this.renew();
    this.showCounts();
  }

  /** What the stream carries of a desk, "" = of all. @param {string} desk */
  of(desk) {
    return this.blocks[desk ? OF_DESK + desk : ALARMS] ?? EMPTY;
  }

  /** What is heard here: of one's own desk, whatever the list shows. */
  heard() {
    return this.of(ownDesk());
  }

  /** How many rows fit. */
  room() {
    const rem = parseFloat(getComputedStyle(document.documentElement).fontSize);
    return Math.max(1, Math.floor((this.list.clientHeight + 0.45 * rem) / (ROW_REM * rem)));
  }

  /** How many of them are not taken by pinned ones. */
  space() {
    return Math.max(1, this.room() - this.pinned.length);
  }

  /** The ids of the places in sight, from above. */
  sight() {
    return [...this.order.slice(this.top, this.top + this.space()), ...this.pinned];
  }

  /** The stream's rows are the head as it is now: what a page still has before their end has left. @returns {Map<string, any>} */
  known() {
    if (this.all) return this.all;
    const { rows, total } = this.block;
    const all = new Map();
    const last = total > rows.length ? rows[rows.length - 1] : null;
    const beyond = (/** @type {any} */ row) => (last ? order(row, last) > 0 : rank(row) > 1);
    for (const row of [...this.pages.rows(), ...this.inHand.rows()]) if (beyond(row)) all.set(row.id, row);
    for (const row of rows) all.set(row.id, row);
    if (this.desk) for (const row of this.of("").rows) if (row.level === 1 && rank(row) === 0) all.set(row.id, row);
    const wanted = [...all.values()].filter((row) => this.filter.takes(row)).sort(order);
    this.all = new Map(wanted.map((row) => [row.id, row]));
    return this.all;
  }

  /** Event time; the bars go by the wall's. @param {number} now */
  show(now) {
    this.now = now;
    const known = this.known();
    this.place(known);
    this.fill(this.sight(), known);
    this.showHead(known);
    if (!this.held && this.top === 0) this.pages.shorten();
    this.lost.need(this.sight().filter((id) => !known.has(id) && this.last.has(id)).map((id) => this.last.get(id)));
    if (this.block.total > this.block.rows.length) this.inHand.need(0, 0);
    else this.inHand.forget();
    if (this.beyond()) this.pages.need(this.top, this.toEnd ? Infinity : this.top + 2 * this.room());
    else this.pages.forget();
  }

  /** @param {Map<string, any>} known */
  place(known) {
    if (this.held && !this.anew) {
      const places = new Set([...this.order, ...this.pinned]);
      for (const [id, row] of known) {
        this.last.set(id, row);
        if (places.has(id)) continue;
        this.order.push(id);
        if (!this.edge || order(row, this.edge) < 0) this.fresh.add(id);
      }
      this.edge = this.lastRead();
      return;
    }
    this.anew = false;
    this.fresh.clear();
    this.lost.forget();
    this.last = new Map(this.held ? known : []);
    this.edge = this.lastRead();
    const before = this.sight().join();
    const ids = [...known.keys()];
    const room = this.room();
    const most = ids.length > room && !this.filter.active() ? Math.floor(room * PINNED_SHARE) : 0;
    const inHand = ids.slice(room - most).filter((id) => isInHand(known.get(id)));
    this.pinned = inHand.slice(0, most);
    this.order = ids.filter((id) => !this.pinned.includes(id));
    if (this.top && performance.now() - this.leftAt > BACK_MS) this.top = 0;
    this.top = Math.min(this.top, Math.max(0, this.order.length - this.space()));
    if (this.list.matches(":hover") && this.sight().join() !== before) this.movedAt = performance.now();
  }

  /** The last alarm up to which all are known, null = all are. */
  lastRead() {
    return this.unread() ? [...this.block.rows, ...this.pages.rows()].pop() : null;
  }

  /** @param {string[]} seen @param {Map<string, any>} known */
  fill(seen, known) {
    const marked = this.of("").rows.map((/** @type {any} */ row) => row.id); // the map's numbers, then on
    const first = [...known.keys()].slice(0, NUMBERED + marked.length);
    const numbers = new Map([...new Set([...marked, ...first])].map((id, index) => [id, index + 1]));
    const wallNow = this.hooks.wallNow();
    for (const box of [...this.list.children]) if (!seen.includes(box.getAttribute("data-alarm") ?? "")) box.remove();
    let next = this.list.firstElementChild;
    seen.forEach((id, index) => {
      const element = this.element(id);
      if (element.box === next) next = next.nextElementSibling;
      else this.list.insertBefore(element.box, next); // what has the focus never moves: the others come round it
      set(element.box, "data-pinned", index >= seen.length - this.pinned.length);
      const row = known.get(id) ?? (this.lost.rows.has(id) ? this.lost.rows.get(id) : this.last.get(id));
      const about = { n: numbers.get(id) ?? NUMBERED, now: this.now, wallNow, sending: this.commands.sending.has(id), told: this.commands.told.get(id) };
      if (row) element.fill(row, about);
      else element.empty();
    });
    for (const id of this.elements.keys()) if (!seen.includes(id)) this.elements.delete(id);
  }

  /** @param {string} id */
  element(id) {
    const found =
      this.elements.get(id) ??
      new AlarmRow(id, {
        open: () => this.open(id),
        acknowledge: () => this.give(byName("acknowledge"), this.elements.get(id)?.row),
        menu: (by) => this.menu(id, by),
        members: () => this.filter.toggle({ ...NONE, incident: this.elements.get(id)?.row?.incident ?? "" }),
      });
    this.elements.set(id, found);
    return found;
  }

  /** @param {Map<string, any>} known */
  showHead(known) {
    const count = this.order.length;
    const last = Math.min(count, this.top + this.space());
    const narrowed = this.filter.active();
    const all = Math.max(narrowed ? 0 : this.block.total, count + this.pinned.length);
    const more = narrowed && this.pages.more() ? "+" : "";
    say(byId("alarm-range"), !known.size ? t(narrowed ? "filter.none" : "alarm.none") : t("alarm.range", { first: number(this.top + 1), last: number(last), all: number(all) + more }));
    set(byId("alarm-up"), "disabled", this.top === 0);
    set(byId("alarm-down"), "disabled", last >= count);
    const fresh = [...this.fresh].map((id) => known.get(id)).filter(Boolean);
    const button = byId("alarm-new");
    button.hidden = !fresh.length;
    if (fresh.length) {
      const level = Math.min(...fresh.map((row) => row.level));
      set(button, "data-level", level);
      button.replaceChildren(levelMark(level), t("alarm.new", { n: number(fresh.length) }));
    }
  }

  showCounts() {
    const { levels, total, waiting } = this.block;
    const box = byId("levels");
    if (box.children.length !== 4) {
      box.replaceChildren(
        ...[1, 2, 3, 4].map((level) => {
          const button = make("button", { type: "button", class: `count level-${level}`, "data-level": level }, levelMark(level), make("span"), make("b"), make("i"));
          button.addEventListener("click", () => this.filter.toggle({ level: String(level) }));
          return button;
        }),
      );
    }
    levels.forEach((/** @type {[number, number]} */ [all, open], /** @type {number} */ index) => {
      const [, name, count, wait] = box.children[index].children;
      say(name, t(`level.short.${index + 1}`));
      say(count, number(all));
      say(wait, t("level.waiting", { n: number(open) }));
      set(box.children[index], "data-waiting", open > 0);
      set(box.children[index], "data-empty", all === 0);
      set(box.children[index], "aria-pressed", String(this.filter.wanted.level === String(index + 1)));
    });
    const count = byId("alarm-count");
    if (!count.firstChild) count.append(make("span"), make("b"), make("i"));
    say(count.children[0], t("alarm.waiting"));
    say(count.children[1], number(waiting));
    say(count.children[2], `/ ${number(total)}`);
    this.showAside();
  }

  /** How many alarms came in the present ten minutes, and do so on average and at worst. @param {any} all */
  showLoad(all) {
    const load = (this.desk && all?.desks?.[this.desk]) || all;
    const box = byId("alarm-load");
    const flood = Boolean(load && load.now_count > FLOOD);
    const known = load ? [t("load.now", { now: number(load.now_count) }), t("load.worst", { worst: number(load.worst_count) }), t("load.average", { average: number(load.average_count, 1) })] : [];
    const said = flood ? [t("load.flood", { now: number(load.now_count) })] : known;
    if (box.children.length !== said.length) box.replaceChildren(...said.flatMap(() => [make("span"), " "]));
    said.forEach((one, index) => say(box.children[index], one)); // each whole, or not at all where room is scarce
    set(box, "title", load ? `${known.join(" ")}\n${t("load.long", { shown: number(load.shown_count), flood: number(100 * load.flood_ratio, 1), standing: number(load.standing_24h_count) })}` : "");
    set(box, "data-flood", flood);
  }

  /** What other desks have is counted beside one's own: a desk may be without anybody. @param {Element} box */
  showElsewhere(box) {
    const known = box.querySelector('[data-state="elsewhere"]');
    const button = known ?? box.appendChild(make("button", { type: "button", "data-state": "elsewhere" }));
    if (!known) button.addEventListener("click", () => this.filter.toggleAll());
    const waiting = this.of("").waiting - this.block.waiting;
    /** @type {HTMLElement} */ (button).hidden = !this.desk || waiting <= 0;
    say(button, t("alarm.elsewhere", { n: number(waiting) }));
  }

  /** What is off the list is counted where the list ends: a quiet wall must not be a blinded one. */
  showAside() {
    const box = byId("alarm-aside");
    this.showElsewhere(box);
    for (const state of ASIDE) {
      const known = box.querySelector(`[data-state="${state}"]`);
      const button = known ?? box.appendChild(make("button", { type: "button", "data-state": state }));
      if (!known) button.addEventListener("click", () => this.filter.toggle({ state }));
      const count = this.block[state] ?? 0;
      /** @type {HTMLElement} */ (button).hidden = count === 0;
      say(button, `${t(`standing.${state}`)} ${number(count)}`);
      set(button, "aria-pressed", String(this.filter.wanted.state === state));
    }
    const known = box.querySelector('[data-state="equipment"]');
    const button = known ?? box.appendChild(make("button", { type: "button", "data-state": "equipment" }));
    if (!known) button.addEventListener("click", () => this.filter.toggle({ equipment: "true" }));
    /** @type {HTMLElement} */ (button).hidden = !this.block.equipment;
    say(button, `${t("alarm.equipment")} ${number(this.block.equipment ?? 0)}`);
    set(button, "aria-pressed", String(this.filter.wanted.equipment !== ""));
  }
}

/** Acknowledged, still there, and of a level that must stay in sight. @param {any} row */
const isInHand = (row) => row.standing === "acknowledged" && row.level <= 2;

/** Waiting, in hand, folded under another, set aside. @param {any} row */
function rank(row) {
  if (ASIDE.includes(row.standing)) return 3;
  if (row.presented === false) return 2;
  return row.acknowledged ? 1 : 0;
}

/** The order of the wall: by rank, then by level, then the one that waits longest. @param {any} a @param {any} b */
function order(a, b) {
  return rank(a) - rank(b) || a.level - b.level || a.waiting_since_ms - b.waiting_since_ms || (a.id < b.id ? -1 : 1);
}

/** @param {EventTarget | null} target */
function rowOf(target) {
  return target instanceof Element ? (target.closest("[data-alarm]")?.getAttribute("data-alarm") ?? null) : null;
}
