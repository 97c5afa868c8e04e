package postgres

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"net"
	neturl "net/url"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/jmoiron/sqlx"
	"github.com/lib/pq"

	"github.com/callbackd/callbackd/callback/dispatch"
)

// Options say how a Store uses its database.
type Options struct {
	Logger *slog.Logger // for what goes wrong where nobody waits for an answer; required
	// MaxConnections bounds the pool; 0 means 16. Two more serve the wake-ups, and one the figures.
	MaxConnections int
	// StatementTime is how long one statement may take, so that a slow database is noticed; 0 means
	// 5 s. An answer that is a second later than that is not waited for.
	StatementTime time.Duration
	// PlanOnce has Postgres plan each statement once for all values, as suits a daemon that says the same
	// again and again: to plan the statement that looks for matches takes longer than to run it.
	PlanOnce bool
}

const (
	defaultConnections   = 16
	defaultStatementTime = 5 * time.Second
	connectTime          = 5 * time.Second
	// answerGrace is how much longer than a statement may take its answer is waited for. It bounds the
	// wait where the network has lost the connection without a word.
	answerGrace = time.Second
	// oldestServer is the first Postgres that has what the schema uses.
	oldestServer = 140000
)

// Store is a [dispatch.Store] on Postgres.
type Store struct {
	db       *database
	logger   *slog.Logger
	url      string
	notifier notifier
	counting *database // of the figures, which may take less time than the rest
	wakes    wakes
	classes  classes
	prepared prepared
	spoilt   sync.Map     // callback.ContactID: those whose offer the database refuses
	spare    atomic.Int32 // contacts that a match looks at beside those for its agents, since other matchers take some
}

var _ dispatch.Store = (*Store)(nil)

// Open connects to the database at url, which is as lib/pq and psql read it (sslmode and the files of
// certificates among it). The schema is not looked at; see CheckSchema. The error names the database's
// host and port, never its password.
func Open(ctx context.Context, url string, o Options) (*Store, error) {
	if o.MaxConnections == 0 {
		o.MaxConnections = defaultConnections
	}
	if o.StatementTime == 0 {
		o.StatementTime = defaultStatementTime
	}
	db, err := connect(url, o)
	if err != nil {
		return nil, err
	}
	if err := db.reach(ctx); err != nil {
		return nil, errors.Join(err, db.Close())
	}
	apart, err := connect(url, Options{MaxConnections: 1, StatementTime: o.StatementTime})
	if err != nil {
		return nil, errors.Join(err, db.Close())
	}
	counting, err := connect(url, Options{MaxConnections: 1, StatementTime: figuresTime})
	if err != nil {
		return nil, errors.Join(err, apart.Close(), db.Close())
	}
	s := &Store{db: db, logger: o.Logger, url: url, counting: counting}
	s.notifier = notifier{db: apart, logger: o.Logger}
	s.notifier.connect()
	s.wakes.heard = make(chan struct{}, 1)
	s.prepared = prepared{db: db.DB, statements: make(map[string]*sqlx.Stmt)}
	return s, nil
}

// Close sends the wake-up that may still wait and closes every connection. No method may run or be
// called after it.
func (s *Store) Close() error {
	s.wakes.close()
	s.notifier.close()
	return errors.Join(s.counting.Close(), s.notifier.db.Close(), s.db.Close())
}

// Ping says whether the database answers.
func (s *Store) Ping(ctx context.Context) error { return s.db.reach(ctx) }

// database is a pool with what people call it.
type database struct {
	*sqlx.DB
	address string // host:port or the socket's folder
}

// connect makes a pool; it does not connect yet. With no StatementTime nothing bounds a statement.
func connect(url string, o Options) (*database, error) {
	if url == "" {
		return nil, errors.New("no database URL was given")
	}
	config, err := pq.NewConfig(url)
	if err != nil {
		return nil, fmt.Errorf("the database URL can't be read: %w", withoutURL(err))
	}
	if config.Runtime == nil {
		config.Runtime = make(map[string]string)
	}
	config.ConnectTimeout = connectTime
	config.ApplicationName = "callbackd"
	config.Runtime["timezone"] = "UTC"
	config.Runtime["jit"] = "off" // it would take longer than any statement here
	if o.PlanOnce {
		config.Runtime["plan_cache_mode"] = "force_generic_plan"
	}
	answerTime := time.Duration(0)
	if o.StatementTime > 0 {
		milliseconds := strconv.FormatInt(o.StatementTime.Milliseconds(), 10)
		config.Runtime["statement_timeout"] = milliseconds
		// A transaction whose client is gone must not keep its locks.
		config.Runtime["idle_in_transaction_session_timeout"] = milliseconds
		answerTime = o.StatementTime + answerGrace
	}
	connector, err := pq.NewConnectorConfig(config)
	if err != nil {
		return nil, fmt.Errorf("the database URL can't be read: %w", withoutURL(err))
	}
	connector.Dialer(dialer{answerTime: answerTime})
	pool := sql.OpenDB(connector)
	pool.SetMaxOpenConns(o.MaxConnections)
	pool.SetMaxIdleConns(max(o.MaxConnections, 1))
	return &database{DB: sqlx.NewDb(pool, "postgres"), address: address(config)}, nil
}

