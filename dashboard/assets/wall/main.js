// Starts the wall: what it needs once, then the stream, applied straight to the page.

import { Alarms } from "./alarms.js";
import { deskName, useDesks } from "./desks.js";
import { byId, drawn, make, say, set } from "./dom.js";
import * as drawer from "./drawer.js";
import { Fresh } from "./fresh.js";
import { toggleHelp, watchHelp } from "./help.js";
import { Matrix } from "./matrix.js";
import { ask, offerDesks, operator, watchForm } from "./operator.js";
import { Pipeline } from "./pipeline.js";
import { Roads } from "./roads.js";
import { Sound } from "./sound.js";
import { Stream } from "./stream.js";
import { Trends } from "./trends.js";
import { Vitals } from "./vitals.js";
import { fillTexts, lang, named, t, useLanguage, useTexts, useTimeZone } from "./words.js";

const MEASURE = "citywall-tick";
const MEASURES_KEPT = 2400;
const query = new URLSearchParams(location.search);

async function once() {
  for (let wait = 500; ; wait = Math.min(wait * 2, 5000)) {
    try {
      const response = await fetch("/api/v1/wall");
      if (response.ok) return await response.json();
    } catch {
      // the server is away: ask again
    }
    await new Promise((resolve) => setTimeout(resolve, wait));
  }
}

/** Sizes: `?scale=` enlarges everything and drops the least needed first; `?kiosk=1` hides the pointer and the tools. */
function dress() {
  const root = document.documentElement;
  const scale = Math.min(2, Math.max(1, Number(query.get("scale") ?? 1) || 1));
  root.style.setProperty("--scale", String(scale));
  set(root, "data-scale", scale >= 1.6 ? "huge" : scale > 1.1 ? "large" : "normal");
  set(root, "data-kiosk", query.get("kiosk") === "1");
  if (query.get("kiosk") === "1") navigator.wakeLock?.request("screen").catch(() => {});
}

/** @param {any} about */
function build(about) {
  const stream = new Stream((message) => take(message));
  const fresh = new Fresh(stream);
  const open = drawer.open;
  const roads = new Roads(about, open);
  const alarms = new Alarms(about, { open, point: (id) => roads.point(id), wallNow: () => stream.serverNow() });
  const sound = new Sound(() => stream.serverNow());
  const vitals = new Vitals(about.vitals, open);
  const places = [roads, new Matrix(about, (cell) => alarms.filter.toggle(cell)), new Pipeline(about)];
  const panels = [vitals, alarms, new Trends(about.vitals, open), ...places];
  /** @type {any} */
  let picture = {};
  let measures = 0;
  let redrawing = false;

  /** @param {import("./stream.js").Message} message */
  function take(message) {
    const start = performance.now();
    if (redrawing) return;
    if (message.type === "outcome") {
      alarms.commands.hear(/** @type {any} */ (message));
      return;
    }
    if (message.type === "snapshot" && message.build !== about.build) {
      location.reload();
      return;
    }
    if (message.type === "snapshot" && message.version !== about.version) {
      redraw();
      return;
    }
    picture = message.type === "snapshot" ? message : { ...picture, ...message, segments: undefined };
    fresh.take(message);
    const now = fresh.now();
    for (const panel of panels) panel.take(message, now);
    if (Object.keys(message).some((name) => name.startsWith("alarms"))) {
      sound.take(alarms.heard());
      drawer.showActions();
    }
    if (message.touched !== undefined) drawer.refresh();
    breathe();
    performance.measure(MEASURE, { start, end: performance.now(), detail: message.type });
    measures += 1;
    if (measures > MEASURES_KEPT) {
      performance.clearMeasures(MEASURE);
      measures = 0;
    }
  }

  /** The city was edited: draw it as it is now, then go on from a new snapshot. What comes meanwhile counts by the other version's places. */
  async function redraw() {
    redrawing = true;
    about = await once();
    useTimeZone(about.city.time_zone);
    useDesks(about);
    for (const panel of [...places, alarms]) panel.redraw(about);
    redrawing = false;
    picture = {};
    texts();
    stream.renew();
  }

  /** How old the picture is; nothing may be acknowledged from one that stands still. */
  function breathe() {
    const before = document.documentElement.dataset.state;
    fresh.show();
    if (fresh.seen && document.documentElement.dataset.state !== before) {
      alarms.show(fresh.now());
      drawer.showActions();
    }
  }

  function texts() {
    fillTexts(document);
    document.title = `${named(about.city)} CityWall`;
    say(byId("city-name"), named(about.city));
    fresh.attribution = about.city.attribution;
    tools(texts, sound);
    offerDesks(about.desks);
    /** @type {any} */ (window).dash_clientside.set_props("language", { data: lang() });
    alarms.filter.show();
    drawer.ask();
    if (!fresh.seen) return;
    const now = fresh.now();
    for (const panel of panels) panel.take({ ...picture, segments: undefined }, now);
    sound.take(alarms.heard());
    roads.showLabels();
    fresh.show();
  }

  drawer.watchDrawer(
    (action, row) => alarms.give(action, row),
    (id) => (alarms.commands.sending.has(id) ? t("sending") : alarms.commands.told.get(id)),
  );
  watchForm(texts);
  watchHelp();
  texts();
  setInterval(() => {
    breathe();
    if (fresh.seen) alarms.show(fresh.now());
  }, 500);
  document.addEventListener("visibilitychange", () => document.visibilityState === "visible" && stream.renew());
  // a page that slept shows what was true then: before anybody acts on it, it says so
  for (const name of ["resume", "focus", "pointerdown", "keydown"]) addEventListener(name, breathe, { capture: true });
  stream.open();
}

/** @param {() => void} again @param {Sound} sound */
function tools(again, sound) {
  const box = byId("tools");
  const language = make("button", { type: "button", "aria-label": t("language.label") }, t("language.other"));
  language.addEventListener("click", () => {
    useLanguage(lang() === "zh" ? "en" : "zh");
    again();
  });
  const who = operator();
  const person = make("button", { type: "button", id: "person", "aria-label": t("operator.title"), class: "person" }, who ? `${who.who} · ${deskName(who.desk)}` : t("operator.none"));
  person.addEventListener("click", ask);
  const help = make("button", { type: "button", id: "help-open", "aria-label": t("help.title") }, "?");
  help.addEventListener("click", toggleHelp);
  box.replaceChildren(sound.button(), person, help, language);
  sound.show();
}

async function start() {
  dress();
  const wanted = query.get("lang") ?? localStorage.getItem("citywall-language");
  const [about] = await Promise.all([once(), drawn("wall")]);
  useTexts(about.messages);
  useTimeZone(about.city.time_zone);
  useDesks(about);
  useLanguage(wanted === "en" ? "en" : "zh");
  await document.fonts.ready;
  build(about);
}

start();
