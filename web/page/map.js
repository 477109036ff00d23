// The page: what was asked, what is shown, and who tells whom.

import { get, whenWaiting } from "/web/api.js";
import { find, h, spot } from "/web/dom.js";
import { clearFilters, drawFilters, filtering, query } from "/web/filters.js";
import { InView } from "/web/inview.js";
import { distance, regionName, switchLanguage, writeWords } from "/web/language.js";
import { nearestList, resultList, stationCard } from "/web/panel.js";
import { regionsNamed } from "/web/regions.js";
import { makeSheet } from "/web/sheet.js";
import { NO_MAP, makeStationMap } from "/web/stationmap.js";
import { label, learn, say, values } from "/web/words.js";

const NEAREST = 10;
const RESULTS = 20;
const REGIONS = 5; // divisions among them
const LONG_MS = 600; // what takes no longer needs no note

// `list` is what the panel shows when no card is open; `status` says one sentence about it, in the language of the moment.
const page = { point: null, list: () => welcome(), status: () => say("starting"), card: null, opener: null, view: null, note: null, shown: [], counted: [], near: [], place: [], again: null };
let asking = new AbortController();
let reading = new AbortController();
const wide = matchMedia("(min-width: 800px)");

const map = makeStationMap("map", { pick: (id) => openCard(id), point: (lon, lat) => ask({ lon, lat }), pass, rest, place: drawPlace });
const inView = new InView(showInView);
const sheet = makeSheet((height) => map.setPadding(height));

/* ---- the list ------------------------------------------------------------------------------------------------ */

function welcome() {
  return [h("p", { class: "welcome" }, say("welcome"))];
}

/** Show a list under one sentence; an open card is closed. */
function show(status, list = () => []) {
  reading.abort();
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
  page.again = () => ask(point, true);
  map.showPoint(point);
  const signal = begin(() => say("searching"));
  const where = `lon=${point.lon.toFixed(6)}&lat=${point.lat.toFixed(6)}&limit=${NEAREST}`;
  const filters = query();
  try {
    const answer = await get(`/v1/stations/nearest?${where}${filters && `&${filters}`}`, signal);
    showNearest(point, answer);
    show(() => sentenceOf(answer, point), () => (answer.features.length ? nearestList(answer, openCard) : nothing()));
    if (!still) sheet.reveal(find("status"));
    if (answer.features.length) map.fit(point, answer.features);
  } catch (error) {
    if (error.name !== "AbortError") showNearest(null, { features: [] });
    refused(error, "outside");
  }
}

