// Which language a page speaks, and how numbers, metres and divisions are said in it; both pages, which share the choice.
// What a page says is its own words.js.

const PROVINCES = {
  110000: "Beijing", 120000: "Tianjin", 130000: "Hebei", 140000: "Shanxi", 150000: "Inner Mongolia", 210000: "Liaoning",
  220000: "Jilin", 230000: "Heilongjiang", 310000: "Shanghai", 320000: "Jiangsu", 330000: "Zhejiang", 340000: "Anhui",
  350000: "Fujian", 360000: "Jiangxi", 370000: "Shandong", 410000: "Henan", 420000: "Hubei", 430000: "Hunan",
  440000: "Guangdong", 450000: "Guangxi", 460000: "Hainan", 500000: "Chongqing", 510000: "Sichuan", 520000: "Guizhou",
  530000: "Yunnan", 540000: "Xizang", 610000: "Shaanxi", 620000: "Gansu", 630000: "Qinghai", 640000: "Ningxia",
  650000: "Xinjiang", 710000: "Taiwan", 810000: "Hong Kong", 820000: "Macao",
};

const REMEMBERED = "yizhan.language";
let language = navigator.language?.toLowerCase().startsWith("zh") ? "zh" : "en";
try {
  language = { zh: "zh", en: "en" }[localStorage.getItem(REMEMBERED)] ?? language;
} catch { /* storage may be forbidden; the choice then lasts as long as the page */ }

/** "zh" or "en". */
export const current = () => language;
export const column = () => (language === "zh" ? 0 : 1);
export const locale = () => (language === "zh" ? "zh-CN" : "en-GB");

/** Change to the other language, and remember it. */
export function switchLanguage() {
  language = language === "zh" ? "en" : "zh";
  try {
    localStorage.setItem(REMEMBERED, language);
  } catch { /* as above */ }
}

/** What says a sentence of a table, `{ key: [Chinese, English, English for one] }`, with what stands in braces filled in. */
export const speaker = (words) => (key, given = {}) => {
  const forms = words[key];
  const form = language === "en" && given.n === 1 && forms[2] ? forms[2] : forms[column()];
  return form.replace(/\{(\w+)\}/g, (_, name) => (typeof given[name] === "number" ? number(given[name]) : given[name]));
};

export const number = (value) => new Intl.NumberFormat(locale(), { maximumFractionDigits: 1 }).format(value);

/** Metres as a rider reads them: 350 m, 1.2 km, 14 km. */
export function distance(metres) {
  const [m, km] = language === "zh" ? ["米", "公里"] : ["m", "km"];
  if (Math.round(metres) < 1000) return `${Math.round(metres)} ${m}`;
  return `${number(metres < 9950 ? Math.round(metres / 100) / 10 : Math.round(metres / 1000))} ${km}`;
}

/** A division's name on the map; provinces have English ones, cities are written as on their signs. */
export const regionName = ({ adcode, level, name }) => (language === "en" && (level === "country" ? "China" : level === "province" && PROVINCES[adcode])) || name;

/** The provinces whose English name begins so: the server knows the Chinese ones. */
export const provincesNamed = (text) =>
  Object.keys(PROVINCES).filter((adcode) => text && PROVINCES[adcode].toLowerCase().startsWith(text.toLowerCase()));

/** Write all words of the static page. */
export function writeWords(say) {
  document.documentElement.lang = locale();
  document.title = say("title");
  for (const element of document.querySelectorAll("[data-word]")) element.textContent = say(element.dataset.word);
  for (const element of document.querySelectorAll("[data-title]")) element.title = say(element.dataset.title);
  for (const element of document.querySelectorAll("[data-label]")) element.setAttribute("aria-label", say(element.dataset.label));
  for (const element of document.querySelectorAll("[data-placeholder]")) element.placeholder = say(element.dataset.placeholder);
}
