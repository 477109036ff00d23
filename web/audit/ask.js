// The API with a key. The key is kept here and nowhere else.

import { Refused } from "/web/api.js";

let key = "";

export function setKey(given) {
  key = given;
}

async function answer(method, path, query, body) {
  const said = new URLSearchParams(Object.entries(query).filter(([, value]) => value !== undefined && value !== null));
  const headers = { Authorization: `Bearer ${key}`, ...(body ? { "Content-Type": "application/json" } : {}) };
  const response = await fetch(`${path}?${said}`, { method, headers, body: body && JSON.stringify(body) });
  if (response.ok) return response;
  throw new Refused(response.status, await response.json().catch(() => null));
}

/** The JSON that is answered; what was refused is an error with its status and the server's words. */
export const ask = async (method, path, query = {}, body = null) => (await answer(method, path, query, body)).json();

/** What is answered as a file. */
export const fetched = async (path, query) => (await answer("GET", path, query)).blob();

/** Open what is answered as a page of its own. */
export async function open(path, query) {
  const address = URL.createObjectURL(await fetched(path, query));
  window.open(address, "_blank", "noopener");
  setTimeout(() => URL.revokeObjectURL(address), 60_000);
}
