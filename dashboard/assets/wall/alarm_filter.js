// What the alarm list is narrowed to: by level boxes, matrix cells, and the small form in the panel's head.

import { ASIDE } from "./actions.js";
import { deskName, ownDesk } from "./desks.js";
import { byId, make, say, set } from "./dom.js";
import { named, t } from "./words.js";

const STATES = ["unacknowledged", "acknowledged", "returned_unacknowledged", "latched_unacknowledged", "latched_acknowledged", ...ASIDE];
export const NONE = { level: "", zone: "", domain: "", state: "", text: "", incident: "", equipment: "", desk: "" };
/** All desks together, where this browser stands at one. */
const ALL = "*";

export class AlarmFilter {
  /** @param {any} about @param {() => void} changed */
  constructor(about, changed) {
    this.about = about;
    this.changed = changed;
    this.wanted = { ...NONE };
    this.box = byId("alarm-filter");
    byId("filter-open").addEventListener("click", () => this.open(this.box.hidden));
    byId("alarm-chip").addEventListener("click", () => this.clear());
    this.box.addEventListener("keydown", (event) => {
      if (event.key !== "Escape" && event.key !== "Enter") return;
      event.stopPropagation();
      this.open(false);
      byId("filter-open").focus();
    });
  }

  /** @param {any} about another version of the city */
  redraw(about) {
    this.about = about;
    this.box.replaceChildren();
    this.clear();
  }

  /** Narrowed otherwise than to a desk, whose list the stream carries. */
  active() {
    return Object.entries(this.wanted).some(([name, value]) => name !== "desk" && value !== "");
  }

  /** The desk whose list it is, "" = of all: one's own, but where somebody looks for a place, a text or an incident. */
  desk() {
    const { desk, zone, domain, text, incident } = this.wanted;
    if (desk) return desk === ALL ? "" : desk;
    return zone || domain || text || incident ? "" : ownDesk();
  }

  /** Show the alarms of all desks, or one's own again. */
  toggleAll() {
    this.toggle({ desk: ALL });
  }

  /** Narrow to that, or no longer where it was so already. @param {Partial<typeof NONE>} wish */
  toggle(wish) {
    const was = Object.entries(wish).every(([name, value]) => this.wanted[/** @type {keyof NONE} */ (name)] === value);
    for (const [name, value] of Object.entries(wish)) this.wanted[/** @type {keyof NONE} */ (name)] = was ? "" : value;
    this.tell();
  }

  clear() {
    this.wanted = { ...NONE };
    this.tell();
  }

  tell() {
    this.show();
    this.changed();
  }

  /** As the API is asked. */
  query() {
    return new URLSearchParams(Object.entries({ ...this.wanted, desk: this.desk() }).filter(([, value]) => value !== "")).toString();
  }

  /** @param {any} row */
  takes(row) {
    const { level, zone, domain, state, text, incident, equipment } = this.wanted;
    const desk = this.desk();
    if (desk && row.at_desk !== desk && row.level !== 1) return false; // level I is everybody's
    if ((incident && row.incident !== incident) || (equipment && !row.equipment)) return false;
    if (row.equipment && row.presented === false && !(equipment || incident || text)) return false; // of devices that blind nobody
    if (state ? row.standing !== state : ASIDE.includes(row.standing)) return false;
    if ((level && String(row.level) !== level) || (zone && row.zone !== zone) || (domain && row.domain !== domain)) return false;
    if (!text) return true;
    const words = [row.id, row.entity, row.place.zh, row.place.en, row.kind.zh, row.kind.en].join("\n").toLowerCase();
    return words.includes(text.toLowerCase());
  }

  /** @param {boolean} on */
  open(on) {
    this.box.hidden = !on;
    set(byId("filter-open"), "aria-expanded", String(on));
    this.show();
    if (on) /** @type {HTMLElement | null} */ (this.box.querySelector("input"))?.focus();
  }

  /** Once, and after a change of language or of what is wanted. */
  show() {
    const said = this.said();
    const chip = byId("alarm-chip");
    chip.hidden = !said;
    say(chip, `${said} ✕`);
    set(chip, "title", `${said} ✕`);
    set(chip, "aria-label", t("filter.clear", { what: said }));
    if (this.box.hidden) return;
    const { zones, domains, desks } = this.about;
    const options = (/** @type {any[]} */ all) => [["", t("filter.all")], ...all.map((one) => [one.id, named(one)])];
    const fields = {
      zone: options(zones),
      domain: options(domains),
      ...(desks.length ? { desk: [...(ownDesk() ? [["", t("filter.own_desk")], [ALL, t("filter.all")]] : [["", t("filter.all")]]), ...desks.map((one) => [one.id, named(one)])] } : {}),
      level: [["", t("filter.all")], ...["1", "2", "3", "4"].map((level) => [level, t(`level.${level}`)])],
      state: [["", t("filter.main")], ...STATES.map((state) => [state, t(`standing.${state}`)])],
    };
    const text = make("input", { type: "search", maxlength: 80, placeholder: t("filter.text"), "aria-label": t("filter.text") });
    text.value = this.wanted.text;
    text.addEventListener("input", () => {
      this.wanted.text = text.value.trim();
      this.changed();
    });
    text.addEventListener("change", () => this.show());
    const selects = Object.entries(fields).map(([name, all]) => {
      const select = make("select", {}, ...all.map(([value, label]) => make("option", { value }, label)));
      select.value = this.wanted[/** @type {keyof NONE} */ (name)];
      select.addEventListener("change", () => {
        this.wanted[/** @type {keyof NONE} */ (name)] = select.value;
        this.tell();
      });
      return make("label", {}, make("span", {}, t(`filter.${name}`)), select);
    });
    const held = this.box.contains(document.activeElement) ? [...this.box.querySelectorAll("input, select")].indexOf(/** @type {Element} */ (document.activeElement)) : -1;
    this.box.replaceChildren(text, ...selects);
    /** @type {HTMLElement | undefined} */ ([...this.box.querySelectorAll("input, select")][held])?.focus();
  }

  /** What it is narrowed to, in words. */
  said() {
    const { level, zone, domain, state, text, incident, equipment, desk } = this.wanted;
    const of = (/** @type {any[]} */ all, /** @type {string} */ id) => named(all.find((one) => one.id === id));
    const words = [desk && (desk === ALL ? t("filter.all_desks") : deskName(desk)), level && t(`level.${level}`), zone && of(this.about.zones, zone), domain && of(this.about.domains, domain), state && t(`standing.${state}`), incident && t("filter.incident"), equipment && t("alarm.equipment"), text && `“${text}”`];
    return words.filter(Boolean).join(" · ");
  }
}
