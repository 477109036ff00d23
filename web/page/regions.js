// Provinces and cities by name, for the search box.

import { get } from "/web/api.js";
import { regionName } from "/web/words.js";

const MOST = 3;
let regions = null;

/** Provinces and cities whose name begins so, and where they lie. */
export async function regionsNamed(q) {
  regions ??= Promise.all(["province", "city"].map((level) => get(`/v1/regions?level=${level}&limit=500`)));
  try {
    const all = (await regions).flatMap(({ items }) => items);
    const named = all.filter((region) => [region.name, regionName(region).toLowerCase()].some((name) => name.startsWith(q.toLowerCase())));
    return [...new Map(named.map((region) => [region.name, region])).values()].slice(0, MOST); // 北京市 stands at two levels
  } catch (error) {
    regions = null;
    console.info(error);
    return [];
  }
}
