package main

import (
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/pion/webrtc/v4"
)

// The other side of WHIP (RFC 9725): takes so many streams, all at one port of UDP if there is more than one, as servers for many do.
// Tells what arrived of each when all are ended. Without a number it is a stage, which serves until it is killed.
type server struct {
	settings webrtc.SettingEngine
	picture  string
	lite     bool
	streams  int
	// Of HTTP; 0: any.
	port int
	// It says nothing of what arrives.
	says says
	// What it takes of a picture.
	level string
	stage stage
	// None: everybody gets in, and no TURN server is named.
	relays   *relays
	lock     sync.Mutex
	sessions []*session
	ended    chan *session
}

// One stream.
type session struct {
	peer   *webrtc.PeerConnection
	file   *os.File
	video  *picture
	audio  *sound
	status int
}

func (s *session) seen() seen {
	return seen{Video: s.video.told(), Audio: s.audio.told(), DeleteStatus: s.status}
}

// Prints its port first and what arrived last, a line for each stream in the order in which they came.
func (s *server) serve() error {
	listener, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", s.port))
	if err != nil {
		return err
	}
	s.ended = make(chan *session, s.streams)
	s.settings.SetLite(s.lite)
	if s.streams != 1 || s.relays != nil {
		media, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
		if err != nil {
			return err
		}
		var socket net.PacketConn = media
		if s.relays != nil {
			socket = guarded{media, s.relays}
		}
		s.settings.SetIncludeLoopbackCandidate(true)
		s.settings.SetICEUDPMux(webrtc.NewICEUDPMux(nil, socket))
	}
	http.HandleFunc("POST /whip", s.post)
	http.HandleFunc("DELETE /whip/{session}", s.delete)
	if s.streams == 0 {
		s.stage.serve(s)
	}
	fmt.Println(listener.Addr().(*net.TCPAddr).Port)
	go http.Serve(listener, nil)
	if s.streams == 0 {
		select {}
	}
	for range s.streams {
		<-s.ended
	}
	// The answer to whoever ends it has to leave.
	time.Sleep(100 * time.Millisecond)
	given, left := 0, 0
	if s.relays != nil {
		given, left = s.relays.given, s.relays.left()
	}
	for _, of := range s.sessions {
		defer of.file.Close()
		defer of.peer.Close()
		told := of.seen()
		told.Relays, told.RelaysLeft = given, left
		if err := json.NewEncoder(os.Stdout).Encode(told); err != nil {
			return err
		}
	}
	return nil
}

func (s *server) post(w http.ResponseWriter, request *http.Request) {
	s.lock.Lock()
	defer s.lock.Unlock()
	if status := s.stage.refuses(request); status != 0 {
		w.WriteHeader(status)
		return
	}
	offer, err := io.ReadAll(request.Body)
	taken := &session{audio: &sound{}}
	if err == nil {
		err = taken.take(string(offer), s, fmt.Sprintf("%s%d.h264", s.picture, len(s.sessions)))
	}
	if err != nil {
		http.Error(w, err.Error(), http.StatusUnprocessableEntity)
		return
	}
	w.Header().Set("Content-Type", "application/sdp")
	w.Header().Set("Location", fmt.Sprintf("/whip/%d", len(s.sessions)))
	if s.relays != nil {
		w.Header()["Link"] = s.relays.headers()
	}
	s.sessions = append(s.sessions, taken)
	w.WriteHeader(http.StatusCreated)
	answer := taken.peer.LocalDescription().SDP
	io.WriteString(w, strings.ReplaceAll(answer, "profile-level-id=42e01f", "profile-level-id=42e0"+s.level))
}

// Everything as pion has it by itself, but for the candidates, which are all in the answer.
func (s *session) take(offer string, of *server, path string) error {
	media := &webrtc.MediaEngine{}
	if err := media.RegisterDefaultCodecs(); err != nil {
		return err
	}
	reports, err := interceptors(media, of.says)
	if err != nil {
		return err
	}
	api := webrtc.NewAPI(
		webrtc.WithSettingEngine(of.settings), webrtc.WithMediaEngine(media), webrtc.WithInterceptorRegistry(reports),
	)
	if s.peer, err = api.NewPeerConnection(webrtc.Configuration{}); err != nil {
		return err
	}
	if s.file, err = os.Create(path); err != nil {
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

func (s *server) delete(w http.ResponseWriter, request *http.Request) {
	s.lock.Lock()
	defer s.lock.Unlock()
	if !s.stage.admits(request) {
		w.WriteHeader(http.StatusUnauthorized)
		return
	}
	for number, of := range s.sessions {
		if request.PathValue("session") == fmt.Sprint(number) && of.status == 0 {
			of.status = http.StatusOK
			if s.streams == 0 {
				of.end()
			} else {
				s.ended <- of
			}
			return
		}
	}
	w.WriteHeader(http.StatusNotFound)
}
