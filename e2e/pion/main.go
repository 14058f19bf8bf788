// Watches a WHEP endpoint through pion and tells, as JSON, what arrived. The picture goes to a file, as it is encoded. It also is the
// other side: a WHIP server that is published to (-serve).
//
// Exit: 0 something to tell; 1 nothing could be watched (the reason is on stderr).
package main

import (
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"time"

	"github.com/pion/webrtc/v4"
)

// From the answer to the first whole picture; a joiner gets a keyframe at once, a slow machine needs a while.
const firstPicture = 20 * time.Second

// What arrived.
type seen struct {
	Video          stream `json:"video"`
	Audio          stream `json:"audio"`
	FirstPictureMs int64  `json:"first_picture_ms"`
	DeleteStatus   int    `json:"delete_status"`
	Relays         int    `json:"relays"`
	RelaysLeft     int    `json:"relays_left"`
}

func main() {
	endpoint := endpoint{}
	flag.StringVar(&endpoint.url, "url", "", "WHEP endpoint")
	flag.StringVar(&endpoint.token, "token", "", "bearer token; as a server, the one that lets in")
	seconds := flag.Float64("seconds", 5, "how long to watch after the first picture")
	picture := flag.String("picture", "", "where the picture is written, as a bare H.264 stream")
	serves := flag.Bool("serve", false, "be a WHIP server instead")
	streams := flag.Int("streams", 1, "as a server, how many it takes; 0: all who come, until it is killed")
	lite := flag.Bool("lite", false, "as a server, leave all checks of ICE to whoever comes")
	port := flag.Int("port", 0, "as a server, where it listens; 0: anywhere")
	mute := flag.Bool("mute", false, "as a server, say nothing of what arrives")
	counts := flag.Bool("counts", false, "as a server, say of each packet whether it came, and send no reports")
	level := flag.String("level", "1f", "as a server, the level of H.264 that it takes, in hexadecimal")
	over := flag.String("turn", "", "as a server, name a TURN server that is asked over udp, tcp or tls, or that is slow or has refused")
	letsAll := flag.Bool("open", false, "with a TURN server, let others in than its relays")
	certificate := flag.String("cert", "", "of the TURN server, a file")
	key := flag.String("key", "", "its key, a file")
	flag.Parse()
	if *serves {
		s := &server{picture: *picture, lite: *lite, streams: *streams, port: *port, level: *level}
		if *counts {
			s.says = saysPackets
		}
		if *mute {
			s.says = saysNothing
		}
		s.stage.token = endpoint.token
		var err error
		if *over != "" {
			s.relays, err = newRelays(*over, *certificate, *key, *letsAll)
		}
		if err == nil {
			err = s.serve()
		}
		if err != nil {
			fmt.Fprintf(os.Stderr, "pion: %v\n", err)
			os.Exit(1)
		}
		return
	}
	told, err := watch(endpoint, time.Duration(*seconds*float64(time.Second)), *picture)
	if err != nil {
		fmt.Fprintf(os.Stderr, "pion: %v\n", err)
		os.Exit(1)
	}
	if err := json.NewEncoder(os.Stdout).Encode(told); err != nil {
		os.Exit(1)
	}
}

// Everything as pion has it by itself: codecs, reports, and the packets that are asked for again.
func watch(endpoint endpoint, span time.Duration, path string) (seen, error) {
	peer, err := webrtc.NewPeerConnection(webrtc.Configuration{})
	if err != nil {
		return seen{}, err
	}
	defer peer.Close()
	file, err := os.Create(path)
	if err != nil {
		return seen{}, err
	}
	defer file.Close()
	video, audio := newPicture(file), &sound{}
	peer.OnTrack(func(track *webrtc.TrackRemote, _ *webrtc.RTPReceiver) {
		if track.Kind() == webrtc.RTPCodecTypeVideo {
			take(track, video)
		} else {
			take(track, audio)
		}
	})
	posted := time.Now()
	if err := endpoint.join(peer); err != nil {
		return seen{}, err
	}
	failed := video.wait(firstPicture)
	joined := time.Since(posted)
	if failed == nil {
		time.Sleep(span)
	}
	status, err := endpoint.leave()
	if failed != nil {
		return seen{}, fmt.Errorf("%w; the connection is %s", failed, peer.ConnectionState())
	}
	told := seen{Video: video.told(), Audio: audio.told(), FirstPictureMs: joined.Milliseconds(), DeleteStatus: status}
	return told, err
}
