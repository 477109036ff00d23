// Findings: listed with their explanation, accepted or rejected with a reason.

import { find, h } from "/web/dom.js";
import { current } from "/web/language.js";
import { mark, point, show } from "/audit/web/atlas.js";
import { ask } from "/audit/web/ask.js";
import { say } from "/audit/web/words.js";

const AUDITS = ["mislocated", "duplicates", "idle", "hours", "stale", "incomplete", "visit-anomalies"];
const MOST = 100;
let listed = null; // the audit, its findings, and how many there are

/** A button for each audit; the one that is listed is pressed. */
export function nameAudits(choose) {
  find("audits").replaceChildren(...AUDITS.map((audit) =>
    h("button", { type: "button", class: "chip", "data-audit": audit, "aria-pressed": String(listed?.audit === audit), onclick: () => choose(audit) }, say(audit))));
}

/** Ask for the findings of an audit; answers what shows them. */
export async function askFindings(audit, { region, level }) {
  const { items, total } = await ask("GET", `/v1/audits/${audit}`, { region, level, limit: MOST });
  return () => {
    listed = { audit, items, total };
    writeFindings();
  };
}

/** No findings of any audit, for another region. */
export function forgetFindings() {
  listed = null;
  writeFindings();
}

/** Show what is listed in the language of the moment. */
export function writeFindings() {
  show("found", (listed?.items ?? []).filter(({ state }) => state !== "mended").map(({ id, station }) => point(station.lon, station.lat, { id })));
  for (const button of find("audits").children) button.setAttribute("aria-pressed", String(listed?.audit === button.dataset.audit));
  if (!listed) return find("findings").replaceChildren();
  const { audit, items, total } = listed;
  const counted = total > items.length ? say("first_of", { n: items.length, total }) : say("found_in_all", { n: total });
  return find("findings").replaceChildren(
    h("p", { class: "note" }, say(`${audit}_means`)),
    items.length ? h("p", { class: "note" }, counted, " ", say("decisions_mean")) : h("p", {}, say("none_found")),
    ...items.map(article));
}

/** Bring the finding of a spot on the map into view. */
export function showFinding(id) {
  const element = find("findings").querySelector(`[data-id="${CSS.escape(id)}"]`);
  element?.scrollIntoView({ block: "center" });
  element?.querySelector("button").focus();
}

const placesOf = ({ station, other }) => [station, other].filter(Boolean).map(({ lon, lat }) => [lon, lat]);

function article(finding) {
  const reason = h("input", { placeholder: say("why"), "aria-label": say("why"), maxlength: 500 });
  const refused = h("p", { class: "refused", role: "alert", hidden: true });
  const element = h("article", { "data-id": finding.id, "data-state": finding.state },
    h("h3", {}, h("button", { type: "button", class: "link", title: say("show_on_map"), onclick: () => mark(...placesOf(finding)) }, finding.station.name),
      h("span", { class: `state ${finding.state}` }, say(finding.state))),
    h("p", {}, finding.explanation[current()]),
    finding.reason && h("p", { class: "note" }, finding.reason),
    finding.other && ["open", "accepted"].includes(finding.state) && h("p", { class: "acts" }, ...[finding.station, finding.other].map((kept) =>
      h("button", { type: "button", class: "keep", "data-keep": kept.id, onclick: () => decide("accepted", { keep: kept.id }) }, say("keep", kept)))),
    finding.state === "open" && h("p", { class: "acts" }, reason,
      h("button", { type: "button", class: "accept", title: say("accept_means"), onclick: () => decide("accepted") }, say("accept")),
      h("button", { type: "button", class: "reject", title: say("reject_means"), onclick: () => decide("rejected") }, say("reject"))),
    refused);

  async function decide(state, more = {}) {
    reason.required = state === "rejected"; // said beside the button, where it is looked for
    if (!reason.reportValidity()) return;
    const said = reason.value.trim();
    try {
      const decided = await ask("POST", `/v1/audits/${finding.audit}/findings/${finding.id}`, {}, { state, ...more, ...(said ? { reason: said } : {}) });
      listed.items = listed.items.map((one) => (one === finding ? decided : one));
      element.replaceWith(article(decided));
    } catch (error) {
      refused.textContent = error.lines?.join(" ") ?? say("no_answer");
      refused.hidden = false;
    }
  }
  return element;
}
