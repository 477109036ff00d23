// Divisions by name, for both pages: the server knows the Chinese names, this page the English ones of the provinces.

import { get } from "/web/api.js";
import { provincesNamed } from "/web/language.js";

/** Up to `most` divisions in whose name a text stands, or whose code begins so, the highest first. */
export async function regionsNamed(text, most) {
  try {
    const english = provincesNamed(text).map((adcode) => get(`/v1/regions/${adcode}`));
    const { items } = await get(`/v1/regions?q=${encodeURIComponent(text.slice(0, 50))}&limit=100`);
    const all = [...(await Promise.all(english)), ...items].filter(({ level }) => level !== "country");
    const found = new Map(all.map((region) => [`${region.name} ${region.adcode}`, region]).reverse()); // 北京市 stands at two levels
    return [...found.values()].reverse().slice(0, most);
  } catch (error) {
    console.info(error);
    return [];
  }
}
