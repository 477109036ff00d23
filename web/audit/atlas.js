// The auditor's map: divisions coloured by coverage, gaps, suggested sites.

import { CHINA, EMPTY, addOutlines, color, layers, sources } from "/web/basemap.js";

export let map = null;

/** Draw the base map with empty layers above it; without WebGL the lists do. */
export function draw() {
  try {
    map = new maplibregl.Map({
      container: "map",
      style: {
        version: 8,
        sources: { ...sources(), covered: { type: "geojson", data: EMPTY }, gaps: { type: "geojson", data: EMPTY }, sites: { type: "geojson", data: EMPTY } },
        layers: [...layers(), ...above()],
      },
      bounds: CHINA,
      attributionControl: false,
    });
  } catch (error) {
    console.info(error);
    return;
  }
  document.getElementById("map").map = map;
  map.on("load", () => addOutlines(map, "province"));
}

// Five steps from none to all, told apart without red and green.
const SCALE = ["step", ["coalesce", ["get", "share"], 0], "#d9d2c5", 0.1, "#c7d8c6", 0.3, "#8fbfa3", 0.5, "#4f9b80", 0.8, "#1f6f5c"];

const above = () => [
  { id: "covered", type: "fill", source: "covered", paint: { "fill-color": SCALE, "fill-opacity": 0.75 } },
  { id: "covered-lines", type: "line", source: "covered", paint: { "line-color": color("map-province"), "line-width": 1 } },
  { id: "gaps", type: "fill", source: "gaps", paint: { "fill-color": "#c8553d", "fill-opacity": 0.45, "fill-outline-color": "#8f2d1b" } },
  { id: "sites", type: "circle", source: "sites", paint: {
    "circle-radius": 7, "circle-color": "#1d4e89", "circle-stroke-color": "#fff", "circle-stroke-width": 2 } },
];

/** Show features in a layer; nothing when there are none. */
export function show(source, features = []) {
  const set = () => map.getSource(source).setData({ type: "FeatureCollection", features });
  if (map?.isStyleLoaded() || map?.getSource(source)) set();
  else map?.once("load", set);
}

/** Look at a box: west, south, east, north. */
export const lookAt = ([west, south, east, north]) => map?.fitBounds([[west, south], [east, north]], { padding: 30, animate: false });

/** Look at a point. */
export const lookNear = (lon, lat) => map?.jumpTo({ center: [lon, lat], zoom: 13 });
