// The auditor's page: down the region tree, how much is served, where the holes are, what to do about it.

import { find, h } from "/web/dom.js";
import { distance, regionName, switchLanguage, writeWords } from "/web/language.js";
import { regionsNamed } from "/web/regions.js";
import { STEPS, draw, lookAt, lookAtAll, mark, rewrite, show, stepColor, unknownColor } from "/audit/web/atlas.js";
import { ask } from "/audit/web/ask.js";
import { askFindings, forgetFindings, nameAudits, showFinding, writeFindings } from "/audit/web/findings.js";
import { keepReport, offerWeeks, openReport } from "/audit/web/report.js";
import { inWords, mayVisit, signIn, signOut, writeSign } from "/audit/web/sign.js";
import { csv, geojson, keep } from "/audit/web/takeaway.js";
import { count, points, say, sentences, share } from "/audit/web/words.js";

// The columns of gaps and sites as CSV, which are what the API calls them.
const GAPS = ["rank", "division", "adcode", "farthest_lon", "farthest_lat", "farthest_m", "demand", "area_km2"];
const SITES = ["rank", "division", "adcode", "lon", "lat", "name", "gain_share", "share", "gain_demand"];
const BELOW = { country: "province", province: "city", city: "district" };
const NAMED = 8; // regions found by name that are listed
const MOST_GAPS = 200; // as many as the API lists
const TYPING_MS = 250;
const metres = (value) => (value === null ? "–" : distance(value));
const FIGURES = {
  demand_share: share, area_share: share, stations: count, demand_median_distance_m: metres,
  demand_p90_distance_m: metres, stations_per_10000: count, close_pairs: count,
};
// `results` asks again for the gaps or `sites` that are listed, `shown` writes them again; `told` is what the status line
// says in the language of the moment.
const state = {
  region: null, below: null, children: [], figures: null, results: null, sites: false, shown: null, named: null, told: null, over: null,
};

/* ---- what takes a while -------------------------------------------------------------------------------------- */

const turns = { region: 0, figures: 0, results: 0, findings: 0, report: 0 };
const pending = new Set();

/** Do something that takes a while; what was refused is said, what a later turn has overtaken is forgotten. */
async function busy(what, work) {
  const mine = ++turns[what];
  pending.add(what);
  tell(null);
  try {
    const done = await work();
    if (mine !== turns[what]) return;
    pending.delete(what);
    tell(state.told);
    done();
  } catch (error) {
    if (mine !== turns[what]) return;
    pending.delete(what);
    if (error.status === 401) leave(() => inWords(error));
    else tell(() => inWords(error));
  }
}

function giveUp(...what) {
  for (const each of what) {
    turns[each]++;
    pending.delete(each);
  }
}

function tell(words) {
  state.told = words;
  find("status").textContent = words?.() ?? (pending.size ? say("measuring") : "");
  find("status").classList.toggle("refused", Boolean(words));
  find("status").classList.toggle("measuring", !words && pending.size > 0);
}

/* ---- the region and its figures ------------------------------------------------------------------------------ */

const hour = () => Number(find("hour").value);

/** What is asked of the region that is open: sliders and all. */
function asked(more = {}) {
  const day = new Date(Date.now() + 8 * 3600_000).toISOString().slice(0, 10);
  const at = hour() < 0 ? {} : { at: `${day}T${String(hour()).padStart(2, "0")}:00:00+08:00` };
  return { region: state.region.adcode, level: state.region.level, radius_m: find("radius").value, ...at, ...more };
}

/** Go to a region: its divisions, its place on the map, then its figures. */
function visit({ adcode, level }) {
  giveUp("figures", "results", "findings");
  return busy("region", async () => {
    const region = await ask("GET", `/v1/regions/${adcode}`, { level });
    const [below, children] = await divisionsOf(region);
    return () => {
      Object.assign(state, { region, below, children, figures: null, results: null, sites: false, shown: null });
      clearResults();
      forgetFindings();
      mark();
      show("covered");
      write();
      lookAt(region.bbox); // beside the legend, which is there by now
      measure();
    };
  });
}

