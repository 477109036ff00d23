// What a station must have: chips that both the list and the map obey.

import { find, h, spot } from "/web/dom.js";
import { label, say, values } from "/web/words.js";

// What riders ask for first; the rest is behind "all filters".
const COMMON = ["hot_water", "microwave", "phone_charging", "air_conditioning", "toilet"];
// Parameters with one value, shown before everything else.
const FLAGS = { open: "now", no_registration: "true" };
const GROUPS = [
  { parameter: "facility", enumeration: "facility", title: "facilities_all" },
  { parameter: "kind", enumeration: "station_kind", title: "kinds_any" },
  { parameter: "entry", enumeration: "entry_mode", title: "entry_any" },
];

const wanted = new Map(); // "facility=fan" for every chip that is pressed
let changed = () => {};

/** The filters as a query string, "" for none. */
export function query() {
  const parts = Object.entries(FLAGS).filter(([flag]) => wanted.has(flag)).map(([flag, value]) => `${flag}=${value}`);
  for (const { parameter } of GROUPS) {
    const chosen = [...wanted.values()].filter((chip) => chip.parameter === parameter).map((chip) => chip.value);
    if (chosen.length) parts.push(`${parameter}=${chosen.map(encodeURIComponent).join(",")}`);
  }
  return parts.join("&");
}

/** Whether any filter is set. */
export const filtering = () => wanted.size > 0;

/** Draw the chips in the language of the page; `onChange` is called when one is pressed. */
export function drawFilters(onChange = changed) {
  changed = onChange;
  const open = find("filters").querySelector("details")?.open ?? false;
  const quick = [...Object.keys(FLAGS).map(flagChip), ...COMMON.map((value) => chip(GROUPS[0], value))];
  const groups = GROUPS.map((group) =>
    h("fieldset", {}, h("legend", {}, say(group.title)), h("div", { class: "chips" }, values(group.enumeration).map((value) => chip(group, value)))));
  const summary = h("summary", {}, say("all_filters"), h("span", { class: "count" }));
  const clear = () => {
    clearFilters();
    summary.focus(); // this button hides itself
  };
  const clearButton = h("button", { type: "button", class: "plain clear", onclick: clear }, say("clear_filters"));
  find("filters").replaceChildren(h("div", { class: "chips quick" }, quick), h("details", { open }, summary, groups, clearButton));
  mark();
}

/** Take all filters away. */
export function clearFilters() {
  wanted.clear();
  mark();
  changed();
}

function flagChip(flag) {
  return button(flag, { parameter: flag }, say(flag));
}

function chip({ parameter, enumeration }, value) {
  return button(`${parameter}=${value}`, { parameter, value }, parameter === "kind" && spot(value), label(enumeration, value));
}

function button(key, what, ...content) {
  const onclick = () => {
    if (!wanted.delete(key)) wanted.set(key, what);
    mark();
    changed();
  };
  return h("button", { type: "button", class: "chip", "data-chip": key, onclick }, content);
}

/** A filter may have two chips, one among the common ones and one among all: both show whether it is set. */
function mark() {
  for (const element of find("filters").querySelectorAll("[data-chip]")) {
    element.setAttribute("aria-pressed", wanted.has(element.dataset.chip));
  }
  const count = find("filters").querySelector(".count");
  count.textContent = wanted.size ? ` ${wanted.size}` : "";
  find("filters").querySelector(".clear").hidden = !wanted.size;
}
