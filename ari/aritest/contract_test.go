package aritest_test

import (
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/callbackd/callbackd/ari/aritest"
	"github.com/callbackd/callbackd/asterisk-conf/lab/phone"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m, phone.SipgoLeak()) }

func TestContractHoldsForTheSmallAsterisk(t *testing.T) {
	target := aritest.Target{
		User:      aritest.User,
		Password:  aritest.Password,
		Answers:   "PJSIP/5550001@trunk",
		Rings:     "PJSIP/5550002@trunk",
		Busy:      "PJSIP/5550003@trunk",
		Declines:  "PJSIP/5550004@trunk",
		Redirects: "PJSIP/5550005@trunk",
		Silent:    "PJSIP/5550007@trunk",
		Unknown:   "PJSIP/nobody",
		Caller:    "Local/8005550100@from-trunk",
		DID:       "8005550100",
		Script:    "example",
		Sound:     "sound:hello-world",
		Device:    "PJSIP/1001",
		Version:   "22.",
	}
	server := aritest.New(aritest.Options{
		Endpoints: map[string]aritest.Far{
			target.Answers:   aritest.FarAnswers,
			target.Rings:     aritest.FarRings,
			target.Busy:      aritest.FarBusy,
			target.Declines:  aritest.FarDeclines,
			target.Redirects: aritest.FarRedirects,
			target.Silent:    aritest.FarSilent,
		},
		Devices:     map[string]string{target.Device: "UNAVAILABLE"},
		Sounds:      []string{"hello-world"},
		SoundLength: 300 * time.Millisecond,
		Script:      target.Script,
		Calm:        true,
	})
	t.Cleanup(server.Close)
	target.URL = server.URL()
	aritest.Contract(t, target)
}
