// Every word of the riders' page, in both languages, and how hours and days are said. The words of the domain (kinds,
// facilities, ways in) come from /v1/vocabulary.

import { column, current, locale, speaker } from "/web/language.js";

const WORDS = {
  brand: ["驿站", "Yizhan"],
  brand_line: ["户外劳动者服务站点", "outdoor-worker service stations"],
  title: ["驿站 · 户外劳动者服务站点地图", "Yizhan · map of outdoor-worker service stations"],
  other_language: ["English", "中文"],
  skip_to_list: ["跳到列表", "Skip to the list"],
  map: ["站点地图。按方向键移动，加减键缩放，回车键查找地图中心附近的站点",
    "Map of stations. Arrow keys move, plus and minus zoom, Enter finds the stations nearest to the centre"],
  zoom_in: ["放大", "Zoom in"],
  zoom_out: ["缩小", "Zoom out"],
  legend: ["图例", "Legend"],
  more_or_less: ["展开或收起列表", "Open or fold the list"],
  near_me: ["离我最近", "Nearest to me"],
  near_me_privacy: ["您的位置只发给本服务器用于这一次查找，从不保存",
    "Your position is sent to this server alone, for this search only, and is never stored"],
  near_centre: ["地图中心", "Map centre"],
  near_centre_title: ["查找地图中心附近的站点", "Find the stations nearest to the centre of the map"],
  search: ["搜索", "Search"],
  search_hint: ["名称、地址、编码或城市", "Name, address, code or city"],
  filters: ["筛选", "Filters"],
  all_filters: ["全部筛选", "All filters"],
  clear_filters: ["清除筛选", "Clear filters"],
  no_registration: ["无需登记", "No registration"],
  facilities_all: ["设施（须全部具备）", "Facilities (all of them)"],
  kinds_any: ["类型（任一）", "Kind (any of them)"],
  entry_any: ["进入方式（任一）", "Way in (any of them)"],
  privacy: ["位置只用于当次查找，从不保存；本页不用 Cookie，也不访问其他网站。",
    "Positions serve one search and are never stored. This page sets no cookies and contacts no other site."],
  audit_page: ["工会核查与规划", "For unions: audit and planning"],
  api_docs: ["开放接口文档", "API documentation"],
  welcome: ["点按地图上任意一处，或按“离我最近”，查找最近的站点。",
    "Tap anywhere on the map, or press “Nearest to me”, to find the nearest stations."],
  starting: ["正在打开地图…", "Opening the map…"],
  locating: ["正在定位…", "Finding your position…"],
  searching: ["正在查找…", "Searching…"],
  found_near: ["最近的 {n} 个站点", "The {n} nearest stations", "The nearest station"],
  found_all: ["{radius}内共 {n} 个站点", "{n} stations within {radius}", "One station within {radius}"],
  found_none: ["{radius}内没有站点", "There is no station within {radius}"],
  found_none_filtered: ["{radius}内没有符合筛选条件的站点", "No station within {radius} passes the filters"],
  accuracy: ["{found}，定位精度约 ±{radius}", "{found}; your position is accurate to about ±{radius}"],
  straight: ["距离为直线距离", "Distances are straight lines"],
  refused: ["未获得定位权限。请在浏览器设置中允许，或直接点按地图。",
    "The browser may not use your position. Allow it in the settings, or tap the map instead."],
  unlocated: ["暂时无法定位。请到开阔处重试，或直接点按地图。",
    "Your position could not be found. Try again in the open, or tap the map instead."],
  insecure: ["浏览器只在 HTTPS 页面提供定位。请直接点按地图。",
    "Browsers give positions to HTTPS pages only. Tap the map instead."],
  outside: ["此处无法查找。", "No search is possible here."],
  failed: ["服务器拒绝了请求。", "The server refused."],
  away: ["服务器暂时无法应答，{n} 秒后自动重试…", "The server does not answer; trying again in {n} s…",
    "The server does not answer; trying again in 1 s…"],
  no_webgl: ["此浏览器无法显示地图；列表和搜索仍可使用。", "This browser cannot draw the map; list and search work."],
  shown_cells: ["此范围内共 {n} 个站点；放大可看每一个", "{n} stations in this view; zoom in to see each"],
  shown_first: ["此范围站点过多，仅显示前 {n} 个；放大地图可看全部", "Too many stations here: showing the first {n}; zoom in for all"],
  shown_loading: ["正在加载站点…", "Loading stations…"],
  shown_none: ["此范围内没有站点", "No stations in this view"],
  shown_none_filtered: ["此范围内没有符合筛选条件的站点", "No station in this view passes the filters"],
  results: ["“{q}”的搜索结果", "Results for “{q}”"],
  results_none: ["没有找到“{q}”", "Nothing found for “{q}”"],
  results_filtered: ["“{q}”的搜索结果（符合筛选条件）", "Results for “{q}” that pass the filters"],
  results_none_filtered: ["没有符合筛选条件的“{q}”", "Nothing found for “{q}” that passes the filters"],
  results_more: ["仅显示前 {n} 个，请输入更多文字", "Showing the first {n} only; type more"],
  go_to: ["前往{name}", "Go to {name}"],
  back: ["返回", "Back"],
  navigate: ["导航到这里", "Directions"],
  amap: ["高德地图", "AMap"],
  baidu: ["百度地图", "Baidu Maps"],
  tencent: ["腾讯地图", "Tencent Maps"],
  new_window: ["在新窗口打开", "opens in a new window"],
  synthetic: ["演示数据", "Demonstration data"],
  synthetic_long: ["演示数据：不是真实地点", "Demonstration data: not a real place"],
  synthetic_all: ["演示数据：以下均不是真实地点", "Demonstration data: none of these is a real place"],
  address: ["地址", "Address"],
  hours: ["开放时间", "Hours"],
  hours_unknown: ["开放时间未知", "Hours not known"],
  closures: ["停用安排", "Closures"],
  closure: ["{from} 至 {to}：{reason}", "{from} to {to}: {reason}"],
  closure_open: ["{from} 起：{reason}", "from {from}: {reason}"],
  daily: ["每天", "daily"],
  workdays: ["周一至周五指法定工作日：节假日不开放，调休上班日开放",
    "Weekdays are working days: closed on statutory holidays, open on make-up working days"],
  staffed: ["有人值守：{hours}", "Staffed: {hours}"],
  entry: ["进入方式", "Way in"],
  entry_unknown: ["进入方式未知", "Way in not known"],
  registration_required: ["需要登记", "Registration required"],
  facilities: ["设施", "Facilities"],
  not_working: ["{facility}（{state}）", "{facility} ({state})"],
  facilities_unknown: ["设施未知", "Facilities not known"],
  loading: ["正在加载…", "Loading…"],
  serves: ["服务对象", "For"],
  capacity: ["可容纳", "Room for"],
  people: ["{n} 人", "{n} people", "one person"],
  area: ["面积", "Area"],
  square_metres: ["{n} 平方米", "{n} m²"],
  level: ["楼层", "Floor"],
  ground_floor: ["一层", "ground floor"],
  floor_up: ["{n} 层", "{n}"],
  floor_down: ["地下 {n} 层", "{n} below ground"],
  entrance_note: ["入口", "Entrance"],
  phone: ["电话", "Telephone"],
  managed_by: ["管理单位", "Managed by"],
  tier: ["建设等级", "Tier"],
  code: ["站点编码", "Station code"],
  copy: ["复制", "Copy"],
  copied: ["已复制", "Copied"],
  verified: ["核实于 {day}", "Verified {day}"],
  updated: ["更新于 {day}", "Updated {day}"],
  open: ["现在开放", "Open now"],
  open_until: ["现在开放，至 {when}", "Open now until {when}"],
  closed: ["现在未开放", "Closed now"],
  closed_until: ["现在未开放，{when} 开放", "Closed now, opens {when}"],
  near_boundary: ["邻近区界，所属区县仅供参考", "near a border: the district is uncertain"],
};

