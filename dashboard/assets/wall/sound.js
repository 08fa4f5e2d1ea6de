// Sound for unacknowledged alarms of level I (of II by setting): one for each incident, until it is silenced at this desk.

import { byId, make, say, set } from "./dom.js";
import { operator } from "./operator.js";
import { t } from "./words.js";

const KEY = "citywall-sound";
/** When a page of this browser was silenced last, for its other ones: a desk is silenced at once. */
const SILENCED = "citywall-silenced";
/** Highest level that is heard, by setting. */
const CHOICES = ["0", "1", "2"];
const EVERY_MS = 4000;
/** What is done twice a second and was not for so long: this page, or its machine, slept. */
const SLEPT_MS = 5000;
/** Two short tones, the second lower: Hz, seconds after the first, seconds long. */
const TONES = [
  [880, 0, 0.22],
  [660, 0.28, 0.34],
];
const VOLUME = 0.18;

export class Sound {
  /** @param {() => number} wallNow */
  constructor(wallNow) {
    this.wallNow = wallNow;
    /** @type {AudioContext | null} */
    this.audio = null;
    /** Incidents that this desk has heard enough of. @type {Set<string>} */
    this.silenced = new Set();
    /** When it was silenced last: of what waits since later, nothing was heard. */
    this.silencedAtMs = -Infinity;
    /** Incidents that ask for a sound now. @type {Set<string>} */
    this.asking = new Set();
    /** How many ask beyond those that the stream carries, and of how many that was heard. */
    this.beyond = this.beyondHeard = 0;
    /** How often it sounded, for whoever looks after it. */
    this.count = 0;
    this.soundedAt = -Infinity;
    /** Wall clock of the last look; and whether the page slept since the picture came: others may have seen to what it shows. */
    this.lookedAt = Date.now();
    this.slept = false;
    const wake = () => this.wake();
    for (const name of ["pointerdown", "keydown"]) document.addEventListener(name, wake, { capture: true });
    document.addEventListener("keydown", (event) => {
      const free = event.target instanceof Element && !event.target.matches("input, textarea, select") && !event.ctrlKey && !event.metaKey && !event.altKey;
      if (free && event.key.toLowerCase() === "s" && this.sounds()) this.silence();
    });
    addEventListener("storage", (event) => event.key === SILENCED && this.hush());
    setInterval(() => this.show(), 500);
  }

  /** A desk hears level I if it has not chosen; a wall where nobody sits, nothing. */
  level() {
    const stored = localStorage.getItem(KEY) ?? "";
    return Number(CHOICES.includes(stored) ? stored : operator() ? "1" : "0");
  }

  /** Browsers let a page sound only after a first gesture. */
  wake() {
    this.audio ??= new AudioContext();
    if (this.audio.state === "suspended") this.audio.resume().then(() => this.show(), () => {});
  }

  /** @param {any} block of alarms */
  take(block) {
    this.lookedAt = Date.now();
    this.slept = false;
    const level = this.level();
    const wanted = block.rows.filter((/** @type {any} */ row) => !row.acknowledged && row.presented !== false && row.level <= level);
    const incident = (/** @type {any} */ row) => row.incident ?? row.id;
    const before = this.asking;
    this.asking = new Set(wanted.map(incident));
    const waiting = block.levels.slice(0, level).reduce((/** @type {number} */ sum, /** @type {[number, number]} */ [, count]) => sum + count, 0);
    this.beyond = Math.max(0, waiting - wanted.length);
    let cameUp = Math.max(0, this.beyondHeard - this.beyond);
    this.beyondHeard -= cameUp;
    for (const row of wanted) {
      if (cameUp === 0 || before.has(incident(row)) || row.waiting_since_ms > this.silencedAtMs) continue;
      this.silenced.add(incident(row)); // it was heard with those beyond
      cameUp -= 1;
    }
    for (const one of this.silenced) if (!this.asking.has(one)) this.silenced.delete(one);
    this.show();
  }

  sounds() {
    return this.beyond > this.beyondHeard || [...this.asking].some((one) => !this.silenced.has(one));
  }

  silence() {
    localStorage.setItem(SILENCED, String(this.wallNow()));
    this.hush();
  }

  /** What asks now was heard, here or in another page of this desk. */
  hush() {
    for (const one of this.asking) this.silenced.add(one);
    this.beyondHeard = this.beyond;
    this.silencedAtMs = this.wallNow();
    this.show();
  }

  /** The button beside the operator's. */
  button() {
    const button = make("button", { type: "button", id: "sound" });
    button.addEventListener("click", () => {
      if (this.sounds() && this.audio?.state === "running") return this.silence();
      if (!this.sounds()) localStorage.setItem(KEY, CHOICES[(CHOICES.indexOf(String(this.level())) + 1) % CHOICES.length]);
      this.show();
    });
    return button;
  }

  show() {
    const now = Date.now();
    this.slept ||= now - this.lookedAt > SLEPT_MS;
    this.lookedAt = now;
    const sounds = !this.slept && this.sounds() && document.documentElement.dataset.state !== "connecting";
    const blocked = this.level() > 0 && this.audio?.state !== "running";
    const state = blocked ? "blocked" : sounds ? "sounding" : String(this.level());
    const button = document.getElementById("sound");
    if (button) {
      set(button, "data-sound", state);
      say(button, t(`sound.${state}`));
      set(button, "title", t(blocked ? "sound.why" : "sound.label"));
    }
    if (sounds && !blocked && performance.now() - this.soundedAt >= EVERY_MS) this.play();
    if (!sounds) this.soundedAt = -Infinity;
  }

  play() {
    const audio = /** @type {AudioContext} */ (this.audio);
    this.soundedAt = performance.now();
    this.count += 1;
    set(byId("wall"), "data-sounded", this.count);
    for (const [hz, after, long] of TONES) {
      const [tone, volume] = [audio.createOscillator(), audio.createGain()];
      const at = audio.currentTime + after;
      tone.frequency.value = hz;
      volume.gain.setValueAtTime(0, at);
      volume.gain.linearRampToValueAtTime(VOLUME, at + 0.02);
      volume.gain.linearRampToValueAtTime(0, at + long);
      tone.connect(volume).connect(audio.destination);
      tone.start(at);
      tone.stop(at + long);
    }
  }
}
