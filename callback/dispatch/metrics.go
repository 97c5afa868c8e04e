package dispatch

import "github.com/prometheus/client_golang/prometheus"

// metrics are what administrators watch of the loop.
type metrics struct {
	sessions prometheus.GaugeFunc
	ports    prometheus.GaugeFunc
	inbox    prometheus.GaugeFunc
	holding  prometheus.GaugeFunc
	calls    *prometheus.CounterVec
	matches  prometheus.Counter
	unsaved  prometheus.Counter
	doubts   prometheus.Counter
	failures *prometheus.CounterVec

	questions    *prometheus.CounterVec
	questionTime *prometheus.HistogramVec
	scriptInfo   scriptInfo
}

// scriptInfo tells which versions new calls run.
type scriptInfo struct{ d *Dispatcher }

var scriptInfoDesc = prometheus.NewDesc("callbackd_script_info",
	"1 for each script that new calls run, with its version.", []string{"name", "version"}, nil)

// Describe says what Collect gives.
func (scriptInfo) Describe(to chan<- *prometheus.Desc) { to <- scriptInfoDesc }

// Collect gives the scripts as they are loaded at this moment.
func (i scriptInfo) Collect(to chan<- prometheus.Metric) {
	for _, ref := range i.d.loaded.Load().refs() {
		to <- prometheus.MustNewConstMetric(scriptInfoDesc, prometheus.GaugeValue, 1, ref.Name, ref.Version)
	}
}

func newMetrics(d *Dispatcher) *metrics {
	gauge := func(name, help string, value func() float64) prometheus.GaugeFunc {
		return prometheus.NewGaugeFunc(prometheus.GaugeOpts{Namespace: "callbackd", Name: name, Help: help}, value)
	}
	counter := func(name, help string) prometheus.Counter {
		return prometheus.NewCounter(prometheus.CounterOpts{Namespace: "callbackd", Name: name, Help: help})
	}
	vec := func(name, help, label string) *prometheus.CounterVec {
		return prometheus.NewCounterVec(prometheus.CounterOpts{Namespace: "callbackd", Name: name, Help: help}, []string{label})
	}
	return &metrics{
		sessions: gauge("sessions", "Contacts that have a channel or an open offer in this daemon.", d.sessionCount),
		ports:    gauge("ports_used", "Channels of Asterisk that contacts and their agents use or are about to use.", d.portCount),
		inbox:    gauge("router_inbox_depth", "Events from Asterisk that wait to be routed.", func() float64 { return float64(d.events.len()) }),
		holding:  gauge("node_held", "1 while this daemon holds its node.", d.holding),
		calls:    vec("calls_total", "Calls that entered the application, by what became of them on arrival.", "result"),
		matches:  counter("matches_total", "Contacts that were offered to an agent."),
		unsaved:  counter("saves_delayed_total", "Saves that failed and were left for later because the database was away."),
		doubts:   counter("commits_in_doubt_total", "Commits that the database did not answer and that were read back."),
		failures: vec("commands_failed_total", "Commands that Asterisk did not carry out, by command.", "command"),
		questions: prometheus.NewCounterVec(prometheus.CounterOpts{
			Namespace: "callbackd", Name: "questions_total",
			Help: "Questions that scripts have asked of web servers and of the database, by the kind of action and the result.",
		}, []string{"kind", "result"}),
		questionTime: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Namespace: "callbackd", Name: "question_seconds",
			Help:    "How long the answers to the questions of scripts took, by the kind of action.",
			Buckets: []float64{.001, .005, .025, .1, .25, .5, 1, 2.5, 5, 10, 30},
		}, []string{"kind"}),
		scriptInfo: scriptInfo{d},
	}
}

func (m *metrics) register(r prometheus.Registerer) error {
	for _, c := range []prometheus.Collector{m.sessions, m.ports, m.inbox, m.holding, m.calls, m.matches, m.unsaved, m.doubts, m.failures,
		m.questions, m.questionTime, m.scriptInfo} {
		if err := r.Register(c); err != nil {
			return err
		}
	}
	return nil
}
