package aritest_test

import (
	"context"
	"os"
	"testing"
	"time"

	"github.com/callbackd/callbackd/ari/aritest"
	"github.com/callbackd/callbackd/asterisk-conf/lab"
	"github.com/callbackd/callbackd/asterisk-conf/lab/phone"
)

func TestContractHoldsForTheRealAsterisk(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	defer cancel()
	root, err := lab.Prepare(ctx, os.Stderr)
	if err != nil {
		t.Fatal(err)
	}
	asterisk, err := lab.StartAsterisk(ctx, root, lab.AsteriskOptions{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := asterisk.Close(); err != nil {
			t.Error(err)
		}
	})
	carrier, err := phone.NewCarrier(ctx, phone.Options{Listen: asterisk.Trunk, Server: asterisk.SIP})
	if err != nil {
		t.Fatal(err)
	}
	serve(t, carrier)
	aritest.Contract(t, aritest.Target{
		URL:       asterisk.ARIURL,
		User:      asterisk.ARIUser,
		Password:  asterisk.ARIPassword,
		Answers:   "PJSIP/5550001@trunk",
		Rings:     "PJSIP/5550002@trunk",
		Busy:      "PJSIP/5550003@trunk",
		Declines:  "PJSIP/5550004@trunk",
		Silent:    "PJSIP/5550007@trunk",
		Redirects: "PJSIP/5550005@trunk",
		Unknown:   "PJSIP/nobody",
		Caller:    "Local/" + asterisk.DID + "@from-trunk",
		DID:       asterisk.DID,
		Script:    "example",
		Sound:     "sound:hello-world",
		Device:    "PJSIP/1001",
		Version:   "22.",
	})
}

// serve lets the carrier's numbers do what their names in the target say.
func serve(t *testing.T, carrier *phone.Phone) {
	t.Cleanup(func() {
		if err := carrier.Close(); err != nil {
			t.Error(err)
		}
	})
	carrier.Handle("5550001", func(ctx context.Context, call *phone.Call) {
		if ring(t, call) {
			check(t, "answering", call.Answer(ctx))
		}
	})
	carrier.Handle("5550002", func(_ context.Context, call *phone.Call) { ring(t, call) })
	carrier.Handle("5550003", func(ctx context.Context, call *phone.Call) {
		check(t, "being busy", call.Decline(ctx, 486))
	})
	carrier.Handle("5550004", func(ctx context.Context, call *phone.Call) {
		check(t, "declining", call.Decline(ctx, 603))
	})
	carrier.Handle("5550005", func(ctx context.Context, call *phone.Call) {
		check(t, "redirecting", call.Redirect(ctx, "sip:5550006@"+carrier.Address()))
	})
	carrier.Handle("5550007", func(context.Context, *phone.Call) {})
	carrier.Handle("5550006", func(context.Context, *phone.Call) { t.Error("a redirect was followed") })
}

func ring(t *testing.T, call *phone.Call) bool {
	err := call.Ring()
	check(t, "ringing", err)
	return err == nil
}

func check(t *testing.T, what string, err error) {
	if err != nil {
		t.Errorf("%s: %v", what, err)
	}
}
