package main

import (
	"github.com/pion/interceptor"
	"github.com/pion/webrtc/v4"
)

// Those that pion has by itself.
func interceptors(media *webrtc.MediaEngine) (*interceptor.Registry, error) {
	registry := &interceptor.Registry{}
	return registry, webrtc.RegisterDefaultInterceptors(media, registry)
}
