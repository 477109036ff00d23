// The page a poster's code leads to. Station and token stand in the fragment, which no browser sends to a server.

import { Refused, get } from "/web/api.js";
import { find, h } from "/web/dom.js";
import { current, speaker, switchLanguage, writeWords } from "/web/language.js";

const WORDS = {
  title: ["签到 · 驿站", "Check in · Yizhan"],
  other_language: ["English", "中文"],
  check_in: ["签到", "Check in"],
  what_found: ["您看到的情况：", "What did you find?"],
  used_ok: ["正常使用", "I used it"],
  locked_in_posted_hours: ["开放时间内锁门", "Locked in posted hours"],
  entry_refused: ["拒绝进入", "Not let in"],
  registration_barrier: ["要求注册才能进入", "Registration demanded"],
  full: ["满员", "Full"],
  wrong_location: ["地图上的位置不对", "The map shows it elsewhere"],
  about_facility: ["设施有问题", "Something is wrong with a facility"],
  which_facility: ["哪项设施", "Which facility"],
  choose_facility: ["请选择设施", "Choose a facility"],
  facility_faulty: ["坏了，不能用", "It does not work"],
  facility_missing: ["没有这项设施", "It is not there"],
  sending: ["正在发送…", "Sending…"],
  noted: ["谢谢，已记录：{what}", "Thank you, noted: {what}"],
  noted_of: ["谢谢，已记录：{facility}，{what}", "Thank you, noted: {facility}. {what}"],
  another: ["报告其他情况", "Report something else"],
  failed: ["没有成功，请稍后再试。", "That did not work; please try again later."],
  offline: ["没有网络。", "No connection."],
  no_station: ["名录中没有这个站点。", "This station is not in the registry."],
  privacy: ["不记录姓名、手机号和位置。", "No name, no number, no position is kept."],
};
const say = speaker(WORDS);
const [station, token] = location.hash.slice(1).split(".");
const path = `/v1/stations/${encodeURIComponent(station)}`;
const facilities = find("facility");
let named = () => "";
let offered = []; // the words of what the station lists: [{ value, zh, en }]
let told = () => "";

// Random, kept on this phone alone: so that one rider counts once a day. The registry keeps no more than a hash.
function visitor() {
  let mine = localStorage.getItem("visitor");
  if (!mine) {
    mine = Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, "0")).join("");
    localStorage.setItem("visitor", mine);
  }
  return mine;
}

/** Write everything in the language of the page; what is chosen stays. */
function write() {
  writeWords(say);
  find("language").textContent = say("other_language");
  find("station").textContent = named();
  find("said").textContent = told();
  const chosen = facilities.value;
  facilities.replaceChildren(h("option", { value: "" }, say("choose_facility")), ...offered.map((word) => h("option", { value: word.value }, word[current()])));
  facilities.value = chosen;
}

function tell(sentence) {
  told = sentence;
  find("said").textContent = told();
  find("said").scrollIntoView({ block: "nearest" });
}

/** Send one report; what was reported stays on the page until the rider asks for another. */
async function checkIn(outcome, about) {
  const buttons = [...document.querySelectorAll("#choices button")];
  for (const button of buttons) button.disabled = true; // a second tap is not a second report
  tell(() => say("sending"));
  try {
    const answer = await fetch(`${path}/check-ins`, {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify({ outcome, visitor: visitor(), token, ...(about && { facility: about.value }) }),
    });
    tell(() => (answer.ok ? noted(outcome, about) : say("failed")));
    ask(!answer.ok);
  } catch {
    tell(() => say("offline"));
  }
  for (const button of buttons) button.disabled = false;
}

const noted = (outcome, about) =>
  about ? say("noted_of", { what: say(outcome), facility: about[current()] }) : say("noted", { what: say(outcome) });

/** Show what can be reported, or else the way back to it. */
function ask(asking) {
  find("choices").hidden = !asking;
  find("another").hidden = asking;
}

find("choices").addEventListener("click", ({ target: { value: outcome, tagName } }) => {
  if (tagName !== "BUTTON") return;
  if (!outcome.startsWith("facility_")) return checkIn(outcome);
  const about = offered.find(({ value }) => value === facilities.value);
  if (about) return checkIn(outcome, about);
  tell(() => say("choose_facility"));
  facilities.focus();
});
find("another").addEventListener("click", () => {
  facilities.value = "";
  tell(() => "");
  ask(true);
});
find("language").addEventListener("click", () => {
  switchLanguage();
  write();
});

write();
try {
  const { properties } = await get(path);
  named = () => properties.name;
  write();
  const { facility: words } = await get("/v1/vocabulary");
  offered = words.filter(({ value }) => properties.facilities.some(({ facility }) => facility === value));
  find("about-facility").hidden = offered.length === 0;
  write();
} catch (error) {
  if (error instanceof Refused) named = () => say("no_station");
  write();
}
