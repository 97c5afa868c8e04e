package ari

import (
	"slices"
	"strings"

	"github.com/CyCoreSystems/ari/v6"

	"github.com/callbackd/callbackd/callback"
)

// used are the types of the events that the translator makes something of.
var used = map[string]bool{
	ari.Events.StasisStart:          true,
	ari.Events.StasisEnd:            true,
	ari.Events.Dial:                 true,
	ari.Events.ChannelStateChange:   true,
	ari.Events.ChannelHangupRequest: true,
	ari.Events.ChannelDestroyed:     true,
	ari.Events.ChannelEnteredBridge: true,
	ari.Events.ChannelLeftBridge:    true,
	ari.Events.ChannelDtmfReceived:  true,
	ari.Events.PlaybackFinished:     true,
	ari.Events.DeviceStateChanged:   true,
}

// doctorScript is what the shipped dialplan's context callbackd-doctor asks for. It is no contact.
const doctorScript = "doctor"

// codePrefix begins what the shipped dialplan's context callbackd-agents asks for, agent:CODE. It is no
// contact, and no script has such a name.
const codePrefix = "agent:"

// subscription is the end of subscribing to an inbound channel.
type subscription struct {
	channel string
	gone    bool // the channel had ended before
}

// translator turns Asterisk's events into ours, in the order of each channel.
type translator struct {
	node    *Node
	session *session
	deliver func(callback.Event)
	held    map[string][]callback.Event // channels that are being subscribed to, with what came since
	untold  map[string]bool             // channels that were gone when we subscribed
	causes  map[string]callback.Cause   // of channels that somebody asked to hang up
}

// translate delivers what comes into the session's inbox until the stream has ended, and returns why
// it did.
func (n *Node) translate(s *session, deliver func(callback.Event)) error {
	t := &translator{
		node:    n,
		session: s,
		deliver: deliver,
		held:    make(map[string][]callback.Event),
		untold:  make(map[string]bool),
		causes:  make(map[string]callback.Cause),
	}
	for {
		items, err := s.inbox.take()
		if err != nil {
			t.releaseAll()
			return err
		}
		for _, i := range items {
			t.item(i)
			s.inbox.done()
		}
	}
}

func (t *translator) item(i item) {
	if i.subscribed != nil {
		t.release(i.subscribed)
		return
	}
	event, err := ari.DecodeEvent(i.event)
	if err != nil {
		t.node.metrics.events.WithLabelValues(typeInvalid).Inc()
		t.node.log.Warn("passed over an event that can't be decoded", "error", err, "event", string(i.event))
		return
	}
	t.event(event)
}

func (t *translator) event(event ari.Event) {
	switch e := event.(type) {
	case *ari.StasisStart:
		t.start(e)
	case *ari.StasisEnd:
		t.left(e.Channel.ID)
	case *ari.Dial:
		t.progress(e.Peer.ID, e.Dialstatus)
	case *ari.ChannelStateChange:
		t.progress(e.Channel.ID, e.Channel.State)
	case *ari.ChannelHangupRequest:
		if !e.Soft { // a soft one carries another number
			t.causes[e.Channel.ID] = callback.Cause(e.Cause)
		}
		t.emit(e.Channel.ID, callback.LegHangup{Channel: e.Channel.ID})
	case *ari.ChannelDestroyed:
		t.end(e)
	case *ari.ChannelEnteredBridge:
		t.emit(e.Channel.ID, callback.LegJoined{Channel: e.Channel.ID, Bridge: e.Bridge.ID})
	case *ari.ChannelLeftBridge:
		t.emit(e.Channel.ID, callback.LegParted{Channel: e.Channel.ID, Bridge: e.Bridge.ID})
	case *ari.ChannelDtmfReceived:
		t.emit(e.Channel.ID, callback.KeyPressed{Channel: e.Channel.ID, Key: e.Digit})
	case *ari.PlaybackFinished:
		t.played(&e.Playback)
	case *ari.DeviceStateChanged:
		t.device(&e.DeviceState)
	}
}

// start handles a channel that enters our application: one that we made, or a new call.
func (t *translator) start(e *ari.StasisStart) {
	id := e.Channel.ID
	script := ""
	if len(e.Args) > 0 {
		script = e.Args[0]
	}
	switch {
	case e.ReplaceChannel.ID != "":
		t.replaced(e)
	case isOurs(id):
		t.emit(id, callback.LegCreated{Channel: id})
	case script == doctorScript:
		t.session.work.Go(func() { t.dismissDoctor(id) })
	case strings.HasPrefix(script, codePrefix):
		t.deliver(codeDialled(&e.Channel, e.Args))
	default:
		t.held[id] = append(t.held[id], arrived(&e.Channel, script, t.node.application))
		t.session.work.Go(func() { t.subscribe(id) })
	}
}

// replaced handles a channel that a transfer has put in another one's place. Asterisk's interest in the old
// one has gone over to it, so both are subscribed to.
func (t *translator) replaced(e *ari.StasisStart) {
	old, by := e.ReplaceChannel.ID, e.Channel.ID
	to := e.Channel.GetDialplan().GetExten()
	if strings.HasPrefix(to, "_") {
		to = "" // Asterisk's own way of an attended transfer
	}
	t.emit(old, callback.LegReplaced{Channel: old, By: by, To: to})
	for _, id := range []string{old, by} {
		if _, held := t.held[id]; held {
			continue
		}
		t.held[id] = nil
		t.session.work.Go(func() { t.subscribe(id) })
	}
}

