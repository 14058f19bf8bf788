// What the page says, by what is known. Nothing here touches the page or asks anybody.

const NAMES = {
  requested: (call) => ["busy", `Calling ${call.remote_peer}`, "It rings for half a minute."],
  acked: (call) => ["busy", `${call.remote_peer} has answered`, "The way is being found."],
  offered: (call) => ["busy", "Connecting", `With ${call.remote_peer}.`],
  answered: (call) => ["busy", "Connecting", `With ${call.remote_peer}.`],
  connected: (call) => ["live", `In a call with ${call.remote_peer}`, ""],
};

/** `known`: `{problem, ringing: [], call, ended}`. */
export function view({ problem, ringing, call, ended }) {
  if (problem === "locked") return say("trouble", "A token is needed", "It stands in the participant's access Secret.", { entry: true });
  if (problem === "off") return say("trouble", "Calls are switched off", "UNDERSTUDY_CALLS=true switches them on.");
  if (problem === "away") return say("busy", "The server is not reached", "This page goes on trying.");
  if (call) {
    const [kind, title, text] = NAMES[call.phase](call);
    return say(kind, title, text, { bar: true, line: line(call, ringing) });
  }
  if (ringing.length) return say("rings", `${ringing[0].remote_peer} calls`, "", { answer: true });
  if (ended) return say(ended.isQuiet ? "idle" : "trouble", "The call is over", ended.text, { dial: true });
  return say("idle", "Nobody calls", "Whoever does is shown here.", { dial: true });
}

function say(kind, title, text, shown = {}) {
  return { kind, title, text, line: "", entry: false, answer: false, dial: false, bar: false, ...shown };
}

function line(call, ringing) {
  const waiting = ringing.map(({ remote_peer }) => `${remote_peer} calls, too`);
  const way = call.phase === "connected" && call.pc_state !== "connected" ? ["nothing comes: waiting"] : [];
  return [`With ${call.remote_peer}`, ...way, ...waiting, ...(call.message ? [call.message] : [])].join(" · ");
}

// How a call ends when nobody has to do anything about it.
const QUIET = ["hung-up", "peer-hung-up", "declined", "unanswered", "replaced", "stopped"];

export function ending({ reason, message }) {
  const text = message ? `${message[0].toUpperCase()}${message.slice(1)}.` : "";
  return { text, isQuiet: QUIET.includes(reason) };
}
