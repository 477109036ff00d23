// What the panel shows: the ranked list, the card of one station, what was found by name. What one answer does not
// say of a station (nearest says less than the station's own) is undefined here, and left out.

import { h, spot } from "/web/dom.js";
import { distance, regionName } from "/web/language.js";
import { dated, day, direction, floor, hours, label, list, moment, notWorking, say } from "/web/words.js";

const APPS = ["amap", "baidu", "tencent"];

/** The nearest stations as a list of buttons; `answer` is that of /v1/stations/nearest. */
export function nearestList({ features }, pick) {
  return [
    warning(features),
    h("ol", { class: "stations" }, features.map((feature, index) =>
      h("li", {}, stationButton(feature, { rank: index + 1, pick, tag: !allSynthetic(features) })))),
    h("p", { class: "note" }, say("straight")),
  ];
}

/** Stations and regions found by name. */
export function resultList(regions, { features, links }, pick, goTo) {
  const goButton = (region) =>
    h("button", { type: "button", class: "go-to", onclick: () => goTo(region) }, say("go_to", { name: regionName(region) }));
  return [
    warning(features),
    h("ul", { class: "stations" },
      regions.map((region) => h("li", {}, goButton(region))),
      features.map((feature) => h("li", {}, stationButton(feature, { pick, tag: !allSynthetic(features) })))),
    links.some(({ rel }) => rel === "next") && h("p", { class: "note" }, say("results_more", { n: features.length })),
  ];
}

const allSynthetic = (features) => features.length > 0 && features.every(({ properties }) => properties.synthetic);

const warning = (features) => allSynthetic(features) && h("p", { class: "note demo" }, say("synthetic_all"));

function stationButton(feature, { rank, pick, tag }) {
  const { name, kind, address, facilities, distance_m: metres, bearing_deg: bearing, synthetic } = feature.properties;
  const badge = rank ? h("span", { class: "rank" }, String(rank)) : spot(kind);
  if (rank) badge.style.setProperty("background", `var(--kind-${CSS.escape(kind)}, var(--kind-other))`);
  return h("button", { type: "button", "data-id": feature.id, onclick: () => pick(feature.id) },
    badge,
    h("span", { class: "name" }, name, tag && synthetic && h("em", { class: "tag" }, say("synthetic"))),
    metres !== undefined && h("span", { class: "distance" }, distance(metres), h("small", {}, ` ${direction(bearing)}`)),
    h("span", { class: "detail" }, [label("station_kind", kind), address ?? place(feature.properties)].filter(Boolean).join(" · ")),
    h("span", { class: "detail" }, state(feature.properties)),
    h("span", { class: "detail" }, [when(feature.properties), howIn(feature.properties)].filter(Boolean).join(" · ")),
    facilities && h("span", { class: "detail offers" }, offers(facilities)));
}

/** What there is in one line: what works first, then the rest with its state. */
function offers(facilities) {
  const [working, others] = [true, false].map((works) => facilities.filter(({ status }) => (status === "working") === works));
  const words = [...working.map(({ facility }) => label("facility", facility)), ...others.map(({ facility, status }) => notWorking(facility, status))];
  return words.length ? list(words) : say("facilities_unknown");
}

