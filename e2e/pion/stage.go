package main

import (
	"encoding/json"
	"net/http"
	"os"
	"strconv"
)

// A server that people are invited to: it lets in who has its token, redirects, removes whom it has, and tells meanwhile what it
// was asked and what came of the last who came.
type stage struct {
	// None: it lets everybody in.
	token string
	// What everybody is told who comes; 0: they are let in.
	status int
	asked  asked
}

type asked struct {
	Posts        int `json:"posts"`
	Redirected   int `json:"redirected"`
	Unauthorised int `json:"unauthorised"`
	Deletes      int `json:"deletes"`
	// That were not ended.
	Sessions int `json:"sessions"`
	// None came.
	Seen *seen `json:"seen"`
}

func (t *stage) serve(s *server) {
	http.HandleFunc("POST /moved/{status}", func(w http.ResponseWriter, request *http.Request) {
		s.lock.Lock()
		defer s.lock.Unlock()
		t.asked.Redirected++
		status, _ := strconv.Atoi(request.PathValue("status"))
		w.Header().Set("Location", "/whip")
		w.WriteHeader(status)
	})
	// Whom it has it has no more, and who comes is answered that.
	http.HandleFunc("POST /evict/{status}", func(_ http.ResponseWriter, request *http.Request) {
		s.lock.Lock()
		defer s.lock.Unlock()
		t.status, _ = strconv.Atoi(request.PathValue("status"))
		for _, session := range s.sessions {
			if session.status == 0 {
				session.status = http.StatusGone
				session.end()
			}
		}
	})
	http.HandleFunc("GET /seen", func(w http.ResponseWriter, _ *http.Request) {
		s.lock.Lock()
		defer s.lock.Unlock()
		told := t.asked
		for _, session := range s.sessions {
			if session.status == 0 {
				told.Sessions++
			} else if session.status == http.StatusOK {
				told.Deletes++
			}
			last := session.seen()
			told.Seen = &last
		}
		json.NewEncoder(w).Encode(told)
	})
}

// What the offer is answered instead of an answer; 0: nothing.
func (t *stage) refuses(request *http.Request) int {
	t.asked.Posts++
	if t.status != 0 {
		return t.status
	}
	if !t.admits(request) {
		t.asked.Unauthorised++
		return http.StatusUnauthorized
	}
	return 0
}

func (t *stage) admits(request *http.Request) bool {
	return t.token == "" || request.Header.Get("Authorization") == "Bearer "+t.token
}

func (s *session) end() {
	s.peer.Close()
	os.Remove(s.file.Name())
	s.file.Close()
}
