// Commands on their way: sending, what became of them, and taking them back within five seconds.

import { deskName } from "./desks.js";
import { isLive, make, say } from "./dom.js";
import { ask, operator, tell, token } from "./operator.js";
import { age, lang, named, number, t, tOr } from "./words.js";

const ASK_AGAIN_MS = [700, 1000, 1500, 2000, 3000, 3000, 4000];
const TOLD_MS = 12_000;
const UNDO_MS = 5000;
/** Reasons that mean that somebody was first; the others speak for themselves. */
const FIRST = ["already_acknowledged", "already_shelved", "changed", "closed", "closing", "not_acknowledged", "not_shelved"];

/** @typedef {{id: string, state: "pending" | "done" | "refused" | "superseded", reason?: string, by?: string, by_desk?: string, did?: string, did_at_ms?: number | null, at_ms?: number, sentence?: string | import("./words.js").Name}} Outcome */
/** @typedef {{action: string, alarm: string, label: string, body: any, undo: boolean, sentAt: number, id: string}} Sent */

export class Commands {
  /** @param {{changed: () => void}} hooks */
  constructor(hooks) {
    this.hooks = hooks;
    /** Alarm → what is on its way for it. @type {Map<string, Sent>} */
    this.sending = new Map();
    /** Alarm → what became of the last command, for a while. @type {Map<string, string>} */
    this.told = new Map();
    /** Command → what it was. @type {Map<string, Sent>} */
    this.sent = new Map();
    this.bar = document.body.appendChild(make("div", { id: "undo", class: "undo", role: "status" }));
  }

  /**
   * Give a command about an alarm, as the person saw it.
   * @param {import("./actions.js").Action} action
   * @param {any} row
   * @param {object} [values] what the form asked for
   */
  async give(action, row, values = {}) {
    const about = action.of ? action.of(row) : "scope" in values ? {} : { alarm: row.id, revision: row.revision ?? undefined };
    const label = `${named(row.place)} · ${named(row.kind)}`;
    await this.post({ action: action.name, ...about, ...values }, row.id, label, action.undo !== false);
  }

  /** Take back what was done last. */
  undoLast() {
    /** @type {HTMLElement | null} */ (this.bar.lastElementChild?.querySelector("button") ?? null)?.click();
  }

  /** @param {any} body @param {string} alarm @param {string} label @param {boolean} undo */
  async post(body, alarm, label, undo) {
    const who = operator() ?? (await ask());
    if (!who || this.sending.has(alarm)) return;
    if (!isLive()) return tell(t("command.stale"));
    /** @type {Sent} */
    const sent = { action: body.action, alarm, label, body, undo, sentAt: performance.now(), id: "" };
    this.sending.set(alarm, sent);
    this.told.delete(alarm);
    this.hooks.changed();
    try {
      const response = await fetch("/api/v1/commands", {
        method: "POST",
        headers: { "content-type": "application/json", "accept-language": lang(), "x-citywall-token": token() },
        body: JSON.stringify({ ...body, ...who, key: key() }),
      });
      const answer = await response.json();
      if (!response.ok) throw new Error(answer.errors?.length ? answer.errors.map((/** @type {{detail: string}} */ one) => one.detail).join(" · ") : answer.detail);
      sent.id = answer.id;
      this.sent.set(sent.id, sent);
      this.follow(sent, 0);
    } catch (error) {
      this.say(sent, t("command.not_sent", { why: error instanceof Error ? error.message : String(error) }));
    }
  }

  /** The outcome comes through the stream; where it does not, it is asked for. @param {Sent} sent @param {number} tries */
  follow(sent, tries) {
    if (tries >= ASK_AGAIN_MS.length) {
      if (this.sending.get(sent.alarm) === sent) this.say(sent, t("command.unanswered"));
      return;
    }
    setTimeout(async () => {
      if (!this.sent.has(sent.id)) return;
      try {
        const response = await fetch(`/api/v1/commands/${encodeURIComponent(sent.id)}`, { headers: { "accept-language": lang() } });
        if (response.ok) this.hear(await response.json());
      } catch {
        // the server is away: ask again
      }
      this.follow(sent, tries + 1);
    }, ASK_AGAIN_MS[tries]);
  }

  /** @param {Outcome} outcome */
  hear(outcome) {
    const sent = this.sent.get(outcome.id);
    if (!sent || (outcome.state === "pending" && outcome.reason !== "unconfirmed")) return;
    if (outcome.state === "pending") {
      this.say(sent, t("command.unanswered"));
      return;
    }
    this.sent.delete(outcome.id);
    this.told.delete(sent.alarm);
    if (outcome.state === "refused") {
      this.say(sent, this.refusal(outcome));
      return;
    }
    if (this.sending.get(sent.alarm) === sent) this.sending.delete(sent.alarm);
    if (sent.undo) this.offerUndo(sent);
    else tell(t("command.done", { did: t(`did.${sent.action}`), what: sent.label }));
    this.hooks.changed();
  }

  /** Who was first, with what, and how long before; or why not. @param {Outcome} outcome */
  refusal({ reason = "", by, by_desk = "", did = "", did_at_ms, at_ms = 0, sentence = "" }) {
    const why = typeof sentence === "string" ? sentence : named(sentence);
    if (!by || !FIRST.includes(reason)) return t("command.refused", { why });
    return t("command.first", { by, desk: deskName(by_desk), did: tOr(`did.${did}`, did), age: age(Math.max(0, at_ms - (did_at_ms ?? at_ms))) });
  }

  /** @param {Sent} sent @param {string} text */
  say(sent, text) {
    if (this.sending.get(sent.alarm) === sent) this.sending.delete(sent.alarm);
    this.told.set(sent.alarm, text);
    setTimeout(() => {
      if (this.told.get(sent.alarm) === text) this.told.delete(sent.alarm);
      this.hooks.changed();
    }, TOLD_MS);
    tell(t("command.about", { what: sent.label, said: text }));
    this.hooks.changed();
  }

  /** @param {Sent} sent */
  offerUndo(sent) {
    const until = sent.sentAt + UNDO_MS; // the engine counts from the command, not from when it is heard of
    const left = make("i");
    const button = make("button", { type: "button", class: "act", "data-action": "undo" }, t("command.undo"), left);
    const line = make("div", { "data-undo": sent.id }, make("span", {}, t("command.done", { did: t(`did.${sent.action}`), what: sent.label })), button);
    button.addEventListener("click", () => {
      line.remove();
      this.post({ action: "undo", command: sent.id }, sent.alarm, sent.label, false);
    });
    const show = () => {
      const rest = until - performance.now();
      if (rest <= 0) line.remove();
      else say(left, t("age.s", { n: number(Math.ceil(rest / 1000)) }));
      if (line.isConnected) setTimeout(show, 200);
    };
    this.bar.append(line);
    show();
  }
}

/** A key that a repeated request has too; pages without a secure origin have no randomUUID. */
function key() {
  return [...crypto.getRandomValues(new Uint8Array(16))].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}
