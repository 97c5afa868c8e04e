package aritest

import (
	"crypto/tls"
	"encoding/json"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"time"
)

// The user that the server lets in.
const (
	User     = "callbackd"
	Password = "a password for tests"
)

// Options say what the server has.
type Options struct {
	Endpoints   map[string]Far    // by name, as in PJSIP/5550001@trunk
	Devices     map[string]string // PJSIP devices with their states, as in PJSIP/1001: NOT_INUSE
	Sounds      []string          // that exist, as in callbackd/offer
	Languages   map[string]string // of sounds that exist in another language than en
	SoundLength time.Duration     // of each
	Script      string            // that the dialplan names for callers
	TLS         *tls.Config       // not nil: https
	ReadOnly    bool              // the user may change nothing
	Calm        bool              // no doubled events and none of unknown types in between
}

// Server is the small Asterisk. All its methods may be called at any time.
type Server struct {
	options Options
	http    *httptest.Server
	done    chan struct{} // closed when the server closes
	work    sync.WaitGroup

	mu           sync.Mutex
	trouble      trouble
	started      time.Time
	applications map[string]*application
	channels     map[string]*channel
	bridges      map[string]*bridgeState
	playbacks    map[string]*playbackState
	devices      map[string]string
	sockets      map[*socket]bool
	requests     []string // method and path, as they came
	sent         int      // events, for the noise
	opened       int      // TCP connections
}

// New starts a server on a free port of 127.0.0.1.
func New(o Options) *Server {
	s := &Server{
		options:      o,
		done:         make(chan struct{}),
		started:      time.Now(),
		applications: make(map[string]*application),
		channels:     make(map[string]*channel),
		bridges:      make(map[string]*bridgeState),
		playbacks:    make(map[string]*playbackState),
		devices:      make(map[string]string),
		sockets:      make(map[*socket]bool),
	}
	for name, state := range o.Devices {
		s.devices[name] = state
	}
	s.trouble.changed = make(chan struct{})
	s.http = httptest.NewUnstartedServer(s.handler())
	s.http.Config.ConnState = s.countConnection
	if o.TLS != nil {
		s.http.TLS = o.TLS
		s.http.StartTLS()
		return s
	}
	s.http.Start()
	return s
}

// URL is the address of ARI.
func (s *Server) URL() string { return s.http.URL + "/ari" }

// Close ends the server and all its connections.
func (s *Server) Close() {
	close(s.done)
	s.mu.Lock()
	for id := range s.channels {
		s.forget(s.channels[id])
	}
	s.mu.Unlock()
	s.Cut()
	s.http.CloseClientConnections()
	s.http.Close()
	s.work.Wait()
}

func (s *Server) countConnection(_ net.Conn, state http.ConnState) {
	if state != http.StateNew {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.opened++
}

// failure is a refusal with Asterisk's status and words.
type failure struct {
	status  int
	key     string // message, or error
	message string
}

func refuse(status int, message string) *failure { return &failure{status, "message", message} }

// The refusals that many requests share.
var (
	noChannel         = refuse(http.StatusNotFound, "Channel not found")
	noBridge          = refuse(http.StatusNotFound, "Bridge not found")
	noPlayback        = refuse(http.StatusNotFound, "Playback not found")
	noApplication     = refuse(http.StatusNotFound, "Application not found")
	notInStasis       = refuse(http.StatusConflict, "Channel not in Stasis application")
	noContent     any = nil
)

// handle answers a request under the server's lock: with a status and a body, or with a failure.
type handle func(r *http.Request, body map[string]any) (int, any, *failure)

func (s *Server) handler() http.Handler {
	mux := http.NewServeMux()
	for pattern, h := range map[string]handle{
		"GET /ari/asterisk/info":                       s.getInfo,
		"GET /ari/endpoints/PJSIP":                     s.listEndpoints,
		"GET /ari/deviceStates":                        s.listDevices,
		"GET /ari/deviceStates/{name}":                 s.getDevice,
		"PUT /ari/deviceStates/{name}":                 s.putDevice,
		"DELETE /ari/deviceStates/{name}":              s.deleteDevice,
		"GET /ari/sounds/{id}":                         s.getSound,
		"POST /ari/events/user/{name}":                 s.userEvent,
		"GET /ari/applications":                        s.listApplications,
		"GET /ari/applications/{name}":                 s.getApplication,
		"PUT /ari/applications/{name}/eventFilter":     s.setFilter,
		"POST /ari/applications/{name}/subscription":   s.subscribe,
		"DELETE /ari/applications/{name}/subscription": s.unsubscribe,
		"GET /ari/channels":                            s.listChannels,
		"POST /ari/channels/create":                    s.create,
		"GET /ari/channels/{id}":                       s.getChannel,
		"DELETE /ari/channels/{id}":                    s.deleteChannel,
		"POST /ari/channels/{id}/dial":                 s.dial,
		"POST /ari/channels/{id}/answer":               s.answer,
		"POST /ari/channels/{id}/continue":             s.continueInDialplan,
		"POST /ari/channels/{id}/variable":             s.setVariable,
		"GET /ari/channels/{id}/variable":              s.getVariable,
		"POST /ari/channels/{id}/moh":                  s.startMusic,
		"DELETE /ari/channels/{id}/moh":                s.stopMusic,
		"POST /ari/channels/{id}/dtmf":                 s.sendKeys,
		"POST /ari/channels/{id}/play/{playback}":      s.play,
		"GET /ari/playbacks/{id}":                      s.getPlayback,
		"DELETE /ari/playbacks/{id}":                   s.stopPlayback,
		"GET /ari/bridges":                             s.listBridges,
		"POST /ari/bridges/{id}":                       s.createBridge,
		"GET /ari/bridges/{id}":                        s.getBridge,
		"DELETE /ari/bridges/{id}":                     s.deleteBridge,
		"POST /ari/bridges/{id}/addChannel":            s.addChannels,
		"POST /ari/bridges/{id}/removeChannel":         s.removeChannel,
	} {
		mux.HandleFunc(pattern, func(w http.ResponseWriter, r *http.Request) { s.serve(w, r, h) })
	}
	mux.HandleFunc("GET /ari/events", s.serveSocket)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if s.admit(w, r) {
			mux.ServeHTTP(w, r)
		}
	})
}

