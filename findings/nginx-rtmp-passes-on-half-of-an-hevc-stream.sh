#!/usr/bin/env bash
# nginx-rtmp 1.2.2 (Debian 12). ffmpeg 9.0.2 (imageio-ffmpeg 0.8.1 of PyPI) publishes HEVC and AAC to it, as it does in RTMP
# without being asked to (enhanced RTMP); another ffmpeg 9.0.2 plays the stream from there.
#
# One would expect: a server of before enhanced RTMP relays what it does not look into, or refuses the publisher.
# What happens: it relays the sound and leaves out the picture. The publisher ends with 0 and no message, nginx's error log
# at level "info" has no word of it, and the player finds a stream of sound. The same with H.264 has both.
#
# Seen on 2026-11-28: H.264: played "audio video"; HEVC: played "audio"; publisher exit 0, lines of nginx about a codec: 0
. "$(dirname "$(readlink -f "$0")")/lib/finding.sh"

needs nginx nginx-light
[ -e /usr/lib/nginx/modules/ngx_rtmp_module.so ] || untried "there is no RTMP module; the Debian package is libnginx-mod-rtmp"
version "nginx-rtmp (package)" '1:1.2.2*' "$(dpkg-query -W -f '${Version}' libnginx-mod-rtmp)"
new_ffmpeg

port=$(python/bin/python -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
cat >nginx.conf <<CONF
load_module /usr/lib/nginx/modules/ngx_rtmp_module.so;
daemon off;
pid nginx.pid;
error_log error.log info;
events {}
rtmp { server { listen 127.0.0.1:$port; application live { live on; } } }
CONF
start nginx -p "$work" -c nginx.conf 2>/dev/null
until_true 10 test -s nginx.pid

# played ENCODER: which kinds of streams a player finds in what was published with this encoder.
played() {
  local address=rtmp://127.0.0.1:$port/live/$1 publisher code=0
  ./ffmpeg -nostdin -v error -re -f lavfi -i testsrc2=size=320x240:rate=25 -f lavfi -i sine=sample_rate=44100 -t 8 \
    -c:v "$1" -preset ultrafast -g 25 -pix_fmt yuv420p -c:a aac -f flv "$address" >publisher.log 2>&1 &
  publisher=$!
  until_true 10 grep -q "publish: name='$1'" error.log
  timeout 20 ./ffmpeg -nostdin -v error -t 3 -i "$address" -map 0 -c copy -f framehash - 2>player.log |
    sed -n 's/^#media_type [0-9]*: //p' | sort -u | xargs
  wait "$publisher" || code=$?
  echo "$code $(wc -l <publisher.log)" >publisher.ended
}

sees "H.264 and AAC, played" "audio video" "$(played libx264)"
sees "HEVC and AAC, played" "audio" "$(played libx265)"
sees "the publisher's exit code and lines" "0 0" "$(cat publisher.ended)"
sees "lines of nginx about a codec" 0 "$(grep -v connect: error.log | grep -c -i -E 'codec|hevc|unsupported|unknown' || true)"
