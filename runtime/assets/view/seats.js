// Who is here, who steers and who may: what the server has said so far, and what that means for who looks on. Pure; the messages
// are those of docs/reference/desk-channel.md.

/** Who has a line may steer, and if nothing else is said everybody does. */
export const NOBODY = {
  me: null, role: "Control", mode: "Union", layout: "us", clipboard: true, people: [], host: null, asked: null,
};

/** What is known after a message; the same object if it says nothing of seats. */
export function heard(known, message) {
  const [kind, said] = Object.entries(message)[0] ?? [];
  switch (kind) {
    case "You": return { ...known, ...itself(said) };
    case "People": return here(known, said);
    case "Host": return { ...known, host: said.id, asked: said.id === known.me ? known.asked : null };
    case "Asked": return { ...known, asked: said.by };
  }
  return known;
}

function itself({ id, role, mode, layout = "us", clipboard = true }) {
  return { me: id, role, mode, layout, clipboard };
}

function here(known, people) {
  const host = people.find((person) => person.host)?.id ?? null;
  const isHere = (id) => people.some((person) => person.id === id);
  return { ...known, people, host: known.mode === "Host" ? host : null, asked: isHere(known.asked) ? known.asked : null };
}

const mayEver = ({ role, mode }) => role !== "View" && mode !== "Off";
const isHost = ({ me, host }) => me !== null && me === host;

/** Whether what hands do goes anywhere. */
export function steers(known) {
  return mayEver(known) && (known.mode === "Union" || isHost(known));
}

export function nameOf(known, id) {
  return known.people.find((person) => person.id === id)?.name || "Somebody";
}

/** What can be done about the seat: some of `ask`, `release`, `take`. */
export function offers(known) {
  if (known.mode !== "Host" || !mayEver(known)) return [];
  if (isHost(known)) return ["release"];
  return known.role === "Admin" && known.host !== null ? ["ask", "take"] : ["ask"];
}

/** To whom the seat can be given by who has it. */
export function takers(known) {
  if (known.mode !== "Host" || !isHost(known)) return [];
  return known.people.filter(({ id, role }) => id !== known.me && role !== "View").map(({ id }) => id);
}

/** In few words, and in more; `line` is the state of the line, `why` what it was refused for. */
export function words(known, line, why) {
  if (line === "refused") return { short: "Looking on", long: REFUSED[why] };
  if (line === "lost") {
    return { short: "Reconnecting", long: "The line for keyboard and pointer was lost. It is tried again by itself." };
  }
  if (line !== "open") return { short: "Connecting", long: "The line for keyboard and pointer is on its way." };
  if (known.mode === "Off") return { short: "Looking on", long: "In this session nobody steers." };
  if (!mayEver(known)) return { short: "Looking on", long: REFUSED.looking };
  const others = known.people.length - 1;
  if (known.mode === "Union") {
    return others > 0
      ? { short: "You all steer", long: "Everybody who may steer does: all share one keyboard and one pointer." }
      : { short: "You steer", long: "Click on the picture: keyboard and pointer then go to the session." };
  }
  if (isHost(known) && known.asked !== null) {
    const name = nameOf(known, known.asked);
    return { short: `${name} asks`, long: `${name} asks for keyboard and pointer.` };
  }
  if (isHost(known)) return { short: "You steer", long: "Keyboard and pointer are yours until you give them away, or do nothing for 30 s while somebody asks." };
  if (known.host === null) return { short: "Free", long: "Nobody steers. Ask, and the seat is yours." };
  const name = nameOf(known, known.host);
  return { short: `${name} steers`, long: `${name} has keyboard and pointer. Ask for them, and you have them when they are given, or have not been used for 30 s.` };
}

const REFUSED = {
  looking: "This link is for looking on. To steer, open one with a control token, or ask who gave it to you.",
  denied: "This access token does not let anybody steer.",
  none: "This session cannot be steered from here.",
  ended: "Somebody has ended what was steered here together. Load the page again to begin anew.",
};