func address(config pq.Config) string {
	if strings.HasPrefix(config.Host, "/") {
		return config.Host
	}
	return net.JoinHostPort(config.Host, strconv.Itoa(int(config.Port)))
}

// withoutURL drops the URL from an error, since it may hold a password.
func withoutURL(err error) error {
	var parse *neturl.Error
	if errors.As(err, &parse) {
		return parse.Err
	}
	return err
}

// reach says in one line why the database can't be used, if so.
func (db *database) reach(ctx context.Context) error {
	var version int
	err := db.GetContext(ctx, &version, "SELECT current_setting('server_version_num')::int")
	if refused := pq.As(err); refused != nil {
		return fmt.Errorf("the database at %s refuses: %s", db.address, refused.Message)
	}
	if errors.Is(err, pq.ErrSSLNotSupported) {
		return fmt.Errorf("the database at %s does not speak TLS: set that up there, or add sslmode=disable to its URL", db.address)
	}
	if err != nil {
		return fmt.Errorf("cannot reach the database at %s: %w", db.address, plain(err))
	}
	if version < oldestServer {
		return fmt.Errorf("the database at %s is Postgres %d, and callbackd needs %d or later",
			db.address, version/10000, oldestServer/10000)
	}
	return nil
}

// plain drops what a network error says of the address, which has been named already.
func plain(err error) error {
	var op *net.OpError
	if errors.As(err, &op) {
		return op.Err
	}
	return err
}

// dialer bounds how long an answer is waited for: a context can't, since lib/pq asks the server to
// cancel a statement and then waits for its word. No connection is read from between statements.
type dialer struct{ answerTime time.Duration }

func (d dialer) DialContext(ctx context.Context, network, address string) (net.Conn, error) {
	plain := net.Dialer{Timeout: connectTime, KeepAlive: 5 * time.Second}
	conn, err := plain.DialContext(ctx, network, address)
	if err != nil || d.answerTime == 0 {
		return conn, err
	}
	return &boundedConn{Conn: conn, answerTime: d.answerTime}, nil
}

// Dial is there for lib/pq's interface.
func (d dialer) Dial(network, address string) (net.Conn, error) {
	return d.DialContext(context.Background(), network, address)
}

// DialTimeout is there for lib/pq's interface.
func (d dialer) DialTimeout(network, address string, limit time.Duration) (net.Conn, error) {
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	return d.DialContext(ctx, network, address)
}

// boundedConn closes itself when a read or write has failed: what comes later would be taken for the
// answer to another statement.
type boundedConn struct {
	net.Conn
	answerTime time.Duration
}

func (c *boundedConn) Read(p []byte) (int, error) {
	n, err := 0, c.SetReadDeadline(time.Now().Add(c.answerTime))
	if err == nil {
		n, err = c.Conn.Read(p)
	}
	if err != nil {
		_ = c.Close() // err says what is wrong
	}
	return n, err
}

func (c *boundedConn) Write(p []byte) (int, error) {
	n, err := 0, c.SetWriteDeadline(time.Now().Add(c.answerTime))
	if err == nil {
		n, err = c.Conn.Write(p)
	}
	if err != nil {
		_ = c.Close() // err says what is wrong
	}
	return n, err
}

// prepared keeps the statements that run all the time, prepared when they are first used: the schema
// may not be there when the store is opened.
type prepared struct {
	db         *sqlx.DB
	mu         sync.Mutex
	statements map[string]*sqlx.Stmt
}

// get gives the prepared statement of that text. They are closed with the pool.
func (p *prepared) get(ctx context.Context, text string) (*sqlx.Stmt, error) {
	p.mu.Lock()
	statement, ok := p.statements[text]
	p.mu.Unlock()
	if ok {
		return statement, nil
	}
	statement, err := p.db.PreparexContext(ctx, text)
	if err != nil {
		return nil, err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if other, ok := p.statements[text]; ok {
		return other, statement.Close()
	}
	p.statements[text] = statement
	return statement, nil
}

// transact runs act in one transaction. An error of act means that nothing was saved. So does the
// server's own refusal to commit; any other failure of the commit is [dispatch.ErrUnsure].
func (s *Store) transact(ctx context.Context, act func(tx *sqlx.Tx) error) error {
	tx, err := s.db.BeginTxx(ctx, nil)
	if err != nil {
		return err
	}
	if err := act(tx); err != nil {
		// What the rollback may say is of no use: without it the server rolls back all the same.
		_ = tx.Rollback()
		return err
	}
	if err := ctx.Err(); err != nil {
		_ = tx.Rollback()
		return err
	}
	err = tx.Commit()
	switch {
	case err == nil:
		return nil
	case pq.As(err) != nil, errors.Is(err, sql.ErrTxDone), errors.Is(err, pq.ErrInFailedTransaction):
		return err
	}
	return fmt.Errorf("%w: %w", dispatch.ErrUnsure, plain(err))
}
