// The API by fetch: a problem becomes an error, and "not now" becomes "again in a moment".

const PATIENCE_MS = 20_000;
const LONGEST_PAUSE_S = 30;
const waiting = new Map();
let tell = () => {};

/** What the API refused: its `status`, and in `lines` all it said (RFC 9457). */
export class Refused extends Error {
  constructor(status, body) {
    const lines = [body?.detail ?? `HTTP ${status}`, ...(body?.errors ?? []).map((error) => error.message)];
    super(lines[0]);
    this.status = status;
    this.lines = lines;
  }
}

/** Call `listener` with the seconds until the next attempt while the server does not answer, with null when it does. */
export function whenWaiting(listener) {
  tell = listener;
}

/** The JSON at `path`; tries again for as long as it takes while the server is away or says 503 or 429. */
export async function get(path, signal) {
  const token = {};
  try {
    for (let pause = 2; ; pause = Math.min(pause * 2, LONGEST_PAUSE_S)) {
      const answer = await attempt(path, signal);
      if (answer.body) return answer.body;
      await sleep(token, answer.retryAfter || pause, signal);
    }
  } finally {
    waiting.delete(token);
    announce();
  }
}

/** One try: `{body}`, or `{retryAfter}` in seconds (0 when nobody said) for another one. */
async function attempt(path, signal) {
  const watch = new AbortController();
  const stop = () => watch.abort();
  const timer = setTimeout(stop, PATIENCE_MS);
  signal?.addEventListener("abort", stop);
  try {
    const response = await fetch(path, { signal: watch.signal, headers: { Accept: "application/geo+json, application/json" } });
    if (response.status === 503 || response.status === 429) {
      return { retryAfter: Number(response.headers.get("Retry-After")) || 0 };
    }
    const body = await response.json().catch(() => null);
    if (!response.ok || body === null) throw new Refused(response.status, body);
    return { body };
  } catch (error) {
    if (signal?.aborted) throw error;
    if (error instanceof Refused) throw error;
    return { retryAfter: 0 };
  } finally {
    clearTimeout(timer);
    signal?.removeEventListener("abort", stop);
  }
}

/** Wait, and say so; the network's return or the caller's change of mind ends it. */
function sleep(token, seconds, signal) {
  waiting.set(token, seconds);
  announce();
  return new Promise((resolve, reject) => {
    const done = () => {
      clearTimeout(timer);
      removeEventListener("online", done);
      signal?.removeEventListener("abort", stop);
      resolve();
    };
    const stop = () => {
      done();
      reject(new DOMException("The search was given up.", "AbortError"));
    };
    const timer = setTimeout(done, seconds * 1000);
    addEventListener("online", done);
    signal?.addEventListener("abort", stop);
  });
}

function announce() {
  tell(waiting.size ? Math.max(...waiting.values()) : null);
}
