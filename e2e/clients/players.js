// The players of WHEP that tests run in a browser; setup.sh makes one script of them.
export { WebRTCPlayer } from "@eyevinn/webrtc-player";
export { WHEPClient } from "whip-whep/whep.js";
// Without the React components of the package, which stand on it.
export { MediaMTXWebRTCReader } from "./node_modules/mediamtx-webrtc-react/src/lib/MediaMTXWebRTCReader.ts";
