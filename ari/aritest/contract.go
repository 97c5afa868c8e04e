package aritest

import (
	"crypto/rand"
	"net/http"
	"slices"
	"testing"
	"time"
)

// Target is an Asterisk that the contract is held against: this package's, or a real one.
type Target struct {
	URL, User, Password string
	Client              *http.Client // nil: one that keeps no connections

	Answers   string // an endpoint that rings and answers, as in PJSIP/5550001@trunk
	Rings     string // one that rings and never answers
	Silent    string // one that takes the call and says nothing
	Busy      string // one that is busy (486)
	Declines  string // one that declines (603)
	Redirects string // one that answers with a redirect (302)
	Unknown   string // one that does not exist
	Caller    string // a Local channel into the dialplan: Local/DID@from-trunk
	DID       string // the number in it
	Script    string // that the dialplan names for it

	Sound   string // a sound that lasts about a second, as in sound:hello-world
	Device  string // of a phone that is not registered, as in PJSIP/1001
	Version string // how asterisk/info's version begins
}

func (t Target) client() *http.Client {
	if t.Client != nil {
		return t.Client
	}
	return &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
}

// DialplanApplication is the application that the dialplan sends callers to.
const DialplanApplication = "callback"

// Contract is what package ari relies on. It runs the same tests against any Asterisk.
func Contract(t *testing.T, target Target) {
	for name, test := range map[string]func(*testing.T, Target){
		"a wrong password is refused":                                wrongPassword,
		"asterisk tells its version and start":                       info,
		"a user event comes back on the application's socket":        userEvent,
		"the newer socket of an application wins":                    replaced,
		"an event filter holds until the socket ends":                eventFilter,
		"subscriptions name what is not there":                       subscriptions,
		"devices have a state":                                       devices,
		"a program shows lamps by devices of its own":                lamps,
		"create gives a channel that rings nowhere":                  create,
		"a second create with the same ID is refused":                createTwice,
		"an endpoint that does not exist can't be created":           createUnknown,
		"dialling rings, is answered and ends with cause 16":         dialAnswered,
		"a busy, a declining and a silent endpoint have their cause": dialCauses,
		"a second dial is refused or ends the call":                  dialTwice,
		"what is not there is not found":                             notFound,
		"a reason of hang-up is told as its cause":                   hangupReasons,
		"a caller arrives with what was dialled":                     arrival,
		"the end of a caller is told to who subscribed":              callerSubscribed,
		"the end of a caller is not told without a subscription":     callerNotSubscribed,
		"continue ends the application's hold on a caller":           continued,
		"keys are told when released":                                keys,
		"a playback starts and ends":                                 playback,
		"a playback that is stopped ends as done":                    playbackStopped,
		"a playback begins at its offset":                            playbackOffset,
		"a missing sound in a list is passed over in silence":        playbackPassesOver,
		"sounds are listed with their languages":                     sounds,
		"a missing sound fails":                                      playbackMissing,
		"the same playback ID plays twice":                           playbackTwice,
		"music starts and stops":                                     music,
		"a bridge joins, parts and is destroyed":                     bridge,
		"a bridge gives a channel back":                              bridgeGivesBack,
		"a bridge refuses what it can't join":                        bridgeRefuses,
	} {
		t.Run(name, func(t *testing.T) { test(t, target) })
	}
}

// newID makes an ID that no other test uses.
func newID(kind string) string { return kind + "-" + rand.Text()[:12] }

// leg creates a channel to an endpoint and sees it arrive in the application.
func (p *probe) leg(endpoint string) string {
	p.t.Helper()
	id := newID("leg")
	p.expect(http.StatusOK, "", http.MethodPost, "/channels/create", map[string]any{
		"endpoint": endpoint, "app": p.application, "appArgs": "leg,7", "channelId": id,
		"variables": map[string]string{"CALLBACKD_CONTACT": "7", "CONNECTEDLINE(num)": "8005550199"},
	})
	p.t.Cleanup(func() { p.send(http.MethodDelete, "/channels/"+id, nil) })
	p.ofChannel("StasisStart", id)
	return id
}

// answeredLeg is a leg that was dialled and has answered.
func (p *probe) answeredLeg() string {
	p.t.Helper()
	id := p.leg(p.target.Answers)
	p.expect(http.StatusNoContent, "", http.MethodPost, "/channels/"+id+"/dial", map[string]int{"timeout": 20})
	p.inState(id, "Up")
	return id
}

// caller sends a call through the dialplan. It returns the caller's own half and the half that
// arrives.
func (p *probe) caller() (near, arrived string) {
	p.t.Helper()
	near, arrived = newID("near"), newID("call")
	p.expect(http.StatusOK, "", http.MethodPost, "/channels/create", map[string]any{
		"endpoint": p.target.Caller, "app": p.application, "appArgs": "near", "channelId": near, "otherChannelId": arrived,
		"variables": map[string]string{"CONNECTEDLINE(num)": "2025550123", "CONNECTEDLINE(name)": "Ann"},
	})
	p.t.Cleanup(func() { p.send(http.MethodDelete, "/channels/"+near, nil) })
	p.ofChannel("StasisStart", near)
	p.expect(http.StatusNoContent, "", http.MethodPost, "/channels/"+near+"/dial", map[string]int{"timeout": 20})
	p.ofChannel("StasisStart", arrived)
	return near, arrived
}

func wrongPassword(t *testing.T, target Target) {
	p := newProbe(t, target)
	p.target.Password += "x"
	p.expect(http.StatusUnauthorized, "Authentication required", http.MethodGet, "/asterisk/info", nil)
}

