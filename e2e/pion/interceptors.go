package main

import (
	"github.com/pion/interceptor"
	"github.com/pion/webrtc/v4"
)

// What is said of what arrives.
type says int

const (
	saysAll says = iota
	// Of each packet whether it came, and no reports.
	saysPackets
	saysNothing
)

// Those that pion has by itself, or of these the one that asks for packets again, and the one that says of each whether it came.
func interceptors(media *webrtc.MediaEngine, says says) (*interceptor.Registry, error) {
	registry := &interceptor.Registry{}
	if says == saysAll {
		return registry, webrtc.RegisterDefaultInterceptors(media, registry)
	}
	if says == saysPackets {
		if err := webrtc.ConfigureTWCCSender(media, registry); err != nil {
			return nil, err
		}
	}
	return registry, webrtc.ConfigureNack(media, registry)
}
