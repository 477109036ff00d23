// Every word of the auditor's page, in both languages.

const WORDS = {
  title: ["驿站核查与规划", "Audit and planning"],
  other_language: ["English", "中文"],
  key: ["工会密钥", "Union key"],
  region: ["行政区划代码（不填则从全国开始）", "Region code (the country when left out)"],
  enter: ["进入", "Enter"],
  key_note: ["密钥只留在本页内存里，关闭即忘。", "The key stays in this page's memory and is forgotten when it closes."],
  radius: ["服务半径", "Radius"],
  time: ["时刻", "Time of day"],
  any_time: ["不限", "any"],
  count: ["建议数量", "How many sites"],
  gaps: ["覆盖空白", "Gaps"],
  siting: ["选址建议", "Suggest sites"],
  report: ["周报（可打印）", "Weekly report (print)"],
  measuring: ["正在计算…", "Measuring…"],
  stations: ["站点", "Stations"],
  area_share: ["面积覆盖率", "Share of area"],
  demand_share: ["需求覆盖率", "Share of demand"],
  demand_median_distance_m: ["需求点距离中位数", "Median distance of demand"],
  demand_p90_distance_m: ["需求点距离九成位", "90 % of demand within"],
  stations_per_10000: ["每万人站点数", "Stations per 10,000"],
  close_pairs: ["相距 200 米内的站点对", "Pairs within 200 m"],
  straight: ["距离为直线距离", "Distances are straight lines"],
  found_gaps: ["{n} 处空白，按人口排序", "{n} gaps, most people first"],
  gap: ["{people} 人 · {area} 平方公里", "{people} people · {area} km²"],
  found_sites: ["需求覆盖率 {before} → {after}；理论上限 {bound}", "Share of demand {before} → {after}; at most {bound}"],
  site: ["+{gain}，累计 {share}", "+{gain}, then {share}"],
  mislocated: ["位置存疑", "Mislocated"],
  duplicates: ["疑似重复", "Duplicates"],
  idle: ["僵尸站点", "Idle"],
  hours: ["未按时开放", "Hours not kept"],
  stale: ["久未核实", "Stale"],
  incomplete: ["信息不全", "Incomplete"],
  "visit-anomalies": ["人次异常", "Odd counts"],
  none_found: ["没有发现", "Nothing found"],
  keep: ["合并，保留“{name}”（{code}）", "Merge, keep “{name}” ({code})"],
  accept: ["属实，请更正", "Accept"],
  reject: ["不成立", "Reject"],
  why: ["理由", "Reason"],
  open: ["待处理", "open"],
  accepted: ["已确认", "accepted"],
  rejected: ["已驳回", "rejected"],
  mended: ["已改正", "mended"],
};

const LANGUAGES = ["zh", "en"];
let language = navigator.language.startsWith("zh") ? "zh" : "en";

export const current = () => language;

/** Change to the other language. */
export function turn() {
  language = LANGUAGES[1 - LANGUAGES.indexOf(language)];
}

/** A word, with what stands in braces filled in. */
export const say = (word, values = {}) =>
  WORDS[word][LANGUAGES.indexOf(language)].replace(/\{(\w+)\}/g, (_, name) => values[name]);

export const share = (value) => (value === null ? "–" : `${(value * 100).toFixed(2)} %`);
export const metres = (value) => (value === null ? "–" : value < 1000 ? `${Math.round(value)} m` : `${(value / 1000).toFixed(1)} km`);
export const count = (value) => (value === null ? "–" : value.toLocaleString(language === "zh" ? "zh-CN" : "en", { maximumFractionDigits: 3 }));
