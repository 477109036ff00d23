// The page: what was asked, what is shown, and who tells whom.

import { get, whenWaiting } from "/web/api.js";
import { find, h, spot } from "/web/dom.js";
import { clearFilters, drawFilters, filtering, query } from "/web/filters.js";
import { InView } from "/web/inview.js";
import { nearestList, resultList, stationCard } from "/web/panel.js";
import { regionsNamed } from "/web/regions.js";
import { makeSheet } from "/web/sheet.js";
import { NO_MAP, makeStationMap } from "/web/stationmap.js";
import { distance, label, learn, say, switchLanguage, values, writeWords } from "/web/words.js";

const NEAREST = 10;
const RESULTS = 20;
const LONG_MS = 600; // what takes no longer needs no note

// `list` is what the panel shows when no card is open; `status` says one sentence about it, in the language of the moment.
const page = { point: null, list: () => welcome(), status: () => say("starting"), card: null, opener: null, view: null, note: null, shown: [] };
let asking = new AbortController();
const wide = matchMedia("(min-width: 800px)");

const map = makeStationMap("map", { pick: (id) => openCard(id), point: (lon, lat) => ask({ lon, lat }), move });
const inView = new InView(showInView);
const sheet = makeSheet((height) => map.setPadding(height));

/* ---- the list ------------------------------------------------------------------------------------------------ */

function welcome() {
  return [h("p", { class: "welcome" }, say("welcome"))];
}

/** Show a list under one sentence; an open card is closed. */
function show(status, list = () => []) {
  Object.assign(page, { status, list, card: null, opener: null });
  map.choose(null);
  draw();
}

function draw() {
  find("status").textContent = page.status();
  const card = page.card && stationCard(page.card, { back: closeCard, copy });
  find("content").replaceChildren(...[card ?? page.list()].flat().filter(Boolean));
  find("panel").classList.toggle("has-card", Boolean(card));
}

/** A new question: whatever was still being asked is given up. */
function begin(status) {
  asking.abort();
  asking = new AbortController();
  show(status);
  sheet.open();
  return asking.signal;
}

/** Show an answer's refusal; giving up is none. */
function refused(error, sentence) {
  if (error.name === "AbortError") return;
  const lines = error.lines ?? [String(error)];
  show(() => say(sentence), () => [h("div", { class: "problem" }, lines.map((line) => h("p", {}, line)))]);
}

/* ---- the nearest --------------------------------------------------------------------------------------------- */

/** The nearest to a point; `still` leaves the panel where it is, for a change of filters. */
async function ask(point, still = false) {
  page.point = point;
  map.showPoint(point);
  const signal = begin(() => say("searching"));
  const where = `lon=${point.lon.toFixed(6)}&lat=${point.lat.toFixed(6)}&limit=${NEAREST}`;
  const filters = query();
  try {
    const answer = await get(`/v1/stations/nearest?${where}${filters && `&${filters}`}`, signal);
    remember(answer.features);
    map.showNearest(point, answer);
    show(() => sentenceOf(answer, point), () => (answer.features.length ? nearestList(answer, openCard) : nothing()));
    if (!still) sheet.reveal(find("status"));
    if (answer.features.length) map.fit(point, answer.features);
  } catch (error) {
    if (error.name !== "AbortError") map.showNearest(null, { features: [] });
    refused(error, "outside");
  }
}

function sentenceOf({ features, searched_radius_m: searched }, { accuracy }) {
  const n = features.length;
  const radius = distance(searched);
  const none = filtering() ? "found_none_filtered" : "found_none";
  const found = n === 0 ? say(none, { radius }) : n < NEAREST ? say("found_all", { n, radius }) : say("found_near", { n });
  return accuracy > 100 ? say("accuracy", { found, radius: distance(accuracy) }) : found;
}

function nothing() {
  const clear = () => {
    clearFilters();
    find("content").focus();
  };
  return [filtering() && h("button", { type: "button", onclick: clear }, say("clear_filters"))];
}

/** Another kind of question: the point and what was near it are forgotten. */
function forget() {
  page.point = null;
  map.showPoint(null);
  map.showNearest(null, { features: [] });
}

function locate() {
  forget();
  if (!window.isSecureContext || !navigator.geolocation) return begin(() => say("insecure"));
  const signal = begin(() => say("locating"));
  const found = ({ coords }) => {
    if (!signal.aborted) ask({ lon: coords.longitude, lat: coords.latitude, accuracy: coords.accuracy, own: true });
  };
  const failed = ({ code }) => {
    if (!signal.aborted) show(() => say(code === 1 ? "refused" : "unlocated"));
  };
  return navigator.geolocation.getCurrentPosition(found, failed, { enableHighAccuracy: true, timeout: 15_000, maximumAge: 30_000 });
}

/* ---- the card ------------------------------------------------------------------------------------------------ */

const known = new Map();

