package ari

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"os"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/callbackd/callbackd/callback"
)

// DefaultApplication is the Stasis application's name in the shipped dialplan.
const DefaultApplication = "callback"

// Options say how a node is reached.
type Options struct {
	Name        string // the name that we give the node; in the log and the metrics
	URL         string // of ARI, as in http://127.0.0.1:8088/ari; https for TLS
	User        string
	Password    string
	Application string // of Stasis; empty: DefaultApplication
	TLS         TLS
	Logger      *slog.Logger          // nil: nothing is logged
	Registerer  prometheus.Registerer // nil: nothing is published
}

// TLS names the files for an https URL, all PEM and all optional.
type TLS struct {
	CA          string // certificates that Asterisk's must descend from; empty: the system's
	Certificate string // ours, where Asterisk's web server stands behind a proxy that asks for one
	Key         string // of Certificate
}

// timing holds the node's time limits. Tests shorten them.
type timing struct {
	request      time.Duration // for a request to be answered
	ping         time.Duration // between two pings
	silence      time.Duration // without an event or an echo until the link counts as dead
	backoffFirst time.Duration // before the first attempt to connect again
	backoffLast  time.Duration // between two attempts at most
	replaced     time.Duration // before taking the application back from another program
}

func defaultTiming() timing {
	return timing{
		request:      5 * time.Second,
		ping:         3 * time.Second,
		silence:      10 * time.Second,
		backoffFirst: 100 * time.Millisecond,
		backoffLast:  5 * time.Second,
		replaced:     30 * time.Second,
	}
}

// Node is one Asterisk. Its methods may be called from many goroutines at once, Run from one.
type Node struct {
	name        string
	url         *url.URL
	user        string
	password    string
	application string
	log         *slog.Logger
	metrics     *metrics
	timing      timing

	sounds   soundBook
	requests *http.Transport // for REST
	sockets  *http.Transport // for the websocket, which keeps its connection
}

// connections is how many REST requests a node sends at once, and how many connections it keeps.
const connections = 32

// idleConnection is how long a connection is kept for the next request. Asterisk closes an idle one
// after 15 s; to send on it in that moment would leave a command's fate unknown.
const idleConnection = 10 * time.Second

// NewNode checks the options and makes a node. It does not connect: see [Node.Run].
func NewNode(o Options) (*Node, error) {
	address, err := parseURL(o.URL)
	if err != nil {
		return nil, err
	}
	if o.User == "" || o.Password == "" {
		return nil, errors.New("the ARI user and its password are needed (ari.conf has them)")
	}
	config, err := o.TLS.config()
	if err != nil {
		return nil, err
	}
	if _, err := theLibraryCalls(); err != nil {
		return nil, err
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.Application == "" {
		o.Application = DefaultApplication
	}
	n := &Node{
		name:        o.Name,
		url:         address,
		user:        o.User,
		password:    o.Password,
		application: o.Application,
		log:         o.Logger.With("node", o.Name),
		timing:      defaultTiming(),
		requests: &http.Transport{
			TLSClientConfig:     config,
			MaxIdleConnsPerHost: connections,
			MaxConnsPerHost:     connections,
			IdleConnTimeout:     idleConnection,
			DisableCompression:  true,
		},
		sockets: &http.Transport{TLSClientConfig: config.Clone(), DisableKeepAlives: true},
	}
	if n.metrics, err = newMetrics(o.Registerer, o.Name); err != nil {
		return nil, err
	}
	return n, nil
}

// Close lets go of the connections that are kept for the next request. Run ends with its context.
func (n *Node) Close() {
	n.requests.CloseIdleConnections()
	n.sockets.CloseIdleConnections()
}

func parseURL(text string) (*url.URL, error) {
	const want = "it should be like http://127.0.0.1:8088/ari"
	address, err := url.Parse(text)
	if err != nil {
		return nil, fmt.Errorf("the ARI URL %q can't be read; %s", text, want)
	}
	if address.Scheme != "http" && address.Scheme != "https" || address.Host == "" {
		return nil, fmt.Errorf("the ARI URL %q is not an http or https address; %s", address.Redacted(), want)
	}
	if address.User != nil {
		return nil, fmt.Errorf("the ARI URL %q has a user in it; user and password are settings of their own", address.Redacted())
	}
	address.Path = strings.TrimRight(address.Path, "/")
	return address, nil
}

func (t TLS) config() (*tls.Config, error) {
	config := &tls.Config{MinVersion: tls.VersionTLS12}
	if t.CA != "" {
		pem, err := os.ReadFile(t.CA)
		if err != nil {
			return nil, fmt.Errorf("reading the CA for Asterisk: %w", err)
		}
		config.RootCAs = x509.NewCertPool()
		if !config.RootCAs.AppendCertsFromPEM(pem) {
			return nil, fmt.Errorf("the CA file for Asterisk %s holds no PEM certificate", t.CA)
		}
	}
	if t.Certificate == "" && t.Key == "" {
		return config, nil
	}
	certificate, err := tls.LoadX509KeyPair(t.Certificate, t.Key)
	if err != nil {
		return nil, fmt.Errorf("reading our certificate for Asterisk: %w", err)
	}
	config.Certificates = []tls.Certificate{certificate}
	return config, nil
}

// AccessError says that Asterisk refuses our user. Trying again does not help.
type AccessError struct {
	URL, User string
	Status    int // 401: wrong name or password; 403: the user may only read
}

// Error names the user and the URL, never the password.
func (e *AccessError) Error() string {
	if e.Status == http.StatusForbidden {
		return fmt.Sprintf("Asterisk at %s lets the ARI user %q only read (HTTP 403): set read_only = no in ari.conf", e.URL, e.User)
	}
	return fmt.Sprintf("Asterisk at %s refuses the ARI user %q (HTTP %d): name and password must be those of ari.conf", e.URL, e.User, e.Status)
}

// accessError returns an AccessError for a status that means one, else nil.
func (n *Node) accessError(status int) error {
	if status != http.StatusUnauthorized && status != http.StatusForbidden {
		return nil
	}
	return &AccessError{URL: n.url.String(), User: n.user, Status: status}
}

// Run keeps the node's event stream up until ctx ends. After each connect it delivers NodeConnected
// with a snapshot, then the events that came meanwhile in their order, then the live ones, and
// NodeLost when the stream breaks. deliver must not block. Run returns nil when ctx ends, and an
// [AccessError] if Asterisk refuses our user at the very first connect.
func (n *Node) Run(ctx context.Context, deliver func(callback.Event)) error {
	return (&runner{node: n, deliver: deliver}).run(ctx)
}
