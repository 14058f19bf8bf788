#!/usr/bin/env bash
# GStreamer 1.22.0 (Debian 12). The manifest of a live DASH stream as ffmpeg writes it, once from a file, once over HTTP
# from a server that names no type for it.
#
# One would expect: the same bytes are taken for the same thing, however they come.
# What happens: over HTTP a manifest is known only if its first tag ends within 512 bytes. That of a film that has ended does;
# a live one carries more attributes, is taken for any XML, and nothing plays. From a file both are known.
#
# Seen on 2026-11-28:
#   ended, its first tag ends at byte 479: over HTTP application/dash+xml, from a file application/dash+xml
#   live,  its first tag ends at byte 628: over HTTP application/xml,      from a file application/dash+xml
. "$(dirname "$(readlink -f "$0")")/lib/finding.sh"

gstreamer '1.22.*'
gst-inspect-1.0 --exists souphttpsrc || untried "there is no souphttpsrc; it comes with the Debian package gstreamer1.0-plugins-good"
needs ffmpeg ffmpeg
version ffmpeg '5.1.*' "$(ffmpeg_version ffmpeg)"
needs python3 python3

mkdir site
start ffmpeg -nostdin -v error -re -f lavfi -i testsrc2=size=160x90:rate=10:duration=4 -c:v libx264 -g 10 \
  -f dash -seg_duration 1 -window_size 5 site/film.mpd
ffmpeg=$!
until_true 20 grep -q 'type="dynamic"' site/film.mpd
cp site/film.mpd site/live.mpd
wait "$ffmpeg"
grep -q 'type="static"' site/film.mpd

start python3 -u -m http.server 0 --bind 127.0.0.1 --directory site >server 2>/dev/null
until_true 10 grep -q port server
port=$(sed -n 's/.* port \([0-9]*\) .*/\1/p' server)

# taken_for SOURCE…: the type that GStreamer finds.
taken_for() {
  timeout 20 gst-launch-1.0 -v "$@" ! typefind ! fakesink >log 2>&1 || true
  grep -o 'application/[a-z+]*' log | sort -u
}
first_tag_ends() { tr '\n' ' ' <"$1" | grep -b -o '>' | sed -n '2s/:.*//p'; }

echo "the first tag of the ended one ends at byte $(first_tag_ends site/film.mpd), of the live one at $(first_tag_ends site/live.mpd)"
sees "ended, from a file" application/dash+xml "$(taken_for filesrc location=site/film.mpd)"
sees "ended, over HTTP" application/dash+xml "$(taken_for souphttpsrc location="http://127.0.0.1:$port/film.mpd")"
sees "live, from a file" application/dash+xml "$(taken_for filesrc location=site/live.mpd)"
sees "live, over HTTP" application/xml "$(taken_for souphttpsrc location="http://127.0.0.1:$port/live.mpd")"
