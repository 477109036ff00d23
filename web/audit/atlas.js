// The auditor's map: divisions coloured by coverage, gaps, suggested sites, findings, and what is looked at just now.

import { CHINA, CREDIT, EMPTY, FONT, color, drawDivisions, layers, names, repaint, sources, writeNames } from "/web/basemap.js";

export let map = null;

const OVERLAYS = ["covered", "gaps", "sites", "found", "marked"];
const CLOSEST = 12; // nearer there is nothing on this map to know a place by
const WIDEST = 10;
const NARROW_PX = 400; // a phone's screen
let on = {};

/** The shares at which the colours of coverage change; colours told apart without red and green. */
export const STEPS = [0, 0.1, 0.3, 0.5, 0.8];

/** Draw the base map with empty layers above it; without WebGL the lists do. `on` holds `division(properties)` and
 * `found(id)` for what is clicked, and `over(properties)` for the division under the pointer, null for none. */
export function draw(calls) {
  on = calls;
  try {
    map = new maplibregl.Map({
      container: "map",
      style: {
        version: 8,
        sources: { ...sources(), ...Object.fromEntries(OVERLAYS.map((id) => [id, { type: "geojson", data: EMPTY }])) },
        layers: [...layers(), ...areas(), ...names(), ...spots()],
      },
      bounds: CHINA,
      fitBoundsOptions: { padding: 16 },
      maxZoom: 17,
      dragRotate: false,
      pitchWithRotate: false,
      fadeDuration: matchMedia("(prefers-reduced-motion: reduce)").matches ? 0 : 200,
      localIdeographFontFamily: FONT.join(","),
      attributionControl: { compact: false, customAttribution: `${CREDIT} · GeoNames (CC BY 4.0)` },
    });
  } catch (error) {
    console.info(error);
    return false;
  }
  document.getElementById("map").map = map; // for the console and the tests
  map.touchZoomRotate.disableRotation();
  map.addControl(new maplibregl.NavigationControl({ showCompass: false }), "top-right");
  map.addControl(new maplibregl.ScaleControl(), "bottom-right");
  map.on("load", () => drawDivisions(map));
  map.on("click", clicked);
  map.on("mousemove", ({ point }) => {
    const [division, spot] = [at(point, "covered"), at(point, "found")];
    map.getCanvas().style.cursor = division || spot ? "pointer" : "";
    on.over(division?.properties ?? null);
  });
  map.on("mouseout", () => on.over(null));
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => repaint(map, [...areas(), ...spots()]));
  return true;
}

const at = (point, layer) => map.getLayer(layer) && map.queryRenderedFeatures(point, { layers: [layer] })[0];

function clicked({ point }) {
  const [division, spot] = [at(point, "covered"), at(point, "found")];
  if (spot) on.found(spot.properties.id);
  else if (division) on.division(division.properties);
}

/** What a place without demand is coloured, and each step of the rest. */
export const unknownColor = () => color("served-unknown");
export const stepColor = (index) => color(`served-${index}`);

const scale = () => ["case", ["==", ["get", "share"], null], unknownColor(),
  ["step", ["get", "share"], stepColor(0), ...STEPS.slice(1).flatMap((share, index) => [share, stepColor(index + 1)])]];

const areas = () => [
  { id: "covered", type: "fill", source: "covered", paint: { "fill-color": scale(), "fill-opacity": 0.8 } },
  { id: "covered-lines", type: "line", source: "covered", paint: { "line-color": color("map-boundary"), "line-width": 1 } },
  { id: "gaps", type: "fill", source: "gaps", paint: { "fill-color": color("gap"), "fill-opacity": 0.5, "fill-outline-color": color("gap-edge") } },
];

const number = (id, source) => ({ id, type: "symbol", source, layout: {
  "text-field": ["to-string", ["get", "rank"]], "text-font": FONT, "text-size": 12, "text-allow-overlap": true, "text-ignore-placement": true },
  paint: { "text-color": color("on-site") } });

const spots = () => [
  { id: "found", type: "circle", source: "found", paint: {
    "circle-radius": 6, "circle-color": color("accent"), "circle-opacity": 0.85, "circle-stroke-color": color("map-halo"), "circle-stroke-width": 1.5 } },
  { id: "sites", type: "circle", source: "sites", paint: {
    "circle-radius": 11, "circle-color": color("site"), "circle-stroke-color": color("map-halo"), "circle-stroke-width": 2 } },
  number("site-ranks", "sites"),
  { id: "marked", type: "circle", source: "marked", paint: {
    "circle-radius": 16, "circle-color": "rgba(0,0,0,0)", "circle-stroke-color": color("accent"), "circle-stroke-width": 3 } },
];

/** Show features in a layer; nothing when there are none. */
export function show(source, features = []) {
  const set = () => map.getSource(source).setData({ type: "FeatureCollection", features });
  if (map?.isStyleLoaded() || map?.getSource(source)) set();
  else map?.once("load", set);
}

export const point = (lon, lat, properties = {}) => ({ type: "Feature", properties, geometry: { type: "Point", coordinates: [lon, lat] } });

/** Write the names on the map in the language of the page. */
export const rewrite = () => map?.getSource("province-names") && writeNames(map);

/** Look at a box: west, south, east, north. */
export function lookAt([west, south, east, north]) {
  const legend = document.getElementById("legend");
  const left = legend.open && innerWidth > 2 * NARROW_PX ? legend.offsetWidth + 40 : 40;
  const padding = { top: 40, right: 40, bottom: 40, left };
  map?.fitBounds([[west, south], [east, north]], { padding, maxZoom: CLOSEST, animate: false });
}

/** Look at all of these features. */
export function lookAtAll(features) {
  const all = features.flatMap(({ geometry }) => corners(geometry.coordinates));
  if (!all.length) return;
  const [lons, lats] = [0, 1].map((axis) => all.map((corner) => corner[axis]));
  lookAt([Math.min(...lons), Math.min(...lats), Math.max(...lons), Math.max(...lats)]);
}

const corners = (coordinates) => (typeof coordinates[0] === "number" ? [coordinates] : coordinates.flatMap(corners));

/** Ring these points and look at them, no nearer than their surroundings can be told. */
export function mark(...places) {
  show("marked", places.map(([lon, lat]) => point(lon, lat)));
  if (!places.length) return;
  const zoom = Math.min(CLOSEST, Math.max(WIDEST, map?.getZoom() ?? 0));
  map?.jumpTo({ center: places[0], zoom });
}
