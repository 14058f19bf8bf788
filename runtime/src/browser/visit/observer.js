// Runs before a page's own scripts in each of its documents. Gives the page what lets it onto its stage, and tells once a second
// what its connections have sent, and when the other side last said that it arrives.
(function (asked) {
  "use strict";
  const tell = window[asked.binding];
  delete window[asked.binding];

  // Of no document but the page's own, and of no other origin than that which was asked for.
  if (window === window.top && location.origin === asked.origin) {
    Object.defineProperty(window, "understudy", { value: Object.freeze(asked.given), enumerable: true });
  }

  const Native = window.RTCPeerConnection;
  if (!tell || !Native) return;
  // What the page makes of them later is not asked.
  const { getStats } = Native.prototype;
  const { get: stateOf } = Object.getOwnPropertyDescriptor(Native.prototype, "connectionState");
  const { apply, construct } = Reflect;
  const { stringify } = JSON;
  const later = window.setTimeout.bind(window);

  const document = Math.floor(Math.random() * Number.MAX_SAFE_INTEGER);
  const peers = new Map();
  let made = 0;
  let looks = false;

  async function sampled(id, peer) {
    let sent = 0;
    let heard = 0;
    for (const entry of (await apply(getStats, peer, [])).values()) {
      if (entry.kind !== "video") continue;
      if (entry.type === "outbound-rtp") sent += entry.packetsSent ?? 0;
      // The moment at which the other side's report came (W3C WebRTC statistics §8.3).
      if (entry.type === "remote-inbound-rtp") heard = Math.max(heard, Math.floor(entry.timestamp));
    }
    return { id, state: apply(stateOf, peer, []), sent, heard };
  }

  async function look() {
    const samples = [];
    for (const [id, peer] of [...peers]) {
      try {
        const sample = await sampled(id, peer);
        if (sample.state === "closed") peers.delete(id);
        else samples.push(sample);
      } catch {
        peers.delete(id);
      }
    }
    samples.sort((one, other) => other.sent - one.sent);
    tell(stringify({ document, peers: samples.slice(0, asked.most) }));
    looks = peers.size > 0;
    if (looks) later(look, 1000);
  }

  const Observed = new Proxy(Native, {
    construct(target, given, maker) {
      const peer = construct(target, given, maker);
      peers.set((made += 1), peer);
      if (!looks) {
        looks = true;
        later(look, 1000);
      }
      return peer;
    },
  });
  Native.prototype.constructor = Observed;
  for (const name of ["RTCPeerConnection", "webkitRTCPeerConnection"]) {
    if (name in window) Object.defineProperty(window, name, { value: Observed, writable: true, configurable: true });
  }
})