// admit lets a request in: noted, not while booting, and with the right password.
func (s *Server) admit(w http.ResponseWriter, r *http.Request) bool {
	s.mu.Lock()
	s.requests = append(s.requests, r.Method+" "+r.URL.EscapedPath())
	booting, refuse := s.trouble.booting, s.trouble.refuse
	s.mu.Unlock()
	isSocket := r.URL.Path == "/ari/events"
	if booting == BootAll || booting == BootRequests && !isSocket {
		write(w, http.StatusServiceUnavailable, map[string]string{"message": "Asterisk not booted"})
		return false
	}
	user, password, _ := r.BasicAuth()
	if refuse || user != User || password != Password {
		write(w, http.StatusUnauthorized, map[string]string{"message": "Authentication required"})
		return false
	}
	if s.options.ReadOnly && r.Method != http.MethodGet {
		write(w, http.StatusForbidden, map[string]string{"message": "Write access denied"})
		return false
	}
	return true
}

// serve carries a request out and answers it, as far as the present trouble lets it.
func (s *Server) serve(w http.ResponseWriter, r *http.Request, h handle) {
	body := map[string]any{}
	if r.ContentLength != 0 {
		if err := json.NewDecoder(r.Body).Decode(&body); err != nil || body == nil {
			write(w, http.StatusBadRequest, map[string]string{"message": "Error parsing request body"})
			return
		}
	}
	if !s.thawed(r.Context()) {
		return
	}
	if r.Method == http.MethodPost && strings.HasSuffix(r.URL.Path, "/subscription") && !s.maySubscribe(r.Context()) {
		return
	}
	loss := s.loss(r)
	if loss == LoseRequest {
		s.neverAnswer(r.Context())
		return
	}
	s.mu.Lock()
	status, answer, failed := h(r, body)
	s.mu.Unlock()
	if loss == LoseAnswer {
		s.neverAnswer(r.Context())
		return
	}
	if !s.slowed(r.Context()) {
		return
	}
	if failed != nil {
		status, answer = failed.status, map[string]string{failed.key: failed.message}
	}
	write(w, status, answer)
}

func write(w http.ResponseWriter, status int, answer any) {
	if answer == nil {
		w.WriteHeader(status)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(answer) // a client that has gone away
}

func (s *Server) getInfo(*http.Request, map[string]any) (int, any, *failure) {
	return http.StatusOK, map[string]any{
		"system": map[string]string{"version": "22.0.0-aritest", "entity_id": "aritest"},
		"status": map[string]string{"startup_time": stamp(s.started), "last_reload_time": stamp(s.started)},
	}, nil
}

func (s *Server) listEndpoints(*http.Request, map[string]any) (int, any, *failure) {
	list := []map[string]any{}
	for name, state := range s.devices {
		if strings.HasPrefix(name, ownDevices) {
			continue
		}
		online := "online"
		if state == "UNAVAILABLE" {
			online = "offline"
		}
		list = append(list, map[string]any{"technology": "PJSIP", "resource": name[len("PJSIP/"):], "state": online, "channel_ids": []string{}})
	}
	return http.StatusOK, list, nil
}

func (s *Server) getSound(r *http.Request, _ map[string]any) (int, any, *failure) {
	id := r.PathValue("id")
	if !slices.Contains(s.options.Sounds, id) {
		return 0, nil, refuse(http.StatusNotFound, "Sound not found")
	}
	language := s.options.Languages[id]
	if language == "" {
		language = "en"
	}
	return http.StatusOK, map[string]any{"id": id, "formats": []map[string]string{{"language": language, "format": "slin"}}}, nil
}
