#!/usr/bin/env bash
# mpegts.js 1.8.2 (npm) in Chromium 156 (Debian 12). An MPEG transport stream whose table (PMT) lists H.264 and AAC, in which
# no packet of the sound comes: a camera beside a microphone that is off.
#
# One would expect: the picture plays without sound; and if not by itself, then with `hasAudio: false`, which the player
# documents for streams that have none.
# What happens: the player never gives the browser a byte. The picture is parsed and kept, for a sound that does not come;
# `hasAudio: false` changes nothing. The same picture plays when the table does not list the sound.
#
# Seen on 2026-11-28 (seconds in the buffer after 4 s):
#   not listed: 3.0   listed and silent: 0.0   listed and silent, hasAudio false: 0.0   listed and there: 3.0
. "$(dirname "$(readlink -f "$0")")/lib/finding.sh"

chromium_browser '156.*'
needs ffmpeg ffmpeg
needs npm npm
npm install --silent --no-audit --no-fund --no-save mpegts.js@1.8.2 >npm.log 2>&1 || untried "npm install mpegts.js@1.8.2"
version mpegts.js 1.8.2 "$(sed -n 's/^ *"version": "\(.*\)".*/\1/p' node_modules/mpegts.js/package.json)"

mkdir site
cp node_modules/mpegts.js/dist/mpegts.js site/
ffmpeg -nostdin -v error -f lavfi -i testsrc2=size=320x240:rate=25:duration=3 -f lavfi -i sine=sample_rate=48000:duration=3 \
  -c:v libx264 -profile:v baseline -g 25 -pix_fmt yuv420p -c:a aac -f mpegts site/both.ts
ffmpeg -nostdin -v error -i site/both.ts -map v -c copy -f mpegts site/picture.ts
cat >silence.py <<'PYTHON'
"""Takes the packets of the sound out, and leaves the table as it is (ISO/IEC 13818-1, packets of 188 bytes)."""
AUDIO = 0x101
with open("site/both.ts", "rb") as file, open("site/silent.ts", "wb") as out:
    while packet := file.read(188):
        if (packet[1] & 0x1F) << 8 | packet[2] != AUDIO:
            out.write(packet)
PYTHON
python3 silence.py
listed() { ffprobe -v quiet -show_entries stream=codec_name -of csv=p=0 "$1" | sort -u | xargs; }
sees "the silent stream's table lists" "aac h264" "$(listed site/silent.ts)"
sees "packets of its sound" 0 "$(ffprobe -v quiet -select_streams a -count_packets -show_entries stream=nb_read_packets -of csv=p=0 site/silent.ts | head -n 1 | sed 's/N\/A/0/')"

cat >site/index.html <<'HTML'
<script src="mpegts.js"></script>
<script>
mpegts.LoggingControl.enableAll = false;
const buffered = async (url, more) => {
  const video = document.body.appendChild(document.createElement('video'));
  video.muted = true;
  const player = mpegts.createPlayer({type: 'mpegts', isLive: true, url, ...more}, {liveBufferLatencyChasing: false});
  player.attachMediaElement(video);
  player.load();
  video.play().catch(() => {});
  const last = performance.now() + 4000;
  while (performance.now() < last && !(video.buffered.length && video.buffered.end(0) > 2)) await new Promise(done => setTimeout(done, 50));
  const seconds = video.buffered.length ? video.buffered.end(0) : 0;
  player.destroy();
  video.remove();
  return seconds;
};
addEventListener('load', async () => {
  for (const [name, url, more] of [
    ['not listed', 'picture.ts'],
    ['listed and silent', 'silent.ts'],
    ['listed and silent, hasAudio false', 'silent.ts', {hasAudio: false}],
    ['listed and there', 'both.ts'],
  ]) await say(`${name}: ${(await buffered(url, more)).toFixed(1)}`);
  await end();
});
</script>
HTML
page site >said
seconds() { sed -n "s/^$1: //p" said; }
sees "sound not listed, seconds buffered" '[23].*' "$(seconds 'not listed')"
sees "sound listed and silent" 0.0 "$(seconds 'listed and silent')"
sees "sound listed and silent, hasAudio false" 0.0 "$(seconds 'listed and silent, hasAudio false')"
sees "sound listed and there" '[23].*' "$(seconds 'listed and there')"
