// The drawer: Dash fills head, facts and series when the selection changes; the chart and the action are drawn here.

import { draw } from "./chart.js";
import { byId, make, say } from "./dom.js";
import { acknowledge } from "./operator.js";
import { fillTexts, lang, named, t } from "./words.js";

/** @type {{kind: string, id: string} | null} */
let selected = null;
/** @type {any} */
let series = null;
/** @type {(id: string) => any} */
let alarmById = () => null;
/** @type {Element | null} */
let before = null;

/** @param {(id: string) => any} find */
export function watchDrawer(find) {
  alarmById = find;
  byId("drawer-close").addEventListener("click", close);
  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape" && selected) close();
  });
  document.addEventListener("citywall-series", (event) => {
    const [data] = /** @type {CustomEvent} */ (event).detail; // Dash has 24 hours of values
    if (!data || !selected || data.key !== selected.id) return;
    series = data;
    show();
  });
  new ResizeObserver(show).observe(byId("drawer-chart"));
}

/** @param {string} kind @param {string} id */
export function open(kind, id) {
  if (!selected) before = document.activeElement;
  selected = { kind, id };
  series = null;
  for (const name of ["drawer-chart", "drawer-action"]) byId(name).replaceChildren();
  const drawer = byId("drawer");
  drawer.hidden = false;
  drawer.setAttribute("data-kind", kind);
  document.documentElement.setAttribute("data-drawer", kind);
  ask();
  showAction();
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
  if (selected) /** @type {any} */ (window).dash_clientside.set_props("selection", { data: { ...selected, lang: lang() } });
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

/** After each message: an alarm's drawer offers to acknowledge as long as nobody has. */
export function showAction() {
  const box = byId("drawer-action");
  const alarm = selected?.kind === "alarm" ? alarmById(selected.id) : null;
  if (!alarm || alarm.acknowledged || alarm.sending) {
    if (box.firstChild) {
      box.replaceChildren();
      ask();
    }
    return;
  }
  if (box.firstChild) return;
  const why = make("input", { type: "text", maxlength: 400, "aria-label": t("drawer.why"), placeholder: t("drawer.why") });
  const button = make("button", { type: "button", class: "act", "data-i18n": "acknowledge.long" });
  button.addEventListener("click", () => acknowledge(alarm, why.value, (on) => (button.disabled = on)));
  box.append(why, button);
  fillTexts(box);
}