const DIRECTIONS = [
  ["北", "N"], ["东北", "NE"], ["东", "E"], ["东南", "SE"], ["南", "S"], ["西南", "SW"], ["西", "W"], ["西北", "NW"],
];

const HOURS = {
  "24/7": ["全天 24 小时", "24 hours a day"], PH: ["法定节假日", "public holidays"], off: ["不开放", "closed"],
  closed: ["不开放", "closed"], unknown: ["不确定", "not certain"], open: ["开放", "open"], week: ["周次", "week"],
  Mo: ["周一", "Mon"], Tu: ["周二", "Tue"], We: ["周三", "Wed"], Th: ["周四", "Thu"], Fr: ["周五", "Fri"],
  Sa: ["周六", "Sat"], Su: ["周日", "Sun"], Jan: ["1月", "Jan"], Feb: ["2月", "Feb"], Mar: ["3月", "Mar"],
  Apr: ["4月", "Apr"], May: ["5月", "May"], Jun: ["6月", "Jun"], Jul: ["7月", "Jul"], Aug: ["8月", "Aug"],
  Sep: ["9月", "Sep"], Oct: ["10月", "Oct"], Nov: ["11月", "Nov"], Dec: ["12月", "Dec"],
};

let vocabulary = {};

/** A sentence of the table: `say("found_near", { n: 10 })`. */
export const say = speaker(WORDS);