// subscribe makes sure that the end of a channel will be told: Asterisk's own interest in an inbound one
// ends with StasisEnd. The channel's events wait meanwhile, those of others do not.
func (t *translator) subscribe(id string) {
	exists, err := t.node.subscribeChannel(t.session.ctx, id)
	if err != nil {
		t.session.cancel(err) // connect again; the resync subscribes
		return
	}
	t.session.inbox.put(item{subscribed: &subscription{channel: id, gone: !exists}})
}

// dismissDoctor ends the call by which "callbackd doctor" tries the dialplan.
func (t *translator) dismissDoctor(id string) {
	if err := t.node.Do(t.session.ctx, callback.Hangup{Channel: id}); err != nil {
		t.node.log.Debug("the doctor's call could not be hung up", "error", err)
	}
}

// emit delivers an event of a channel, or keeps it while the channel is being subscribed to.
func (t *translator) emit(channel string, event callback.Event) {
	if _, held := t.held[channel]; held {
		t.held[channel] = append(t.held[channel], event)
		return
	}
	t.deliver(event)
}

// release delivers what was kept of a channel.
func (t *translator) release(s *subscription) {
	events := t.held[s.channel]
	delete(t.held, s.channel)
	for _, event := range events {
		t.deliver(event)
	}
	if !s.gone {
		return
	}
	if slices.Contains(events, callback.Event(callback.LegLeft{Channel: s.channel})) {
		t.endUntold(s.channel)
		return
	}
	t.untold[s.channel] = true // its StasisEnd is still on the way
}

// left handles the end of our control over a channel.
func (t *translator) left(channel string) {
	t.emit(channel, callback.LegLeft{Channel: channel})
	if t.untold[channel] {
		t.endUntold(channel)
	}
}

// endUntold tells the end of a channel that was gone before we could subscribe: Asterisk does not.
func (t *translator) endUntold(channel string) {
	t.deliver(callback.LegEnded{Channel: channel, Cause: t.causes[channel], Absent: true})
	delete(t.causes, channel)
	delete(t.untold, channel)
}

// releaseAll delivers what is still kept when the stream has broken.
func (t *translator) releaseAll() {
	for channel := range t.held {
		t.release(&subscription{channel: channel})
	}
}

// progress handles what a Dial event and a change of state say alike: both come, in any order.
func (t *translator) progress(channel, state string) {
	switch strings.ToUpper(state) {
	case "RINGING":
		t.emit(channel, callback.LegRinging{Channel: channel})
	case "PROGRESS":
		t.emit(channel, callback.LegProgress{Channel: channel})
	case "UP", "ANSWER":
		t.emit(channel, callback.LegAnswered{Channel: channel})
	}
}

func (t *translator) end(e *ari.ChannelDestroyed) {
	cause := callback.Cause(e.Cause)
	if cause == callback.CauseUnknown {
		cause = t.causes[e.Channel.ID]
	}
	delete(t.causes, e.Channel.ID)
	t.emit(e.Channel.ID, callback.LegEnded{Channel: e.Channel.ID, Cause: cause})
}

func (t *translator) played(p *ari.PlaybackData) {
	channel, onChannel := strings.CutPrefix(p.TargetURI, "channel:")
	if !onChannel {
		return
	}
	t.emit(channel, callback.PlaybackFinished{Channel: channel, Playback: p.ID, Failed: p.State == "failed"})
}

// arrived is the arrival of a new call. The shipped dialplan says in variables what was dialled.
func arrived(data *ari.ChannelData, script, application string) callback.LegArrived {
	dnis := data.ChannelVars[variableDNIS]
	if dnis == "" {
		dnis = data.GetDialplan().GetExten()
	}
	dialled := data.ChannelVars[variableDialled]
	if dialled == "" {
		dialled = dnis
	}
	return callback.LegArrived{
		Channel:     data.ID,
		Script:      script,
		ANI:         data.GetCaller().GetNumber(),
		DNIS:        dnis,
		Dialled:     dialled,
		CallerName:  data.GetCaller().GetName(),
		Application: application,
		Language:    data.GetLanguage(),
	}
}

// device tells a change of a phone's state, and nothing of the lamps that we set ourselves.
func (t *translator) device(d *ari.DeviceStateData) {
	if !strings.HasPrefix(d.Name, lampDevice) {
		t.deliver(callback.DeviceChanged{Device: d.Name, State: callback.DeviceState(d.State)})
	}
}

// codeDialled is the call by which an agent has dialled a code: args are those of Stasis. The endpoint is
// that of the channel, PJSIP/1001 of PJSIP/1001-0000002a, which no phone can choose.
func codeDialled(data *ari.ChannelData, args []string) callback.CodeDialled {
	endpoint := data.Name
	if end := strings.LastIndexByte(endpoint, '-'); end >= 0 {
		endpoint = endpoint[:end]
	}
	return callback.CodeDialled{
		Channel:  data.ID,
		Endpoint: endpoint,
		Code:     strings.TrimPrefix(args[0], codePrefix),
		Argument: strings.Join(args[1:], ","),
	}
}

// isOurs says whether we made a channel.
func isOurs(id string) bool { return strings.HasPrefix(id, callback.ChannelPrefix) && !isFarHalf(id) }

// isFarHalf says whether a channel is the dialplan's half of a Local channel that we made. Asterisk
// makes its ID of ours.
func isFarHalf(id string) bool {
	return strings.HasPrefix(id, callback.ChannelPrefix) && strings.HasSuffix(id, ";2")
}
