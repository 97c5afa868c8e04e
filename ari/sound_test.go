package ari

import (
	"net/http"
	"testing"

	"github.com/callbackd/callbackd/ari/aritest"
	"github.com/callbackd/callbackd/callback"
)

// soundServer is a small Asterisk with sounds in several languages and a call.
func soundServer(t *testing.T) (*aritest.Server, *testNode) {
	o := serverOptions()
	o.Sounds = []string{aSound, "acme/welcome", "welcome"}
	o.Languages = map[string]string{"acme/welcome": "de", "welcome": "custom"}
	server := aritest.New(o)
	t.Cleanup(server.Close)
	n, _ := connected(t, optionsFor(server))
	n.inbound(server, "caller-1")
	return server, n
}

func TestAMissingSoundIsNamedAndNothingOfTheListIsPlayed(t *testing.T) {
	server, n := soundServer(t)
	for _, media := range [][]string{
		{"sound:missing"},
		{"sound:" + aSound, "sound:missing", "sound:" + aSound},
		{"tone:ring", "sound:" + aSound, "sound:missing"},
	} {
		got := n.refused(callback.Play{Channel: "caller-1", Playback: "p-1", Media: media})
		want := callback.CommandError{Kind: callback.CommandRejected, Status: http.StatusNotFound, Message: `there is no sound "missing"`}
		if *got != want {
			t.Errorf("%v fails with %+v, want %+v", media, *got, want)
		}
	}
	if sent := server.Requests("POST /ari/channels/caller-1/play"); len(sent) > 0 {
		t.Errorf("Asterisk was asked to play: %v", sent)
	}
}

func TestASoundIsLookedForInTheLanguagesInWhichAsteriskLooks(t *testing.T) {
	_, n := soundServer(t)
	for _, c := range []struct {
		name, language string
		found          bool
	}{
		{aSound, "en", true},
		{aSound, "fr", true}, // English is the last resort
		{aSound, "", true},
		{"acme/welcome", "de", true},
		{"acme/welcome", "de_AT", true},
		{"acme/welcome", "de_AT_wien", true},
		{"acme/welcome", "fr", false},
		{"acme/welcome", "en", false},
		{"acme/welcome", "", true}, // the channel's language, whatever that is
		{"custom/welcome", "fr", true},
		{"other/welcome", "fr", false},
	} {
		found, err := n.findSound(t.Context(), soundKey{c.name, c.language})
		if err != nil || found != c.found {
			t.Errorf("%s in %q is found: %v %v, want %v", c.name, c.language, found, err, c.found)
		}
	}
}

func TestASoundThatWasSeenIsNotAskedForAgainAndAMissingOneIs(t *testing.T) {
	server, n := soundServer(t)
	for range 3 {
		n.do(callback.Play{Channel: "caller-1", Playback: "p-1", Media: []string{"sound:" + aSound}, Language: "en"})
		if got := n.refused(callback.Play{Channel: "caller-1", Playback: "p-1", Media: []string{"sound:missing"}, Language: "en"}); got.Kind != callback.CommandRejected {
			t.Errorf("a missing sound fails with %+v, want it refused", got)
		}
	}
	if asked := server.Requests("GET /ari/sounds/" + aSound); len(asked) != 1 {
		t.Errorf("a sound that is there was asked for %d times, want once", len(asked))
	}
	if asked := server.Requests("GET /ari/sounds/missing"); len(asked) != 3 {
		t.Errorf("a sound that is missing was asked for %d times, want each time", len(asked))
	}
}

func TestWhatIsNoSoundOfAsterisksIsNotAskedFor(t *testing.T) {
	server, n := soundServer(t)
	n.do(callback.Play{Channel: "caller-1", Playback: "p-1", Media: []string{"tone:ring", "recording:r", "sound:/srv/acme/welcome"}})
	if asked := server.Requests("GET /ari/sounds"); len(asked) > 0 {
		t.Errorf("Asterisk was asked for %v", asked)
	}
}

func TestWhereAsteriskListsNoSoundsTheListIsPlayed(t *testing.T) {
	server := startServer(t)
	n := impatient(t, server)
	n.inbound(server, "caller-1")
	server.LoseOnce("GET /ari/sounds/"+aSound, aritest.LoseAnswer)
	n.do(callback.Play{Channel: "caller-1", Playback: "p-1", Media: []string{"sound:" + aSound}})
	n.awaitEvent(callback.PlaybackFinished{Channel: "caller-1", Playback: "p-1"})
}

func TestABridgeTellsKeysOnlyWhenAskedTo(t *testing.T) {
	server := startServer(t)
	n, _ := connected(t, optionsFor(server))
	n.inbound(server, "caller-1")
	for bridge, keys := range map[string]bool{"cb-with": true, "cb-without": false} {
		n.do(callback.CreateBridge{Bridge: bridge, Keys: keys})
		n.do(callback.Join{Bridge: bridge, Channels: []string{"caller-1"}})
		n.awaitEvent(callback.LegJoined{Channel: "caller-1", Bridge: bridge})
		server.Press("caller-1", "5")
		n.do(callback.DestroyBridge{Bridge: bridge})
		told := false
		n.await("the end of the bridge", func(e callback.Event) bool {
			told = told || e == callback.KeyPressed{Channel: "caller-1", Key: "5"}
			return e == callback.LegParted{Channel: "caller-1", Bridge: bridge}
		})
		if told != keys {
			t.Errorf("%s: the key is told: %v, want %v", bridge, told, keys)
		}
	}
}
