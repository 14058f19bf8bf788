package main

import (
	"github.com/pion/interceptor"
	"github.com/pion/webrtc/v4"
)

// Those that pion has by itself, or of these the one that asks for packets again.
func interceptors(media *webrtc.MediaEngine, mute bool) (*interceptor.Registry, error) {
	registry := &interceptor.Registry{}
	if mute {
		return registry, webrtc.ConfigureNack(media, registry)
	}
	return registry, webrtc.RegisterDefaultInterceptors(media, registry)
}
