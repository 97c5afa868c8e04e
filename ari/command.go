package ari

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/CyCoreSystems/ari/v6"
	"github.com/CyCoreSystems/ari/v6/client/native"

	"github.com/callbackd/callbackd/callback"
)

// The channel variables that we share with the dialplan.
const (
	variableContact = "CALLBACKD_CONTACT" // the contact ID, on every leg (C10)
	variableStatus  = "CALLBACKD_STATUS"  // why a call was given back
	variableDNIS    = "CALLBACKD_DNIS"    // the number that was dialled, as it reached us
	variableDialled = "CALLBACKD_DIALLED" // the number that the caller dialled (C8)
)

// The types of a bridge; see "Voice in a bridge" in the package comment.
const (
	bridgeType     = "mixing"
	bridgeWithKeys = "mixing,dtmf_events"
)

// Do sends one command and waits for Asterisk's answer, within its time limit and ctx. Its error is a
// *callback.CommandError: Unsure means that the command may have been carried out, anything else that
// it was not; Status 0 with Rejected means that Asterisk could not be reached at all.
//
// A create that Asterisk has already carried out (409) is done. DialLeg and Play are not to be
// repeated: a second dial ends the call, a second Play with the same ID plays again.
func (n *Node) Do(ctx context.Context, cmd callback.Command) error {
	err := n.do(ctx, cmd)
	if err == nil {
		return nil
	}
	var failure *callback.CommandError
	if errors.As(err, &failure) {
		return failure
	}
	return &callback.CommandError{Kind: callback.CommandRejected, Message: err.Error()}
}

func (n *Node) do(ctx context.Context, cmd callback.Command) error {
	switch c := cmd.(type) {
	case callback.Answer:
		return n.channel(ctx, c.Channel, ari.Channel.Answer)
	case callback.Play:
		return n.play(ctx, c)
	case callback.StopPlayback:
		return n.library(ctx, func(l *native.Client) error {
			return l.Playback().Stop(ari.NewKey(ari.PlaybackKey, c.Playback))
		})
	case callback.StartMusic:
		return n.channel(ctx, c.Channel, func(l ari.Channel, key *ari.Key) error { return l.MOH(key, c.Class) })
	case callback.StopMusic:
		return n.channel(ctx, c.Channel, ari.Channel.StopMOH)
	case callback.CreateLeg:
		return n.createLeg(ctx, c)
	case callback.DialLeg:
		return n.channel(ctx, c.Channel, func(l ari.Channel, key *ari.Key) error { return l.Dial(key, "", wholeSeconds(c.Timeout)) })
	case callback.Hangup:
		return n.channel(ctx, c.Channel, func(l ari.Channel, key *ari.Key) error { return l.Hangup(key, c.Reason) })
	case callback.CreateBridge:
		return n.createBridge(ctx, c)
	case callback.Join:
		return n.request(ctx, http.MethodPost, "/bridges/"+segment(c.Bridge)+"/addChannel", map[string]any{"channel": c.Channels}, nil)
	case callback.DestroyBridge:
		return n.destroyBridge(ctx, c.Bridge)
	case callback.GiveBack:
		return n.giveBack(ctx, c)
	case callback.ShowLamp:
		state := map[string]callback.DeviceState{"deviceState": c.State}
		return n.request(ctx, http.MethodPut, "/deviceStates/"+segment(lampDevice+c.Lamp), state, nil)
	case callback.DropLamp:
		return n.request(ctx, http.MethodDelete, "/deviceStates/"+segment(lampDevice+c.Lamp), nil, nil)
	case callback.Mark:
		return n.setVariables(ctx, c.Channel, contactVariables(c.Contact))
	}
	return fmt.Errorf("there is no request for the command %T", cmd)
}

// channel runs one of the library's channel methods on a channel.
func (n *Node) channel(ctx context.Context, id string, f func(ari.Channel, *ari.Key) error) error {
	return n.library(ctx, func(l *native.Client) error { return f(l.Channel(), ari.NewKey(ari.ChannelKey, id)) })
}

// playRequest is the library's request with a language, and an offset into the first of the media,
// which it lacks.
type playRequest struct {
	Media    []string `json:"media"`
	Language string   `json:"lang,omitempty"`
	OffsetMS int64    `json:"offsetms,omitempty"`
}

// play plays a list whose sounds all exist. Asterisk itself passes over one that is missing in the
// middle and says in the end that all was well.
func (n *Node) play(ctx context.Context, c callback.Play) error {
	if err := n.findSounds(ctx, c.Media, c.Language); err != nil {
		return err
	}
	request := playRequest{Media: c.Media, Language: c.Language, OffsetMS: c.Offset.Milliseconds()}
	err := n.request(ctx, http.MethodPost, "/channels/"+segment(c.Channel)+"/play/"+segment(c.Playback), request, nil)
	return n.orExists(ctx, err, "/playbacks/"+segment(c.Playback))
}

