// The drawer: Dash fills head, facts and series when the selection changes; the chart and the actions are drawn here.

import { byKey, possible } from "./actions.js";
import { draw } from "./chart.js";
import { byId, isLive, make, say, set } from "./dom.js";
import { lang, named, t } from "./words.js";

const AGAIN_MS = 1000;
const END_TRIES = 15;

/** @type {{kind: string, id: string} | null} */
let selected = null;
/** @type {any} */
let series = null;
/** The selected alarm as its facts tell it, null while it is not known or has gone. @type {any} */
let alarm = null;
/** @type {(action: import("./actions.js").Action, row: any) => void} */
let give = () => {};
/** @type {(id: string) => string | undefined} */
let under_way = () => undefined;
/** @type {Element | null} */
let before = null;
let again = 0;
let due = 0;
let askedAt = -Infinity;
let asked_end = 0;

/**
 * @param {(action: import("./actions.js").Action, row: any) => void} command gives a command
 * @param {(id: string) => string | undefined} state what is under way for an alarm, or became of it, in words
 */
export function watchDrawer(command, state) {
  [give, under_way] = [command, state];
  byId("drawer-close").addEventListener("click", close);
  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape" && selected && !document.querySelector(".veil:not([hidden])")) close();
  });
  byId("drawer").addEventListener("keydown", (event) => {
    const plain = !event.ctrlKey && !event.metaKey && !event.altKey && event.key.length === 1;
    const action = plain && alarm && byKey(alarm, event.key.toLowerCase());
    if (!action || !isLive()) return;
    event.preventDefault();
    event.stopPropagation();
    give(action, alarm);
  });
  document.addEventListener("citywall-drawer-series", (event) => {
    const [data] = /** @type {CustomEvent} */ (event).detail; // Dash has 24 hours of values
    if (!data || !selected || data.key !== selected.id) return;
    series = data;
    show();
  });
  document.addEventListener("citywall-drawer-alarm", (event) => {
    const [data] = /** @type {CustomEvent} */ (event).detail; // Dash has the facts
    if (!data || selected?.kind !== "alarm" || data.id !== selected.id) return;
    alarm = data.level && !data.ended ? data : null;
    showActions();
    if (data.ended && !data.end_known && asked_end < END_TRIES) {
      asked_end += 1; // the history hears of an end a little later than the list
      setTimeout(refresh, 2 * AGAIN_MS);
    }
  });
  new ResizeObserver(show).observe(byId("drawer-chart"));
}

/** @param {string} kind @param {string} id */
export function open(kind, id) {
  if (!selected) before = document.activeElement;
  selected = { kind, id };
  series = alarm = null;
  asked_end = 0;
  byId("drawer-chart").replaceChildren();
  showActions();
  const drawer = byId("drawer");
  drawer.hidden = false;
  drawer.setAttribute("data-kind", kind);
  drawer.setAttribute("data-of", id);
  document.documentElement.setAttribute("data-drawer", kind);
  ask();
  byId("drawer-close").focus();
}

export function close() {
  selected = null;
  byId("drawer").hidden = true;
  document.documentElement.removeAttribute("data-drawer");
  /** @type {any} */ (window).dash_clientside.set_props("selection", { data: null });
  if (before instanceof HTMLElement) before.focus();
}

/** Ask Dash anew, e.g. after a change of language. */
export function ask() {
  if (!selected) return;
  askedAt = performance.now();
  /** @type {any} */ (window).dash_clientside.set_props("selection", { data: { ...selected, lang: lang() } });
}

/** The alarms have changed: an alarm's facts are asked for again, once a second at most; its chart is not. */
export function refresh() {
  if (selected?.kind !== "alarm" || due) return;
  due = setTimeout(
    () => {
      due = 0;
      if (selected?.kind !== "alarm") return;
      askedAt = performance.now();
      again += 1;
      /** @type {any} */ (window).dash_clientside.set_props("selection", { data: { ...selected, lang: lang(), again } });
    },
    Math.max(0, askedAt + AGAIN_MS - performance.now()),
  );
}

function show() {
  const box = byId("drawer-chart");
  if (!series || !selected) return;
  if (!box.firstChild) box.append(make("p"), make("svg:svg", { class: "chart" }));
  const [note, svg] = box.children;
  const known = series.values.some((/** @type {number | null} */ value) => value !== null);
  const unit = named(series.unit);
  say(note, series.problem ? t(series.problem) : known ? `${t("drawer.day")} · ${named(series.label)}${unit ? ` ${unit}` : ""}` : t("drawer.empty"));
  if (known) draw(/** @type {any} */ (svg), series);
  else svg.replaceChildren();
}

/** What may be done to the alarm now; nothing from a picture that stands still. */
export function showActions() {
  const box = byId("drawer-action");
  const actions = alarm ? possible(alarm) : [];
  const names = alarm ? actions.map(({ name }) => name).join() : "none";
  if (box.dataset.names !== `${lang()} ${names}`) {
    box.dataset.names = `${lang()} ${names}`;
    const held = /** @type {HTMLElement | null} */ (box.querySelector(":focus"))?.dataset.command;
    box.replaceChildren(
      ...(alarm ? [make("p", { role: "status" })] : []),
      ...actions.map((action) => {
        const button = make("button", { type: "button", class: "act", "data-command": action.name }, t(`action.${action.name}`), make("kbd", {}, action.key.toUpperCase()));
        button.addEventListener("click", () => alarm && give(action, alarm));
        return button;
      }),
    );
    if (held) /** @type {HTMLElement} */ (box.querySelector(`[data-command="${held}"]`) ?? byId("drawer-close")).focus();
  }
  const state = alarm ? under_way(alarm.id) : undefined;
  if (box.firstChild) say(/** @type {Element} */ (box.firstChild), state ?? "");
  for (const button of box.querySelectorAll("button")) set(button, "disabled", !isLive() || state === t("sending"));
}
