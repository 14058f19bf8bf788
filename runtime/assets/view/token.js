// The access token: taken out of the address, where it would be bookmarked, shared and read over a shoulder. It lasts as long as
// the tab.

const KEPT = "understudy.token";

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
