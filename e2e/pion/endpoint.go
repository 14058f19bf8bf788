package main

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"time"

	"github.com/pion/webrtc/v4"
)

// The HTTP of WHEP (draft-ietf-wish-whep): an offer is posted, what was answered is deleted.
type endpoint struct {
	url, token string
	session    string
}

var client = http.Client{Timeout: 15 * time.Second}

// Asks for one picture and one sound, with all candidates in the offer.
func (e *endpoint) join(peer *webrtc.PeerConnection) error {
	for _, kind := range []webrtc.RTPCodecType{webrtc.RTPCodecTypeVideo, webrtc.RTPCodecTypeAudio} {
		way := webrtc.RTPTransceiverInit{Direction: webrtc.RTPTransceiverDirectionRecvonly}
		if _, err := peer.AddTransceiverFromKind(kind, way); err != nil {
			return err
		}
	}
	offer, err := peer.CreateOffer(nil)
	if err != nil {
		return err
	}
	gathered := webrtc.GatheringCompletePromise(peer)
	if err := peer.SetLocalDescription(offer); err != nil {
		return err
	}
	<-gathered
	answer, err := e.post(peer.LocalDescription().SDP)
	if err != nil {
		return err
	}
	return peer.SetRemoteDescription(webrtc.SessionDescription{Type: webrtc.SDPTypeAnswer, SDP: answer})
}

func (e *endpoint) post(offer string) (string, error) {
	response, err := e.ask(http.MethodPost, e.url, offer)
	if err != nil {
		return "", err
	}
	defer response.Body.Close()
	answer, err := io.ReadAll(response.Body)
	if err != nil {
		return "", err
	}
	if response.StatusCode != http.StatusCreated {
		return "", fmt.Errorf("POST %s was answered %s: %s", e.url, response.Status, answer)
	}
	base, err := url.Parse(e.url)
	if err != nil {
		return "", err
	}
	session, err := base.Parse(response.Header.Get("Location"))
	if err != nil {
		return "", err
	}
	e.session = session.String()
	return string(answer), nil
}

func (e *endpoint) leave() (int, error) {
	response, err := e.ask(http.MethodDelete, e.session, "")
	if err != nil {
		return 0, err
	}
	defer response.Body.Close()
	return response.StatusCode, nil
}

func (e *endpoint) ask(method, where, body string) (*http.Response, error) {
	request, err := http.NewRequest(method, where, bytes.NewBufferString(body))
	if err != nil {
		return nil, err
	}
	if body != "" {
		request.Header.Set("Content-Type", "application/sdp")
	}
	if e.token != "" {
		request.Header.Set("Authorization", "Bearer "+e.token)
	}
	return client.Do(request)
}
