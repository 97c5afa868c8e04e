package ari

import (
	"context"
	"crypto/rand"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/CyCoreSystems/ari/v6"
	"github.com/coder/websocket"

	"github.com/callbackd/callbackd/callback"
)

// doctorEndpoint is the dialplan's line for the doctor, as the shipped extensions.conf has it.
const doctorEndpoint = "Local/doctor@callbackd-doctor"

// DialplanTrial is what became of a call that was sent through the dialplan for trial.
type DialplanTrial struct {
	Reached bool // the dialplan came to Stasis with our application
	Taken   bool // and a program took the call there
}

// DialplanReachesStasis sends a call of its own through the dialplan's context callbackd-doctor and
// looks on from an application of its own, so that it works whether callbackd runs or not. A running
// callbackd hangs the call up.
func (n *Node) DialplanReachesStasis(ctx context.Context) (DialplanTrial, error) {
	var trial DialplanTrial
	err := n.try(ctx, func(ctx context.Context, conn *websocket.Conn, near, far string) (err error) {
		trial, err = n.watchTrial(ctx, conn, near, far)
		return err
	})
	return trial, err
}

// try makes a call of the doctor's own, which nobody hears, for as long as act runs. conn has its
// events; its halves are near and far, neither of which is dialled yet.
func (n *Node) try(ctx context.Context, act func(ctx context.Context, conn *websocket.Conn, near, far string) error) error {
	application := "callbackd-doctor-" + rand.Text()
	ctx, cancel := context.WithTimeout(ctx, n.timing.request)
	defer cancel()
	conn, err := n.dial(ctx, application)
	if err != nil {
		return err
	}
	defer func() { _ = conn.CloseNow() }() // only we know of this application
	near, far := application+"-near", application+"-far"
	defer n.hangUpAll(context.WithoutCancel(ctx), near, far)
	if err := n.createTrial(ctx, application, near, far); err != nil {
		return fmt.Errorf("making a call for trial: %w", err)
	}
	return act(ctx, conn, near, far)
}

// createTrial makes both halves of a Local channel and subscribes to the dialplan's.
func (n *Node) createTrial(ctx context.Context, application, near, far string) error {
	err := n.request(ctx, http.MethodPost, "/channels/create", ari.ChannelCreateRequest{
		Endpoint:       doctorEndpoint,
		App:            application,
		ChannelID:      near,
		OtherChannelID: far,
	}, nil)
	if err != nil {
		return err
	}
	source := map[string]string{"eventSource": "channel:" + far}
	return n.request(ctx, http.MethodPost, "/applications/"+application+"/subscription", source, nil)
}

// dialTrial sends the dialplan's half on its way. Before the near half is in its application, Asterisk
// refuses that.
func (n *Node) dialTrial(ctx context.Context, near string) error {
	timeout := map[string]int{"timeout": int(n.timing.request / time.Second)}
	err := n.request(ctx, http.MethodPost, "/channels/"+near+"/dial", timeout, nil)
	if err != nil {
		return fmt.Errorf("sending a call through the dialplan: %w", err)
	}
	return nil
}

// watchTrial dials and follows the dialplan's half until it is clear what became of it. A call that is
// neither refused nor ended was taken by a program that keeps it.
func (n *Node) watchTrial(ctx context.Context, conn *websocket.Conn, near, far string) (DialplanTrial, error) {
	var trial DialplanTrial
	for {
		_, data, err := conn.Read(ctx)
		if err != nil && trial.Reached {
			trial.Taken = true
			return trial, nil
		}
		if err != nil {
			return trial, fmt.Errorf("waiting for the dialplan: %w", err)
		}
		event, err := ari.DecodeEvent(data)
		if err != nil {
			continue // of a type that the library does not know
		}
		switch e := event.(type) {
		case *ari.StasisStart:
			if err := n.dialTrial(ctx, near); err != nil {
				return trial, err
			}
		case *ari.ChannelDialplan:
			ours := e.DialplanApp == "Stasis" && strings.HasPrefix(e.DialplanAppData, n.application+",")
			trial.Reached = trial.Reached || e.Channel.ID == far && ours
		case *ari.ChannelVarset:
			if e.Channel.ID == far && e.Variable == "STASISSTATUS" && e.Value == "FAILED" {
				return trial, nil
			}
		case *ari.ChannelDestroyed:
			if e.Channel.ID == near || e.Channel.ID == far {
				trial.Taken = trial.Reached
				return trial, nil
			}
		}
	}
}

// awaitStasis waits until a channel of the doctor's is in its application; before that Asterisk lets
// nobody ask it for anything.
func awaitStasis(ctx context.Context, conn *websocket.Conn, channel string) error {
	for {
		_, data, err := conn.Read(ctx)
		if err != nil {
			return fmt.Errorf("waiting for a call for trial: %w", err)
		}
		event, err := ari.DecodeEvent(data)
		if err != nil {
			continue // of a type that the library does not know
		}
		if start, ok := event.(*ari.StasisStart); ok && start.Channel.ID == channel {
			return nil
		}
	}
}

// hangUpAll ends channels of the doctor's that may still be there.
func (n *Node) hangUpAll(ctx context.Context, channels ...string) {
	for _, channel := range channels {
		if err := n.Do(ctx, callback.Hangup{Channel: channel}); err != nil {
			n.log.Debug("the doctor's channel had ended", "channel", channel, "error", err)
		}
	}
}