/** The level below a region and its divisions of that level; a municipality is its own and only city. */
async function divisionsOf(region) {
  for (let below = BELOW[region.level]; below; below = BELOW[below]) {
    const { items } = await ask("GET", "/v1/regions", { parent: region.adcode, level: below, limit: 500 });
    if (items.some(({ adcode }) => adcode !== region.adcode)) return [below, items.map((item) => ({ ...item, demand_share: undefined }))];
  }
  return [null, []];
}

function measure() {
  giveUp("results");
  find("figures").classList.add("old");
  if (state.results) find("results").classList.add("old");
  return busy("figures", async () => {
    const { region, below } = state;
    const [figures, divisions, shapes] = await Promise.all([
      ask("GET", "/v1/coverage", asked()),
      below ? ask("GET", "/v1/coverage/divisions", asked({ by: below })) : { items: [] },
      below ? ask("GET", "/v1/regions/outlines", { level: below, parent: region.adcode }) : { features: [] },
    ]);
    const own = divisions.items.length ? null : await ask("GET", `/v1/regions/${region.adcode}`, { level: region.level, geometry: true });
    return () => {
      const shares = new Map(divisions.items.map((item) => [item.region, item.demand_share]));
      state.figures = figures;
      state.children = state.children.map((item) => ({ ...item, demand_share: shares.get(item.adcode) }));
      const { adcode, level, name } = region;
      show("covered", own
        ? [{ type: "Feature", properties: { adcode, level, name, share: figures.demand_share }, geometry: own.geometry }]
        : shapes.features.filter(({ id }) => shares.has(id)).map(({ properties, geometry }) => (
          { type: "Feature", properties: { ...properties, share: shares.get(properties.adcode) }, geometry })));
      find("figures").classList.remove("old");
      write();
      state.results?.();
    };
  });
}

/* ---- words --------------------------------------------------------------------------------------------------- */

const conditions = () => ({ radius: distance(state.figures.radius_m), hour: say(hour() < 0 ? "hour_any" : "hour_at", { hour: String(hour()) }) });

/** Everything that has words. */
function write() {
  writeWords(say);
  writeSign();
  find("language").textContent = say("other_language");
  find("radius-said").textContent = distance(Number(find("radius").value));
  find("hour-said").textContent = hour() < 0 ? say("any_time") : `${hour()}:00`;
  tell(state.told);
  writeNamed();
  rewrite();
  drawLegend();
  drawOver(state.over);
  if (!state.region) return;
  find("trail").replaceChildren(...[...state.region.parents, state.region].map((place, index, { length }) => {
    const parents = state.region.parents.slice(0, index);
    if (index === length - 1) return h("strong", {}, regionName(place));
    return mayVisit({ ...place, parents })
      ? h("button", { type: "button", class: "link", onclick: () => visit(place) }, regionName(place))
      : h("span", {}, regionName(place));
  }));
  find("children").replaceChildren(...state.children.map((item) => h("li", {}, divisionButton(item, h("span", { class: "share" }, bar(item.demand_share), h("span", {}, item.demand_share === undefined ? "" : share(item.demand_share)))))));
  writeFigures();
  nameAudits((audit) => busy("findings", () => askFindings(audit, state.region)));
  writeFindings();
  state.shown?.();
}

const divisionButton = (item, more) =>
  h("button", { type: "button", "data-adcode": item.adcode, onclick: () => visit(item) }, h("span", {}, regionName(item)), more);

function bar(value) {
  const element = h("span", { class: "bar", "aria-hidden": "true" }, h("span"));
  element.firstChild.style.width = `${(value ?? 0) * 100}%`;
  return element;
}

