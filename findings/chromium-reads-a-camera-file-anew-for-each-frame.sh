#!/usr/bin/env bash
# Chromium 156.0.8078.108 (Debian 12) with --use-file-for-fake-video-capture: a y4m file of one single frame, whose pixels
# another process overwrites in place while a page shows the camera.
#
# One would expect: the file is a recording. It is read when the camera opens, and one frame makes a still picture.
# What happens: the frame is read from the file for each picture, so a file of one frame is a live camera of 30 pictures a
# second without a device, a kernel module or a restart. What the page is given as the camera's name is the file's path.
#
# Seen on 2026-11-28: of 30 brightnesses written within 3 s, the page saw 20 on a busy machine, in their order; the camera's name
# was the whole path of camera.y4m.
. "$(dirname "$(readlink -f "$0")")/lib/finding.sh"

chromium_browser '156.*'

mkdir site
cat >site/index.html <<'HTML'
<script>
(async () => {
  const video = document.createElement('video');
  video.muted = true;
  video.srcObject = await navigator.mediaDevices.getUserMedia({video: true});
  await video.play();
  await say('label ' + video.srcObject.getTracks()[0].label);
  const canvas = new OffscreenCanvas(1, 1).getContext('2d', {willReadFrequently: true});
  const seen = [];
  await new Promise(done => {
    const look = () => {
      canvas.drawImage(video, 0, 0, 1, 1);
      const brightness = canvas.getImageData(0, 0, 1, 1).data[1];
      if (seen.at(-1) !== brightness) seen.push(brightness);
      if (brightness > 250) done(); else video.requestVideoFrameCallback(look);
    };
    look();
  });
  await say('seen ' + seen.length);
  await say('rising ' + seen.every((value, i) => i === 0 || value > seen[i - 1]));
  await end();
})();
</script>
HTML

cat >film.py <<'PYTHON'
"""A file of one black frame; as soon as somebody shows it, 30 brighter ones in its place, one each 100 ms."""
import sys, time
WIDTH, HEIGHT, BLACK, WHITE = 320, 240, 16, 235
head = b"YUV4MPEG2 W%d H%d F30:1 C420jpeg\nFRAME\n" % (WIDTH, HEIGHT)
with open("camera.y4m", "wb", buffering=0) as file:
    file.write(head + bytes([BLACK]) * (WIDTH * HEIGHT) + bytes([128]) * (WIDTH * HEIGHT // 2))
    print("there", flush=True)
    sys.stdin.readline()
    for step in range(1, 31):
        time.sleep(0.1)
        file.seek(len(head))
        file.write(bytes([BLACK + (WHITE - BLACK) * step // 30]) * (WIDTH * HEIGHT))
PYTHON
mkfifo go
exec 3<>go
start python3 film.py <&3 >there
until_true 10 grep -q there there
page site --use-fake-ui-for-media-stream --use-fake-device-for-media-stream \
  --use-file-for-fake-video-capture="$work/camera.y4m" |
  while read -r line; do
    echo "$line"
    [[ $line != label* ]] || echo >&3
  done >said
sees "brightnesses that the page saw" '[123]?' "$(sed -n 's/^seen //p' said)"
sees "each brighter than the one before" true "$(sed -n 's/^rising //p' said)"
sees "the camera's name" "$work/camera.y4m" "$(sed -n 's/^label //p' said)"
