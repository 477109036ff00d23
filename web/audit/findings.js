// Findings: listed with their explanation, accepted or rejected with a reason.

import { find, h } from "/web/dom.js";
import { current } from "/web/language.js";
import { lookAt, lookAtAll, mark, point, show } from "/audit/web/atlas.js";
import { ask } from "/audit/web/ask.js";
import { say, sentences } from "/audit/web/words.js";

const AUDITS = ["mislocated", "duplicates", "idle", "hours", "stale", "incomplete", "visit-anomalies"];
const MOST = 100;
// Folded away until somebody looks: what waits for nobody, by its states.
const FOLDS = { decided: ["accepted", "rejected", "mended"], explained: ["explained"] };
// The audit and where, how many findings are in each state, the open ones, and those of each fold that is unfolded.
let listed = null;

/** A button for each audit; the one that is listed is pressed. */
export function nameAudits(choose) {
  find("audits").replaceChildren(...AUDITS.map((audit) =>
    h("button", { type: "button", class: "chip", "data-audit": audit, "aria-pressed": String(listed?.audit === audit), onclick: () => choose(audit) }, say(audit))));
}

const askFor = (audit, { region, level }, state) => ask("GET", `/v1/audits/${audit}`, { region, level, state, limit: MOST });

/** Ask for the findings of an audit; answers what shows them, and looks at them on the map. */
export async function askFindings(audit, { adcode: region, level, bbox }) {
  const where = { region, level };
  const { items, states } = await askFor(audit, where, "open");
  return () => {
    listed = { audit, where, states, open: items, folds: {} };
    writeFindings();
    mark();
    if (items.length) lookAtAll(items.flatMap(placesOf).map(([lon, lat]) => point(lon, lat)));
    else lookAt(bbox);
  };
}

/** No findings of any audit, for another region. */
export function forgetFindings() {
  listed = null;
  writeFindings();
}

/** Show what is listed in the language of the moment. */
export function writeFindings() {
  drawSpots();
  for (const button of find("audits").children) button.setAttribute("aria-pressed", String(listed?.audit === button.dataset.audit));
  if (!listed) return find("findings").replaceChildren();
  find("findings").replaceChildren(
    h("p", { class: "note" }, say(`${listed.audit}_means`)), h("p", { class: "counted note" }),
    ...listed.open.map(article), ...Object.keys(FOLDS).map(fold));
  return writeCounts();
}

const drawSpots = () => show("found", (listed ? [listed.open, ...Object.values(listed.folds)].flat() : [])
  .filter(({ state }) => state !== "mended").map(({ id, station }) => point(station.lon, station.lat, { id })));

const inStates = (states) => states.reduce((sum, state) => sum + listed.states[state], 0);

/** How many there are, open and folded: what is explained is no finding that somebody has to deal with. */
function writeCounts() {
  const n = inStates(["open", ...FOLDS.decided]);
  const more = inStates(["open"]) > MOST ? say("first_of", { n: MOST, total: inStates(["open"]) }) : "";
  const counted = sentences(say("open_of", { open: inStates(["open"]), n }), more, say("decisions_mean"));
  find("findings").querySelector(".counted").textContent = n ? counted : say("none_found");
  for (const element of find("findings").querySelectorAll("[data-fold]")) {
    const folded = inStates(FOLDS[element.dataset.fold]);
    element.hidden = !folded;
    element.querySelector("summary").textContent = say(`${element.dataset.fold}_fold`, { n: folded });
  }
}

/** Findings that are asked for when somebody unfolds them. */
function fold(name) {
  const body = h("div", {}, ...(listed.folds[name] ?? []).map(article));
  const element = h("details", { "data-fold": name, open: name in listed.folds, ontoggle: toggled }, h("summary"), body);

  async function toggled() {
    if (!listed || element.open === (name in listed.folds)) return; // gone, or written again in the other language
    if (!element.open) {
      delete listed.folds[name];
      return drawSpots();
    }
    body.replaceChildren(h("p", { class: "note" }, say("measuring")));
    try {
      const { items, total } = await askFor(listed.audit, listed.where, FOLDS[name].join(","));
      if (!element.isConnected || !element.open) return;
      const here = new Set(listed.open.map(({ id }) => id)); // decided just now: it stays where it was
      listed.folds[name] = items.filter(({ id }) => !here.has(id));
      const first = total > items.length && h("p", { class: "note" }, say("first_of", { n: items.length, total }));
      body.replaceChildren(...[first].filter(Boolean), ...listed.folds[name].map(article));
      drawSpots();
    } catch (error) {
      body.replaceChildren(h("p", { class: "refused", role: "alert" }, error.lines?.join(" ") ?? say("no_answer")));
    }
  }
  return element;
}

