#!/usr/bin/env bash
# @eyevinn/webrtc-player 0.13.0 (npm) in Chromium 156 (Debian 12). A WHEP server on another port than the page answers with a
# Location that is relative to the endpoint, as HTTP allows (RFC 9110 §10.2.2): "session/7" for a POST to /live/channel.
#
# One would expect: the session ends by a DELETE to /live/session/7 of that server.
# What happens: the player takes the value as it stands, and the browser resolves it against the page: the DELETE goes to
# /session/7 of the page's own server, and the session stays. A Location that begins with a slash is resolved as it should be.
#
# Seen on 2026-11-28:
#   Location session/7:       DELETE page /session/7
#   Location /live/session/7: DELETE server /live/session/7
. "$(dirname "$(readlink -f "$0")")/lib/finding.sh"

chromium_browser '156.*'
needs npm npm
npm install --silent --no-audit --no-fund --no-save @eyevinn/webrtc-player@0.13.0 esbuild@0.25.12 >npm.log 2>&1 ||
  untried "npm install @eyevinn/webrtc-player@0.13.0 esbuild@0.25.12"
version webrtc-player 0.13.0 "$(sed -n 's/^ *"version": "\(.*\)".*/\1/p' node_modules/@eyevinn/webrtc-player/package.json)"

cat >whep.py <<'PYTHON'
"""A WHEP server: the answer takes what is offered, and the Location is the request's query."""
import http.server
FLIPPED = {"a=recvonly": "a=sendonly", "a=setup:actpass": "a=setup:active"}
class Whep(http.server.BaseHTTPRequestHandler):
    def answer(self, code, body="", **headers):
        self.send_response(code)
        headers |= {"Access-Control-Allow-Origin": "*", "Access-Control-Allow-Headers": "*", "Access-Control-Allow-Methods": "*"}
        headers |= {"Access-Control-Expose-Headers": "Location", "Content-Length": str(len(body))}
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        self.wfile.write(body.encode())
    def do_OPTIONS(self):
        self.answer(204)
    def do_DELETE(self):
        self.answer(200)
    def do_POST(self):
        offer = self.rfile.read(int(self.headers["Content-Length"])).decode().splitlines()
        lines = [FLIPPED.get(line, line) for line in offer if not line.startswith("a=candidate")]
        self.answer(201, "".join(line + "\r\n" for line in lines), Content_Type="application/sdp", Location=self.path.split("?")[1])
    def log_message(self, *_):
        pass
server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Whep)
print(server.server_port, flush=True)
server.serve_forever()
PYTHON
start python3 whep.py >port
until_true 10 test -s port

mkdir site
cat >entry.js <<'JAVASCRIPT'
import {WebRTCPlayer} from '@eyevinn/webrtc-player';
window.WebRTCPlayer = WebRTCPlayer;
JAVASCRIPT
node_modules/.bin/esbuild entry.js --bundle --log-level=error --outfile=site/player.js
cat >site/index.html <<HTML
<script src="player.js"></script>
<script>
const server = 'http://127.0.0.1:$(cat port)';
HTML
cat >>site/index.html <<'HTML'
let told = () => {};
const real = window.fetch;
window.fetch = async (address, how) => {
  const url = new URL(address, location);
  const whose = url.origin === server ? 'server' : 'page';
  if (how?.method === 'DELETE') told(`DELETE ${whose} ${url.pathname}`);
  const answer = await real(address, how);
  if (how?.method === 'POST' && whose === 'server') setTimeout(() => told('answered'), 500);
  return answer;
};
const next = () => new Promise(done => { told = done; });
(async () => {
  for (const place of ['session/7', '/live/session/7']) {
    const player = new WebRTCPlayer({video: document.createElement('video'), type: 'whep', statsTypeFilter: '^none'});
    let heard = next();
    player.load(new URL(`${server}/live/channel?${place}`)).catch(() => {});
    await heard;
    heard = next();
    player.unload().catch(() => {});
    await say(`${place}: ${await heard}`);
  }
  await end();
})();
</script>
HTML
page site >said
sees "Location session/7" "DELETE page /session/7" "$(sed -n 's|^session/7: ||p' said)"
sees "Location /live/session/7" "DELETE server /live/session/7" "$(sed -n 's|^/live/session/7: ||p' said)"
