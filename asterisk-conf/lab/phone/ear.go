package phone

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"
)

const (
	// steady is how long a tone or a sound must last to be heard.
	steady = 100 * time.Millisecond
	// bridged is the longest hole in a tone or a sound that is passed over: a
	// lost packet or two.
	bridged = 60 * time.Millisecond
	// faded is how long a tone must be missing to be no longer heard.
	faded = 100 * time.Millisecond
	// early is how far audio may run ahead of the clock before the ear's time
	// line is set anew.
	early = 120 * time.Millisecond
	// late is how far audio may lag behind the clock before that.
	late = time.Second
)

// errCallOver is the reason why a wait for something to hear fails.
var errCallOver = errors.New("the call is over")

// Tone is a stretch of time in which one frequency was heard.
type Tone struct {
	Hz       float64
	From, To time.Time // To grows while the tone lasts
}

// stretch is a span of the time line, in samples.
type stretch struct {
	from, to int64
	open     bool // there is one at all
}

// extend adds from..to to the stretch, or begins another if a hole of more
// than bridged lies between. It says whether it began another.
func (s *stretch) extend(from, to int64) bool {
	if s.open && from-s.to <= samplesIn(bridged) {
		s.to = to
		return false
	}
	*s = stretch{from: from, to: to, open: true}
	return true
}

// lasts says whether the stretch is long enough to be heard, and not over at
// the moment now.
func (s *stretch) lasts(now int64) bool {
	return s.open && now-s.to <= samplesIn(faded) && s.to-s.from >= samplesIn(steady)
}

// ear hears the audio of one call: it lays what comes in along a time line
// from its start, with silence where nothing came, records that, and notes
// tones and sounds.
type ear struct {
	tones []goertzel

	mu      sync.Mutex
	changed signal
	closed  bool

	started time.Time // the time of sample 0; zero until start
	pos     int64     // how many samples the time line has
	line    timeline
	record  *wavFile
	path    string

	recent  []int16 // the end of the time line, up to a window and a hop
	marks   []bool  // which tones the last window had
	current []stretch
	past    []Tone
	sound   stretch

	keys      []byte
	keyAt     uint32 // RTP time of the last key
	keySSRC   uint32
	packets   int
	lastAudio time.Time

	keep bool     // each packet, in kept
	kept []Packet // in the order in which they came in
}

// timeline turns RTP time stamps to places on the time line.
type timeline struct {
	set    bool
	ssrc   uint32
	stamp  uint32 // this RTP time ...
	place  int64  // ... is this sample of the time line
	newest uint16 // highest sequence number so far
}

func newEar(tones []goertzel, keep bool) *ear {
	return &ear{tones: tones, keep: keep, marks: make([]bool, len(tones)), current: make([]stretch, len(tones))}
}

// start begins the time line now. open makes the recording, or nil for none.
func (e *ear) start(now time.Time, open func() (*wavFile, error)) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.closed {
		return errCallOver
	}
	e.started = now
	var err error
	if e.record, err = open(); err != nil {
		return err
	}
	if e.record != nil {
		e.path = e.record.path
	}
	return nil
}

// close ends the hearing, after the last call of audio and idle.
func (e *ear) close() error {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.closed {
		return nil
	}
	e.closed = true
	e.changed.raise()
	if e.record == nil {
		return nil
	}
	return e.record.close()
}

// audio hears one packet's samples that came at now.
func (e *ear) audio(now time.Time, ssrc, stamp uint32, sequence uint16, samples []int16) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.packets++
	e.lastAudio = now
	if e.keep {
		e.kept = append(e.kept, packetOf(now, samples))
	}

	place := e.place(samplesIn(now.Sub(e.started)), ssrc, stamp, sequence, len(samples))
	if place > e.pos {
		e.silence(place)
	}
	if skip := e.pos - place; skip < int64(len(samples)) {
		e.hear(samples[skip:])
	}
	e.changed.raise()
}

