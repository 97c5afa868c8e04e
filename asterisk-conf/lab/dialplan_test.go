package lab_test

import (
	"encoding/csv"
	"io/fs"
	"net"
	"net/url"
	"path"
	"strings"
	"testing"

	asteriskconf "github.com/callbackd/callbackd/asterisk-conf"
	"github.com/callbackd/callbackd/asterisk-conf/lab"
	"github.com/callbackd/callbackd/asterisk-conf/lab/phone"
)

const caller = "+15550100123"

func carrier(t *testing.T, asterisk *lab.Asterisk) *phone.Phone {
	t.Helper()
	p, err := phone.NewCarrier(within(t), phone.Options{Listen: asterisk.Trunk, Server: asterisk.SIP})
	if err != nil {
		t.Fatal(err)
	}
	closeAtEnd(t, p)
	return p
}

// agent registers an extension from an address.
func agent(t *testing.T, asterisk *lab.Asterisk, n int, host string) *phone.Phone {
	t.Helper()
	extension := asterisk.Agents[n]
	p, err := phone.NewAgent(within(t), phone.Options{Listen: net.JoinHostPort(host, "0"), Server: asterisk.SIP},
		extension.Number, extension.Password)
	if err != nil {
		t.Fatal(err)
	}
	closeAtEnd(t, p)
	return p
}

func closeAtEnd(t *testing.T, p *phone.Phone) {
	t.Helper()
	t.Cleanup(func() {
		if err := p.Close(); err != nil {
			t.Error(err)
		}
	})
}