function writeFigures() {
  find("figures").replaceChildren(...(state.figures ? Object.entries(FIGURES).flatMap(([name, said]) => [
    h("dt", {}, say(name)), h("dd", { "data-figure": name }, said(state.figures[name]))]) : []));
  const counted = state.figures?.at ? "counted_at" : "counted_any";
  find("about").textContent = state.figures
    ? sentences(say(counted, { hour: String(hour()) }), say("straight"), say(state.figures.demand_source)) : "";
}

function drawLegend() {
  const percent = (value) => Math.round(value * 100);
  const row = (look, words) => {
    const spot = h("span", { class: `swatch ${look.class ?? ""}` });
    spot.style.background = look.color ?? "";
    return h("li", {}, spot, words);
  };
  find("legend").hidden = !state.region;
  find("legend").querySelector("ul").replaceChildren(
    ...STEPS.map((from, index) => row({ color: stepColor(index) }, `${percent(from)}–${percent(STEPS[index + 1] ?? 1)} %`)),
    row({ color: unknownColor() }, say("no_demand")),
    row({ class: "gap" }, say("gap_legend")), row({ class: "site" }, say("site_legend")), row({ class: "found" }, say("found_legend")));
}

function drawOver(division) {
  state.over = division;
  find("over").hidden = !division;
  if (!division) return;
  const told = division.share ?? null;
  find("over").textContent = say("over", { name: regionName(division), share: told === null ? say("no_demand") : share(told) });
}

/* ---- gaps, sites, the report --------------------------------------------------------------------------------- */

function clearResults() {
  show("gaps");
  show("sites");
  find("results").classList.remove("old");
  find("results").replaceChildren();
}

/** Ask for something, and again whenever the conditions change, until something else is asked for. */
function result(work, sites) {
  const again = (first) => busy("results", async () => {
    const done = await work();
    return () => {
      clearResults();
      mark();
      state.shown = null;
      done(first);
    };
  });
  Object.assign(state, { results: () => again(false), sites });
  return again(true);
}

/** List what was found, each with its place to select and copy, and offer it as files. */
function listed(title, rows, files) {
  const file = (kind) => h("button", { type: "button", "data-file": kind, onclick: files[kind] }, say(`keep_${kind}`));
  const where = ({ division }, [lon, lat]) => h("span", { class: "place" }, division && `${division} `,
    h("span", { class: "lonlat" }, `${lon.toFixed(5)}, ${lat.toFixed(5)}`));
  find("results").replaceChildren(h("p", { class: "note" }, title), ...(rows.length ? [
    h("p", { class: "acts" }, file("csv"), file("geojson")),
    h("ol", { class: "divisions" }, rows.map(([text, act, ...place]) =>
      h("li", {}, h("button", { type: "button", onclick: act }, text), where(...place))))] : []));
}

/** What keeps features as CSV of these columns, and as GeoJSON. */
function filesOf(what, columns, features) {
  const name = `${what}-${state.region.adcode}-${state.figures.radius_m}m`;
  const rows = features.map(({ geometry: { coordinates: [lon, lat] }, properties }) => ({ lon, lat, ...properties }));
  return { csv: () => keep(`${name}.csv`, csv(columns, rows)), geojson: () => keep(`${name}.geojson`, geojson(features)) };
}

const showGaps = () => result(async () => {
  const { features, gaps } = await ask("GET", "/v1/coverage/gaps", asked({ limit: MOST_GAPS }));
  return (look) => {
    const files = filesOf("gaps", GAPS, features);
    show("gaps", features);
    if (look) lookAt(state.region.bbox);
    const farthest = ({ properties }) => [properties.farthest_lon, properties.farthest_lat];
    const goTo = (gap) => () => {
      mark(farthest(gap));
      lookAtAll([gap]);
    };
    const first = gaps > features.length ? say("first_of", { n: features.length, total: gaps }) : "";
    state.shown = () => listed(sentences(say("found_gaps", { n: gaps, ...conditions() }), first, say("gap_places")), features.map((gap) => [
      `${gap.properties.rank}. ${say("gap", { people: count(Math.round(gap.properties.demand)), area: count(gap.properties.area_km2) })}`,
      goTo(gap), gap.properties, farthest(gap)]), files);
    state.shown();
  };
}, false);

