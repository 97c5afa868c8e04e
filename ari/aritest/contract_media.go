package aritest

import (
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"
)

// play starts a playback on a channel and waits until it plays.
func (p *probe) play(channel string, media ...string) string {
	p.t.Helper()
	id := newID("playback")
	p.expect(http.StatusCreated, "", http.MethodPost, "/channels/"+channel+"/play/"+id, map[string]any{"media": media})
	p.ofPlayback("PlaybackStarted", id, 1)
	return id
}

func playback(t *testing.T, target Target) {
	p := newProbe(t, target)
	leg := p.answeredLeg()
	id := p.play(leg, target.Sound, target.Sound)
	var found Playback
	p.fetch("/playbacks/"+id, &found)
	if found.ID != id || found.TargetURI != "channel:"+leg {
		t.Errorf("the playback is %+v, want %s on %s", found, id, leg)
	}
	p.ofPlayback("PlaybackStarted", id, 2)
	if end := p.ofPlayback("PlaybackFinished", id, 1); end.Playback.State != "done" || end.Playback.TargetURI != "channel:"+leg {
		t.Errorf("it ends as %+v, want done", end.Playback)
	}
	p.playbackGone(id)
}

func playbackOffset(t *testing.T, target Target) {
	p := newProbe(t, target)
	leg := p.answeredLeg()
	lasts := func(offset time.Duration) time.Duration {
		id := newID("playback")
		p.expect(http.StatusCreated, "", http.MethodPost, "/channels/"+leg+"/play/"+id,
			map[string]any{"media": []string{target.Sound, target.Sound}, "offsetms": offset.Milliseconds()})
		p.ofPlayback("PlaybackStarted", id, 1)
		began := time.Now()
		p.ofPlayback("PlaybackFinished", id, 1)
		return time.Since(began)
	}
	both := lasts(0)
	if rest := lasts(both / 4); rest < both/2 || rest > both*7/8 {
		t.Errorf("two sounds of %s last %s from the middle of the first on, want three quarters", both, rest)
	}
}

// playbackGone waits for the end of a playback to be known to requests as well: its event may come
// first.
func (p *probe) playbackGone(id string) {
	p.t.Helper()
	limit := time.NewTimer(patience)
	defer limit.Stop()
	again := time.NewTicker(10 * time.Millisecond)
	defer again.Stop()
	for {
		got := p.send(http.MethodDelete, "/playbacks/"+id, nil)
		if got.status == http.StatusNotFound && got.message() == "Playback not found" {
			return
		}
		select {
		case <-again.C:
		case <-limit.C:
			p.t.Fatalf("DELETE /playbacks/%s: %d %s, want 404 Playback not found", id, got.status, got.body)
		}
	}
}

func playbackStopped(t *testing.T, target Target) {
	p := newProbe(t, target)
	id := p.play(p.answeredLeg(), target.Sound, target.Sound, target.Sound)
	p.expect(http.StatusNoContent, "", http.MethodDelete, "/playbacks/"+id, nil)
	if end := p.ofPlayback("PlaybackFinished", id, 1); end.Playback.State != "done" {
		t.Errorf("it ends as %s, want done", end.Playback.State)
	}
	if got := p.all(func(e Event) bool { return e.Type == "PlaybackStarted" }); len(got) > 1 {
		t.Errorf("it has gone on after the stop: %v", got)
	}
}

func playbackMissing(t *testing.T, target Target) {
	p := newProbe(t, target)
	id := p.play(p.answeredLeg(), "sound:there-is-no-such-sound")
	if end := p.ofPlayback("PlaybackFinished", id, 1); end.Playback.State != "failed" {
		t.Errorf("it ends as %s, want failed", end.Playback.State)
	}
}

func playbackPassesOver(t *testing.T, target Target) {
	p := newProbe(t, target)
	id := p.play(p.answeredLeg(), target.Sound, "sound:there-is-no-such-sound", target.Sound)
	if end := p.ofPlayback("PlaybackFinished", id, 1); end.Playback.State != "done" {
		t.Errorf("it ends as %s, want done, as if nothing were missing", end.Playback.State)
	}
}

func sounds(t *testing.T, target Target) {
	p := newProbe(t, target)
	var found struct {
		Formats []struct{ Language string }
	}
	p.fetch("/sounds/"+strings.TrimPrefix(target.Sound, "sound:"), &found)
	if !slices.ContainsFunc(found.Formats, func(f struct{ Language string }) bool { return f.Language == "en" }) {
		t.Errorf("the sound is there as %v, want en among them", found.Formats)
	}
	p.expect(http.StatusNotFound, "Sound not found", http.MethodGet, "/sounds/acme%2Fthere-is-no-such-sound", nil)
}