/** Take the words of the domain, as `/v1/vocabulary` gives them. */
export function learn(words) {
  vocabulary = words;
}

/** The values of an enumeration in the registry's order: `values("station_kind")`. */
export const values = (enumeration) => (vocabulary[enumeration] ?? []).map((word) => word.value);

/** What an enumeration's value is called: `label("facility", "fan")`. */
export function label(enumeration, value) {
  return vocabulary[enumeration]?.find((word) => word.value === value)?.[current()] ?? value;
}

/** A facility in a state other than working: 微波炉（故障）. */
export const notWorking = (facility, status) =>
  say("not_working", { facility: label("facility", facility), state: label("facility_status", status).toLowerCase() });

/** Values in a row: 、 or comma. */
export const list = (parts) => parts.join(current() === "zh" ? "、" : ", ");

/** One of eight directions for degrees from north, "" on the spot itself. */
export const direction = (degrees) => (Number.isFinite(degrees) ? DIRECTIONS[Math.round(degrees / 45) % 8][column()] : "");

/** A floor, from its OSM level: 0 is the ground floor, which China counts as the first. */
export function floor(level) {
  const n = Number(level);
  if (!Number.isInteger(n)) return level;
  if (n === 0) return say("ground_floor");
  return n > 0 ? say("floor_up", { n: current() === "zh" ? n + 1 : n }) : say("floor_down", { n: -n });
}

/** A day in China, of an RFC 3339 instant. */
export const day = (instant) =>
  new Intl.DateTimeFormat(locale(), { dateStyle: "medium", timeZone: "Asia/Shanghai" }).format(new Date(instant));

const CLOCK = { hour: "2-digit", minute: "2-digit", hourCycle: "h23", timeZone: "Asia/Shanghai" };

/** The day of an instant in China as a number, to count days by. */
const dayNumber = (at) => Date.parse(at.toLocaleDateString("en-CA", { timeZone: "Asia/Shanghai" })) / 86_400_000;
const yearOf = (at) => at.toLocaleDateString("en-CA", { timeZone: "Asia/Shanghai" }).slice(0, 4);

const written = (at, more) =>
  new Intl.DateTimeFormat(locale(), { ...more, ...CLOCK }).format(at).replace(/([\u4e00-\u9fff])(?=\d\d:)/, "$1 ").replace(/,(?= \d\d:)/, "");

/** The time of an instant in China: alone today, with its weekday in the six days that follow, else with its date. */
export function moment(instant, now = new Date()) {
  const ahead = dayNumber(new Date(instant)) - dayNumber(now);
  if (ahead < 0 || ahead > 6) return dated(instant, now);
  return written(new Date(instant), ahead ? { weekday: "short" } : {});
}

/** An instant in China with its date, and its year when that is not this one. */
export function dated(instant, now = new Date()) {
  const at = new Date(instant);
  return written(at, { month: "short", day: "numeric", ...(yearOf(at) !== yearOf(now) && { year: "numeric" }) });
}

/** OSM opening_hours in words: `Mo-Fr 09:00-17:00; PH off` is 周一至周五 09:00–17:00；法定节假日不开放. */
export function hours(text) {
  const [to, comma, semicolon] = current() === "zh" ? ["至", "、", "；"] : ["–", ", ", "; "];
  return text
    .split(/("[^"]*")/) // comments are the host's own words
    .map((part, index) => (index % 2 ? part.slice(1, -1) : part
      .replace(/\bMo-Su\b/g, say("daily"))
      .replace(/(\d)-(?=\d)/g, "$1–")
      .replace(/-/g, to)
      .replace(/\b(24\/7|[A-Z][a-z]{1,2}|PH|off|closed|unknown|open|week)\b/g, (word) => HOURS[word]?.[column()] ?? word)
      .replace(/ ?(;|\|\|) ?/g, semicolon)
      .replace(/, ?/g, comma)))
    .join("")
    .replace(/([\u4e00-\u9fff]) (?=[\u4e00-\u9fff])/g, "$1");
}
