package ari

import (
	"fmt"
	"testing"
	"time"

	"github.com/callbackd/callbackd/asterisk-conf/lab"
	"github.com/callbackd/callbackd/callback"
)

// Asterisk alone loses about every tenth of these sounds: it is told of them while the channel leaves the bridge.
func TestRealAsteriskPlaysWhatIsAskedForRightAfterABridgeHasEnded(t *testing.T) {
	v := newVoices(t)
	must(t, v.asterisk.AddSound("tick", lab.Sound{Hz: beep.Hz, Lasts: 20 * time.Millisecond}))
	for i := range 40 {
		bridge := fmt.Sprintf("cb-bridge-%d", i)
		v.join(bridge, i%2 == 0)
		v.n.do(callback.DestroyBridge{Bridge: bridge})
		v.n.do(callback.Play{Channel: v.in, Playback: bridge + "-p", Media: []string{"sound:callbackd/tick"}})
		v.n.awaitEvent(callback.PlaybackFinished{Channel: v.in, Playback: bridge + "-p"})
	}
}
