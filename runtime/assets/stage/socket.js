// The participant socket, where there is one: what becomes of the participant, and what this page says of itself.

// As the source system's page waits.
const AGAIN_MS = 5_000;
const LOOPBACK = ["localhost", "127.0.0.1", "[::1]"];

/** `heed` is given each update of the participant; `say` what becomes of the connection, in a word or two. */
export function open(heed, say) {
  const port = document.querySelector("meta[name=participant-socket]").content;
  // It is on the participant's machine: elsewhere another program might listen there.
  if (!port || !LOOPBACK.includes(location.hostname)) return { send: () => {}, get connection() { return null; } };
  const own = { socket: null };
  const send = (message) => own.socket?.readyState === WebSocket.OPEN && own.socket.send(JSON.stringify(message));

  function connect() {
    const socket = new WebSocket(`ws://localhost:${port}`);
    own.socket = socket;
    socket.onopen = () => {
      send({ type: "vp.ready" });
      send({ type: "vp.subscribe_vp" });
    };
    socket.onmessage = ({ data }) => hear(JSON.parse(data));
    socket.onclose = () => {
      say("not connected to its participant");
      setTimeout(connect, AGAIN_MS);
    };
  }

  function hear(message) {
    if (message.type === "connection") say("connected to its participant");
    if (message.type === "error") console.warn("understudy:", message.error);
    const state = message.type === "vp.update" && message.data?.onVirtualParticipantStateChanged;
    if (state) heed(state);
  }

  connect();
  return { send, get connection() { return own.socket; } };
}