func call(t *testing.T, p *phone.Phone, from, to string, options ...phone.CallOption) *phone.Call {
	t.Helper()
	c, err := p.Call(within(t), from, to, options...)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func ended(t *testing.T, c *phone.Call) phone.Ended {
	t.Helper()
	end, err := c.AwaitEnded(within(t))
	if err != nil {
		t.Fatal(err)
	}
	return end
}

func TestACallFromTheTrunkGoesToTheScriptWithItsNumbers(t *testing.T) {
	asterisk := startAsterisk(t, lab.AsteriskOptions{Script: "sales"})
	app, trunk := connect(t, asterisk), carrier(t, asterisk)
	for name, test := range map[string]struct {
		to      string
		options []phone.CallOption
		dialled string
	}{
		"a plain number":   {asterisk.DID, nil, asterisk.DID},
		"with a plus":      {"+18005550100", nil, "+18005550100"},
		"a short number":   {"7", nil, "7"},
		"forwarded":        {asterisk.DID, []phone.CallOption{phone.WithDiversion("8665550111", "unconditional")}, "8665550111"},
		"forwarded, plus":  {asterisk.DID, []phone.CallOption{phone.WithDiversion("+18665550111", "unconditional")}, "+18665550111"},
		"forwarded, words": {asterisk.DID, []phone.CallOption{phone.WithDiversion("reception", "unconditional")}, asterisk.DID},
		"forwarded twice": {asterisk.DID, []phone.CallOption{
			phone.WithDiversion("8665550122", "no-answer"), phone.WithDiversion("8665550111", "unconditional")}, "8665550111"},
		"forwarded, a name with digits": {asterisk.DID, []phone.CallOption{phone.WithDiversion("room12", "unconditional")}, asterisk.DID},
		"forwarded, with a display name": {asterisk.DID, []phone.CallOption{phone.WithHeader("Diversion",
			`"Desk \"A\"" <sip:8665550111@192.0.2.10:5060;user=phone>;reason=user-busy;counter=1`)}, "8665550111"},
		"forwarded twice, one header": {asterisk.DID, []phone.CallOption{phone.WithHeader("Diversion",
			"<sip:8665550122@192.0.2.10>;reason=no-answer, <sip:8665550111@192.0.2.10>;reason=unconditional")}, "8665550111"},
		"forwarded, tel": {asterisk.DID, []phone.CallOption{phone.WithHeader("Diversion", "<tel:+1-866-555-0111>;reason=unknown")}, "+18665550111"},
		"History-Info, two headers": {asterisk.DID, []phone.CallOption{
			phone.WithHeader("History-Info", "<sip:8665550111@192.0.2.10>;index=1"),
			phone.WithHeader("History-Info", "<sip:"+asterisk.DID+"@192.0.2.10>;index=1.1")}, "8665550111"},
		"History-Info": {asterisk.DID, []phone.CallOption{phone.WithHeader("History-Info",
			"<sip:8665550111@192.0.2.10>;index=1, <sip:"+asterisk.DID+"@192.0.2.10?Reason=SIP%3Bcause%3D302>;index=1.1")}, "8665550111"},
	} {
		t.Run(name, func(t *testing.T) {
			c := call(t, trunk, caller, test.to, test.options...)
			start := app.await("StasisStart", "")
			if len(start.Args) != 1 || start.Args[0] != "sales" {
				t.Errorf("the script is %v, want sales", start.Args)
			}
			if start.Channel.Caller.Number != caller {
				t.Errorf("the caller is %q, want %q", start.Channel.Caller.Number, caller)
			}
			if got := start.Channel.Variables["CALLBACKD_DNIS"]; got != test.to {
				t.Errorf("CALLBACKD_DNIS is %q, want %q", got, test.to)
			}
			if got := start.Channel.Variables["CALLBACKD_DIALLED"]; got != test.dialled {
				t.Errorf("CALLBACKD_DIALLED is %q, want %q", got, test.dialled)
			}
			if err := c.Hangup(within(t)); err != nil {
				t.Fatal(err)
			}
			app.await("StasisEnd", start.Channel.ID)
		})
	}
}

func TestTheCallerHearsAWordOfRegretWhileCallbackdIsAway(t *testing.T) {
	asterisk := startAsterisk(t, lab.AsteriskOptions{})
	c := call(t, carrier(t, asterisk), caller, asterisk.DID)
	if _, err := c.AwaitSound(within(t)); err != nil {
		t.Fatal(err)
	}
	end := ended(t, c)
	if end.By != phone.Them {
		t.Errorf("the call ended by %s, want the dialplan to end it", end.By)
	}
	packets, _ := c.Received()
	if spoken := 5 * 50; packets < spoken {
		t.Errorf("%d packets of audio, want the whole prompt: %d and more", packets, spoken)
	}
	if log := read(t, asterisk.Log()); !strings.Contains(log, "callbackd did not take the call from "+caller+" to "+asterisk.DID) {
		t.Error("the log does not say that the call was not taken")
	}
}

func TestACallThatCallbackdGivesBackGoesWhereTheSiteSays(t *testing.T) {
	asterisk := startAsterisk(t, lab.AsteriskOptions{Away: "from-internal,1001,1"})
	app, reception := connect(t, asterisk), agent(t, asterisk, 0, "127.0.0.1")
	c := call(t, carrier(t, asterisk), caller, asterisk.DID)
	id := app.await("StasisStart", "").Channel.ID
	app.post("/channels/"+id+"/variable?variable=CALLBACKD_STATUS&value=UNAVAILABLE", nil)
	app.post("/channels/"+id+"/continue", nil)
	ringing, err := reception.AwaitCall(within(t))
	if err != nil {
		t.Fatal(err)
	}
	if err := ringing.Answer(within(t)); err != nil {
		t.Fatal(err)
	}
	if err := c.AwaitAnswered(within(t)); err != nil {
		t.Fatal(err)
	}
	if err := c.Hangup(within(t)); err != nil {
		t.Fatal(err)
	}
	ended(t, ringing)
}

func TestACallThatCallbackdIsDoneWithEnds(t *testing.T) {
	asterisk := startAsterisk(t, lab.AsteriskOptions{})
	app := connect(t, asterisk)
	c := call(t, carrier(t, asterisk), caller, asterisk.DID)
	id := app.await("StasisStart", "").Channel.ID
	app.post("/channels/"+id+"/answer", nil)
	if err := c.AwaitAnswered(within(t)); err != nil {
		t.Fatal(err)
	}
	app.post("/channels/"+id+"/continue", nil)
	if end := ended(t, c); end.By != phone.Them {
		t.Errorf("the call ended by %s, want the dialplan to end it", end.By)
	}
	if strings.Contains(read(t, asterisk.Log()), "callbackd did not take the call") {
		t.Error("the dialplan took it for a call that callbackd gave back")
	}
}

func TestMusicOnHoldIsTheLabsTone(t *testing.T) {
	asterisk := startAsterisk(t, lab.AsteriskOptions{})
	app := connect(t, asterisk)
	c := call(t, carrier(t, asterisk), caller, asterisk.DID)
	id := app.await("StasisStart", "").Channel.ID
	app.post("/channels/"+id+"/answer", nil)
	app.post("/channels/"+id+"/moh", nil)
	if _, err := c.AwaitTone(within(t), lab.MusicHz); err != nil {
		t.Fatal(err)
	}
	if status, text := app.send(within(t), "DELETE", "/channels/"+id+"/moh", nil); status/100 != 2 {
		t.Fatalf("stopping the music: %d %s", status, text)
	}
	if _, err := c.AwaitNoTone(within(t), lab.MusicHz); err != nil {
		t.Fatal(err)
	}
}

func TestAsteriskKnowsEachPromptAndPlaysOne(t *testing.T) {
	asterisk := startAsterisk(t, lab.AsteriskOptions{})
	app := connect(t, asterisk)
	prompts, err := fs.Glob(asteriskconf.Files, "sounds/en/callbackd/*.wav")
	if err != nil || len(prompts) == 0 {
		t.Fatalf("no prompts are shipped: %v", err)
	}
	for _, prompt := range prompts {
		name := "callbackd/" + strings.TrimSuffix(path.Base(prompt), ".wav")
		status, text := app.send(within(t), "GET", "/sounds/"+url.PathEscape(name), nil)
		if status != 200 || !strings.Contains(text, `"language":"en"`) {
			t.Errorf("Asterisk knows of %s: %d %s", name, status, text)
		}
	}
	c := call(t, carrier(t, asterisk), caller, asterisk.DID)
	id := app.await("StasisStart", "").Channel.ID
	app.post("/channels/"+id+"/answer", nil)
	app.post("/channels/"+id+"/play?media=sound:callbackd/contact-not-reached", nil)
	if _, err := c.AwaitSound(within(t)); err != nil {
		t.Fatal(err)
	}
	app.await("PlaybackFinished", "")
}

func TestAPhoneBesideTheTrunkIsNotTheTrunk(t *testing.T) {
	asterisk := startAsterisk(t, lab.AsteriskOptions{})
	app := connect(t, asterisk)
	host, _, err := net.SplitHostPort(asterisk.Trunk)
	if err != nil {
		t.Fatal(err)
	}
	beside := agent(t, asterisk, 0, host)
	end := ended(t, call(t, beside, "", asterisk.DID))
	if end.Code != 404 {
		t.Errorf("an agent that dials the script's number gets %v, want 404: only the trunk gets there", end)
	}
	impostor, err := phone.NewCarrier(within(t), phone.Options{Listen: net.JoinHostPort(host, "0"), Server: asterisk.SIP})
	if err != nil {
		t.Fatal(err)
	}
	closeAtEnd(t, impostor)
	for _, from := range []string{"trunk", caller} {
		if end := ended(t, call(t, impostor, from, asterisk.DID)); end.Code != 401 {
			t.Errorf("a stranger who calls himself %s gets %v, want 401", from, end)
		}
	}
	if n := app.channels(); n != 0 {
		t.Errorf("%d channels are left, want none", n)
	}
}

// A redirect by a phone (302) is never followed: not by originate, not by
// create and dial, not on an agent's leg and not on a contact's.
func TestARedirectIsNotFollowed(t *testing.T) {
	asterisk := startAsterisk(t, lab.AsteriskOptions{})
	app, trunk := connect(t, asterisk), carrier(t, asterisk)
	redirecting, lured := agent(t, asterisk, 0, "127.0.0.1"), agent(t, asterisk, 1, "127.0.0.1")
	for name, test := range map[string]struct {
		endpoint string
		phone    *phone.Phone
		dial     func(id, endpoint string)
	}{
		"an agent, originated":        {"PJSIP/1001", redirecting, app.originate},
		"an agent, created, dialled":  {"PJSIP/1001", redirecting, app.createAndDial},
		"a contact, originated":       {"PJSIP/5550142@trunk", trunk, app.originate},
		"a contact, created, dialled": {"PJSIP/5550142@trunk", trunk, app.createAndDial},
	} {
		t.Run(name, func(t *testing.T) {
			id := "redirect-" + strings.Map(letters, name)
			test.dial(id, test.endpoint)
			leg, err := test.phone.AwaitCall(within(t))
			if err != nil {
				t.Fatal(err)
			}
			if err := leg.Redirect(within(t), "sip:1002@"+asterisk.SIP); err != nil {
				t.Fatal(err)
			}
			app.await("ChannelDestroyed", id)
			app.awaitNoChannel()
		})
	}
	if calls := lured.Calls(); len(calls) != 0 {
		t.Errorf("extension 1002 was called %d times, want never", len(calls))
	}
	if strings.Contains(read(t, asterisk.CEL()), "PJSIP/1002-") {
		t.Error("a channel to extension 1002 was made")
	}
}

func letters(r rune) rune {
	if r >= 'a' && r <= 'z' {
		return r
	}
	return -1
}

func (a *application) originate(id, endpoint string) {
	a.t.Helper()
	a.post("/channels/"+id, map[string]any{"endpoint": endpoint, "app": "callback", "timeout": 10})
	a.subscribe(id)
}

func (a *application) createAndDial(id, endpoint string) {
	a.t.Helper()
	a.post("/channels/create", map[string]any{"endpoint": endpoint, "app": "callback", "channelId": id})
	a.subscribe(id)
	a.await("StasisStart", id) // before that it can't be dialled
	a.post("/channels/"+id+"/dial?timeout=10", nil)
}

func TestTheDoctorsCallReachesTheApplication(t *testing.T) {
	asterisk := startAsterisk(t, lab.AsteriskOptions{})
	app := connect(t, asterisk)
	app.post("/channels/doctor", map[string]any{"endpoint": "Local/doctor@callbackd-doctor/n", "app": "callback", "appArgs": "far"})
	for {
		start := app.await("StasisStart", "")
		if len(start.Args) == 1 && start.Args[0] == "doctor" {
			return
		}
	}
}

// The bare moments of each channel are written down, with the contact ID.
func TestEachChannelsMomentsAreInTheCEL(t *testing.T) {
	asterisk := startAsterisk(t, lab.AsteriskOptions{})
	app := connect(t, asterisk)
	c := call(t, carrier(t, asterisk), caller, asterisk.DID)
	id := app.await("StasisStart", "").Channel.ID
	app.subscribe(id)
	app.post("/channels/"+id+"/variable?variable=CHANNEL(userfield)&value=4711", nil)
	app.post("/channels/"+id+"/answer", nil)
	if err := c.AwaitAnswered(within(t)); err != nil {
		t.Fatal(err)
	}
	if err := c.Hangup(within(t)); err != nil {
		t.Fatal(err)
	}
	app.await("ChannelDestroyed", id)
	if err := asterisk.Stop(within(t)); err != nil { // writes out what is still to be written
		t.Fatal(err)
	}
	records, err := csv.NewReader(strings.NewReader(read(t, asterisk.CEL()))).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	var moments []string
	for _, record := range records {
		if record[2] == id {
			moments = append(moments, record[0])
		}
	}
	if got := strings.Join(moments, " "); got != "CHAN_START ANSWER HANGUP" {
		t.Errorf("the channel's moments are %q, want CHAN_START ANSWER HANGUP", got)
	}
	last := records[len(records)-1]
	if last[7] != "4711" {
		t.Errorf("the contact ID at the end is %q, want 4711: %v", last[7], last)
	}
}
