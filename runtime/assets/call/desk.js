// What is asked of the server, and what it tells.

import * as token from "/view/assets/token.js";

// An answer takes milliseconds and a round trip.
const ANSWER_MS = 10_000;

/** What a server said no with. */
export class Refusal extends Error {
  constructor(status, text) {
    super(text || `the server answers ${status}`);
    this.status = status;
  }
}

export async function ask(path, body) {
  const post = body && { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body) };
  const options = { ...post, headers: { ...post?.headers, ...token.headers() }, signal: AbortSignal.timeout(ANSWER_MS) };
  const answer = await fetch(`/api/call/${path}`, options);
  if (!answer.ok) throw new Refusal(answer.status, await answer.text());
  return answer.json();
}

/** An address for what takes no headers. */
export function address(path, scheme = location.protocol) {
  return `${scheme}//${location.host}/api/call/${path}?${token.query()}`;
}

/** A WebSocket's. */
export function socket(path) {
  return address(path, location.protocol === "https:" ? "wss:" : "ws:");
}

/** Hears of `names` until it is closed; `lost` is called while nobody tells anything. */
export function hear(path, names, lost = () => {}) {
  const source = new EventSource(address(path));
  for (const [name, tell] of Object.entries(names)) source.addEventListener(name, ({ data }) => tell(JSON.parse(data)));
  source.onerror = lost;
  return source;
}
