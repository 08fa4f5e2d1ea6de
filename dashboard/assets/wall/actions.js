// What a person may do to an alarm: one table for the row's menu, the drawer and the keyboard.

/**
 * @typedef {"why" | "for" | "until" | "desk" | "scope" | "into"} Field
 * @typedef {{name: string, key: string, fields: Field[], may: (row: any) => boolean, of?: (row: any) => object, undo?: boolean, covers?: string}} Action
 */

export const ASIDE = ["shelved", "suppressed", "out_of_service"];

/** How the cover of a rule's schedule begins: no person lifts that. */
const OF_RULE = "rule:";

/** Whether it stands in the main list. @param {any} row */
const stands = (row) => !ASIDE.includes(row.standing) && !row.closing_at_ms;

/** An alarm as it was seen, or the incident that it is the card of. @param {any} row @param {object} seen what is said of an incident */
const whole = (row, seen = {}) => (row.card ? { incident: row.card.id, ...seen } : { alarm: row.id, revision: row.revision ?? undefined });

/** @type {Action[]} */
export const ACTIONS = [
  { name: "acknowledge", key: "a", fields: [], may: (row) => stands(row) && !row.acknowledged, of: (row) => whole(row, { seen_level: row.level }) },
  { name: "unacknowledge", key: "u", fields: [], may: (row) => stands(row) && row.acknowledged, of: (row) => whole(row) },
  { name: "note", key: "n", fields: ["why"], may: () => true, undo: false },
  { name: "assign", key: "g", fields: ["desk"], may: stands },
  { name: "escalate", key: "x", fields: ["desk", "why"], may: stands },
  { name: "fold", key: "f", fields: ["into"], may: stands },
  { name: "split", key: "l", fields: [], may: (row) => stands(row) && Boolean(row.incident) },
  { name: "shelve", key: "h", fields: ["why", "for"], may: stands },
  { name: "unshelve", key: "h", fields: [], may: (row) => row.standing === "shelved" },
  { name: "reset", key: "r", fields: [], may: (row) => row.standing === "latched_acknowledged" && stands(row) },
  { name: "end", key: "e", fields: ["why"], may: stands },
  { name: "suppress", key: "p", fields: ["why", "scope", "until"], may: stands },
  { name: "lift", key: "p", fields: [], may: (row) => row.standing === "suppressed" && Boolean(row.suppressed_by) && !row.suppressed_by.startsWith(OF_RULE), of: (row) => ({ command: row.suppressed_by }) },
  { name: "take_out", key: "o", fields: ["why"], may: stands, of: (row) => ({ scope: { entity: row.entity } }), covers: "scope.here" },
  { name: "restore", key: "o", fields: [], may: (row) => row.standing === "out_of_service" && row.out_of_service_command, of: (row) => ({ command: row.out_of_service_command }) },
];

/** What may be done to an alarm now. @param {any} row */
export const possible = (row) => ACTIONS.filter((action) => action.may(row));

/** @param {any} row @param {string} key */
export const byKey = (row, key) => possible(row).find((action) => action.key === key);

/** @param {string} name */
export const byName = (name) => /** @type {Action} */ (ACTIONS.find((action) => action.name === name));

/** What a suppression may cover, from the narrowest on. @param {any} row */
export const scopes = (row) => ({
  kind_here: { entity: row.entity, kind: row.kind_id },
  here: { entity: row.entity },
  kind_zone: { zone: row.zone, kind: row.kind_id },
  domain_zone: { zone: row.zone, domain: row.domain },
});