// place finds where on the time line a packet belongs that came at the sample
// now. The RTP time stamps decide, as long as they agree with the clock.
func (e *ear) place(now int64, ssrc, stamp uint32, sequence uint16, length int) int64 {
	l := &e.line
	newer := !l.set || ssrc != l.ssrc || int16(sequence-l.newest) > 0
	if newer {
		l.newest = sequence
	}
	place := l.place + int64(int32(stamp-l.stamp))
	strange := !l.set || ssrc != l.ssrc ||
		place > now+samplesIn(early) || place < now-samplesIn(late) ||
		newer && place+int64(length) <= e.pos
	if strange {
		place = now
		if behind := e.pos - now; behind > 0 && behind < samplesIn(early) {
			place = e.pos
		}
		l.set, l.ssrc, l.stamp, l.place = true, ssrc, stamp, place
	}
	return place
}

// idle hears that nothing has come for a while: silence up to the moment until.
func (e *ear) idle(until time.Time) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if place := samplesIn(until.Sub(e.started)); place > e.pos {
		e.silence(place)
	}
	e.changed.raise()
}

var silentHop [hop]int16

// silence extends the time line with silence up to place.
func (e *ear) silence(place int64) {
	for e.pos < place {
		e.hear(silentHop[:min(place-e.pos, hop)])
	}
}

// hear appends samples to the time line, and listens at each hop.
func (e *ear) hear(samples []int16) {
	if e.record != nil {
		e.record.write(samples)
	}
	for len(samples) > 0 {
		n := min(len(samples), hop-int(e.pos%hop))
		e.recent = append(e.recent, samples[:n]...)
		e.pos += int64(n)
		samples = samples[n:]
		if e.pos%hop == 0 {
			e.listen()
		}
	}
}

// listen looks at the last hop for sound, and at the last window for tones.
func (e *ear) listen() {
	last := e.recent[max(0, len(e.recent)-hop):]
	if isSound(energyOf(last), len(last)) {
		e.sound.extend(e.pos-int64(len(last)), e.pos)
	}
	if len(e.recent) < window {
		return
	}
	e.recent = append(e.recent[:0], e.recent[len(e.recent)-window:]...)
	pick(e.tones, e.recent, e.marks)
	for i, heard := range e.marks {
		if heard {
			e.note(i)
		}
	}
}

// note adds the last window to a tone's stretch, and keeps the one before if
// that was long enough.
func (e *ear) note(i int) {
	before := e.current[i]
	if e.current[i].extend(e.pos-window, e.pos) && before.to-before.from >= samplesIn(steady) {
		e.past = append(e.past, e.toneOf(i, before))
	}
}

func (e *ear) toneOf(i int, s stretch) Tone {
	return Tone{Hz: e.tones[i].hz, From: e.timeOf(s.from), To: e.timeOf(s.to)}
}

func (e *ear) timeOf(place int64) time.Time { return e.started.Add(durationOf(place)) }

// key hears one packet of an RFC 4733 event. It says whether a key began.
func (e *ear) key(ssrc, stamp uint32, key byte) bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	if len(e.keys) > 0 && e.keyAt == stamp && e.keySSRC == ssrc {
		return false
	}
	e.keyAt, e.keySSRC = stamp, ssrc
	e.keys = append(e.keys, key)
	e.changed.raise()
	return true
}

// index finds a frequency among those that are listened for.
func (e *ear) index(hz float64) (int, error) {
	for i := range e.tones {
		if e.tones[i].hz == hz {
			return i, nil
		}
	}
	listened := make([]float64, len(e.tones))
	for i := range e.tones {
		listened[i] = e.tones[i].hz
	}
	return 0, fmt.Errorf("the phone does not listen for %g Hz: name it in Options.Tones (now %v)", hz, listened)
}

// awaitTone returns when the tone is heard, with its beginning.
func (e *ear) awaitTone(ctx context.Context, hz float64) (time.Time, error) {
	return e.await(ctx, fmt.Sprintf("a tone of %g Hz", hz), func() (time.Time, bool, error) {
		i, err := e.index(hz)
		if err != nil {
			return time.Time{}, false, err
		}
		return e.timeOf(e.current[i].from), e.current[i].lasts(e.pos), nil
	})
}

