#!/usr/bin/env bash
# Chromium 156.0.8078.108 (Debian 12). A picture of one colour that says nothing about its colours, as a camera's (a y4m file
# behind Chromium's own capture) and as an H.264 film's, at 320x240 and at 1280x720.
#
# One would expect: an unmarked picture of 720 lines is taken for BT.709, as Chromium does with the film.
# What happens: the film goes by its size, and the page can ask which it was; the camera is taken for BT.601 at every size, and
# the page is told null. An HD film that is fed to a virtual camera as it is comes out in other colours.
#
# The bytes are Y 173, U 42, V 26, which is pure green by BT.709. Red, green, blue on a canvas, seen on 2026-11-28:
#   320x240:  camera 20,255,11 matrix null   film 20,255,11 matrix smpte170m
#   1280x720: camera 20,255,11 matrix null   film 0,255,11 matrix bt709
. "$(dirname "$(readlink -f "$0")")/lib/finding.sh"

chromium_browser '156.*'
needs ffmpeg ffmpeg

mkdir site
cat >site/index.html <<'HTML'
<script>
const colour = async video => {
  await video.play();
  await new Promise(done => video.requestVideoFrameCallback(done));
  const canvas = new OffscreenCanvas(video.videoWidth, video.videoHeight).getContext('2d');
  canvas.drawImage(video, 0, 0);
  const matrix = new VideoFrame(video).colorSpace.matrix;
  return `${canvas.getImageData(video.videoWidth / 2, video.videoHeight / 2, 1, 1).data.slice(0, 3)} matrix ${matrix}`;
};
(async () => {
  const video = document.createElement('video');
  video.muted = true;
  video.srcObject = await navigator.mediaDevices.getUserMedia({video: true});
  await say('camera ' + await colour(video));
  video.srcObject.getTracks()[0].stop();
  video.srcObject = null;
  video.src = 'film.mp4';
  await say('film ' + await colour(video));
  await end();
})();
</script>
HTML

for size in 320x240 1280x720; do
  green=(-f lavfi -i "color=size=$size:rate=30,format=yuv420p,geq=lum=173:cb=42:cr=26")
  ffmpeg -nostdin -v error -y "${green[@]}" -frames:v 1 camera.y4m
  ffmpeg -nostdin -v error -y "${green[@]}" -frames:v 60 -c:v libx264 -qp 1 site/film.mp4
  sees "the film's own word for its colours" unknown "$(ffprobe -v error -show_entries stream=color_space -of csv=p=0 site/film.mp4)"
  page site --use-fake-ui-for-media-stream --use-fake-device-for-media-stream \
    --use-file-for-fake-video-capture="$work/camera.y4m" >said
  if [ "$size" = 320x240 ]; then taken='20,255,* matrix smpte170m'; else taken='0,255,* matrix bt709'; fi
  sees "camera of $size" '20,255,* matrix null' "$(sed -n 's/^camera //p' said)"
  sees "film of $size" "$taken" "$(sed -n 's/^film //p' said)"
done
