// What the address says: taken out of it at once as far as it lets somebody in, since addresses are bookmarked, shared and read
// over a shoulder. And where a participant token of Amazon IVS leads.

/** Takes the token away. `whip` is null where nobody said one. */
export function take() {
  const address = new URL(location.href);
  const token = address.searchParams.get("token") || "";
  if (address.searchParams.has("token")) {
    address.searchParams.delete("token");
    history.replaceState(null, "", address);
  }
  return { token, whip: address.searchParams.get("whip"), whep: address.searchParams.get("whep") };
}

/** Where it publishes: as it was told, or as the token says. Throws words for a person. */
export function stageOf(whip, token) {
  const target = whip || claims(token).whip_url;
  if (!target) throw new Error("neither ?whip= nor the token says where the stage is");
  const url = new URL(target, location.href);
  if (!["https:", "http:"].includes(url.protocol)) throw new Error("the stage's address must begin with https:// or http://");
  return url.href;
}

/** What a JSON Web Token says of itself (RFC 7519), unproven: whether it is true is the stage's to check. */
export function claims(token) {
  const [, middle] = token.split(".");
  if (!middle) return {};
  try {
    const bytes = Uint8Array.from(atob(middle.replaceAll("-", "+").replaceAll("_", "/")), (letter) => letter.charCodeAt(0));
    return JSON.parse(new TextDecoder().decode(bytes)) ?? {};
  } catch {
    return {};
  }
}
