package main

import (
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"sync"
	"time"

	"github.com/pion/logging"
	"github.com/pion/turn/v5"
)

const (
	realm    = "example.org"
	username = "1700000000:me, \"you\""
	password = "sesame;<open>"
	// Of what was given back to be noticed.
	givenBack = 2 * time.Second
	// More than it takes until the next server is asked, and gives.
	lateness = 600 * time.Millisecond
)

// A TURN server (RFC 8656) and a firewall that lets nobody in but its relays.
type relays struct {
	lock  sync.Mutex
	open  map[string]int
	given int
	// URIs of it, as the WHIP server names them.
	uris []string
	// Everybody gets in.
	letsAll bool
}

// Over: udp, tcp, tls, refused, which knows us by no name, or slow, which is asked over udp and then over tcp. With tcp another that is
// silent is named first.
func newRelays(over, certificate, key string, letsAll bool) (*relays, error) {
	r := &relays{open: map[string]int{}, letsAll: letsAll}
	generator := &turn.RelayAddressGeneratorStatic{RelayAddress: net.IPv4(127, 0, 0, 1), Address: "127.0.0.1"}
	config := turn.ServerConfig{
		Realm:         realm,
		LoggerFactory: logging.NewDefaultLoggerFactory(),
		AuthHandler: func(asks *turn.RequestAttributes) (string, []byte, bool) {
			return asks.Username, turn.GenerateAuthKey(username, realm, password), asks.Username == username && over != "refused"
		},
		EventHandler: turn.EventHandler{
			OnAllocationCreated: func(client, _ net.Addr, _, _, _ string, relay net.Addr, _ int) {
				r.lock.Lock()
				defer r.lock.Unlock()
				r.given++
				r.open[client.String()] = relay.(*net.UDPAddr).Port
			},
			OnAllocationDeleted: func(client, _ net.Addr, _, _, _ string) {
				r.lock.Lock()
				defer r.lock.Unlock()
				delete(r.open, client.String())
			},
		},
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	socket, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		return nil, err
	}
	streamed, plain := listener.Addr().(*net.TCPAddr).Port, socket.LocalAddr().(*net.UDPAddr).Port
	switch over {
	case "udp", "refused":
		config.PacketConnConfigs = []turn.PacketConnConfig{{PacketConn: socket, RelayAddressGenerator: generator}}
		r.uris = []string{"stun:127.0.0.1:9", fmt.Sprintf("turn:127.0.0.1:%d", plain)}
	case "slow":
		config.PacketConnConfigs = []turn.PacketConnConfig{{PacketConn: late{socket}, RelayAddressGenerator: generator}}
		config.ListenerConfigs = []turn.ListenerConfig{{Listener: listener, RelayAddressGenerator: generator}}
		r.uris = []string{
			fmt.Sprintf("turn:127.0.0.1:%d?transport=udp", plain), fmt.Sprintf("turn:127.0.0.1:%d?transport=tcp", streamed),
		}
	case "tcp":
		config.ListenerConfigs = []turn.ListenerConfig{{Listener: listener, RelayAddressGenerator: generator}}
		r.uris = []string{
			fmt.Sprintf("turn:127.0.0.1:%d?transport=udp", plain), fmt.Sprintf("turn:127.0.0.1:%d?transport=tcp", streamed),
		}
	case "tls":
		own, err := tls.LoadX509KeyPair(certificate, key)
		if err != nil {
			return nil, err
		}
		protected := tls.NewListener(listener, &tls.Config{Certificates: []tls.Certificate{own}})
		config.ListenerConfigs = []turn.ListenerConfig{{Listener: protected, RelayAddressGenerator: generator}}
		r.uris = []string{fmt.Sprintf("turns:localhost:%d?transport=tcp", streamed)}
	default:
		return nil, errors.New("-turn is udp, tcp, tls, slow or refused")
	}
	_, err = turn.NewServer(config)
	return r, err
}

func (r *relays) headers() []string {
	var all []string
	for _, uri := range r.uris {
		// RFC 9725, section 4.6.
		link := "<%s>; rel=\"ice-server\"; username=%q; credential=%q; credential-type=\"password\""
		all = append(all, fmt.Sprintf(link, uri, username, password))
	}
	return all
}

func (r *relays) admits(port int) bool {
	r.lock.Lock()
	defer r.lock.Unlock()
	if r.letsAll {
		return true
	}
	for _, relay := range r.open {
		if relay == port {
			return true
		}
	}
	return false
}

// How many nobody gave back, after a while.
func (r *relays) left() int {
	count := func() int {
		r.lock.Lock()
		defer r.lock.Unlock()
		return len(r.open)
	}
	for until := time.Now().Add(givenBack); count() > 0 && time.Now().Before(until); {
		time.Sleep(20 * time.Millisecond)
	}
	return count()
}

// A socket whose datagrams are read late.
type late struct{ net.PacketConn }

func (l late) ReadFrom(bytes []byte) (int, net.Addr, error) {
	n, from, err := l.PacketConn.ReadFrom(bytes)
	time.Sleep(lateness)
	return n, from, err
}

// A socket behind the firewall.
type guarded struct {
	net.PacketConn
	relays *relays
}

func (g guarded) ReadFrom(bytes []byte) (int, net.Addr, error) {
	for {
		n, from, err := g.PacketConn.ReadFrom(bytes)
		if err != nil || g.relays.admits(from.(*net.UDPAddr).Port) {
			return n, from, err
		}
	}
}
