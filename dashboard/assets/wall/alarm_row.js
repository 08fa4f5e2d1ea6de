// One row of the alarm list: an alarm, or the place of one that has left while the list was held.

import { ASIDE } from "./actions.js";
import { deskName, ownDesk } from "./desks.js";
import { isLive, make, say, set } from "./dom.js";
import { age, levelMark, named, number, t, time } from "./words.js";

/** Rows from there on have no number: three digits would stand in the mark. */
export const NUMBERED = 100;
/** Where the month stands in a date, e.g. 2026-11-30. */
const MONTH_AT = 5;

export class AlarmRow {
  /** @param {string} id @param {{open: () => void, acknowledge: () => void, menu: (by: Element) => void, members: () => void}} hooks */
  constructor(id, hooks) {
    /** The alarm as the person sees it; null once it has left. @type {any} */
    this.row = null;
    this.level = 0;
    this.number = make("span", { class: "n" });
    this.mark = make("span", { class: "mark-box", role: "img" });
    this.kind = make("b");
    this.card = make("button", { type: "button", "data-action": "members", class: "fold", tabindex: -1 });
    this.value = make("span");
    this.limit = make("span");
    this.reading = make("span", { class: "value" }, this.value, make("wbr"), this.limit);
    this.place = make("span", { class: "place" });
    this.age = make("span", { class: "age" });
    this.by = make("span", { class: "by" });
    this.bar = make("i", { class: "bar" });
    this.button = make("button", { type: "button", "data-action": "acknowledge", class: "ack", tabindex: -1 });
    this.more = make("button", { type: "button", "data-action": "menu", class: "more", tabindex: -1, "aria-haspopup": "menu" }, "⋯");
    const text = make("span", { class: "text" }, make("span", {}, this.kind, this.card, this.reading), make("span", {}, this.place, this.age));
    const timer = make("span", { class: "timer", "aria-hidden": "true" }, this.bar);
    this.box = make("li", { "data-alarm": id, tabindex: 0 }, this.number, this.mark, text, make("span", { class: "do" }, this.button, this.by), this.more, timer);
    this.box.addEventListener("click", () => this.row && hooks.open());
    this.box.addEventListener("contextmenu", (/** @type {Event} */ event) => this.on(event, () => hooks.menu(this.more)));
    this.button.addEventListener("click", (/** @type {Event} */ event) => this.on(event, hooks.acknowledge));
    this.card.addEventListener("click", (/** @type {Event} */ event) => this.on(event, hooks.members));
    this.more.addEventListener("click", (/** @type {Event} */ event) => this.on(event, () => hooks.menu(this.more)));
  }

  /** @param {Event} event @param {() => void} act */
  on(event, act) {
    event.preventDefault();
    event.stopPropagation();
    if (this.row) act();
  }

