package aritest

import (
	"net/http"
	"slices"
	"testing"
)

func create(t *testing.T, target Target) {
	p := newProbe(t, target)
	id := p.leg(target.Answers)
	start := p.ofChannel("StasisStart", id)
	if !slices.Equal(start.Args, []string{"leg", "7"}) || start.Channel.State != "Down" {
		t.Errorf("args %q in state %s, want those of the request, Down", start.Args, start.Channel.State)
	}
	var channel Channel
	p.fetch("/channels/"+id, &channel)
	if channel.ChannelVars["CALLBACKD_CONTACT"] != "7" || channel.Connected.Number != "8005550199" {
		t.Errorf("the channel is %+v, want the variables of the request", channel)
	}
	var all []Channel
	p.fetch("/channels", &all)
	if !slices.ContainsFunc(all, func(c Channel) bool { return c.ID == id }) {
		t.Errorf("the channel is not listed: %v", all)
	}
}

func createTwice(t *testing.T, target Target) {
	p := newProbe(t, target)
	again := map[string]any{"endpoint": target.Answers, "app": p.application, "channelId": p.leg(target.Answers)}
	got := p.expect(http.StatusConflict, "", http.MethodPost, "/channels/create", again)
	if got.message() == "" {
		t.Errorf("no message in %s", got.body)
	}
}

func createUnknown(t *testing.T, target Target) {
	p := newProbe(t, target)
	p.expect(http.StatusInternalServerError, "Allocation failed", http.MethodPost, "/channels/create",
		map[string]any{"endpoint": target.Unknown, "app": p.application, "channelId": newID("leg")})
}

func dialAnswered(t *testing.T, target Target) {
	p := newProbe(t, target)
	id := p.leg(target.Answers)
	p.expect(http.StatusNoContent, "", http.MethodPost, "/channels/"+id+"/dial", map[string]int{"timeout": 20})
	p.dialled(id, "RINGING")
	p.inState(id, "Ringing")
	p.inState(id, "Up")
	p.dialled(id, "ANSWER")
	p.expect(http.StatusNoContent, "", http.MethodDelete, "/channels/"+id, nil)
	p.ofChannel("ChannelHangupRequest", id)
	p.ofChannel("StasisEnd", id)
	if end := p.ofChannel("ChannelDestroyed", id); end.Cause != 16 {
		t.Errorf("cause %d, want 16", end.Cause)
	}
	order := p.all(func(e Event) bool { return e.Type == "StasisEnd" || e.Type == "ChannelDestroyed" })
	if len(order) != 2 || order[0].Type != "StasisEnd" {
		t.Errorf("the end is told as %v, want StasisEnd and then ChannelDestroyed", order)
	}
	p.expect(http.StatusNotFound, "Channel not found", http.MethodGet, "/channels/"+id, nil)
}

func dialCauses(t *testing.T, target Target) {
	for name, far := range map[string]struct {
		endpoint string
		causes   []int
	}{
		"busy":      {target.Busy, []int{17}},
		"declines":  {target.Declines, []int{21}},
		"rings":     {target.Rings, []int{19, 0}},
		"redirects": {target.Redirects, []int{23}},
	} {
		t.Run(name, func(t *testing.T) {
			p := newProbe(t, target)
			id := p.leg(far.endpoint)
			p.expect(http.StatusNoContent, "", http.MethodPost, "/channels/"+id+"/dial", map[string]int{"timeout": 1})
			end := p.ofChannel("ChannelDestroyed", id)
			if !slices.Contains(far.causes, end.Cause) {
				t.Errorf("cause %d, want one of %v", end.Cause, far.causes)
			}
			p.ofChannel("StasisEnd", id)
		})
	}
}

func dialTwice(t *testing.T, target Target) {
	p := newProbe(t, target)
	dial := func(id string, status int) {
		p.expect(status, "", http.MethodPost, "/channels/"+id+"/dial", map[string]int{"timeout": 20})
	}
	rings := p.leg(target.Rings)
	dial(rings, http.StatusNoContent)
	p.inState(rings, "Ringing")
	dial(rings, http.StatusConflict)
	silent := p.leg(target.Silent)
	dial(silent, http.StatusNoContent)
	p.dialled(silent, "")
	dial(silent, http.StatusNoContent)
	p.ofChannel("ChannelDestroyed", silent)
}

func notFound(t *testing.T, target Target) {
	p := newProbe(t, target)
	for _, request := range []struct {
		method, path string
		body         any
		status       int
		message      string
	}{
		{http.MethodGet, "/channels/nobody", nil, 404, "Channel not found"},
		{http.MethodDelete, "/channels/nobody", nil, 404, "Channel not found"},
		{http.MethodPost, "/channels/nobody/answer", nil, 404, "Channel not found"},
		{http.MethodPost, "/channels/nobody/continue", nil, 404, "Channel not found"},
		{http.MethodPost, "/channels/nobody/dial", map[string]int{"timeout": 1}, 404, "Channel not found"},
		{http.MethodPost, "/channels/nobody/moh", map[string]string{"mohClass": "default"}, 404, "Channel not found"},
		{http.MethodDelete, "/channels/nobody/moh", nil, 404, "Channel not found"},
		{http.MethodPost, "/channels/nobody/play/p", map[string]any{"media": []string{"sound:x"}}, 404, "Channel not found"},
		{http.MethodPost, "/channels/nobody/variable", map[string]string{"variable": "A", "value": "b"}, 404, "Channel not found"},
		{http.MethodGet, "/playbacks/nothing", nil, 404, "Playback not found"},
		{http.MethodDelete, "/playbacks/nothing", nil, 404, "Playback not found"},
		{http.MethodGet, "/bridges/nothing", nil, 404, "Bridge not found"},
		{http.MethodDelete, "/bridges/nothing", nil, 404, "Bridge not found"},
		{http.MethodPost, "/bridges/nothing/addChannel", map[string]any{"channel": []string{"nobody"}}, 404, "Bridge not found"},
		{http.MethodGet, "/sounds/nothing", nil, 404, "Sound not found"},
	} {
		p.expect(request.status, request.message, request.method, request.path, request.body)
	}
}