function showNearest(point, answer) {
  remember(answer.features);
  page.near = answer.features;
  map.showNearest(point, answer);
  drawLegend();
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
  page.again = null;
  map.showPoint(null);
  showNearest(null, { features: [] });
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

/** Keep what is said of stations: one answer says less of them than another. How far they are is the list's. */
function remember(features) {
  for (const feature of features) {
    const { distance_m, bearing_deg, ...properties } = feature.properties;
    known.set(feature.id, { ...feature, properties: { ...known.get(feature.id)?.properties, ...properties } });
  }
}

/** All that is known of a station, and how far it is from the point asked about. */
function knownOf(id) {
  const feature = known.get(id);
  const near = page.near.find((other) => other.id === id)?.properties;
  return { ...feature, properties: { ...feature.properties, ...near && { distance_m: near.distance_m, bearing_deg: near.bearing_deg } } };
}

/** Show at once what is known of a station, then all of it as it is now. */
async function openCard(id) {
  page.opener = id;
  page.card = knownOf(id);
  draw();
  sheet.open();
  map.choose(page.card);
  find("panel").scrollTop = 0;
  find("card-name").focus();
  reading.abort();
  const { signal } = (reading = new AbortController());
  try {
    remember([await get(`/v1/stations/${id}`, signal)]);
    if (!signal.aborted) page.card = knownOf(id);
  } catch (error) {
    if (!signal.aborted) page.card = { ...page.card, refused: error.message };
  }
  if (!signal.aborted) redrawCard();
}

/** Change of the card only what is new: the rest keeps its focus. */
function redrawCard() {
  const card = find("content").querySelector(".card");
  const fresh = [...stationCard(page.card, { back: closeCard, copy }).children];
  if (fresh.length === card.children.length) {
    [...card.children].forEach((old, index) => old.isEqualNode(fresh[index]) || old.replaceWith(fresh[index]));
    return;
  }
  const focused = card.contains(document.activeElement);
  draw();
  if (focused) find("card-name").focus();
}

function closeCard() {
  reading.abort();
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

/** The map is on its way: what was said of another view is not said of this one. */
function pass(view) {
  page.view = view;
  drawLegend();
  if (page.note && !isAbout(page.noteView, view)) withdrawNote();
}

/** The map has come to rest. */
function rest(view) {
  pass(view);
  const all = inView.look(view, query());
  if (all) note(view, () => (page.counted.length ? countedIn(view) : page.shown.some(isInside(view)) ? "" : noneShown()));
}

/** Whether two views are nearly the same. */
const isAbout = (a, b) => Math.abs(a.zoom - b.zoom) < 0.5 && a.box[0] < middle(b, 0) && middle(b, 0) < a.box[2]
  && a.box[1] < middle(b, 1) && middle(b, 1) < a.box[3];
const middle = ({ box }, axis) => (box[axis] + box[axis + 2]) / 2;
const isInside = ({ box: [west, south, east, north] }) => ({ geometry: { coordinates: [lon, lat] } }) =>
  lon >= west && lon <= east && lat >= south && lat <= north;

function countedIn(view) {
  const n = page.counted.filter(isInside(view)).reduce((sum, { properties }) => sum + properties.stations, 0);
  return n ? say("shown_cells", { n }) : noneShown();
}

function showInView({ view, features, cells, total, complete, loading, error }) {
  if (features) {
    remember(features);
    map.showStations(features, complete);
  }
  if (cells) map.showCells(cells);
  if (features || cells) {
    page.shown = features ?? [];
    page.counted = cells ?? [];
    drawLegend();
  }
  note(view, () => {
    if (error) return error.message;
    if (loading) return say("shown_loading");
    if (cells) return say("shown_cells", { n: total });
    if (!features.length) return noneShown();
    return complete ? "" : say("shown_first", { n: features.length });
  }, loading ? LONG_MS : 0);
}

const noneShown = () => say(filtering() ? "shown_none_filtered" : "shown_none");

/** Say something about a view, in a moment, unless the map has left it by then. */
function note(view, words, after = 0) {
  clearTimeout(page.noteTimer);
  page.noteTimer = setTimeout(() => {
    Object.assign(page, { note: isAbout(view, page.view) ? words : null, noteView: view });
    drawNote();
  }, after);
}

function withdrawNote() {
  page.note = null;
  drawNote();
}

function drawNote() {
  const words = page.note?.() ?? "";
  find("map-note").textContent = words;
  find("map-note").hidden = !words;
}

/** The divisions in which the middle of the map lies: far in, their borders and names are out of view. */
function drawPlace(place) {
  page.place = place;
  const names = place.map(regionName).filter((name, index, all) => name !== all[index - 1]);
  find("place").textContent = names.join(" · ");
  find("place").hidden = !names.length;
}

/** The kinds that can be seen, in the registry's order. */
function drawLegend() {
  const visible = page.view ? [...page.shown, ...page.near].filter(isInside(page.view)) : [];
  const seen = new Set(visible.map(({ properties }) => properties.kind));
  const kinds = values("station_kind").filter((kind) => seen.has(kind));
  find("legend").hidden = !kinds.length;
  find("legend").querySelector("ul").replaceChildren(...kinds.map((kind) => h("li", {}, spot(kind), label("station_kind", kind))));
}

/* ---- search by name ------------------------------------------------------------------------------------------ */

/** Regions by name, and the stations by name that pass the filters; `still` as in `ask`. */
async function search(text, still = false) {
  const q = text.trim();
  if (!q) return;
  forget();
  page.again = () => search(q, true);
  const filters = query();
  const signal = begin(() => say("searching"));
  try {
    const [found, answer] = await Promise.all([
      regionsNamed(q, REGIONS),
      get(`/v1/stations?q=${encodeURIComponent(q)}&limit=${RESULTS}${filters && `&${filters}`}`, signal),
    ]);
    if (signal.aborted) return;
    remember(answer.features);
    const sentence = `${found.length || answer.features.length ? "results" : "results_none"}${filters && "_filtered"}`;
    const pick = (id) => {
      openCard(id);
      map.flyTo(known.get(id).geometry.coordinates);
    };
    const goTo = ({ bbox }) => {
      map.flyTo(bbox);
      sheet.close();
    };
    show(() => say(sentence, { q }), () => [resultList(found, answer, pick, goTo), answer.features.length ? [] : nothing()].flat());
    if (!found.length && answer.features.length === 1) {
      map.choose(answer.features[0]);
      map.flyTo(answer.features[0].geometry.coordinates);
    }
    if (!still) sheet.reveal(find("status"));
  } catch (error) {
    refused(error, "failed");
  }
}

/* ---- beginning ----------------------------------------------------------------------------------------------- */

function write() {
  writeWords(say);
  find("language").textContent = say("other_language");
  drawFilters(filtersChanged);
  drawLegend();
  drawNote();
  drawPlace(page.place);
  draw();
  map.rewrite();
}

function filtersChanged() {
  withdrawNote();
  if (page.view) rest(page.view);
  page.again?.();
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

writeWords(say);
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
