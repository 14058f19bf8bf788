#!/usr/bin/env bash
# Chromium 156.0.8078.108 (Debian 12). Camera files (y4m) at the usual rates of films and of television.
#
# One would expect: a camera of 30000/1001 pictures a second is one of 29.97, or of 30.
# What happens: its rate is divided as whole numbers: 29, and 23 for 24000/1001. The page is told so as the most that the
# camera can do, and a second of such a film lasts longer.
#
# Seen on 2026-11-28 (the track's frameRate, and the most in its capabilities):
#   30000:1001 29, 29    24000:1001 23, 23    25:1 25, 25
. "$(dirname "$(readlink -f "$0")")/lib/finding.sh"

chromium_browser '156.*'

mkdir site
cat >site/index.html <<'HTML'
<script>
(async () => {
  const stream = await navigator.mediaDevices.getUserMedia({video: true});
  const [camera] = stream.getVideoTracks();
  await say(`${camera.getSettings().frameRate}, ${camera.getCapabilities().frameRate.max}`);
  await end();
})();
</script>
HTML
cat >film.py <<'PYTHON'
import sys
WIDTH, HEIGHT = 320, 240
with open("camera.y4m", "wb") as file:
    file.write(b"YUV4MPEG2 W%d H%d F%s C420jpeg\nFRAME\n" % (WIDTH, HEIGHT, sys.argv[1].encode()))
    file.write(bytes([128]) * (WIDTH * HEIGHT * 3 // 2))
PYTHON

rate() {
  python3 film.py "$1"
  page site --use-fake-ui-for-media-stream --use-fake-device-for-media-stream --use-file-for-fake-video-capture="$work/camera.y4m"
}
sees 30000:1001 "29, 29" "$(rate 30000:1001)"
sees 24000:1001 "23, 23" "$(rate 24000:1001)"
sees 25:1 "25, 25" "$(rate 25:1)"
