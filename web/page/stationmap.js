// Stations on the map: those in view, the nearest ones with their ranks, the point asked about, and the rings around it.

import { CHINA, CREDIT, EMPTY, FONT, color, drawDivisions, layers, names, placeAt, repaint, sources, writeNames } from "/web/basemap.js";
import { distance } from "/web/language.js";
import { say, values } from "/web/words.js";

const DOUBLE_CLICK_MS = 250;
const PASSING_MS = 150;
const REACH_PX = 44; // what is closer together makes one group
const PLACES_FROM = 5;
const CLUSTERS_TO = 10; // zoom from which stations that are all known are shown one by one
const RINGS_M = [100, 250, 500, 1000, 2000, 5000, 10_000, 20_000, 50_000];
const METRES_PER_DEGREE = 111_195;

const byKind = () => ["match", ["get", "kind"], ...values("station_kind").flatMap((kind) => [kind, kindColor(kind)]), color("kind-other")];
const kindColor = (kind) => color(`kind-${kind}`) || color("kind-other");
const byZoom = (...stops) => ["interpolate", ["linear"], ["zoom"], ...stops];
const isCluster = [">", ["get", "stations"], 1]; // of stations, or of squares that the server counted
const chosen = (id) => ["==", ["get", "id"], id ?? ""];

const stationLayers = () => [
  { id: "rings", type: "line", source: "rings", filter: ["==", ["geometry-type"], "LineString"], paint: {
    "line-color": color("map-ring"), "line-width": 1, "line-dasharray": [3, 3] } },
  { id: "ring-names", type: "symbol", source: "rings", filter: ["==", ["geometry-type"], "Point"], layout: {
    "text-field": ["get", "label"], "text-font": FONT, "text-size": 11 }, paint: {
    "text-color": color("map-name"), "text-halo-color": color("map-land"), "text-halo-width": 2 } },
  { id: "rays", type: "line", source: "rays", layout: { "line-cap": "round" }, paint: {
    "line-color": color("accent"), "line-width": 1.5, "line-opacity": 0.55 } },
  { id: "clusters", type: "circle", source: "stations", filter: isCluster, paint: {
    "circle-color": color("map-cluster"), "circle-opacity": 0.9, "circle-stroke-color": color("map-halo"), "circle-stroke-width": 1.5,
    "circle-radius": ["step", ["get", "stations"], 12, 20, 15, 100, 18, 1000, 22, 10_000, 27] } },
  { id: "cluster-counts", type: "symbol", source: "stations", filter: isCluster, layout: {
    "text-field": ["number-format", ["get", "stations"], { locale: "en" }], "text-font": FONT, "text-size": 12, "text-allow-overlap": true,
    "text-padding": 11 }, paint: { // about as far as the bubble reaches: names of divisions keep clear of it
    "text-color": color("map-cluster-text") } },
  { id: "stations", type: "circle", source: "stations", filter: ["!", isCluster], paint: {
    "circle-color": ["case", ["has", "id"], byKind(), color("map-cluster")], "circle-radius": byZoom(3, 2.6, 8, 4.2, 12, 6.5, 16, 10),
    "circle-stroke-color": color("map-halo"), "circle-stroke-width": byZoom(5, 0.5, 12, 1.5) } },
  { id: "station-names", type: "symbol", source: "stations", minzoom: 14, filter: ["all", ["!", isCluster], ["has", "id"]], layout: {
    "text-field": ["get", "name"], "text-font": FONT, "text-size": 12, "text-anchor": "top", "text-offset": [0, 1.1],
    "text-max-width": 9, "text-optional": true }, paint: {
    "text-color": color("ink"), "text-halo-color": color("map-land"), "text-halo-width": 1.4 } },
  { id: "chosen-spot", type: "circle", source: "chosen", paint: { // whether or not it is among those in view
    "circle-color": byKind(), "circle-radius": 9, "circle-stroke-color": color("map-halo"), "circle-stroke-width": 2 } },
  { id: "nearest", type: "circle", source: "nearest", paint: {
    "circle-color": byKind(), "circle-radius": 13, "circle-stroke-color": color("map-halo"), "circle-stroke-width": 2 } },
  { id: "ranks", type: "symbol", source: "nearest", layout: {
    "text-field": ["to-string", ["get", "rank"]], "text-font": FONT, "text-size": 14, "text-allow-overlap": true,
    "text-ignore-placement": true, "symbol-sort-key": ["-", 100, ["get", "rank"]] }, paint: {
    "text-color": "#ffffff", "text-halo-color": "#ffffff", "text-halo-width": 0.3 } },
  { id: "chosen", type: "circle", source: "chosen", paint: {
    "circle-color": "rgba(0,0,0,0)", "circle-radius": 18, "circle-stroke-color": color("accent"), "circle-stroke-width": 3 } },
];

