// The auditor's page: down the region tree, how much is served, where the holes are, what to do about it.

import { find, h } from "/web/dom.js";
import { draw, lookAt, lookNear, show } from "/audit/web/atlas.js";
import { listFindings, nameAudits } from "/audit/web/findings.js";
import { ask, open, setKey } from "/audit/web/ask.js";
import { count, current, metres, say, share, turn } from "/audit/web/words.js";

const BELOW = { country: "province", province: "city", city: "district" };
const FIGURES = {
  stations: count, area_share: share, demand_share: share, demand_median_distance_m: metres,
  demand_p90_distance_m: metres, stations_per_10000: count, close_pairs: count,
};
const state = { region: null, figures: null, items: [], shown: null };
let asking = 0;

/** What is asked of the region that is open: sliders and all. */
function asked(more = {}) {
  const hour = Number(find("hour").value);
  const day = new Date(Date.now() + 8 * 3600_000).toISOString().slice(0, 10);
  const at = hour < 0 ? {} : { at: `${day}T${String(hour).padStart(2, "0")}:00:00+08:00` };
  return { region: state.region.adcode, level: state.region.level, radius_m: find("radius").value, ...at, ...more };
}

/** Do something that takes a while; what was refused is said, what is out of date forgotten. */
async function busy(work) {
  const mine = ++asking;
  find("status").textContent = say("measuring");
  try {
    const done = await work();
    if (mine !== asking) return;
    find("status").textContent = say("straight");
    done();
  } catch (error) {
    if (mine === asking) find("status").textContent = error.message;
  }
}

/** Go to a region: its figures, its divisions coloured, its place on the map. */
function visit(adcode, level) {
  return busy(async () => {
    const region = await ask("GET", `/v1/regions/${adcode}`, { level, geometry: true });
    const { items } = BELOW[region.level] ? await ask("GET", "/v1/regions", { parent: adcode, limit: 500 }) : { items: [] };
    const children = items.filter((item) => item.parents.at(-1)?.level === region.level);
    return () => {
      const named = children.map((item) => ({ region: item.adcode, level: item.level, name: item.name, demand_share: null }));
      Object.assign(state, { region, shown: null, figures: null, items: named });
      find("figures").replaceChildren();
      clearResults();
      show("covered");
      lookAt(region.bbox);
      write();
      measure();
    };
  });
}

function measure() {
  return busy(async () => {
    const below = BELOW[state.region.level];
    const [figures, divisions] = await Promise.all([
      ask("GET", "/v1/coverage", asked()),
      below && state.region.level !== "country" ? ask("GET", "/v1/coverage/divisions", asked({ by: below })) : { items: [] },
    ]);
    const shapes = await Promise.all(divisions.items.map((item) => ask("GET", `/v1/regions/${item.region}`, { level: item.level, geometry: true })));
    return () => {
      const shares = new Map(divisions.items.map((item) => [item.region, item.demand_share]));
      const items = state.items.map((item) => ({ ...item, demand_share: shares.get(item.region) ?? item.demand_share }));
      Object.assign(state, { figures, items });
      const features = divisions.items.map((item, at) => ({
        type: "Feature", properties: { adcode: item.region, share: item.demand_share }, geometry: shapes[at].geometry,
      }));
      const own = [{ type: "Feature", properties: { adcode: figures.region, share: figures.demand_share }, geometry: state.region.geometry }];
      show("covered", features.length ? features : own);
      write();
    };
  });
}

/** Everything that has words. */
function write() {
  document.documentElement.lang = current() === "zh" ? "zh-CN" : "en";
  for (const element of document.querySelectorAll("[data-say]")) element.textContent = say(element.dataset.say);
  find("language").textContent = say("other_language");
  find("radius-said").textContent = metres(Number(find("radius").value));
  const hour = Number(find("hour").value);
  find("hour-said").textContent = hour < 0 ? say("any_time") : `${hour}:00`;
  if (!state.region) return;
  const trail = [...state.region.parents, state.region];
  find("trail").replaceChildren(...trail.map(({ adcode, level, name }) => h("button", { type: "button", onclick: () => visit(adcode, level) }, name)));
  find("children").replaceChildren(...state.items.map((item) => h("li", {},
    h("button", { type: "button", "data-adcode": item.region, onclick: () => visit(item.region, item.level) },
      h("span", {}, item.name), h("span", {}, share(item.demand_share))))));
  if (state.figures) {
    find("figures").replaceChildren(...Object.entries(FIGURES).flatMap(([name, said]) => [
      h("dt", {}, say(name)), h("dd", { "data-figure": name }, said(state.figures[name]))]));
  }
  nameAudits((audit) => busy(async () => listFindings(audit, asked())));
  state.shown?.();
}

function clearResults() {
  show("gaps");
  show("sites");
  find("results").replaceChildren();
  find("findings").replaceChildren();
}

function listed(title, rows) {
  find("results").replaceChildren(h("p", {}, title), h("ol", {}, rows.map(([text, act]) => h("li", {}, h("button", { type: "button", onclick: act }, text)))));
}

const showGaps = () => busy(async () => {
  const { features, gaps } = await ask("GET", "/v1/coverage/gaps", asked());
  return () => {
    clearResults();
    show("gaps", features);
    state.shown = () => listed(say("found_gaps", { n: gaps }), features.map(({ properties: one }) => [
      say("gap", { people: count(Math.round(one.demand)), area: count(one.area_km2) }), () => lookNear(one.farthest_lon, one.farthest_lat)]));
    state.shown();
  };
});

const showSites = () => busy(async () => {
  const found = await ask("GET", "/v1/coverage/siting", asked({ n: find("count").value }));
  return () => {
    clearResults();
    show("sites", found.features);
    const reached = { before: share(found.share_before), after: share(found.share_after), bound: share(found.optimum_at_most) };
    state.shown = () => listed(say("found_sites", reached), found.features.map(({ geometry, properties: one }) => [
      `${one.rank}. ${say("site", { gain: share(one.gain_share), share: share(one.share) })}`, () => lookNear(...geometry.coordinates)]));
    state.shown();
  };
});

const showReport = () => busy(async () => {
  const { adcode: region, level } = state.region;
  await open("/v1/reports/weekly", { region, level, format: "html" });
  return () => {};
});

async function enter(event) {
  event.preventDefault();
  setKey(find("key").value.trim());
  find("key").value = "";
  find("enter").hidden = true;
  document.querySelector("main").hidden = false;
  await visit(find("region").value || "100000");
}

find("enter").addEventListener("submit", enter);
find("language").addEventListener("click", () => { turn(); write(); });
for (const id of ["radius", "hour"]) {
  find(id).addEventListener("input", write);
  find(id).addEventListener("change", () => { state.shown = null; clearResults(); measure(); });
}
find("show-gaps").addEventListener("click", showGaps);
find("show-sites").addEventListener("click", showSites);
find("show-report").addEventListener("click", showReport);
draw();
write();
