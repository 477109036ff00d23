// Signing in and out: whose key it is, and where it may look. What is wrong is said in plain words, on the form.

import { regionName } from "/web/language.js";
import { find } from "/web/dom.js";
import { ask, setKey } from "/audit/web/ask.js";
import { say } from "/audit/web/words.js";

const COUNTRY = "100000";
let who = null; // whose key it is: role, name of the organisation, and `home`, the region it is for (null: all)
let wrong = null; // what the form says

/** What an error means to somebody who does not know the API. */
export function inWords(error) {
  if (error.status === 401) return say("key_wrong");
  if (error.status === 403) return say("outside");
  if (error.status === 404) return say("no_region");
  if (error.status === 503 || error.status === 429) return say("too_busy");
  return error.lines?.join(" ") ?? say("no_answer");
}

/** Whether the key may look at a division. */
export const mayVisit = ({ adcode, parents = [] }) =>
  !who?.home || [adcode, ...parents.map((parent) => parent.adcode)].includes(who.home.adcode);

/** Whose key it is, in words. */
export const whose = () => who && say("signed_in", { name: who.name, region: who.home ? regionName(who.home) : say("whole_country") });

/** Try what stands in the form; `enter(region)` is called when the key is good and is for the region. */
export async function signIn(enter) {
  const [key, code] = ["key", "region"].map((id) => find(id).value.trim());
  setKey(key);
  refuse(null);
  find("sign-in").disabled = true;
  try {
    const told = await ask("GET", "/v1/keys/self");
    if (told.role === "host") return refuse(() => say("host_key"));
    const home = told.role === "admin" || !told.region || told.region === COUNTRY ? null : await ask("GET", `/v1/regions/${told.region}`);
    who = { ...told, home };
    const region = code ? await ask("GET", `/v1/regions/${code}`) : home ?? (await ask("GET", `/v1/regions/${COUNTRY}`));
    if (!mayVisit(region)) return refuse(() => say("other_region", { region: regionName(home), code: home.adcode }));
    find("key").value = "";
    show(true);
    enter(region);
  } catch (error) {
    refuse(() => inWords(error));
  } finally {
    find("sign-in").disabled = false;
  }
}

/** Forget the key and show the form again, with why. */
export function signOut(why = null) {
  setKey("");
  who = null;
  show(false);
  refuse(why);
  find("key").focus();
}

function refuse(words) {
  wrong = words;
  if (words) setKey("");
  writeSign();
}

function show(signedIn) {
  find("enter").hidden = signedIn;
  document.querySelector("main").hidden = !signedIn;
  writeSign();
}

/** Say it in the language of the moment. */
export function writeSign() {
  find("refused").textContent = wrong?.() ?? "";
  find("refused").hidden = !wrong;
  find("whose").textContent = whose() ?? "";
}
