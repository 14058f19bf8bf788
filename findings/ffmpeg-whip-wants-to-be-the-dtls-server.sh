#!/usr/bin/env bash
# ffmpeg 9.0.2 (imageio-ffmpeg 0.8.1 of PyPI). Its WHIP client publishes to a server that notes the offer and refuses it.
#
# One would expect: an offer as of browsers and as RFC 9725 (WHIP) has it, a=setup:actpass, so that the server chooses and
# is nearly always the DTLS server, with candidates or a promise of them.
# What happens: the offer says a=setup:passive: ffmpeg takes no other part than that of the DTLS server. It carries no
# candidate, and the sound's section stands before the picture's. A server that cannot be the DTLS client can only refuse.
#
# Seen on 2026-11-28: setup passive passive; candidates 0; sections audio video; ice-lite and trickle not mentioned
. "$(dirname "$(readlink -f "$0")")/lib/finding.sh"

new_ffmpeg

cat >whip.py <<'PYTHON'
"""A WHIP endpoint that notes one offer and refuses it."""
import http.server, os
class Whip(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        with open("offer.part", "wb") as file:
            file.write(self.rfile.read(int(self.headers["Content-Length"])))
        os.rename("offer.part", "offer")
        self.send_response(422)
        self.send_header("Content-Length", "0")
        self.end_headers()
    def log_message(self, *_):
        pass
server = http.server.HTTPServer(("127.0.0.1", 0), Whip)
print(server.server_port, flush=True)
server.serve_forever()
PYTHON
start python/bin/python whip.py >port
until_true 10 test -s port
timeout 30 ./ffmpeg -nostdin -v error -re -f lavfi -i testsrc2=size=320x240:rate=25 -f lavfi -i sine=sample_rate=48000 \
  -c:v libx264 -profile:v baseline -tune zerolatency -g 25 -pix_fmt yuv420p -c:a libopus -ac 2 \
  -t 10 -f whip "http://127.0.0.1:$(cat port)/whip" >log 2>&1 || true
[ -s offer ] || { cat log; exit 1; }
tr -d '\r' <offer >lines
listed() { sed -n "s/$1/\1/p" lines | xargs; }
sees "setup" "passive passive" "$(listed '^a=setup:\(.*\)')"
sees "sections" "audio video" "$(listed '^m=\([a-z]*\).*')"
sees "candidates" 0 "$(grep -c '^a=candidate' lines || true)"
