// What the page can be in, in words for who watches, and what a failure makes of it. Nothing here does anything.
//
// A headline says what is the matter, the advice what happens next or what one can do.

/** `kind`: live, busy (it works on it by itself) or trouble. `asks`: what a person can do: `again` or `token`. */
const STATES = {
  connecting: { kind: "busy", badge: "Connecting", headline: "Connecting", advice: "The picture is on its way." },
  live: { kind: "live", badge: "Live", headline: "Live", advice: "" },
  reconnecting: {
    kind: "busy", badge: "Reconnecting", headline: "The connection was lost", advice: "It is tried again by itself.",
  },
  waiting: {
    kind: "busy", badge: "Waiting", headline: "Nothing on stage yet",
    advice: "This page begins to play as soon as something is shown.",
  },
  starting: {
    kind: "busy", badge: "Starting", headline: "The participant is getting ready",
    advice: "This page begins to play as soon as it is.",
  },
  full: {
    kind: "trouble", badge: "Full", headline: "Too many people are watching", asks: "again",
    advice: "You are let in as soon as somebody leaves. Keep this page open.",
  },
  offline: {
    kind: "trouble", badge: "Offline", headline: "You are offline", asks: "again",
    advice: "This device has no network. Check Wi-Fi or mobile data; the picture comes back by itself.",
  },
  unreachable: {
    kind: "trouble", badge: "No answer", headline: "The participant does not answer", asks: "again",
    advice: "It may have ended, or be starting again. This page keeps trying by itself.",
  },
  blocked: {
    kind: "trouble", badge: "Blocked", headline: "The picture does not get through", asks: "again",
    advice: "The page is reached, live video is not: a firewall or a VPN may hold it up. Try another network, or ask who runs yours.",
  },
  ended: {
    kind: "trouble", badge: "Ended", headline: "This stream has ended", asks: "again",
    advice: "Thank you for watching. If it begins again, it plays here.",
  },
  "not-found": {
    kind: "trouble", badge: "Not found", headline: "There is nothing of this name", asks: "again",
    advice: "It may have ended or not begun yet, or the address may be mistyped.",
  },
  unauthorized: {
    kind: "trouble", badge: "No access", headline: "This needs an access token", asks: "token",
    advice: "The link you followed had none. Paste a token here, or ask for a new link.",
  },
  "wrong-token": {
    kind: "trouble", badge: "No access", headline: "This access token is not valid", asks: "token",
    advice: "It may have been mistyped, or be no longer in use. Paste another one here, or ask for a new link.",
  },
  forbidden: {
    kind: "trouble", badge: "No access", headline: "It cannot be watched at this address", asks: "again",
    advice: "Open the link exactly as you were given it, or ask who gave it to you.",
  },
  codec: {
    kind: "trouble", badge: "Not playing", headline: "This browser cannot play the picture", asks: "again",
    advice: "It is H.264 video. Try a current Chrome, Edge, Safari or Firefox.",
  },
  failed: {
    kind: "trouble", badge: "Not playing", headline: "This picture cannot be played", asks: "again",
    advice: "Load the page again. If that does not help, tell who runs it what stands under Details.",
  },
};

// So long a failure is called a pause, and by its name afterwards.
const PAUSE_MS = 8_000;
// A picture that did not come once may have met a bad moment.
const PICTURELESS = 2;
// For what nobody may ever show again: each asks a server that has other things to do.
const SELDOM_MS = 10_000;

export function wordsOf(state) {
  return STATES[state];
}

/**
 * What a failure means. It has a `status` if a server spoke, and `isAbsence` if nobody did or no picture came; else it is what
 * the browser has against the answer. `facts` are what is known beside it: `hasToken`, `played` (there was a picture before),
 * `isOnline`, `pictureless` (how often in a row none came) and `lasting` (ms without a picture).
 * `again`: `never` (until somebody does something), `soon` (with back-off) or a number of milliseconds.
 */
export function verdict({ status, retryAfter = null, isAbsence }, facts) {
  if (isAbsence) return { state: absence(facts), again: "soon" };
  switch (status) {
    case undefined: return { state: "failed", again: SELDOM_MS };
    case 401: return { state: facts.hasToken ? "wrong-token" : "unauthorized", again: "never" };
    case 403: return { state: "forbidden", again: "never" };
    case 404: return { state: facts.played ? "ended" : "not-found", again: retryAfter ?? SELDOM_MS };
    case 406: return { state: "codec", again: "never" };
    case 409: return { state: "waiting", again: retryAfter ?? "soon" };
    // There is no token yet, or no room: only the second comes with a time.
    case 503: return { state: retryAfter === null ? "starting" : "full", again: retryAfter ?? "soon" };
  }
  const isPassing = status >= 500 || status === 408 || status === 429;
  return isPassing ? { state: absence(facts), again: retryAfter ?? "soon" } : { state: "failed", again: "never" };
}

/** What it is called when nobody answers, or no picture comes. */
function absence({ isOnline, pictureless, lasting, played }) {
  if (!isOnline) return "offline";
  if (pictureless >= PICTURELESS) return "blocked";
  if (lasting > PAUSE_MS) return "unreachable";
  return played ? "reconnecting" : "connecting";
}