func playbackTwice(t *testing.T, target Target) {
	p := newProbe(t, target)
	leg := p.answeredLeg()
	id := p.play(leg, target.Sound)
	p.expect(http.StatusCreated, "", http.MethodPost, "/channels/"+leg+"/play/"+id, map[string]any{"media": []string{target.Sound}})
	p.ofPlayback("PlaybackFinished", id, 2)
}

func music(t *testing.T, target Target) {
	p := newProbe(t, target)
	leg := p.answeredLeg()
	p.expect(http.StatusNoContent, "", http.MethodPost, "/channels/"+leg+"/moh", map[string]string{"mohClass": "default"})
	p.expect(http.StatusNoContent, "", http.MethodDelete, "/channels/"+leg+"/moh", nil)
	p.expect(http.StatusNoContent, "", http.MethodDelete, "/channels/"+leg+"/moh", nil)
}

// newBridge makes a bridge that goes with the test.
func (p *probe) newBridge() string {
	p.t.Helper()
	id := newID("bridge")
	p.expect(http.StatusOK, "", http.MethodPost, "/bridges/"+id, map[string]string{"type": "mixing", "name": id})
	p.t.Cleanup(func() { p.send(http.MethodDelete, "/bridges/"+id, nil) })
	return id
}

func bridge(t *testing.T, target Target) {
	p := newProbe(t, target)
	one, other := p.answeredLeg(), p.answeredLeg()
	id := p.newBridge()
	p.expect(http.StatusNoContent, "", http.MethodPost, "/bridges/"+id+"/addChannel", map[string]any{"channel": []string{one, other}})
	for _, leg := range []string{one, other} {
		if joined := p.ofChannel("ChannelEnteredBridge", leg); joined.Bridge.ID != id {
			t.Errorf("%s is in bridge %s, want %s", leg, joined.Bridge.ID, id)
		}
	}
	var list []Bridge
	p.fetch("/bridges", &list)
	at := slices.IndexFunc(list, func(b Bridge) bool { return b.ID == id })
	if at < 0 || len(list[at].Channels) != 2 || list[at].Type != "mixing" {
		t.Errorf("the bridges are %+v, want %s with two channels", list, id)
	}
	p.expect(http.StatusNoContent, "", http.MethodDelete, "/channels/"+one, nil)
	p.ofChannel("ChannelLeftBridge", one)
	p.expect(http.StatusNoContent, "", http.MethodDelete, "/bridges/"+id, nil)
	p.ofChannel("ChannelLeftBridge", other)
	p.expect(http.StatusNotFound, "Bridge not found", http.MethodDelete, "/bridges/"+id, nil)
	var channel Channel
	p.fetch("/channels/"+other, &channel)
	if channel.State != "Up" {
		t.Errorf("the leg that was left is %s, want it to live on", channel.State)
	}
}

func bridgeGivesBack(t *testing.T, target Target) {
	p := newProbe(t, target)
	leg, id := p.answeredLeg(), p.newBridge()
	p.expect(http.StatusNoContent, "", http.MethodPost, "/bridges/"+id+"/addChannel", map[string]any{"channel": []string{leg}})
	p.ofChannel("ChannelEnteredBridge", leg)
	remove := "/bridges/" + id + "/removeChannel"
	p.expect(http.StatusNoContent, "", http.MethodPost, remove, map[string]any{"channel": leg})
	p.ofChannel("ChannelLeftBridge", leg)
	p.expect(http.StatusUnprocessableEntity, "Channel not in this bridge", http.MethodPost, remove, map[string]any{"channel": leg})
	p.expect(http.StatusBadRequest, "Channel not found", http.MethodPost, remove, map[string]any{"channel": "nobody"})
}

func bridgeRefuses(t *testing.T, target Target) {
	p := newProbe(t, target)
	id := p.newBridge()
	p.expect(http.StatusConflict, "", http.MethodPost, "/bridges/"+id, map[string]string{"type": "mixing"})
	leg := p.answeredLeg()
	p.expect(http.StatusBadRequest, "Channel not found", http.MethodPost, "/bridges/"+id+"/addChannel", map[string]any{"channel": []string{leg, "nobody"}})
}
