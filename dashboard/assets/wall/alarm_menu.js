// What may be done to an alarm, beside its row; and the small form for what a command needs to know.

import { possible, scopes } from "./actions.js";
import { desks } from "./desks.js";
import { isLive, make, say, set } from "./dom.js";
import { named, t, time } from "./words.js";

const SPANS_MIN = [15, 30, 60, 120, 240, 480, 720];
/** 24 hours: `type="time"` would go by the browser's language, and say 06:00 PM on a Chinese page. */
const CLOCK = "([01]\\d|2[0-3]):[0-5]\\d";
const WEEKLY = "weekly";
const DAYS = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];
const A_MONDAY_MS = Date.UTC(2026, 10, 30, 12);
const DAY_MS = 86_400_000;

/** Called whenever a menu or a form opens or closes: the list is held as long as one is open. @type {() => void} */
let changed = () => {};
/** @type {HTMLElement | null} */
let menu = null;
/** @type {HTMLElement | null} */
let form = null;

/** @param {() => void} then */
export function watchMenus(then) {
  changed = then;
  document.addEventListener("pointerdown", (event) => {
    if (menu && !menu.contains(/** @type {Node} */ (event.target))) closeMenu();
  });
}

export const menuIsOpen = () => Boolean(menu || form);

/**
 * @param {Element} by beside which it opens
 * @param {any} row
 * @param {(action: import("./actions.js").Action) => void} choose
 */
export function openMenu(by, row, choose) {
  closeMenu();
  const back = /** @type {HTMLElement | null} */ (document.querySelector(":focus-visible"));
  const items = possible(row).map((action) => {
    const item = make("button", { type: "button", role: "menuitem", "data-command": action.name }, make("span", {}, t(`action.${action.name}`)), make("kbd", {}, action.key.toUpperCase()));
    item.addEventListener("click", () => {
      closeMenu();
      if (back) back.focus(); // the row that has the focus keeps it
      choose(action);
    });
    return item;
  });
  const box = make("div", { role: "menu", class: "menu", "aria-label": t("alarm.menu", { place: named(row.place), kind: named(row.kind) }) }, ...items);
  box.addEventListener("keydown", (/** @type {KeyboardEvent} */ event) => {
    const step = { ArrowDown: 1, ArrowUp: -1, j: 1, k: -1 }[event.key];
    if (step) items[(items.indexOf(document.activeElement) + step + items.length) % items.length].focus();
    if (event.key === "Escape" || event.key === "Tab") {
      closeMenu();
      back?.focus();
    }
    const plain = !event.ctrlKey && !event.metaKey && !event.altKey;
    const item = plain && items.find((/** @type {Element} */ one) => one.lastElementChild?.textContent === event.key.toUpperCase());
    item?.click();
    if (step || item || event.key === "Escape") event.preventDefault();
    event.stopPropagation();
  });
  menu = document.body.appendChild(box);
  const at = by.getBoundingClientRect();
  box.style.right = `${innerWidth - at.right}px`;
  box.style.top = `${Math.max(0, Math.min(at.bottom, innerHeight - box.offsetHeight - 8))}px`;
  items[0]?.focus();
  changed();
}

export function closeMenu() {
  if (!menu) return;
  const box = menu;
  menu = null;
  box.remove();
  changed();
}

/**
 * Ask for what a command needs to know; resolves with its values, null when the form is left.
 * @param {import("./actions.js").Action} action
 * @param {any} row
 * @param {any[]} others alarms with which it may belong
 * @returns {Promise<Record<string, any> | null>}
 */
