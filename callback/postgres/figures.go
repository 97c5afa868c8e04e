package postgres

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/callbackd/callbackd/callback"
)

// figuresTime is how long the figures may take to count, so that a scrape is not given up while it
// waits for them; with a database that says nothing it is answerGrace more.
const figuresTime = 2 * time.Second

// Figures counts what stands in the database, whenever it is scraped. With several daemons on one
// database each has the same figures. While the database does not answer they are left out, and each
// scrape without them is counted.
type Figures struct {
	store    *Store
	contacts *prometheus.Desc // by state
	held     *prometheus.Desc
	oldest   *prometheus.Desc
	agents   *prometheus.Desc // by state
	reached  *prometheus.Desc
	failures prometheus.Counter
}

var _ prometheus.Collector = (*Figures)(nil)

// NewFigures gives the figures of a store. They are not to be collected after the store is closed.
func NewFigures(store *Store) *Figures {
	desc := func(name, help string, labels ...string) *prometheus.Desc {
		return prometheus.NewDesc(prometheus.BuildFQName("callbackd", "", name), help, labels, nil)
	}
	return &Figures{
		store:    store,
		contacts: desc("contacts", "Open contacts in the database, by state.", "state"),
		held:     desc("places_held", "Places in the queue that are held back from offers until someone changes them."),
		oldest:   desc("oldest_place_seconds", "How long the place that is oldest, and not held, has been in the queue; 0 for an empty queue."),
		agents:   desc("agents", "Agents in the database, by state.", "state"),
		reached:  desc("agents_reachable", "Agents who are available and whose phones a node can ring now."),
		failures: prometheus.NewCounter(prometheus.CounterOpts{
			Namespace: "callbackd",
			Name:      "figures_failed_total",
			Help:      "Scrapes without the figures of contacts, places and agents, since the database did not give them in time.",
		}),
	}
}

// Describe names the figures.
func (f *Figures) Describe(to chan<- *prometheus.Desc) {
	for _, desc := range []*prometheus.Desc{f.contacts, f.held, f.oldest, f.agents, f.reached} {
		to <- desc
	}
	f.failures.Describe(to)
}

// Collect counts.
func (f *Figures) Collect(to chan<- prometheus.Metric) {
	ctx, cancel := context.WithTimeout(context.Background(), figuresTime)
	defer cancel()
	counted, err := f.store.count(ctx)
	if err != nil {
		f.failures.Inc()
		f.store.logger.Warn("the figures are left out of a scrape", "error", err)
		f.failures.Collect(to)
		return
	}
	f.failures.Collect(to)
	gauge := func(desc *prometheus.Desc, value float64, labels ...string) {
		to <- prometheus.MustNewConstMetric(desc, prometheus.GaugeValue, value, labels...)
	}
	for _, state := range openStates {
		gauge(f.contacts, counted.Contacts[state], string(state))
	}
	gauge(f.held, counted.Held)
	gauge(f.oldest, counted.Oldest)
	for _, state := range agentStates {
		gauge(f.agents, counted.Agents[state], state)
	}
	gauge(f.reached, counted.Reached)
}

// openStates are the states of contacts that are counted; those that have ended only grow more.
var openStates = []callback.State{
	callback.StateLive, callback.StateCallback, callback.StateCalling, callback.StateConnected, callback.StateReleased, callback.StateStuck,
}

// agentStates are the words of [Agent.State].
var agentStates = []string{
	string(callback.LoggedOut), string(callback.Available), string(callback.Unavailable),
	string(callback.Offered), string(callback.WorkingInbound), string(callback.WorkingCallback), string(callback.WorkingOutbound),
	string(callback.AfterCall), string(callback.Refused),
}

// counts are the figures of one moment.
type counts struct {
	Contacts map[callback.State]float64 `json:"contacts"`
	Held     float64                    `json:"held"`
	Oldest   float64                    `json:"oldest"` // seconds
	Agents   map[string]float64         `json:"agents"`
	Reached  float64                    `json:"reached"`
}

func (s *Store) count(ctx context.Context) (counts, error) {
	var text []byte
	err := s.counting.GetContext(ctx, &text, `
		SELECT json_build_object(
		    'contacts', (SELECT coalesce(json_object_agg(state, n), '{}')
		                 FROM (SELECT state, count(*) AS n FROM contact WHERE state <> 'ended' GROUP BY state) c),
		    'held', p.held,
		    'oldest', greatest(extract(epoch FROM now() - p.oldest), 0),
		    'agents', (SELECT coalesce(json_object_agg(state, n), '{}')
		               FROM (SELECT agent_state(presence, activity, activity_until, now()) AS state, count(*) AS n
		                     FROM agent GROUP BY 1) a),
		    'reached', (SELECT count(*) FROM agent a WHERE `+reachable+`))
		FROM (SELECT count(*) FILTER (WHERE held) AS held, min(queued_at) FILTER (WHERE NOT held) AS oldest FROM place) p`)
	if err != nil {
		return counts{}, fmt.Errorf("counting contacts and agents: %w", plain(err))
	}
	var counted counts
	if err := json.Unmarshal(text, &counted); err != nil {
		return counts{}, fmt.Errorf("counting contacts and agents: %w", err)
	}
	return counted, nil
}
