// Says how old the picture is: live, stale or connecting, in the header, on the page and in the strip under the header.

import { byId, make, say, set } from "./dom.js";
import { age, t, textIn, time, tOr, zone } from "./words.js";

const LINE_STALE_MS = 4000;
/** Redis may be away this long (a restart) without a banner. */
const BLINK_MS = 1500;

/** @param {string} part as its pulse calls it: of several that do one thing, with a number or more behind it */
const partName = (part) => tOr(`part.${part.match(/^[a-z]+/)?.[0]}`, part);

/** @typedef {import("./stream.js").Stream} Stream */
/**
 * What the server says of the way to it: wall-clock times, the age from which on the newest row is late, silent parts.
 * @typedef {{redis_lost_ms: number | null, newest_ms: number | null, live_until_ms: number | null, late_after_ms: number | null, silent: string[]}} Link
 */

export class Fresh {
  /** @param {Stream} stream */
  constructor(stream) {
    this.stream = stream;
    this.seen = false;
    /** @type {any} */
    this.city = null;
    /** @type {Link} */
    this.link = { redis_lost_ms: null, newest_ms: null, live_until_ms: null, late_after_ms: null, silent: [] };
    /** Event time at which the picture stopped; null while it is live. @type {number | null} */
    this.stoppedAt = null;
    this.attribution = "";
  }

  /** @param {import("./stream.js").Message} message */
  take(message) {
    this.seen = true;
    if (message.city) this.city = message.city;
    if (message.link) this.link = message.link;
  }

  /** Event time now. */
  now() {
    const clock = this.city?.clock;
    const wall = this.stream.serverNow();
    if (!clock) return wall;
    const at = clock.at_ms + (wall - clock.wall_ms) * clock.speed;
    return clock.until_ms ? Math.min(at, clock.until_ms) : at;
  }

  /** Why the picture is not live, "" if it is. */
  reason() {
    if (this.stream.silentMs() > LINE_STALE_MS) return "stale.line";
    if (this.link.redis_lost_ms !== null && this.stream.serverNow() - this.link.redis_lost_ms > BLINK_MS) return "stale.redis";
    const clock = this.city?.clock;
    const ended = clock?.until_ms && this.now() >= clock.until_ms;
    if (this.stream.serverNow() > (this.link.live_until_ms ?? 0)) return ended ? "stale.ended" : "stale.data";
    // what is silent says so through the sinks: where they are, nothing comes
    const { silent } = this.link;
    if (!silent.length) return "";
    if (silent.some((part) => part.startsWith("sinks"))) return "stale.data";
    return silent.every((part) => part.startsWith("alarms")) ? "stale.alarms" : "stale.part";
  }

  /** Wall-clock age of the newest row, ms. */
  ageMs() {
    return this.link.newest_ms === null ? Infinity : this.stream.serverNow() - this.link.newest_ms;
  }

  /** Once a second, and after each message. */
  show() {
    const reason = this.seen ? this.reason() : "";
    const state = !this.seen ? "connecting" : reason ? "stale" : "live";
    document.documentElement.dataset.state = state;
    if (state === "stale") this.stoppedAt ??= this.now() - Math.min(this.ageMs(), 1e12) * (this.city?.clock?.speed ?? 1);
    if (state === "live") this.stoppedAt = null;
    this.showHeader(state);
    this.showStrip(state, reason);
  }

  /** @param {string} state */
  showHeader(state) {
    const box = byId("fresh");
    if (!box.firstChild) box.append(make("b"), make("span"));
    const old = this.ageMs();
    const shown = state !== "live" ? "stale" : old > (this.link.late_after_ms ?? 0) ? "late" : "live";
    set(box, "data-age", shown);
    say(box.children[0], state === "live" ? t(`fresh.${shown}`) : t(`fresh.${state}`));
    say(box.children[1], state === "connecting" || old === Infinity ? "" : t("fresh.age", { age: age(old) }));
    const now = this.now();
    const clock = byId("clock");
    if (!clock.firstChild) clock.append(make("time", { class: "hms" }), make("div", {}, make("span"), make("span")));
    if (!this.seen) return;
    say(clock.children[0], time("clock", now));
    const [date, weekday] = clock.children[1].children;
    say(date, time("date", now));
    say(weekday, time("weekday", now));
    this.showMode(now);
  }

  /** @param {number} now */
  showMode(now) {
    const { mode, speed } = this.city;
    const box = byId("mode");
    set(box, "data-mode", mode);
    set(document.documentElement, "data-mode", mode);
    if (mode === "live") {
      say(box, "");
      return;
    }
    if (!box.firstChild) box.append(make("b"), make("span"));
    say(box.children[0], `${textIn("zh", `mode.${mode}`)} ${textIn("en", `mode.${mode}`)}`);
    const date = mode === "replay" ? `${time("date", now)} ` : "";
    say(box.children[1], `${date}×${Number(speed.toFixed(2))}`);
  }

  /** @param {string} state @param {string} reason */
  showStrip(state, reason) {
    const strip = byId("strip");
    if (strip.children.length !== 3) strip.replaceChildren(make("span"), make("span"), make("span"));
    const [left, middle, right] = strip.children;
    set(strip, "role", state === "stale" ? "alert" : "status");
    if (state !== "live") {
      say(left, "");
      const at = this.stoppedAt === null || !Number.isFinite(this.stoppedAt) ? "" : time("clock", this.stoppedAt);
      const old = this.stream.silentMs() > LINE_STALE_MS ? Math.max(this.stream.silentMs(), Math.min(this.ageMs(), 1e12)) : this.ageMs();
      const known = at && old !== Infinity;
      const text = state === "connecting" ? t("connecting") : t(reason, { parts: this.link.silent.map(partName).join(t("part.and")) }) + (known ? t("stale.since", { at, age: age(old) }) : "");
      say(middle, text);
      say(right, "");
      return;
    }
    say(left, t("strip.zone", { zone: zone(), offset: time("offset", this.now()) }));
    say(middle, "");
    say(right, this.attribution);
  }
}