  /**
   * @param {any} row
   * @param {{n: number, now: number, wallNow: number, sending: boolean, told: string | undefined}} about event time and the wall's clock
   */
  fill(row, { n, now, wallNow, sending, told }) {
    this.row = row;
    const { box } = this;
    if (this.level !== row.level) {
      this.mark.replaceChildren(levelMark(row.level));
      this.level = row.level;
    }
    set(this.mark, "aria-label", t(`level.${row.level}`));
    const aside = ASIDE.includes(row.standing);
    const waiting = !row.acknowledged && !aside;
    const closing = row.closing_at_ms !== null && row.closing_at_ms !== undefined;
    sending ||= row.sending !== null && waiting;
    set(box, "data-level", row.level);
    set(box, "data-standing", row.standing);
    set(box, "data-waiting", waiting);
    set(box, "data-cleared", row.cleared);
    set(box, "data-sending", sending);
    set(box, "data-gone", false);
    set(box, "data-told", Boolean(told));
    say(this.number, n < NUMBERED ? String(n) : ""); // the map has far fewer
    say(this.kind, named(row.kind));
    set(this.kind, "title", named(row.kind));
    const elsewhere = row.at_desk && row.at_desk !== ownDesk();
    const place = named(row.place) + (row.assigned_to ? ` → ${deskName(row.assigned_to)}` : row.escalated_to || !elsewhere ? "" : ` · ${deskName(row.at_desk)}`) + (row.escalated_to ? ` ↑ ${deskName(row.escalated_to)}` : "");
    say(this.place, told ?? place);
    set(this.place, "title", told ?? place);
    const [value, reading] = [named(row.said), named(row.reading)];
    say(this.value, value);
    say(this.limit, reading.slice(value.length)); // it goes first where room is scarce: what is wrong must be legible
    set(this.reading, "title", reading);
    this.fillCard(row);
    say(this.age, told ? "" : this.state(row, now));
    set(this.age, "data-late", Boolean(row.unconfirmed || row.uncertain_since_ms));
    const offers = waiting && !sending && !closing;
    this.button.hidden = !offers;
    this.button.disabled = this.more.disabled = !isLive();
    this.more.hidden = false;
    say(this.button, t("acknowledge"));
    set(this.button, "aria-label", t("alarm.label", { place: named(row.place), kind: named(row.kind), level: t(`level.${row.level}`) }));
    set(this.more, "aria-label", t("alarm.menu", { place: named(row.place), kind: named(row.kind) }));
    this.by.hidden = offers;
    const by = sending ? t("sending") : closing ? t("alarm.closing") : aside ? this.aside(row, now) : `✓ ${row.by ?? ""}`;
    say(this.by, by);
    set(this.by, "title", row.acknowledged && !sending && !aside ? `${by} · ${deskName(row.desk ?? "")}` : by);
    const share = !waiting || !row.respond_s ? 0 : Math.max(0, Math.min(1, (wallNow - row.waiting_since_ms) / 1000 / row.respond_s));
    this.bar.style.transform = `scaleX(${share.toFixed(3)})`;
    set(box, "data-overdue", waiting && share >= 1);
  }

  /** @param {any} row @param {number} now */
  state(row, now) {
    if (row.unconfirmed) return t("alarm.unconfirmed");
    if (row.cleared) return t("alarm.cleared");
    if (row.uncertain_since_ms) return t("alarm.uncertain", { age: age(now - row.uncertain_since_ms) });
    return row.chattering ? t("alarm.chattering", { n: number(row.count) }) : age(now - row.raised_at_ms);
  }

  /** It speaks for the alarms of one cause, or another of them does. @param {any} row */
  fillCard(row) {
    const others = (row.card?.count ?? 1) - 1;
    const folded = !row.card && Boolean(row.incident) && row.presented === false;
    set(this.box, "data-folded", folded);
    this.card.hidden = others === 0 && !folded;
    say(this.card, folded ? t("alarm.folded") : t("alarm.card", { n: number(others) }));
    set(this.card, "title", row.card?.why ? named(row.card.why) : t("filter.incident"));
  }

  /** Until when it is set aside. @param {any} row @param {number} now */
  aside(row, now) {
    const { until_ms } = row;
    if (until_ms === null) return t(`standing.${row.standing}`);
    const day = time("date", until_ms);
    const at = time("minute", until_ms);
    return t("alarm.until", { at: day === time("date", now) ? at : `${day.slice(MONTH_AT)} ${at}` });
  }

  /** The alarm has left; its place stays, and nothing can be done in it. */
  empty() {
    this.row = null;
    set(this.box, "data-gone", true);
    for (const name of ["data-waiting", "data-sending", "data-overdue", "data-told"]) set(this.box, name, false);
    this.button.hidden = this.more.hidden = this.card.hidden = true;
    this.by.hidden = false;
    say(this.by, t("alarm.gone"));
    set(this.by, "title", t("alarm.gone"));
    say(this.age, "");
  }
}