/** Bring the finding of a spot on the map into view. */
export function showFinding(id) {
  const element = find("findings").querySelector(`[data-id="${CSS.escape(id)}"]`);
  element?.scrollIntoView({ block: "center" });
  element?.querySelector("button").focus();
}

const placesOf = ({ station, other }) => [station, other].filter(Boolean).map(({ lon, lat }) => [lon, lat]);

const action = (name, act, more = {}) =>
  h("button", { type: "button", class: name, title: say(`${name}_means`), onclick: act, ...more }, say(name));

function article(finding) {
  const { station, other, state } = finding;
  const reason = h("input", { placeholder: say("why"), "aria-label": say("why"), maxlength: 500 });
  const refused = h("p", { class: "refused", role: "alert", hidden: true });
  const asking = h("dialog");
  const element = h("article", { "data-id": finding.id, "data-state": state },
    h("h3", {}, h("button", { type: "button", class: "link", title: say("show_on_map"), onclick: () => mark(...placesOf(finding)) }, station.name),
      h("span", { class: `state ${state}` }, say(state))),
    h("p", {}, finding.explanation[current()]),
    finding.reason && h("p", { class: "note" }, finding.reason),
    other && ["open", "accepted"].includes(state) && h("p", { class: "acts" }, keepButton(station, other), keepButton(other, station)),
    state === "open" && h("p", { class: "acts" }, reason,
      action("accept", () => decide("accepted")), action("reject", () => decide("rejected"))),
    ["accepted", "rejected"].includes(state) && h("p", { class: "acts" }, action("reopen", () => decide("open"))),
    asking, refused);

  function keepButton(kept, gone) {
    return h("button", { type: "button", class: "keep", "data-keep": kept.id, onclick: () => askToMerge(kept, gone) }, say("keep", kept));
  }

  /** A merge has no way back here: which code goes and which stays is said before. */
  function askToMerge(kept, gone) {
    const merge = () => {
      asking.close();
      decide("accepted", { keep: kept.id });
    };
    asking.setAttribute("aria-label", say("merge_ask"));
    asking.replaceChildren(h("h2", {}, say("merge_ask")),
      h("p", {}, say("merge_gone", gone)), h("p", {}, say("merge_kept", kept)), h("p", {}, say("merge_final")),
      h("p", { class: "acts" },
        h("button", { type: "button", class: "merge", onclick: merge }, say("merge", gone)),
        h("button", { type: "button", class: "cancel", autofocus: true, onclick: () => asking.close() }, say("cancel"))));
    asking.showModal();
  }

  async function decide(to, more = {}) {
    const whole = listed;
    reason.required = to === "rejected"; // said beside the button, where it is looked for
    const said = reason.value = reason.value.trim(); // spaces are no reason
    if (!reason.reportValidity()) return;
    try {
      const decided = await ask("POST", `/v1/audits/${finding.audit}/findings/${finding.id}`, {}, { state: to, ...more, ...(said ? { reason: said } : {}) });
      if (whole !== listed) return; // another audit is listed by now
      take(finding, decided);
      const fresh = article(decided);
      element.replaceWith(fresh);
      fresh.querySelector("button").focus({ preventScroll: true }); // the button that was pressed is gone
    } catch (error) {
      refused.textContent = error.lines?.join(" ") ?? say("no_answer");
      refused.hidden = false;
    }
  }
  return element;
}

/** A finding as it was decided, in its place. */
function take(finding, decided) {
  for (const items of [listed.open, ...Object.values(listed.folds)]) {
    const index = items.indexOf(finding);
    if (index >= 0) items[index] = decided;
  }
  listed.states[finding.state]--;
  listed.states[decided.state]++;
  writeCounts();
  drawSpots();
}