export function openForm(action, row, others) {
  if (form) return Promise.resolve(null);
  return new Promise((resolve) => {
    const back = document.activeElement;
    const box = make("form", { class: "card" }, make("h2", {}, t(`action.${action.name}`)), make("p", {}, `${named(row.place)} · ${action.covers ? t(action.covers) : named(row.kind)}`));
    for (const field of action.fields) box.append(field_(field, row, others));
    const cancel = make("button", { type: "button", class: "quiet" }, t("cancel"));
    const error = box.appendChild(make("p", { class: "error", role: "alert" }));
    box.append(make("div", { class: "buttons" }, cancel, make("button", { type: "submit", class: "act" }, t(`action.${action.name}`))));
    const veil = make("div", { class: "veil", id: "action-form", role: "dialog", "aria-modal": "true", "aria-label": t(`action.${action.name}`) }, box);
    const close = (/** @type {Record<string, any> | null} */ values) => {
      veil.remove();
      form = null;
      if (back instanceof HTMLElement && back.isConnected) back.focus();
      changed();
      resolve(values);
    };
    cancel.addEventListener("click", () => close(null));
    veil.addEventListener("keydown", (/** @type {KeyboardEvent} */ event) => {
      if (event.key === "Escape") close(null);
      event.stopPropagation();
    });
    box.addEventListener("submit", (/** @type {Event} */ event) => {
      event.preventDefault();
      const values = valuesOf(new FormData(box), row);
      if (!isLive()) say(error, t("command.stale")); // what was written is kept
      else if (values.schedule && values.schedule.from === values.schedule.until) say(error, t("form.same"));
      else close(values);
    });
    form = document.body.appendChild(veil);
    /** @type {HTMLElement | null} */ (box.querySelector("input, select"))?.focus();
    changed();
  });
}

/** @param {import("./actions.js").Field} field @param {any} row @param {any[]} others */
function field_(field, row, others) {
  const labelled = (/** @type {string} */ key, /** @type {Element} */ input) => make("label", {}, make("span", {}, t(key)), input);
  const choice = (/** @type {string} */ name, /** @type {[string, string][]} */ all, /** @type {string} */ chosen) => {
    const select = make("select", { name }, ...all.map(([value, label]) => make("option", { value }, label)));
    select.value = chosen;
    return select;
  };
  const spans = /** @type {[string, string][]} */ (SPANS_MIN.map((min) => [String(min), min < 60 ? t("age.min", { n: min }) : t("age.h", { n: min / 60 })]));
  if (field === "for") return labelled("form.for", choice("for", spans, "30"));
  if (field === "until") {
    const span = choice("for", [...spans, [WEEKLY, t("form.weekly")]], "120");
    const days = /** @type {[string, string][]} */ (DAYS.map((day, index) => [day, time("weekday", A_MONDAY_MS + index * DAY_MS)]));
    const moment = (/** @type {string} */ name, /** @type {string} */ day, /** @type {string} */ clock) =>
      labelled(`form.${name}`, make("span", { class: "moment" }, choice(`${name}_day`, days, day), make("input", { name: `${name}_time`, value: clock, pattern: CLOCK, placeholder: "18:00", maxlength: 5, inputmode: "numeric", autocomplete: "off", required: true })));
    const week = make("fieldset", { hidden: true, disabled: true }, moment("from", "fri", "18:00"), moment("until", "sun", "18:00"));
    span.addEventListener("change", () => (week.hidden = week.disabled = span.value !== WEEKLY));
    return make("div", { class: "when" }, labelled("form.for", span), week);
  }
  if (field === "into") return labelled("form.into", choice("into", others.map((one) => [one.id, `${named(one.kind)} · ${named(one.place)}`]), others[0]?.id ?? ""));
  if (field === "scope") return labelled("form.scope", choice("scope", Object.keys(scopes(row)).map((name) => [name, t(`scope.${name}`)]), "kind_here"));
  if (field === "desk" && desks().length) {
    const others = desks().filter((one) => one.id !== row.at_desk);
    return labelled("form.to", choice("to", others.map((one) => [one.id, named(one)]), others[0]?.id ?? ""));
  }
  const input = make("input", { type: "text", name: field === "desk" ? "to" : "why", maxlength: field === "desk" ? 64 : 400, required: true });
  set(input, "pattern", ".*\\S.*");
  return labelled(field === "desk" ? "form.to" : "form.why", input);
}

/** @param {FormData} data @param {any} row */
function valuesOf(data, row) {
  /** @type {Record<string, any>} */
  const values = {};
  for (const [name, value] of data.entries()) values[name] = String(value).trim();
  const { for: span, from_day, from_time, until_day, until_time, ...rest } = values;
  if (rest.scope) rest.scope = scopes(row)[/** @type {keyof ReturnType<typeof scopes>} */ (rest.scope)];
  if (span === WEEKLY) return { ...rest, schedule: { from: `${from_day} ${from_time}`, until: `${until_day} ${until_time}` } };
  return span ? { ...rest, for: `${span}m` } : rest;
}