/** A page without a map: the same calls, which do nothing. */
export const NO_MAP = Object.fromEntries(
  ["start", "addStations", "repaint", "rewrite", "showStations", "showCells", "showNearest", "showPoint", "choose", "fit", "flyTo", "setPadding", "zoomIn", "zoomOut"]
    .map((name) => [name, () => {}]));

/** The map, or `NO_MAP` where the browser has no WebGL. `on` holds `pick(id)`, `point(lon, lat)`,
 * `pass(view)` for views on the way and `rest(view)` for where the map comes to rest. */
export function makeStationMap(id, on) {
  const container = document.getElementById(id);
  let map;
  try {
    map = new maplibregl.Map({
      container,
      hash: true, // the view, never the point asked about
      bounds: CHINA,
      fitBoundsOptions: { padding: container.clientWidth < 800 ? { top: 76, right: 8, bottom: 220, left: 8 } : 16 },
      minZoom: 1.5,
      maxZoom: 18,
      maxBounds: [[10, -60], [190, 80]],
      renderWorldCopies: false,
      dragRotate: false,
      pitchWithRotate: false,
      fadeDuration: matchMedia("(prefers-reduced-motion: reduce)").matches ? 0 : 200,
      localIdeographFontFamily: FONT.join(","),
      attributionControl: { compact: true, customAttribution: CREDIT },
      style: {
        version: 8,
        sources: { ...sources(), ...Object.fromEntries(["rings", "rays", "nearest", "chosen"].map((id) => [id, { type: "geojson", data: EMPTY }])),
          stations: { type: "geojson", data: EMPTY, cluster: true, clusterProperties: { stations: ["+", ["get", "stations"]] } } },
        layers: [...layers(), ...names()],
      },
    });
  } catch {
    return NO_MAP;
  }
  map.touchZoomRotate.disableRotation();
  map.keyboard.disableRotation();
  map.addControl(new maplibregl.ScaleControl(), "bottom-right");
  return new StationMap(map, on);
}

class StationMap {
  #map;
  #on;
  #pin = null;
  #rings = null;
  #padding = 0;
  #clickTimer;
  #passed = 0;
  #ready;

