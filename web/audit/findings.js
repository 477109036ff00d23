// Findings: listed with their explanation, accepted or rejected with a reason.

import { find, h } from "/web/dom.js";
import { lookNear } from "/audit/web/atlas.js";
import { ask } from "/audit/web/ask.js";
import { current, say } from "/audit/web/words.js";

const AUDITS = ["mislocated", "duplicates", "idle", "hours", "stale", "incomplete", "visit-anomalies"];

/** A button for each audit. */
export function nameAudits(choose) {
  find("audits").replaceChildren(...AUDITS.map((audit) => h("button", { type: "button", "data-audit": audit, onclick: () => choose(audit) }, say(audit))));
}

/** The findings of an audit; answers what shows them. */
export async function listFindings(audit, { region, level }) {
  const { items } = await ask("GET", `/v1/audits/${audit}`, { region, level, limit: 100 });
  return () => find("findings").replaceChildren(...(items.length ? items.map(article) : [h("p", {}, say("none_found"))]));
}

function article(finding) {
  const reason = h("input", { placeholder: say("why"), "aria-label": say("why"), maxlength: 500 });
  const element = h("article", { "data-id": finding.id, "data-state": finding.state },
    h("h3", {}, h("button", { type: "button", class: "plain", onclick: () => lookNear(finding.station.lon, finding.station.lat) }, finding.station.name)),
    h("p", {}, finding.explanation[current()]),
    h("p", { class: "state" }, say(finding.state), finding.reason ? ` · ${finding.reason}` : ""),
    finding.other && ["open", "accepted"].includes(finding.state) && h("p", { class: "go" }, ...[finding.station, finding.other].map((kept) =>
      h("button", { type: "button", class: "keep", "data-keep": kept.id, onclick: () => decide("accepted", { keep: kept.id }) }, say("keep", kept)))),
    finding.state === "open" && h("p", { class: "go" }, reason,
      h("button", { type: "button", class: "accept", onclick: () => decide("accepted") }, say("accept")),
      h("button", { type: "button", class: "reject", onclick: () => decide("rejected") }, say("reject"))));

  async function decide(state, more = {}) {
    reason.required = state === "rejected"; // said beside the button, where it is looked for
    if (!reason.reportValidity()) return;
    const said = reason.value.trim();
    try {
      const decided = await ask("POST", `/v1/audits/${finding.audit}/findings/${finding.id}`, {}, { state, ...more, ...(said ? { reason: said } : {}) });
      element.replaceWith(article(decided));
    } catch (error) {
      find("status").textContent = error.message;
    }
  }
  return element;
}