const showSites = () => find("count").reportValidity() && result(async () => {
  const found = await ask("GET", "/v1/coverage/siting", asked({ n: find("count").value }));
  return (look) => {
    const files = filesOf("sites", SITES, found.features);
    show("sites", found.features);
    if (look) lookAtAll(found.features);
    const reached = { before: share(found.share_before), after: share(found.share_after), bound: share(found.optimum_at_most) };
    state.shown = () => listed(sentences(say("found_sites", { ...reached, ...conditions() }), say("site_places")), found.features.map(({ geometry, properties: one }) => [
      `${one.rank}. ${say("site", { gain: points(one.gain_share), share: share(one.share) })}`, () => mark(geometry.coordinates),
      one, geometry.coordinates]), files);
    state.shown();
  };
}, true);

const report = (act) => busy("report", async () => {
  await act(state.region);
  return () => {};
});

/* ---- regions by name ----------------------------------------------------------------------------------------- */

let typing = null;

async function search(text) {
  clearTimeout(typing);
  const q = text.trim();
  const found = q && (await regionsNamed(q, Infinity));
  if (find("search").elements.q.value.trim() !== q) return; // typed on
  state.named = q && { q, regions: found.filter(mayVisit).slice(0, NAMED) };
  writeNamed();
}

function writeNamed() {
  const { q, regions = [] } = state.named || {};
  const goTo = (region) => () => {
    find("search").reset();
    state.named = null;
    writeNamed();
    visit(region);
  };
  find("named").replaceChildren(
    ...regions.map((region) => h("li", {}, h("button", { type: "button", "data-adcode": region.adcode, onclick: goTo(region) },
      h("span", {}, regionName(region)), h("small", {}, region.parents.slice(1).map(regionName).join(" "))))),
    ...(q && !regions.length ? [h("li", { class: "note" }, say("none_named", { q }))] : []));
}

/* ---- beginning ----------------------------------------------------------------------------------------------- */

function leave(why = null) {
  giveUp(...Object.keys(turns));
  Object.assign(state, { region: null, figures: null, children: [], results: null, shown: null, named: null, told: null });
  clearResults();
  forgetFindings();
  mark();
  show("covered");
  for (const id of ["trail", "children", "figures"]) find(id).replaceChildren();
  find("about").textContent = "";
  signOut(why);
  write();
}

find("enter").addEventListener("submit", (event) => {
  event.preventDefault();
  signIn(visit);
});
find("sign-out").addEventListener("click", () => leave());
find("search").addEventListener("submit", (event) => {
  event.preventDefault();
  search(find("search").elements.q.value);
});
find("search").addEventListener("input", ({ target }) => {
  clearTimeout(typing);
  typing = setTimeout(() => search(target.value), TYPING_MS);
});
find("language").addEventListener("click", () => {
  switchLanguage();
  write();
});
for (const id of ["radius", "hour"]) {
  find(id).addEventListener("input", write);
  find(id).addEventListener("change", measure);
}
find("count").addEventListener("change", () => state.sites && showSites());
find("show-gaps").addEventListener("click", showGaps);
find("show-sites").addEventListener("click", showSites);
find("show-report").addEventListener("click", () => report(openReport));
find("keep-report").addEventListener("click", () => report(keepReport));
offerWeeks();
find("legend").open = matchMedia("(min-width: 800px)").matches;
if (!draw({ division: (one) => one.adcode !== state.region?.adcode && visit(one), found: showFinding, over: drawOver })) document.body.classList.add("no-map");
write();