  constructor(map, on) {
    this.#map = map;
    this.#on = on;
    this.#ready = new Promise((resolve) => map.once("load", resolve));
    map.getContainer().map = map; // for the console and the tests
    map.on("click", (event) => this.#click(event));
    map.on("dblclick", () => clearTimeout(this.#clickTimer));
    map.on("move", () => this.#passing());
    map.on("moveend", () => this.#moved());
    map.on("mousemove", ({ point }) => {
      map.getCanvas().style.cursor = this.#stationAt(point, 0) ? "pointer" : "";
    });
    map.getCanvas().addEventListener("keydown", (event) => {
      if (event.key === "Enter") this.#on.point(this.centre.lon, this.centre.lat);
    });
  }

  /** Draw the provinces. */
  async start() {
    await this.#ready;
    drawDivisions(this.#map, () => this.#on.place(this.place));
  }

  /** The divisions in which the middle of what can be seen lies, the highest first; none where that is half the country. */
  get place() {
    if (this.#map.getZoom() < PLACES_FROM) return [];
    const { lon, lat } = this.centre;
    return placeAt(lon, lat);
  }

  /** Draw the stations, in the colours of the kinds that the vocabulary knows. */
  async addStations() {
    await this.#ready;
    for (const layer of stationLayers()) this.#map.addLayer(layer, layer.id === "stations" ? "city-names" : undefined);
    this.#moved();
  }

  /** Take the colours of map.css again, after a change between light and dark. */
  repaint() {
    repaint(this.#map, stationLayers());
  }

  /** Write everything in the language of the page again. */
  rewrite() {
    this.#map.getCanvas().setAttribute("aria-label", say("map"));
    writeNames(this.#map);
    if (this.#rings) this.#drawRings(...this.#rings);
  }

  /** The stations in view. Groups are counted only when none is missing: a count of a sample would be a lie. */
  showStations(features, complete) {
    return this.#showAll(features.map((feature) => slim(feature, { stations: 1 })), complete, CLUSTERS_TO);
  }

  /** Stations counted by squares, where there are too many to show each: squares next to each other make one group. */
  showCells(features) {
    return this.#showAll(features, true, 17);
  }

  async #showAll(features, cluster, clusterMaxZoom) {
    await this.#ready;
    const source = this.#map.getSource("stations");
    source.setClusterOptions({ cluster, clusterMaxZoom, clusterRadius: REACH_PX });
    source.setData(collection(features));
  }

  /** The nearest stations with rank and a line each from the point, and rings as far as they lie or were looked for. */
  showNearest(point, { features, searched_radius_m: searched = 0 }) {
    const at = point && [point.lon, point.lat];
    this.#set("nearest", features.map((feature, index) => slim(feature, { rank: index + 1 })));
    this.#set("rays", features.map(({ geometry }) => line([at, geometry.coordinates])));
    this.#rings = [at, features.at(-1)?.properties.distance_m ?? searched];
    this.#drawRings(...this.#rings);
  }

  /** The pin at the point asked about. */
  showPoint(point) {
    this.#pin?.remove();
    if (!point) return;
    const element = document.createElement("div");
    element.className = point.own ? "pin own" : "pin";
    this.#pin = new maplibregl.Marker({ element, anchor: point.own ? "center" : "bottom" });
    this.#pin.setLngLat([point.lon, point.lat]).addTo(this.#map);
    element.removeAttribute("aria-label"); // MapLibre's "Map marker" says nothing
    element.setAttribute("aria-hidden", "true");
  }

  /** Ring the chosen station; null rings none. */
  choose(feature) {
    this.#set("chosen", feature ? [slim(feature)] : []);
    if (!feature) return;
    const at = this.#map.project(feature.geometry.coordinates);
    const { clientWidth: width, clientHeight: height } = this.#map.getContainer();
    const visible = at.x > 30 && at.x < width - 30 && at.y > 60 && at.y < height - this.#padding - 30;
    if (!visible) this.#map.easeTo({ center: feature.geometry.coordinates, offset: this.#offset() });
  }

  /** Show all these stations and the point. */
  fit(point, features) {
    const bounds = new maplibregl.LngLatBounds();
    for (const { geometry } of features) bounds.extend(geometry.coordinates);
    if (point) bounds.extend([point.lon, point.lat]);
    this.#map.fitBounds(bounds, { padding: this.#sides(48), maxZoom: 15.5 });
  }

  /** Go to a station's coordinates or to a region's [west, south, east, north]. */
  flyTo(place) {
    const maxZoom = place.length === 2 ? Math.max(this.#map.getZoom(), 14) : undefined;
    this.#map.fitBounds([place.slice(0, 2), place.slice(-2)], { padding: this.#sides(24), ...(maxZoom && { maxZoom }) });
  }

  /** How much of the map's lower part is covered, in pixels. */
  setPadding(bottom) {
    this.#padding = bottom;
  }

  zoomIn() {
    this.#map.zoomIn();
  }

  zoomOut() {
    this.#map.zoomOut();
  }

  /** Longitude and latitude of the middle of what can be seen. */
  get centre() {
    const { clientWidth: width, clientHeight: height } = this.#map.getContainer();
    const { lng, lat } = this.#map.unproject([width / 2, (height - this.#padding) / 2]);
    return { lon: lng, lat };
  }

  /** Margins that keep clear of the sheet, of the title and the place above it, or of the legend. */
  #sides(margin) {
    const legend = document.getElementById("legend");
    const left = margin + (legend.open && !this.#padding ? legend.offsetWidth : 0);
    return { top: margin + (this.#padding ? 60 : 0), left, right: margin, bottom: margin + this.#padding };
  }

  /** From the map's middle to the middle of what can be seen; MapLibre would keep a padding for the next move. */
  #offset() {
    const { top, right, bottom, left } = this.#sides(0);
    return [(left - right) / 2, (top - bottom) / 2];
  }

  #set(id, features) {
    this.#ready.then(() => this.#map.getSource(id).setData(collection(features)));
  }

  #moved() {
    const map = this.#map;
    if (!map.getLayer("stations")) return;
    this.#on.rest(this.#view);
  }

  #passing() {
    if (performance.now() - this.#passed < PASSING_MS || !this.#map.getLayer("stations")) return;
    this.#passed = performance.now();
    this.#on.pass(this.#view);
  }

  get #view() {
    const bounds = this.#map.getBounds();
    return { zoom: this.#map.getZoom(), box: [bounds.getWest(), bounds.getSouth(), bounds.getEast(), bounds.getNorth()] };
  }

  /** The station or group under a finger, which is less exact than a pointer. */
  #stationAt({ x, y }, reach) {
    const layers = ["nearest", "stations", "clusters"].filter((id) => this.#map.getLayer(id));
    const found = this.#map.queryRenderedFeatures([[x - reach, y - reach], [x + reach, y + reach]], { layers });
    return found[0];
  }

  async #click({ point, lngLat, originalEvent }) {
    const coarse = originalEvent.pointerType === "touch";
    const found = this.#stationAt(point, coarse ? 10 : 2);
    clearTimeout(this.#clickTimer);
    if (!found) this.#clickTimer = setTimeout(() => this.#on.point(lngLat.lng, lngLat.lat), DOUBLE_CLICK_MS);
    else if (found.properties.id) this.#on.pick(found.properties.id);
    else {
      const { cluster_id: cluster } = found.properties; // none for a square alone
      const closer = this.#map.getZoom() + 2;
      const zoom = cluster === undefined ? closer : await this.#map.getSource("stations").getClusterExpansionZoom(cluster);
      this.#map.easeTo({ center: found.geometry.coordinates, zoom });
    }
  }

  /** Three circles of round distances: the map has no streets to judge by. */
  #drawRings(at, reach) {
    const fitting = at ? RINGS_M.filter((radius) => radius < reach * 1.3).slice(-3) : [];
    this.#set("rings", fitting.flatMap((radius) => {
      const circle = ring(at, radius);
      return [line(circle), { type: "Feature", properties: { label: distance(radius) }, geometry: { type: "Point", coordinates: circle[0] } }];
    }));
  }
}

const collection = (features) => ({ type: "FeatureCollection", features });
const line = (coordinates) => ({ type: "Feature", properties: {}, geometry: { type: "LineString", coordinates } });

/** What the map needs of a station. */
function slim({ id, geometry, properties: { kind, name } }, extra) {
  return { type: "Feature", properties: { id, kind, name, ...extra }, geometry };
}

/** A circle in degrees, beginning in the north; good enough for the eye up to 50 km. */
function ring([lon, lat], radius) {
  const dy = radius / METRES_PER_DEGREE;
  const dx = dy / Math.cos((lat * Math.PI) / 180);
  return Array.from({ length: 73 }, (_, i) => {
    const turn = (i * Math.PI) / 36;
    return [lon + dx * Math.sin(turn), lat + dy * Math.cos(turn)];
  });
}