func (n *Node) createBridge(ctx context.Context, c callback.CreateBridge) error {
	kind := bridgeType
	if c.Keys {
		kind = bridgeWithKeys
	}
	err := n.library(ctx, func(l *native.Client) error {
		_, err := l.Bridge().Create(ari.NewKey(ari.BridgeKey, c.Bridge), kind, c.Bridge)
		return err
	})
	return n.orExists(ctx, unlessConflict(err), "/bridges/"+segment(c.Bridge))
}

// destroyBridge deletes a bridge once its channels are out. One that is in it then leaves some time after
// Asterisk's answer, and what it is asked to play meanwhile is never played, with no word of that. A channel
// that can't be taken out has gone, or goes with the bridge.
func (n *Node) destroyBridge(ctx context.Context, bridge string) error {
	var in ari.BridgeData
	if err := n.get(ctx, "/bridges/"+segment(bridge), &in); err != nil {
		return err
	}
	for _, channel := range in.ChannelIDs {
		_ = n.request(ctx, http.MethodPost, "/bridges/"+segment(bridge)+"/removeChannel", map[string]any{"channel": channel}, nil)
	}
	return n.library(ctx, func(l *native.Client) error {
		return l.Bridge().Delete(ari.NewKey(ari.BridgeKey, bridge))
	})
}

// createLegRequest is the library's request with variables, which it lacks.
type createLegRequest struct {
	ari.ChannelCreateRequest
	Variables map[string]string `json:"variables"`
}

// createLeg makes a channel that rings nowhere yet. The connected line becomes the From of the INVITE:
// what the phone shows.
func (n *Node) createLeg(ctx context.Context, c callback.CreateLeg) error {
	variables := contactVariables(c.Contact)
	if c.Party == callback.PartyAgent {
		// The two share one record in the CDR, which would join their fields.
		delete(variables, cdrUserfield)
	}
	if c.CallerNumber != "" {
		variables["CONNECTEDLINE(num)"] = c.CallerNumber
	}
	if c.CallerName != "" {
		variables["CONNECTEDLINE(name)"] = c.CallerName
	}
	err := n.request(ctx, http.MethodPost, "/channels/create", createLegRequest{
		ChannelCreateRequest: ari.ChannelCreateRequest{
			Endpoint:  c.Endpoint,
			App:       n.application,
			AppArgs:   "leg," + c.Contact.String(),
			ChannelID: c.Channel,
		},
		Variables: variables,
	}, nil)
	return n.orExists(ctx, unlessConflict(err), "/channels/"+segment(c.Channel))
}

// orExists turns the lost answer of a create into nil where asking for our ID shows that it was made.
func (n *Node) orExists(ctx context.Context, err error, path string) error {
	var failure *callback.CommandError
	if !errors.As(err, &failure) || failure.Kind != callback.CommandUnsure || ctx.Err() != nil {
		return err
	}
	if n.get(ctx, path, nil) == nil {
		return nil
	}
	return err
}

// unlessConflict turns a 409 into nil: what has our ID was made by us before.
func unlessConflict(err error) error {
	if status(err) == http.StatusConflict {
		return nil
	}
	return err
}

// cdrUserfield is the field of the CDR that has the contact ID.
const cdrUserfield = "CDR(userfield)"

// contactVariables carry the contact ID to the dialplan, to CEL and to the CDR (C10): each of the two
// records has a userfield of its own.
func contactVariables(id callback.ContactID) map[string]string {
	return map[string]string{
		variableContact:      id.String(),
		cdrUserfield:         id.String(),
		"CHANNEL(userfield)": id.String(),
	}
}

func (n *Node) setVariables(ctx context.Context, channel string, variables map[string]string) error {
	for name, value := range variables {
		err := n.channel(ctx, channel, func(l ari.Channel, key *ari.Key) error { return l.SetVariable(key, name, value) })
		if err != nil {
			return err
		}
	}
	return nil
}

// giveBack sends a call on to the next line of the dialplan, which looks at the status.
func (n *Node) giveBack(ctx context.Context, c callback.GiveBack) error {
	if err := n.setVariables(ctx, c.Channel, map[string]string{variableStatus: c.Status}); err != nil {
		return err
	}
	return n.channel(ctx, c.Channel, func(l ari.Channel, key *ari.Key) error { return l.Continue(key, "", "", 0) })
}

// wholeSeconds rounds up, since Asterisk takes no fractions and 0 for no limit.
func wholeSeconds(d time.Duration) time.Duration {
	return max(time.Second, (d + time.Second - 1).Truncate(time.Second))
}
