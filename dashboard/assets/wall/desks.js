// The desks of the control room, where the city has several; and which of them this browser stands at.

import { operator } from "./operator.js";
import { named } from "./words.js";

/** @type {{id: string, zh: string, en: string}[]} */
let known = [];

/** @param {{desks: {id: string, zh: string, en: string}[]}} about the city */
export function useDesks(about) {
  known = about.desks;
}

export const desks = () => known;

/** What people call a desk; what is none is called as it was said. @param {string} said */
export function deskName(said) {
  const found = known.find((one) => one.id === said);
  return found ? named(found) : said;
}

/** The id of the desk at which whoever sits here signed on; "" = of none that the city has. */
export function ownDesk() {
  const said = operator()?.desk;
  return known.some((one) => one.id === said) ? String(said) : "";
}
