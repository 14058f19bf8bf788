// How good the picture is and how late, out of what the browser counts (W3C webrtc-stats). Pure: reports in, text out.

// Browsers count `estimatedPlayoutTimestamp` from 1900 (NTP), everything else from 1970.
const NTP_EPOCH_MS = 2_208_988_800_000;
// What is said to be later than that is a clock that was set meanwhile.
const LATEST_MS = 30_000;

/** What one report says. Counters only grow; times are in seconds as there, but for `at`, which is in ms. */
export function read(report) {
  const entries = [...report.values()];
  const of = (type, kind) => entries.find((entry) => entry.type === type && entry.kind === kind) || {};
  const [video, audio, sender] = [of("inbound-rtp", "video"), of("inbound-rtp", "audio"), of("remote-outbound-rtp", "video")];
  const transport = entries.find((entry) => entry.type === "transport") || {};
  const pair = report.get(transport.selectedCandidatePairId) || {};
  return {
    at: video.timestamp || 0,
    width: video.frameWidth || 0, height: video.frameHeight || 0,
    frames: video.framesDecoded || 0, dropped: video.framesDropped || 0, freezes: video.freezeCount || 0,
    bytes: (video.bytesReceived || 0) + (audio.bytesReceived || 0),
    packets: (video.packetsReceived || 0) + (audio.packetsReceived || 0),
    lost: Math.max(video.packetsLost || 0, 0) + Math.max(audio.packetsLost || 0, 0),
    buffered: video.jitterBufferDelay || 0, emitted: video.jitterBufferEmittedCount || 0, decoding: video.totalDecodeTime || 0,
    roundTrip: pair.currentRoundTripTime ?? null,
    late: late(video, sender, pair.currentRoundTripTime),
    codec: (report.get(video.codecId)?.mimeType || "").replace("video/", ""),
    way: way(report.get(pair.localCandidateId)),
  };
}

/** From when the picture on screen was sent until now, in ms, by the sender's own clock; null if that is not known. */
function late({ estimatedPlayoutTimestamp: playout, timestamp: now }, { remoteTimestamp, timestamp: came }, roundTrip) {
  if (![playout, remoteTimestamp, roundTrip].every(Number.isFinite)) return null;
  const ahead = came - remoteTimestamp - roundTrip * 500;
  const taken = playout > NTP_EPOCH_MS ? playout - NTP_EPOCH_MS : playout;
  const late = now - ahead - taken;
  return late >= 0 && late < LATEST_MS ? late : null;
}

function way(candidate) {
  if (!candidate) return "";
  const protocol = (candidate.relayProtocol || candidate.protocol || "").toUpperCase();
  return candidate.candidateType === "relay" ? `${protocol}, through a relay` : protocol;
}

/** `now` with what came since `before`. Without the sender's clock the delay is half a round trip and what waited here. */
export function compare(now, before) {
  const since = (name) => Math.max(now[name] - (before?.[name] ?? 0), 0);
  const seconds = before ? (now.at - before.at) / 1000 : 0;
  const [packets, lost, emitted, frames] = ["packets", "lost", "emitted", "frames"].map(since);
  const waited = emitted ? since("buffered") / emitted + (frames ? since("decoding") / frames : 0) : null;
  return {
    ...now,
    fps: seconds > 0 ? Math.round(frames / seconds) : 0,
    bitrate: seconds > 0 ? (since("bytes") * 8) / seconds : 0,
    loss: packets + lost ? lost / (packets + lost) : 0,
    delay: now.late ?? (waited === null ? null : (waited + (now.roundTrip ?? 0) / 2) * 1000),
  };
}

const milliseconds = (value) => (value === null ? "" : `${Math.round(value)} ms`);
const percent = (share) => (share > 0 && share < 0.001 ? "< 0.1 %" : `${(share * 100).toFixed(share ? 1 : 0)} %`);

function rate(bits) {
  return bits >= 1e6 ? `${(bits / 1e6).toFixed(1)} Mbit/s` : `${Math.round(bits / 1000)} kbit/s`;
}

/** In a line, the most important first: what finds no room is cut off at the end. Empty before there is anything to say. */
export function line({ width, height, fps, bitrate, loss, delay }) {
  if (!width || !bitrate) return "";
  const parts = [`${height}p`, `${fps} fps`, milliseconds(delay), rate(bitrate), loss > 0.01 ? `${percent(loss)} lost` : ""];
  return parts.filter(Boolean).join(" · ");
}

/** In full, as pairs of what and how much. */
export function list(figures) {
  const { width, height, fps, codec, bitrate, loss, lost, delay, roundTrip, dropped, freezes, way } = figures;
  return [
    ["Picture", width ? `${width} × ${height}, ${fps} a second` : ""],
    ["Codec", codec],
    ["Bitrate", rate(bitrate)],
    ["Delay", delay === null ? "" : `${milliseconds(delay)} from there to here`],
    ["Round trip", roundTrip === null ? "" : milliseconds(roundTrip * 1000)],
    ["Lost", `${percent(loss)} now, ${lost} packets in all`],
    ["Not shown", `${dropped} pictures, ${freezes} freezes`],
    ["Network", way],
  ].filter(([, value]) => value);
}