func info(t *testing.T, target Target) {
	var info struct {
		System struct {
			Version string `json:"version"`
		} `json:"system"`
		Status struct {
			StartupTime string `json:"startup_time"`
		} `json:"status"`
	}
	newProbe(t, target).fetch("/asterisk/info", &info)
	if len(info.System.Version) < len(target.Version) || info.System.Version[:len(target.Version)] != target.Version {
		t.Errorf("version %q, want %s...", info.System.Version, target.Version)
	}
	started, err := time.Parse("2006-01-02T15:04:05.000-0700", info.Status.StartupTime)
	if err != nil || started.After(time.Now().Add(time.Second)) {
		t.Errorf("started at %q (%v), want a moment in the past", info.Status.StartupTime, err)
	}
}

func userEvent(t *testing.T, target Target) {
	p := newProbe(t, target)
	p.expect(http.StatusNoContent, "", http.MethodPost, "/events/user/hello?application="+p.application, nil)
	p.await("the user event", func(e Event) bool { return e.Type == "ChannelUserevent" && e.EventName == "hello" })
	p.expect(http.StatusNotFound, "Application not found", http.MethodPost, "/events/user/hello?application=nobody", nil)
}

func replaced(t *testing.T, target Target) {
	older := newProbe(t, target)
	newer := newProbeNamed(t, target, older.application)
	older.await("ApplicationReplaced", func(e Event) bool { return e.Type == "ApplicationReplaced" })
	newer.expect(http.StatusNoContent, "", http.MethodPost, "/events/user/hello?application="+newer.application, nil)
	isHello := func(e Event) bool { return e.EventName == "hello" }
	newer.await("the user event", isHello)
	if got := older.all(isHello); len(got) > 0 {
		t.Errorf("the older socket has got %v too", got)
	}
}

func eventFilter(t *testing.T, target Target) {
	p := newProbe(t, target)
	filter := map[string]any{"disallowed": []map[string]string{{"type": "ChannelUserevent"}}}
	p.expect(http.StatusOK, "", http.MethodPut, "/applications/"+p.application+"/eventFilter", filter)
	p.expect(http.StatusNoContent, "", http.MethodPost, "/events/user/filtered?application="+p.application, nil)
	p.leg(target.Answers) // its StasisStart comes after the user event that must not come
	if got := p.all(func(e Event) bool { return e.Type == "ChannelUserevent" }); len(got) > 0 {
		t.Errorf("a filtered event has come: %v", got)
	}
}

func subscriptions(t *testing.T, target Target) {
	p := newProbe(t, target)
	path := "/applications/" + p.application + "/subscription"
	p.expect(http.StatusUnprocessableEntity, "", http.MethodPost, path, map[string]string{"eventSource": "channel:nobody"})
	p.expect(http.StatusOK, "", http.MethodPost, path, map[string]string{"eventSource": "deviceState:"})
	p.expect(http.StatusOK, "", http.MethodDelete, path+"?eventSource=deviceState:", nil)
	p.expect(http.StatusUnprocessableEntity, "Event source was not subscribed to", http.MethodDelete, path+"?eventSource=deviceState:", nil)
	p.expect(http.StatusNotFound, "Application not found", http.MethodPost, "/applications/nobody/subscription", map[string]string{"eventSource": "deviceState:"})
	p.expect(http.StatusNotFound, "", http.MethodGet, "/applications/nobody", nil)
	p.expect(http.StatusOK, "", http.MethodGet, "/applications/"+p.application, nil)
}

func devices(t *testing.T, target Target) {
	p := newProbe(t, target)
	var endpoints []struct {
		Technology, Resource, State string
	}
	p.fetch("/endpoints/PJSIP", &endpoints)
	listed := slices.ContainsFunc(endpoints, func(e struct{ Technology, Resource, State string }) bool {
		return e.Technology+"/"+e.Resource == target.Device && e.State == "offline"
	})
	if !listed {
		t.Errorf("%s is not listed as offline: %v", target.Device, endpoints)
	}
	var device Device
	p.fetch("/deviceStates/PJSIP%2F"+target.Device[len("PJSIP/"):], &device)
	if want := (Device{target.Device, "UNAVAILABLE"}); device != want {
		t.Errorf("the device is %v, want %v", device, want)
	}
}

func lamps(t *testing.T, target Target) {
	p := newProbe(t, target)
	p.expect(http.StatusOK, "", http.MethodPost, "/applications/"+p.application+"/subscription", map[string]string{"eventSource": "deviceState:"})
	const path = "/deviceStates/Stasis:aritest-lamp"
	on := map[string]string{"deviceState": "INUSE"}
	p.expect(http.StatusConflict, "Uncontrolled device specified", http.MethodPut, "/deviceStates/PJSIP%2F"+target.Device[len("PJSIP/"):], on)
	p.expect(http.StatusNoContent, "", http.MethodPut, path, on)
	lit := Device{"Stasis:aritest-lamp", "INUSE"}
	p.await("the lamp's state", func(e Event) bool { return e.Type == "DeviceStateChanged" && *e.DeviceState == lit })
	var device Device
	if p.fetch(path, &device); device != lit {
		t.Errorf("the lamp is %v, want %v", device, lit)
	}
	var list []Device
	if p.fetch("/deviceStates", &list); !slices.Contains(list, lit) || slices.ContainsFunc(list, func(d Device) bool { return d.Name == target.Device }) {
		t.Errorf("the devices that programs have set are %v, want %v and no phone among them", list, lit)
	}
	p.expect(http.StatusNoContent, "", http.MethodDelete, path, nil)
	p.expect(http.StatusNoContent, "", http.MethodDelete, path, nil)
	list = nil
	if p.fetch("/deviceStates", &list); slices.ContainsFunc(list, func(d Device) bool { return d.Name == lit.Name }) {
		t.Errorf("the lamp that was removed is listed: %v", list)
	}
}