// awaitNoTone returns when the tone is not heard, with its end; that is the
// zero time if it never was.
func (e *ear) awaitNoTone(ctx context.Context, hz float64) (time.Time, error) {
	return e.await(ctx, fmt.Sprintf("the end of a tone of %g Hz", hz), func() (time.Time, bool, error) {
		i, err := e.index(hz)
		if err != nil {
			return time.Time{}, false, err
		}
		return e.endOf(e.current[i]), !e.current[i].lasts(e.pos), nil
	})
}

// awaitSound returns when anything is heard, with its beginning.
func (e *ear) awaitSound(ctx context.Context) (time.Time, error) {
	return e.await(ctx, "a sound", func() (time.Time, bool, error) {
		return e.timeOf(e.sound.from), e.sound.lasts(e.pos), nil
	})
}

// awaitQuiet returns when nothing has been heard for a while, with the moment
// of the last sound; that is the zero time if there was none.
func (e *ear) awaitQuiet(ctx context.Context, atLeast time.Duration) (time.Time, error) {
	return e.await(ctx, fmt.Sprintf("%s of silence", atLeast), func() (time.Time, bool, error) {
		return e.endOf(e.sound), e.pos-e.sound.to >= samplesIn(atLeast), nil
	})
}

func (e *ear) endOf(s stretch) time.Time {
	if !s.open {
		return time.Time{}
	}
	return e.timeOf(s.to)
}

// awaitKeys returns the keys heard so far when they are n or more.
func (e *ear) awaitKeys(ctx context.Context, n int) (string, error) {
	_, err := e.await(ctx, fmt.Sprintf("%d keys", n), func() (time.Time, bool, error) {
		return time.Time{}, len(e.keys) >= n, nil
	})
	return e.heardKeys(), err
}

// await waits for ready, which is called with the ear's mutex held, and fails
// when the call is over first.
func (e *ear) await(ctx context.Context, what string, ready func() (time.Time, bool, error)) (time.Time, error) {
	var at time.Time
	err := await(ctx, &e.mu, &e.changed, what, func() (ok bool, err error) {
		if at, ok, err = ready(); ok || err != nil {
			return ok, err
		}
		if e.closed {
			return false, fmt.Errorf("waiting for %s: %w", what, errCallOver)
		}
		return false, nil
	})
	return at, err
}

// hears says whether the tone is heard now.
func (e *ear) hears(hz float64) bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	i, err := e.index(hz)
	return err == nil && e.current[i].lasts(e.pos)
}

// heardTones returns all that was heard long enough, in the order of From.
func (e *ear) heardTones() []Tone {
	e.mu.Lock()
	defer e.mu.Unlock()
	tones := slices.Clone(e.past)
	for i, s := range e.current {
		if s.to-s.from >= samplesIn(steady) {
			tones = append(tones, e.toneOf(i, s))
		}
	}
	slices.SortStableFunc(tones, func(a, b Tone) int { return a.From.Compare(b.From) })
	return tones
}

func (e *ear) heardKeys() string {
	e.mu.Lock()
	defer e.mu.Unlock()
	return string(e.keys)
}

func (e *ear) received() (packets int, last time.Time) {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.packets, e.lastAudio
}

func (e *ear) keptPackets() []Packet {
	e.mu.Lock()
	defer e.mu.Unlock()
	return slices.Clone(e.kept)
}

// awaitPacket returns the first packet from the given one on that fits, with its place among all.
func (e *ear) awaitPacket(ctx context.Context, what string, from int, fits func(Packet) bool) (int, Packet, error) {
	next, found := from, Packet{}
	_, err := e.await(ctx, what, func() (time.Time, bool, error) {
		if !e.keep {
			return time.Time{}, false, errors.New("the phone keeps no packets: set Options.Packets")
		}
		for ; next < len(e.kept); next++ {
			if fits(e.kept[next]) {
				found = e.kept[next]
				return time.Time{}, true, nil
			}
		}
		return time.Time{}, false, nil
	})
	return next, found, err
}

func (e *ear) recording() string {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.path
}
