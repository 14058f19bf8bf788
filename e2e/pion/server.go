package main

import (
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"time"

	"github.com/pion/webrtc/v4"
)

// The other side of WHIP (RFC 9725): takes one stream, and tells what arrived of it when it is ended.
type server struct {
	lite    bool
	picture string
	peer    *webrtc.PeerConnection
	file    *os.File
	video   *picture
	audio   *sound
	ended   chan int
}

// Prints its port first and what arrived last.
func serve(lite bool, path string) error {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	s := &server{lite: lite, picture: path, audio: &sound{}, ended: make(chan int, 1)}
	http.HandleFunc("POST /whip", s.post)
	http.HandleFunc("DELETE /whip/session", s.delete)
	fmt.Println(listener.Addr().(*net.TCPAddr).Port)
	go http.Serve(listener, nil)
	status := <-s.ended
	// The answer to whoever ends it has to leave.
	time.Sleep(100 * time.Millisecond)
	defer s.file.Close()
	defer s.peer.Close()
	return json.NewEncoder(os.Stdout).Encode(seen{Video: s.video.told(), Audio: s.audio.told(), DeleteStatus: status})
}

func (s *server) post(w http.ResponseWriter, request *http.Request) {
	offer, err := io.ReadAll(request.Body)
	if err == nil {
		err = s.take(string(offer))
	}
	if err != nil {
		http.Error(w, err.Error(), http.StatusUnprocessableEntity)
		return
	}
	w.Header().Set("Content-Type", "application/sdp")
	w.Header().Set("Location", "/whip/session")
	w.WriteHeader(http.StatusCreated)
	io.WriteString(w, s.peer.LocalDescription().SDP)
}

// Everything as pion has it by itself, but for the candidates, which are all in the answer.
func (s *server) take(offer string) error {
	settings := webrtc.SettingEngine{}
	settings.SetLite(s.lite)
	media := &webrtc.MediaEngine{}
	if err := media.RegisterDefaultCodecs(); err != nil {
		return err
	}
	reports, err := interceptors(media)
	if err != nil {
		return err
	}
	api := webrtc.NewAPI(
		webrtc.WithSettingEngine(settings), webrtc.WithMediaEngine(media), webrtc.WithInterceptorRegistry(reports),
	)
	if s.peer, err = api.NewPeerConnection(webrtc.Configuration{}); err != nil {
		return err
	}
	if s.file, err = os.Create(s.picture); err != nil {
		return err
	}
	s.video = newPicture(s.file)
	s.peer.OnTrack(func(track *webrtc.TrackRemote, _ *webrtc.RTPReceiver) {
		if track.Kind() == webrtc.RTPCodecTypeVideo {
			take(track, s.video)
		} else {
			take(track, s.audio)
		}
	})
	given := webrtc.SessionDescription{Type: webrtc.SDPTypeOffer, SDP: offer}
	if err := s.peer.SetRemoteDescription(given); err != nil {
		return err
	}
	answer, err := s.peer.CreateAnswer(nil)
	if err != nil {
		return err
	}
	gathered := webrtc.GatheringCompletePromise(s.peer)
	if err := s.peer.SetLocalDescription(answer); err != nil {
		return err
	}
	<-gathered
	return nil
}

func (s *server) delete(w http.ResponseWriter, _ *http.Request) {
	w.WriteHeader(http.StatusOK)
	s.ended <- http.StatusOK
}
