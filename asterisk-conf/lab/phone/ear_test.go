package phone

import (
	"math"
	"path/filepath"
	"testing"
	"time"
)

func noRecording() (*wavFile, error) { return nil, nil }

// sender makes the packets of a tone as a far end would.
type sender struct {
	ear      *ear
	began    time.Time
	ssrc     uint32
	stamp    uint32
	sequence uint16
	tone     oscillator
}

func newSender(t *testing.T, tones ...float64) *sender {
	t.Helper()
	listened, err := newTones(tones)
	must(t, err)
	s := &sender{ear: newEar(listened, false), began: time.Now(), ssrc: 7, stamp: math.MaxUint32 - 3000, sequence: math.MaxUint16 - 20}
	must(t, s.ear.start(s.began, noRecording))
	t.Cleanup(func() { must(t, s.ear.close()) })
	return s
}

// packet makes the next packet come in, so long after the beginning.
func (s *sender) packet(at time.Duration) {
	samples := make([]int16, packetSamples)
	for i := range samples {
		samples[i] = s.tone.next()
	}
	s.ear.audio(s.began.Add(at), s.ssrc, s.stamp, s.sequence, samples)
	s.stamp += packetSamples
	s.sequence++
}

// stream makes packets come in, each in its time, from one moment to another.
func (s *sender) stream(from, to time.Duration, hz float64) {
	s.tone.hz = hz
	for at := from; at < to; at += packetTime {
		s.packet(at)
	}
}

// hears holds the tones that were heard against what is expected: for each tone
// its frequency in Hz, and from when to when.
func (s *sender) hears(t *testing.T, want ...[3]float64) {
	t.Helper()
	const tolerance = 0.025
	got := s.ear.heardTones()
	if len(got) != len(want) {
		t.Fatalf("%d tones were heard; want %d: %+v", len(got), len(want), got)
	}
	for i, tone := range got {
		from, to := tone.From.Sub(s.began).Seconds(), tone.To.Sub(s.began).Seconds()
		if tone.Hz != want[i][0] || math.Abs(from-want[i][1]) > tolerance || math.Abs(to-want[i][2]) > tolerance {
			t.Errorf("heard %g Hz from %.3f to %.3f s; want %v", tone.Hz, from, to, want[i])
		}
	}
}

const ms = time.Millisecond

func TestATonesBeginningAndEndAreTimedTo25Milliseconds(t *testing.T) {
	s := newSender(t, 800, 1000)
	s.stream(0, 320*ms, 0)
	s.stream(320*ms, 740*ms, 800)
	s.stream(740*ms, 1500*ms, 1000)
	s.hears(t, [3]float64{800, 0.320, 0.740}, [3]float64{1000, 0.740, 1.5})
}

func TestATooShortToneIsNotHeard(t *testing.T) {
	s := newSender(t, 800)
	s.stream(0, 80*ms, 800)
	s.stream(80*ms, time.Second, 0)
	s.hears(t)
}

func TestWhereNothingComesThereIsSilence(t *testing.T) {
	s := newSender(t, 800)
	s.stream(0, 400*ms, 800)
	// The far end stops, and goes on with the same time stamps.
	s.stamp += 8 * packetSamples * 5
	s.stream(1200*ms, 1600*ms, 800)
	s.hears(t, [3]float64{800, 0, 0.4}, [3]float64{800, 1.2, 1.6})
	if got, want := s.ear.pos, samplesIn(1600*ms); got != want {
		t.Errorf("the time line has %d samples; want %d", got, want)
	}
}

func TestIdleEndsATone(t *testing.T) {
	s := newSender(t, 800)
	s.stream(0, 400*ms, 800)
	if !s.ear.hears(800) {
		t.Fatal("the tone is not heard")
	}
	s.ear.idle(s.began.Add(450 * ms))
	if !s.ear.hears(800) {
		t.Error("the tone ended at once")
	}
	s.ear.idle(s.began.Add(600 * ms))
	if s.ear.hears(800) {
		t.Error("the tone goes on without packets")
	}
}

func TestALostPacketDoesNotBreakATone(t *testing.T) {
	s := newSender(t, 800)
	s.stream(0, 400*ms, 800)
	s.stamp += packetSamples
	s.sequence++
	s.stream(420*ms, 800*ms, 800)
	s.hears(t, [3]float64{800, 0, 0.8})
}

func TestABurstAfterAStallIsLaidOutByItsTimeStamps(t *testing.T) {
	s := newSender(t, 800)
	s.stream(0, 200*ms, 800)
	for range 15 { // 300 ms of packets, all at once
		s.packet(500 * ms)
	}
	s.stream(500*ms, 800*ms, 800)
	s.hears(t, [3]float64{800, 0, 0.8})
}

func TestTimeStampsThatStepBackDoNotMakeItDeaf(t *testing.T) {
	s := newSender(t, 800)
	s.stream(0, 500*ms, 800)
	s.stamp -= 4000
	s.stream(500*ms, 1000*ms, 800)
	s.hears(t, [3]float64{800, 0, 1})
}

func TestAnotherSourceIsHeardFromWhenItComes(t *testing.T) {
	s := newSender(t, 800, 1000)
	s.stream(0, 300*ms, 800)
	s.ssrc, s.stamp, s.sequence = 8, 12345, 99
	s.stream(700*ms, 1000*ms, 1000)
	s.hears(t, [3]float64{800, 0, 0.3}, [3]float64{1000, 0.7, 1})
}

func TestRepeatedAndLatePacketsAreDropped(t *testing.T) {
	s := newSender(t, 800)
	for at := time.Duration(0); at < 400*ms; at += packetTime {
		s.tone.hz = 800
		s.packet(at)
		again := *s
		again.stamp -= packetSamples
		again.sequence--
		again.packet(at)
	}
	if got, want := s.ear.pos, samplesIn(400*ms); got != want {
		t.Errorf("the time line has %d samples; want %d", got, want)
	}
	s.hears(t, [3]float64{800, 0, 0.4})
}

func TestARecordingThatCantBeMadeIsAnError(t *testing.T) {
	e := newEar(nil, false)
	err := e.start(time.Now(), func() (*wavFile, error) {
		return newWAV(filepath.Join(t.TempDir(), "missing", "a.wav"))
	})
	if err == nil {
		t.Error("a recording was made in a folder that is not there")
	}
	must(t, e.close())
}
