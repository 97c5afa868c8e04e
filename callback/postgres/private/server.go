package private

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/lib/pq"
)

// Options say where and how a server runs.
type Options struct {
	// Dir is the server's folder; it is made if need be and stays. Its path is at
	// most 90 bytes long (the socket lies in it), and the user postgres must be
	// able to reach it when callbackd runs as root: not below /root, usually.
	Dir string
	// Listen is an address:port to be reached at besides the socket. Empty: none.
	Listen string
	// Fast gives up the promise that a commit survives a power cut, for tests.
	Fast bool
	// Detached lets the server outlive this program. Otherwise it shuts down in
	// good order when this program ends, however it ends.
	Detached bool
}

// Server is a running Postgres. Its methods may be called from any goroutine.
type Server struct {
	options  Options
	owner    owner
	password string
	process  *os.Process
	ended    chan struct{} // closed when the process is gone
}

const (
	// user is the role that owns everything in the cluster.
	user = "callbackd"
	// socketPort is the port in the socket's name where there is no other.
	socketPort = "5432"
	// longestDir leaves room for the socket's name within the kernel's limit.
	longestDir = 90
	// readyLimit is how long a server may take until it answers; with much to
	// recover after a crash it takes longer than the usual half second.
	readyLimit = 2 * time.Minute
)

// ErrRunning says that a server runs in the folder already.
var ErrRunning = errors.New("a Postgres runs there already")

// Start starts the server in o.Dir, with a new cluster in it if there is none,
// and returns when it answers. Errors are of one line; ErrNotInstalled and
// ErrRunning are among them.
func Start(ctx context.Context, o Options) (*Server, error) {
	dir, err := filepath.Abs(o.Dir)
	if err != nil {
		return nil, fmt.Errorf("finding Postgres's folder: %w", err)
	}
	o.Dir = dir
	if len(dir) > longestDir {
		return nil, fmt.Errorf("the path %s is too long for Postgres's socket: at most %d bytes", dir, longestDir)
	}
	if _, running := Postmaster(dir); running {
		return nil, fmt.Errorf("starting Postgres in %s: %w", dir, ErrRunning)
	}
	owner, err := findOwner()
	if err != nil {
		return nil, err
	}
	s := &Server{options: o, owner: owner}
	programs, err := s.prepare(ctx)
	if err != nil {
		return nil, err
	}
	if err := s.launch(programs); err != nil {
		return nil, err
	}
	if err := s.awaitReady(ctx); err != nil {
		s.Kill()
		return nil, fmt.Errorf("starting Postgres in %s: %w (see %s)", dir, err, s.Log())
	}
	return s, nil
}

// awaitReady returns when the server lets a client in.
func (s *Server) awaitReady(ctx context.Context) error {
	ctx, cancel := context.WithTimeoutCause(ctx, readyLimit, fmt.Errorf("no answer within %s", readyLimit))
	defer cancel()
	ticker := time.NewTicker(20 * time.Millisecond)
	defer ticker.Stop()
	for {
		err := s.onMaintenance(func(db *sql.DB) error { return db.PingContext(ctx) })
		if err == nil {
			return nil
		}
		select {
		case <-s.ended:
			return fmt.Errorf("it ended at once: %s", s.lastWord())
		case <-ctx.Done():
			return errors.Join(context.Cause(ctx), err)
		case <-ticker.C:
		}
	}
}

// URL returns the address of a database on this server, as lib/pq and psql read
// it: over TCP with the password where the server listens, else over the socket.
func (s *Server) URL(database string) string {
	if s.options.Listen != "" {
		address := url.URL{Scheme: "postgres", Host: s.options.Listen, Path: "/" + database,
			User: url.UserPassword(user, s.password), RawQuery: "sslmode=disable"}
		return address.String()
	}
	query := url.Values{"host": {s.options.Dir}, "port": {socketPort}, "sslmode": {"disable"}}
	address := url.URL{Scheme: "postgres", User: url.User(user), Path: "/" + database, RawQuery: query.Encode()}
	return address.String()
}

// Dir returns the absolute path of the server's folder.
func (s *Server) Dir() string { return s.options.Dir }

// Log returns the path of the server's log.
func (s *Server) Log() string { return filepath.Join(s.options.Dir, "postgres.log") }

// CreateDatabase makes a database, a copy of template unless that is empty. It
// is no error when it is there already and no template is named.
func (s *Server) CreateDatabase(ctx context.Context, name, template string) error {
	statement := "CREATE DATABASE " + pq.QuoteIdentifier(name)
	if template != "" {
		statement += " TEMPLATE " + pq.QuoteIdentifier(template)
	}
	err := s.run(ctx, statement)
	var refused *pq.Error
	if template == "" && errors.As(err, &refused) && refused.Code.Name() == "duplicate_database" {
		return nil
	}
	if err != nil {
		return fmt.Errorf("creating the database %s: %w", name, err)
	}
	return nil
}

// DropDatabase removes a database and throws out whoever is connected to it.
func (s *Server) DropDatabase(ctx context.Context, name string) error {
	if err := s.run(ctx, "DROP DATABASE IF EXISTS "+pq.QuoteIdentifier(name)+" WITH (FORCE)"); err != nil {
		return fmt.Errorf("dropping the database %s: %w", name, err)
	}
	return nil
}

func (s *Server) run(ctx context.Context, statement string) error {
	return s.onMaintenance(func(db *sql.DB) error {
		_, err := db.ExecContext(ctx, statement)
		return err
	})
}

// onMaintenance runs act on the database that always exists.
func (s *Server) onMaintenance(act func(*sql.DB) error) error {
	db, err := sql.Open("postgres", s.URL("postgres"))
	if err != nil {
		return err
	}
	return errors.Join(act(db), db.Close())
}

// lastWord returns the complaints at the end of the log, in one line and without
// their times.
func (s *Server) lastWord() string {
	text, err := os.ReadFile(s.Log())
	if err != nil {
		return err.Error()
	}
	lines := strings.Split(strings.TrimSpace(string(text)), "\n")
	var complaints []string
	for _, line := range lines[max(0, len(lines)-6):] {
		for _, level := range []string{"WARNING:  ", "FATAL:  "} {
			if _, complaint, found := strings.Cut(line, level); found {
				complaints = append(complaints, complaint)
			}
		}
	}
	if complaints == nil {
		return lines[len(lines)-1]
	}
	return strings.Join(complaints, "; ")
}

// listen splits Options.Listen into what Postgres's settings want; the port
// names the socket too.
func (o Options) listen() (host, port string, err error) {
	if o.Listen == "" {
		return "", socketPort, nil
	}
	host, port, err = net.SplitHostPort(o.Listen)
	if err != nil {
		return "", "", fmt.Errorf("%q is not an address:port for Postgres to listen on: %w", o.Listen, err)
	}
	return host, port, nil
}
