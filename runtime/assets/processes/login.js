// Logging in to the API of processes, where that asks for a name and a password. It lasts as long as the tab.

import * as token from "/view/assets/token.js";

const RENEWAL = "understudy.renewal";
const ANSWER_MS = 5_000;

const ask = (address, options = {}) => fetch(address, { ...options, signal: AbortSignal.timeout(ANSWER_MS) });

/** Whether names and passwords are asked for. */
export async function isOffered(base) {
  const answer = await ask(`${base}/api`);
  const { auths = [] } = answer.ok ? await answer.json() : {};
  return auths.includes("localjwt");
}

/** Why nobody is logged in; nothing if somebody is. */
export async function enter(base, username, password) {
  const answer = await ask(`${base}/api/login`, {
    method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify({ username, password }),
  });
  if (answer.status === 429) return "Too many try to log in: try again in a moment";
  if (answer.status === 401) return "The name or the password is wrong";
  if (!answer.ok) return `It did not work: ${answer.status} ${answer.statusText}`;
  const { access_token: access, refresh_token: renewal } = await answer.json();
  token.keep(access);
  sessionStorage.setItem(RENEWAL, renewal);
  return "";
}

/** A login is good for ten minutes, and is renewed for a day. Whether it was. */
export async function renew(base) {
  const renewal = sessionStorage.getItem(RENEWAL);
  if (!renewal) return false;
  const answer = await ask(`${base}/api/login/refresh`, { headers: { Authorization: `Bearer ${renewal}` } });
  if (!answer.ok) {
    sessionStorage.removeItem(RENEWAL);
    return false;
  }
  token.keep((await answer.json()).access_token);
  return true;
}