func hangupReasons(t *testing.T, target Target) {
	p := newProbe(t, target)
	for reason, cause := range map[string]int{"normal": 16, "busy": 17, "no_answer": 19, "congestion": 34} {
		id := p.leg(target.Answers)
		p.expect(http.StatusNoContent, "", http.MethodDelete, "/channels/"+id+"?reason="+reason, nil)
		if end := p.ofChannel("ChannelDestroyed", id); end.Cause != cause {
			t.Errorf("%s is told as %d, want %d", reason, end.Cause, cause)
		}
	}
	id := p.leg(target.Answers)
	p.expect(http.StatusBadRequest, "Invalid reason for hangup reason provided", http.MethodDelete, "/channels/"+id+"?reason=whim", nil)
}

func arrival(t *testing.T, target Target) {
	p := newProbeNamed(t, target, DialplanApplication)
	_, id := p.caller()
	start := p.ofChannel("StasisStart", id)
	if !slices.Equal(start.Args, []string{target.Script}) || start.Channel.State != "Ring" {
		t.Errorf("args %q in state %s, want the script, Ring", start.Args, start.Channel.State)
	}
	if want := (Caller{"Ann", "2025550123"}); start.Channel.Caller != want {
		t.Errorf("the caller is %v, want %v", start.Channel.Caller, want)
	}
	if vars := start.Channel.ChannelVars; vars["CALLBACKD_DNIS"] != target.DID || vars["CALLBACKD_DIALLED"] != target.DID {
		t.Errorf("the variables are %v, want the number %s in both", vars, target.DID)
	}
	if plan := start.Channel.Dialplan; plan.AppName != "Stasis" || plan.AppData != DialplanApplication+","+target.Script || plan.Exten != target.DID {
		t.Errorf("the channel is in %+v, want Stasis(%s,%s)", plan, DialplanApplication, target.Script)
	}
	p.expect(http.StatusNoContent, "", http.MethodPost, "/channels/"+id+"/answer", nil)
	p.inState(id, "Up")
}

func callerSubscribed(t *testing.T, target Target) {
	p := newProbeNamed(t, target, DialplanApplication)
	near, id := p.caller()
	p.expect(http.StatusOK, "", http.MethodPost, "/applications/"+p.application+"/subscription", map[string]string{"eventSource": "channel:" + id})
	p.expect(http.StatusNoContent, "", http.MethodDelete, "/channels/"+near, nil)
	p.ofChannel("ChannelHangupRequest", id)
	p.ofChannel("StasisEnd", id)
	p.ofChannel("ChannelDestroyed", id)
}

func callerNotSubscribed(t *testing.T, target Target) {
	p := newProbeNamed(t, target, DialplanApplication)
	near, id := p.caller()
	p.expect(http.StatusNoContent, "", http.MethodDelete, "/channels/"+near, nil)
	p.ofChannel("StasisEnd", id)
	p.ofChannel("ChannelDestroyed", near)
	p.gone404(id)
	p.leg(target.Answers) // its StasisStart comes after an end that must not come
	if got := p.all(func(e Event) bool { return e.Type == "ChannelDestroyed" && e.Channel.ID == id }); len(got) > 0 {
		t.Errorf("the end was told all the same: %v", got)
	}
}

// gone404 waits until a channel is not found any more.
func (p *probe) gone404(channel string) {
	p.t.Helper()
	for range 1000 {
		if p.send(http.MethodGet, "/channels/"+channel, nil).status == http.StatusNotFound {
			return
		}
	}
	p.t.Fatalf("%s is still there", channel)
}

func continued(t *testing.T, target Target) {
	p := newProbeNamed(t, target, DialplanApplication)
	_, id := p.caller()
	p.expect(http.StatusNoContent, "", http.MethodPost, "/channels/"+id+"/variable", map[string]string{"variable": "CALLBACKD_STATUS", "value": "UNAVAILABLE"})
	var value struct{ Value string }
	p.fetch("/channels/"+id+"/variable?variable=CALLBACKD_STATUS", &value)
	if value.Value != "UNAVAILABLE" {
		t.Errorf("the variable is %q, want UNAVAILABLE", value.Value)
	}
	nowhere := map[string]any{"context": "", "extension": "", "priority": 0}
	p.expect(http.StatusNoContent, "", http.MethodPost, "/channels/"+id+"/continue", nowhere)
	p.ofChannel("StasisEnd", id)
}

func keys(t *testing.T, target Target) {
	p := newProbeNamed(t, target, DialplanApplication)
	near, id := p.caller()
	p.expect(http.StatusNoContent, "", http.MethodPost, "/channels/"+id+"/answer", nil)
	p.inState(near, "Up")
	p.expect(http.StatusNoContent, "", http.MethodPost, "/channels/"+near+"/dtmf", map[string]string{"dtmf": "1"})
	if key := p.ofChannel("ChannelDtmfReceived", id); key.Digit != "1" {
		t.Errorf("the key is %q, want 1", key.Digit)
	}
}
