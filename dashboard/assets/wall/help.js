// The keys, in one card: `?` opens and closes it.

import { ACTIONS } from "./actions.js";
import { make } from "./dom.js";
import { t } from "./words.js";

const OTHERS = [
  ["J K ↓ ↑", "help.walk"],
  ["PgUp PgDn", "help.page"],
  ["Enter", "help.open"],
  ["M", "help.menu"],
  ["Z", "help.undo"],
  ["/", "help.filter"],
  ["S", "help.silence"],
  ["Esc", "help.escape"],
  ["?", "help.help"],
];

export function watchHelp() {
  document.addEventListener("keydown", (event) => {
    if (/** @type {Element} */ (event.target).matches("input, textarea, select")) return;
    if (event.key === "?") toggleHelp();
    else if (event.key === "Escape") document.getElementById("help")?.remove();
  });
}

export function toggleHelp() {
  const open = document.getElementById("help");
  if (open) return open.remove();
  const lines = [...OTHERS, ...ACTIONS.map(({ key, name }) => [key.toUpperCase(), `action.${name}`])];
  const list = make("dl", {}, ...lines.flatMap(([keys, text]) => [make("dt", {}, ...keys.split(" ").map((key) => make("kbd", {}, key))), make("dd", {}, t(text))]));
  const close = make("button", { type: "button", class: "act" }, t("close"));
  const card = make("div", { class: "card help" }, make("h2", {}, t("help.title")), make("p", {}, t("help.note")), list, make("div", { class: "buttons" }, close));
  const veil = document.body.appendChild(make("div", { id: "help", class: "veil", role: "dialog", "aria-modal": "true", "aria-label": t("help.title") }, card));
  veil.addEventListener("click", (event) => (event.target === veil || event.target === close) && veil.remove());
  close.focus();
}
