package main

import (
	"fmt"
	"io"
	"sync"
	"time"

	"github.com/pion/rtp"
	"github.com/pion/rtp/codecs"
	"github.com/pion/webrtc/v4"
	"github.com/pion/webrtc/v4/pkg/media/samplebuilder"
)

// Packets that a whole picture may wait for, more than a keyframe has.
const lateBy = 1024

// What arrived of one track.
type stream struct {
	Codec   string `json:"codec"`
	Packets int    `json:"packets"`
	// Sequence numbers between the first and the last that never came.
	Missing int `json:"missing"`
	// From the first packet to the last, by their timestamps.
	Seconds float64 `json:"seconds"`
}

type sink interface {
	named(codec webrtc.RTPCodecParameters)
	add(packet *rtp.Packet)
}

func take(track *webrtc.TrackRemote, to sink) {
	to.named(track.Codec())
	for {
		packet, _, err := track.ReadRTP()
		if err != nil {
			return
		}
		to.add(packet)
	}
}

// Counts packets; both numbers wrap (RFC 3550 section 5.1).
type sound struct {
	lock        sync.Mutex
	codec       webrtc.RTPCodecParameters
	numbers     map[int64]struct{}
	first, last int64
	from, until int64
}

func (s *sound) named(codec webrtc.RTPCodecParameters) {
	s.lock.Lock()
	defer s.lock.Unlock()
	s.codec = codec
}

func (s *sound) add(packet *rtp.Packet) {
	s.lock.Lock()
	defer s.lock.Unlock()
	if s.numbers == nil {
		s.numbers = map[int64]struct{}{}
		s.first, s.from = int64(packet.SequenceNumber), int64(packet.Timestamp)
		s.last, s.until = s.first, s.from
	}
	number := s.last + int64(int16(packet.SequenceNumber-uint16(s.last)))
	at := s.until + int64(int32(packet.Timestamp-uint32(s.until)))
	s.numbers[number] = struct{}{}
	s.first, s.last = min(s.first, number), max(s.last, number)
	s.from, s.until = min(s.from, at), max(s.until, at)
}

func (s *sound) told() stream {
	s.lock.Lock()
	defer s.lock.Unlock()
	if s.numbers == nil {
		return stream{}
	}
	between := int(s.last-s.first) + 1
	return stream{
		Codec:   s.codec.MimeType + " " + s.codec.SDPFmtpLine,
		Packets: len(s.numbers),
		Missing: between - len(s.numbers),
		Seconds: float64(s.until-s.from) / float64(s.codec.ClockRate),
	}
}

// Writes whole pictures besides, in their order.
type picture struct {
	sound
	pieces *samplebuilder.SampleBuilder
	to     io.Writer
	begun  chan struct{}
	begin  sync.Once
}

func newPicture(to io.Writer) *picture {
	pieces := samplebuilder.New(lateBy, &codecs.H264Packet{}, 90000)
	return &picture{pieces: pieces, to: to, begun: make(chan struct{})}
}

func (p *picture) add(packet *rtp.Packet) {
	p.sound.add(packet)
	p.pieces.Push(packet)
	for whole := p.pieces.Pop(); whole != nil; whole = p.pieces.Pop() {
		if _, err := p.to.Write(whole.Data); err != nil {
			return
		}
		p.begin.Do(func() { close(p.begun) })
	}
}

func (p *picture) wait(deadline time.Duration) error {
	select {
	case <-p.begun:
		return nil
	case <-time.After(deadline):
		return fmt.Errorf("no whole picture within %s", deadline)
	}
}
