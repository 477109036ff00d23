// The weekly report: of which week, as a page to print or as CSV.

import { find } from "/web/dom.js";
import { fetched, open } from "/audit/web/ask.js";
import { keep } from "/audit/web/takeaway.js";

const PATH = "/v1/reports/weekly";
const DAY_MS = 86_400_000;
const WEEKS = 53; // that can be chosen: a year

const written = (at) => new Date(at).toISOString().slice(0, 10);

/** The week of ISO 8601 in which a day of UTC lies: it has the year of its Thursday. */
function weekOf(day) {
  const monday = day - ((new Date(day).getUTCDay() + 6) % 7) * DAY_MS;
  const thursday = monday + 3 * DAY_MS;
  const year = new Date(thursday).getUTCFullYear();
  const week = Math.floor((thursday - Date.UTC(year, 0, 1)) / DAY_MS / 7) + 1;
  return { name: `${year}-W${String(week).padStart(2, "0")}`, first: written(monday), last: written(monday + 6 * DAY_MS) };
}

/** Offer the weeks that are over in China, the last one first. */
export function offerWeeks() {
  const today = Date.parse(written(Date.now() + 8 * 3600_000));
  const weeks = Array.from({ length: WEEKS }, (_, ago) => weekOf(today - 7 * (ago + 1) * DAY_MS));
  find("week").replaceChildren(...weeks.map(({ name, first, last }) => new Option(`${name} · ${first} – ${last}`, name)));
}

const asked = ({ adcode, level }, format) => ({ region: adcode, level, week: find("week").value, format });

/** Open the report of a region as a page of its own. */
export const openReport = (region) => open(PATH, asked(region, "html"));

/** Keep it as CSV. */
export async function keepReport(region) {
  const query = asked(region, "csv");
  keep(`weekly-${region.adcode}-${query.week}.csv`, await fetched(PATH, query));
}
