// Who sits at this browser, and sending an acknowledgement in that name.

import { byId, make, say } from "./dom.js";
import { t } from "./words.js";

const KEY = "citywall-operator";
/** @type {((who: {who: string, desk: string} | null) => void) | null} */
let answer = null;

/** @returns {{who: string, desk: string} | null} */
export function operator() {
  try {
    const found = JSON.parse(localStorage.getItem(KEY) ?? "null");
    return found && found.who && found.desk ? found : null;
  } catch {
    return null;
  }
}

/** Ask who sits here; resolves with null when the form is left. */
export function ask() {
  byId("operator-form").hidden = false;
  byId("operator-who").focus();
  return new Promise((resolve) => {
    answer = resolve;
  });
}

/** @param {{who: string, desk: string} | null} who */
function close(who) {
  byId("operator-form").hidden = true;
  answer?.(who);
  answer = null;
}

/** Connect the form's keys, and Dash's word that the operator is stored. */
export function watchForm() {
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

/**
 * Send an acknowledgement; `mark` says whether it is on its way. What the engine decides comes through the stream.
 * @param {{id: string, level: number}} alarm
 * @param {string} why
 * @param {(on: boolean) => void} mark
 */
export async function acknowledge(alarm, why, mark) {
  const who = operator() ?? (await ask());
  if (!who) return;
  mark(true);
  try {
    const response = await fetch(`/api/v1/alarms/${encodeURIComponent(alarm.id)}/acknowledge`, {
      method: "POST",
      headers: { "content-type": "application/json", "x-citywall-token": token() },
      body: JSON.stringify({ ...who, why, seen_level: alarm.level }),
    });
    if (!response.ok) throw new Error((await response.json()).detail);
  } catch (error) {
    mark(false);
    tell(t("alarm.refused", { why: error instanceof Error ? error.message : String(error) }));
  }
}

function token() {
  return document.cookie.match(/(?:^|; )citywall_token=([^;]*)/)?.[1] ?? "";
}

/** Say something for six seconds. @param {string} text */
function tell(text) {
  const old = document.getElementById("toast");
  const toast = old ?? document.body.appendChild(make("div", { id: "toast", class: "toast", role: "alert" }));
  say(toast, text);
  toast.hidden = false;
  setTimeout(() => {
    if (toast.textContent === text) toast.hidden = true;
  }, 6000);
}
