// Texts, numbers, ages and times in the page's language.

import { make, say, set } from "./dom.js";

/** @typedef {{zh: string, en: string}} Name */

/** @type {Record<string, Record<string, string>>} */
let texts = { zh: {}, en: {} };
/** @type {"zh" | "en"} */
let language = "zh";
let timeZone = "UTC";
/** @type {Record<string, Intl.NumberFormat>} */
let numbers = {};
/** @type {Record<string, Intl.DateTimeFormat>} */
let times = {};

const TIMES = {
  clock: { hour: "2-digit", minute: "2-digit", second: "2-digit", hourCycle: "h23" },
  minute: { hour: "2-digit", minute: "2-digit", hourCycle: "h23" },
  date: { year: "numeric", month: "2-digit", day: "2-digit" },
  weekday: { weekday: "long" },
  offset: { timeZoneName: "longOffset" },
};

/** @param {Record<string, Record<string, string>>} found */
export function useTexts(found) {
  texts = found;
}

/** @param {string} zone IANA name of the city's time zone */
export function useTimeZone(zone) {
  timeZone = zone;
  times = {};
}

/** @param {"zh" | "en"} chosen */
export function useLanguage(chosen) {
  language = chosen;
  numbers = {};
  times = {};
  document.documentElement.lang = chosen === "zh" ? "zh-CN" : "en";
  localStorage.setItem("citywall-language", chosen);
}

/** @returns {"zh" | "en"} */
export const lang = () => language;

/**
 * A text, with {name} filled in.
 * @param {string} key
 * @param {Record<string, string | number>} [fill]
 */
export function t(key, fill = {}) {
  return textIn(language, key, fill);
}

/**
 * @param {"zh" | "en"} which
 * @param {string} key
 * @param {Record<string, string | number>} [fill]
 */
export function textIn(which, key, fill = {}) {
  const found = texts[which][key];
  if (found === undefined) throw new Error(`no text ${key} in ${which}`);
  return found.replace(/\{(\w+)\}/g, (_, name) => String(fill[name] ?? ""));
}

/** A text that may not be there. @param {string} key @param {string} otherwise */
export const tOr = (key, otherwise) => texts[language][key] ?? otherwise;

/** @param {Name | null | undefined} name */
export const named = (name) => (name ? name[language] : "");

/** Fill every element that names its text. @param {ParentNode} root */
export function fillTexts(root) {
  for (const element of root.querySelectorAll("[data-i18n]")) say(element, t(element.getAttribute("data-i18n") ?? ""));
  for (const element of root.querySelectorAll("[data-i18n-label]")) {
    set(element, "aria-label", t(element.getAttribute("data-i18n-label") ?? ""));
  }
}

/**
 * A number; "—" where it is not known.
 * @param {number | null | undefined} value
 * @param {number} [decimals]
 */
export function number(value, decimals = 0) {
  if (value === null || value === undefined) return "—";
  const format = (numbers[decimals] ??= new Intl.NumberFormat(language === "zh" ? "zh-CN" : "en-GB", {
    minimumFractionDigits: decimals,
    maximumFractionDigits: decimals,
  }));
  return format.format(value).replace("-", "−");
}

/**
 * An age in the largest unit that fits.
 * @param {number | null | undefined} ms
 */
export function age(ms) {
  if (ms === null || ms === undefined) return "—";
  const s = Math.max(0, ms / 1000);
  if (s < 60) return t("age.s", { n: Math.floor(s) });
  if (s < 3600) return t("age.min", { n: Math.floor(s / 60) });
  if (s < 86400) return t("age.h", { n: number(s / 3600, 1) });
  return t("age.d", { n: number(s / 86400, 1) });
}

/**
 * A time in the city's zone.
 * @param {keyof typeof TIMES} style
 * @param {number} ms
 */
export function time(style, ms) {
  const locale = style === "date" ? "sv-SE" : style === "offset" ? "en-GB" : language === "zh" ? "zh-CN" : "en-GB";
  const format = (times[style] ??= new Intl.DateTimeFormat(locale, /** @type {any} */ ({ ...TIMES[style], timeZone })));
  if (style !== "offset") return format.format(ms);
  const part = format.formatToParts(ms).find(({ type }) => type === "timeZoneName");
  return (part?.value ?? "").replace("GMT", "UTC").replace(/:00$/, "").replace("+0", "+").replace("-0", "−").replace(/^UTC$/, "UTC+0");
}

/** The city's time zone, e.g. Asia/Shanghai. */
export const zone = () => timeZone;

/**
 * The mark of an alarm level: octagon I, triangle II, diamond III, circle IV.
 * @param {number} level
 */
export function levelMark(level) {
  const shapes = {
    1: "M9.4 2h13.2L32 11.4v13.2L22.6 34H9.4L0 24.6V11.4z",
    2: "M16 2.5 33 33H-1z",
    3: "M16 0 34 18 16 36-2 18z",
    4: "M16 2a16 16 0 1 1 0 32 16 16 0 0 1 0-32z",
  };
  const numeral = ["", "I", "II", "III", "IV"][level];
  const text = make("svg:text", { x: 16, y: level === 2 ? 29 : 24.2, "text-anchor": "middle" }, numeral);
  const path = make("svg:path", { d: /** @type {any} */ (shapes)[level] });
  return make("svg:svg", { viewBox: "-3 -1 38 38", class: `level level-${level}`, "aria-hidden": "true" }, path, text);
}
