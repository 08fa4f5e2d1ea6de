// Who sits at this browser; and saying something to them.

import { byId, make, say } from "./dom.js";
import { named, t } from "./words.js";

const KEY = "citywall-operator";
/** @type {((who: {who: string, desk: string} | null) => void) | null} */
let answer = null;
/** What had the focus before the form; it gets it back. @type {Element | null} */
let left = null;

/** @returns {{who: string, desk: string} | null} */
export function operator() {
  try {
    const found = JSON.parse(localStorage.getItem(KEY) ?? "null");
    return found && found.who && found.desk ? found : null;
  } catch {
    return null;
  }
}

/** Where the city has desks, the form offers these. @param {{id: string, zh: string, en: string}[]} desks */
export function offerDesks(desks) {
  const text = byId("operator-desk");
  const select = /** @type {HTMLSelectElement} */ (byId("operator-desks"));
  const chosen = operator()?.desk ?? "";
  const tell = (/** @type {string} */ value) => /** @type {any} */ (window).dash_clientside.set_props("operator-desk", { value });
  select.replaceChildren(make("option", { value: "" }, t("operator.choose")), ...desks.map((one) => make("option", { value: one.id }, named(one))));
  select.value = desks.some((one) => one.id === chosen) ? chosen : "";
  select.onchange = () => tell(select.value);
  select.hidden = !desks.length;
  text.hidden = desks.length > 0;
  if (desks.length) tell(select.value);
}

/** Ask who sits here; resolves with null when the form is left. */
export function ask() {
  left = document.activeElement;
  byId("operator-form").hidden = false;
  byId("operator-who").focus();
  return new Promise((resolve) => {
    answer = resolve;
  });
}

/** Connect the form's keys, and Dash's word that the operator is stored. @param {() => void} signed somebody else sits here now */
export function watchForm(signed) {
  const close = (/** @type {{who: string, desk: string} | null} */ who) => {
    byId("operator-form").hidden = true;
    if (who) signed();
    if (left instanceof HTMLElement) (left.isConnected ? left : document.getElementById(left.id))?.focus();
    answer?.(who);
    answer = null;
  };
  byId("operator-cancel").addEventListener("click", () => close(null));
  byId("operator-form").addEventListener("keydown", (event) => {
    if (event.key === "Escape") close(null);
    if (event.key === "Enter" && event.target instanceof HTMLInputElement) {
      event.target.blur(); // Dash takes the value then
      setTimeout(() => byId("operator-save").click(), 50);
    }
    event.stopPropagation();
  });
  document.addEventListener("citywall-operator", (event) => {
    const [, data] = /** @type {CustomEvent} */ (event).detail; // Dash has stored who sits here
    if (data && !byId("operator-form").hidden) close(data);
  });
}

/** What the wall's own pages must repeat with each command. */
export function token() {
  return document.cookie.match(/(?:^|; )citywall_token=([^;]*)/)?.[1] ?? "";
}

/** Say something for six seconds. @param {string} text */
export function tell(text) {
  const old = document.getElementById("toast");
  const toast = old ?? document.body.appendChild(make("div", { id: "toast", class: "toast", role: "alert" }));
  say(toast, text);
  toast.hidden = false;
  setTimeout(() => {
    if (toast.textContent === text) toast.hidden = true;
  }, 6000);
}
