package ari

import (
	"fmt"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// metrics are what a node counts, each with the label node.
type metrics struct {
	events      *prometheus.CounterVec // by type
	connected   prometheus.Gauge
	connects    prometheus.Counter
	losses      prometheus.Counter
	pingsFailed prometheus.Counter
	inbox       prometheus.Gauge
	answers     *prometheus.CounterVec // by status
	answerTime  prometheus.Histogram
}

// The types of the events that are counted together.
const (
	typeUnused  = "unused"  // we have no use for it, or do not know it
	typeInvalid = "invalid" // it can't be decoded
)

func newMetrics(registerer prometheus.Registerer, node string) (*metrics, error) {
	m := &metrics{
		events: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "callbackd_ari_events_total",
			Help: "Events received from Asterisk, by type.",
		}, []string{"type"}),
		connected: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "callbackd_ari_connected",
			Help: "1 while the event stream is up.",
		}),
		connects: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "callbackd_ari_connects_total",
			Help: "How often the event stream has come up.",
		}),
		losses: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "callbackd_ari_losses_total",
			Help: "How often the event stream has broken.",
		}),
		pingsFailed: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "callbackd_ari_pings_failed_total",
			Help: "Pings that Asterisk did not take.",
		}),
		inbox: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "callbackd_ari_inbox_events",
			Help: "Events received and not handled yet.",
		}),
		answers: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "callbackd_ari_requests_total",
			Help: "Requests to Asterisk, by HTTP status; none where there was no answer.",
		}, []string{"status"}),
		answerTime: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name:    "callbackd_ari_request_seconds",
			Help:    "Time until Asterisk's answer.",
			Buckets: prometheus.ExponentialBuckets(0.0005, 4, 8),
		}),
	}
	if registerer == nil {
		return m, nil
	}
	registerer = prometheus.WrapRegistererWith(prometheus.Labels{"node": node}, registerer)
	for _, c := range []prometheus.Collector{m.events, m.connected, m.connects, m.losses, m.pingsFailed, m.inbox, m.answers, m.answerTime} {
		if err := registerer.Register(c); err != nil {
			return nil, fmt.Errorf("publishing the metrics of node %q: %w", node, err)
		}
	}
	return m, nil
}

func (m *metrics) request(status int, took time.Duration) {
	label := "none"
	if status != 0 {
		label = strconv.Itoa(status)
	}
	m.answers.WithLabelValues(label).Inc()
	m.answerTime.Observe(took.Seconds())
}