function remember(features) {
  for (const feature of features) {
    // One found as nearest knows its distance; the same in view does not.
    if (!known.has(feature.id) || feature.properties.distance_m !== undefined) known.set(feature.id, feature);
  }
}

function openCard(id) {
  page.opener = id;
  page.card = known.get(id);
  draw();
  sheet.open();
  map.choose(page.card);
  find("panel").scrollTop = 0;
  find("card-name").focus();
}

function closeCard() {
  page.card = null;
  map.choose(null);
  draw();
  const item = find("content").querySelector(`[data-id="${CSS.escape(page.opener ?? "")}"]`);
  (item ?? find("map").querySelector("canvas") ?? find("content")).focus();
}

async function copy(text, button) {
  try {
    await navigator.clipboard.writeText(text);
    button.textContent = say("copied");
    find("status").textContent = `${say("copied")} ${text}`;
  } catch {
    getSelection().selectAllChildren(button.previousElementSibling); // not allowed here: the reader's own copy will do
  }
}

/* ---- what is in view ----------------------------------------------------------------------------------------- */

function move(view) {
  page.view = view;
  drawLegend();
  inView.look(view, query());
}

function showInView({ features, complete, loading, error }) {
  if (features) {
    remember(features);
    map.showStations(features, complete);
    page.shown = features;
    drawLegend();
  }
  page.note = () => {
    if (error) return error.message;
    if (loading) return say("shown_loading");
    if (!features.length) return say(filtering() ? "shown_none_filtered" : "shown_none");
    return complete ? "" : say("shown_first", { n: features.length });
  };
  clearTimeout(page.noteTimer);
  page.noteTimer = setTimeout(drawNote, loading ? LONG_MS : 0);
}

function drawNote() {
  const words = page.note?.() ?? "";
  find("map-note").textContent = words;
  find("map-note").hidden = !words;
}

/** The kinds that can be seen, in the registry's order. */
function drawLegend() {
  const [west, south, east, north] = page.view?.box ?? [0, 0, 0, 0];
  const inside = ([lon, lat]) => lon >= west && lon <= east && lat >= south && lat <= north;
  const seen = new Set(page.shown.filter(({ geometry }) => inside(geometry.coordinates)).map(({ properties }) => properties.kind));
  const kinds = values("station_kind").filter((kind) => seen.has(kind));
  find("legend").hidden = !kinds.length;
  find("legend").querySelector("ul").replaceChildren(...kinds.map((kind) => h("li", {}, spot(kind), label("station_kind", kind))));
}

/* ---- search by name ------------------------------------------------------------------------------------------ */

async function search(text) {
  const q = text.trim();
  if (!q) return;
  forget();
  const signal = begin(() => say("searching"));
  try {
    const [found, answer] = await Promise.all([
      regionsNamed(q),
      get(`/v1/stations?q=${encodeURIComponent(q)}&limit=${RESULTS}`, signal),
    ]);
    if (signal.aborted) return;
    remember(answer.features);
    const none = !found.length && !answer.features.length;
    const pick = (id) => {
      openCard(id);
      map.flyTo(known.get(id).geometry.coordinates);
    };
    show(() => say(none ? "results_none" : "results", { q }), () => resultList(found, answer, pick, ({ bbox }) => {
      map.flyTo(bbox);
      sheet.close();
    }));
    sheet.reveal(find("status"));
  } catch (error) {
    refused(error, "failed");
  }
}

/* ---- beginning ----------------------------------------------------------------------------------------------- */

function write() {
  writeWords();
  find("language").textContent = say("other_language");
  drawFilters(filtersChanged);
  drawLegend();
  drawNote();
  draw();
  map.rewrite();
}

function filtersChanged() {
  if (page.view) inView.look(page.view, query());
  if (page.point) ask(page.point, true);
}

find("near-me").addEventListener("click", locate);
find("near-centre").addEventListener("click", () => ask(map.centre));
find("zoom-in").addEventListener("click", () => map.zoomIn());
find("zoom-out").addEventListener("click", () => map.zoomOut());
find("search").addEventListener("submit", (event) => {
  event.preventDefault();
  document.activeElement.blur(); // away with a phone's keyboard
  search(find("search").elements.q.value);
});
find("language").addEventListener("click", () => {
  switchLanguage();
  write();
});
addEventListener("keydown", (event) => {
  if (event.key === "Escape" && page.card) closeCard();
});
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => map.repaint());
find("legend").open = wide.matches;

whenWaiting((seconds) => {
  find("connection").hidden = seconds === null;
  find("connection").textContent = seconds === null ? "" : say("away", { n: seconds });
});

writeWords();
find("language").textContent = say("other_language");
draw();
if (map === NO_MAP) {
  document.body.classList.add("no-map");
  find("near-centre").hidden = true;
  page.note = () => say("no_webgl");
}
try {
  map.start();
  learn(await get("/v1/vocabulary"));
  page.status = () => "";
  write();
  map.addStations();
} catch (error) {
  refused(error, "failed");
}
