// The access token: taken out of the address, where it would be bookmarked, shared and read over a shoulder. It lasts as long as
// the tab, and so does the word by which a server knows the tab again.

const KEPT = "understudy.token";
const IDENTITY = "understudy.identity";

export function take() {
  const address = new URL(location.href);
  const given = address.searchParams.get("token");
  if (given === null) return;
  keep(given);
  address.searchParams.delete("token");
  history.replaceState(null, "", address);
}

export function keep(token) {
  sessionStorage.setItem(KEPT, token);
}

export function headers() {
  const token = sessionStorage.getItem(KEPT);
  return token ? { Authorization: `Bearer ${token}` } : {};
}

/** For a WebSocket, which takes no headers. */
export function query() {
  const said = new URLSearchParams({ identity: identity() });
  const token = sessionStorage.getItem(KEPT);
  // As it is: that is how the server compares it.
  return token ? `token=${token}&${said}` : String(said);
}

function identity() {
  if (!sessionStorage.getItem(IDENTITY)) forget();
  return sessionStorage.getItem(IDENTITY);
}

/** Somebody else is known by it, as after a tab was doubled. */
export function forget() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  sessionStorage.setItem(IDENTITY, [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join(""));
}