/** The card of one station, with as much as is known of it. `back` leaves it, `copy(text, button)` copies. */
export function stationCard(feature, { back, copy }) {
  const p = feature.properties;
  const away = p.distance_m === undefined ? null : h("p", { class: "away" }, distance(p.distance_m), " ", direction(p.bearing_deg));
  const [lon, lat] = feature.geometry.coordinates;
  return h("article", { class: "card", "aria-labelledby": "card-name" },
    h("button", { type: "button", class: "plain back", onclick: back }, "‹ ", say("back")),
    h("h2", { id: "card-name", tabindex: "-1" }, p.name),
    h("p", { class: "kind" }, spot(p.kind), label("station_kind", p.kind), p.brand && ![p.name, label("station_kind", p.kind)].includes(p.brand) && ` · ${p.brand}`),
    away,
    p.synthetic && h("p", { class: "note demo" }, say("synthetic_long")),
    h("p", {}, state(p)),
    h("nav", { class: "apps", "aria-label": say("navigate") }, APPS.map((app) => link(app, p.navigation?.[app]))),
    h("dl", {},
      row("hours", hoursLines(p)),
      row("closures", p.closures?.map(closureLine)),
      row("entry", howIn(p)),
      row("address", p.address, place(p), p.near_boundary && say("near_boundary")),
      row("entrance_note", p.entrance_note),
      row("level", p.level && floor(p.level)),
      row("facilities", p.facilities && (p.facilities.length ? facilityList(p.facilities) : say("facilities_unknown"))),
      row("serves", p.serves?.length && list(p.serves.map((value) => label("serves", value)))),
      row("capacity", p.capacity && say("people", { n: p.capacity })),
      row("area", p.floor_area_m2 && say("square_metres", { n: p.floor_area_m2 })),
      row("tier", p.tier && label("tier", p.tier)),
      row("phone", p.phone && h("a", { href: `tel:${p.phone.replace(/[^0-9+*#,]/g, "")}` }, p.phone)),
      row("managed_by", p.managed_by),
      row("code", h("span", { class: "code" }, h("code", {}, p.code),
        h("button", { type: "button", onclick: (event) => copy(p.code, event.currentTarget) }, say("copy"))))),
    h("p", { class: "note" }, `${feature.refused ?? age(p)} · ${lat.toFixed(5)}, ${lon.toFixed(5)}`));
}

const row = (title, ...content) => {
  const lines = content.flat().filter(Boolean);
  return lines.length ? [h("dt", {}, say(title)), h("dd", {}, lines.map((line) => (line instanceof Node ? line : h("p", {}, line))))] : [];
};

/** How old what is known is; a station of which only a part is known is still being asked about. */
function age({ verified_at: verified, updated_at: updated }) {
  if (verified) return say("verified", { day: day(verified) });
  return updated ? say("updated", { day: day(updated) }) : say("loading");
}

function closureLine({ starts_at: starts, ends_at: ends, reason }) {
  return say(ends ? "closure" : "closure_open", { from: dated(starts), to: ends && dated(ends), reason });
}

/** Open or not and until when, as far as anybody knows; a limited service is always said. */
function state({ operational_status: status, open, opens_at: opens, closes_at: closes }) {
  const words = !status || status === "open" ? [] : [label("operational_status", status)];
  if (open === true) words.unshift(closes ? say("open_until", { when: moment(closes) }) : say("open"));
  if (open === false) words.unshift(opens ? say("closed_until", { when: moment(opens) }) : say("closed"));
  return words.length ? h("span", { class: open === false ? "state shut" : "state" }, list(words)) : null;
}

const place = ({ province, city, district }) => [...new Set([province, city, district].filter(Boolean))].join(" ");

const when = ({ opening_hours: text, hours_note: note }) => (text ? hours(text) : note || (text === null && say("hours_unknown")));

function hoursLines(p) {
  return [
    when(p),
    p.opening_hours && p.hours_note,
    p.opening_hours && p.hours_calendar === "prc_workdays" && say("workdays"),
    p.staffed_hours && say("staffed", { hours: hours(p.staffed_hours) }),
  ];
}

function howIn({ entry_modes: modes, registration_required: registration }) {
  const ways = modes?.map((mode) => label("entry_mode", mode)) ?? [];
  if (modes?.length === 0) ways.push(say("entry_unknown"));
  if (typeof registration === "boolean") ways.push(say(registration ? "registration_required" : "no_registration"));
  return list(ways);
}

function facilityList(facilities) {
  return h("ul", { class: "facilities" }, facilities.map(({ facility, status, note }) => {
    const words = [status === "working" ? label("facility", facility) : notWorking(facility, status), note].filter(Boolean);
    return h("li", { class: status }, words.join(" · "));
  }));
}

/** A link that leaves this site on purpose; only ever to https. */
function link(app, href) {
  if (!href?.startsWith("https://")) return null;
  const attributes = { href, target: "_blank", rel: "noopener noreferrer", title: say("new_window"), "data-app": app };
  return h("a", attributes, say(app));
}
