package ari

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"time"

	"github.com/CyCoreSystems/ari/v6"
	"github.com/CyCoreSystems/ari/v6/client/native"
)

// Info is what Asterisk says of itself.
type Info struct {
	Version   string
	StartedAt time.Time
}

// Info asks Asterisk who it is. A refused user is an [AccessError].
func (n *Node) Info(ctx context.Context) (Info, error) {
	var info *ari.AsteriskInfo
	err := n.library(ctx, func(l *native.Client) (err error) {
		info, err = l.Asterisk().Info(nil)
		return err
	})
	if refusal := n.accessError(status(err)); refusal != nil {
		return Info{}, refusal
	}
	if err != nil {
		return Info{}, fmt.Errorf("asking Asterisk at %s about itself: %w", n.url, err)
	}
	return Info{Version: info.SystemInfo.Version, StartedAt: time.Time(info.StatusInfo.StartupTime)}, nil
}

// Endpoint is a phone or trunk in pjsip.conf.
type Endpoint struct {
	Name     string // as in PJSIP/1001
	State    string // online, offline or unknown (asked for nothing, as a trunk without qualify)
	Channels []string
}

// Endpoints lists the phones and trunks.
func (n *Node) Endpoints(ctx context.Context) ([]Endpoint, error) {
	var list []ari.EndpointData
	if err := n.get(ctx, "/endpoints/"+phoneTechnology, &list); err != nil {
		return nil, fmt.Errorf("listing the endpoints: %w", err)
	}
	endpoints := make([]Endpoint, 0, len(list))
	for i := range list {
		endpoints = append(endpoints, Endpoint{
			Name:     list[i].Technology + "/" + list[i].Resource,
			State:    list[i].State,
			Channels: list[i].ChannelIDs,
		})
	}
	return endpoints, nil
}

// SoundExists says whether Asterisk has a sound, as in callbackd/offer, in a language. Asterisk looks
// for sounds when it starts; one that was added later is not seen before "module reload sounds".
func (n *Node) SoundExists(ctx context.Context, name, language string) (bool, error) {
	var sound ari.SoundData
	err := n.get(ctx, "/sounds/"+segment(name), &sound)
	if status(err) == http.StatusNotFound {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("asking for the sound %s: %w", name, err)
	}
	return slices.ContainsFunc(sound.Formats, func(f ari.FormatLangPair) bool { return f.Language == language }), nil
}

// ApplicationInUse says whether a program is connected with our application's name. Asterisk goes on
// listing an application with calls in it when its program has died; then the dialplan is tried.
func (n *Node) ApplicationInUse(ctx context.Context) (bool, error) {
	err := n.get(ctx, "/applications/"+segment(n.application), nil)
	if status(err) == http.StatusNotFound {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("asking for the application %s: %w", n.application, err)
	}
	trial, err := n.DialplanReachesStasis(ctx)
	if err != nil {
		return false, err
	}
	return trial.Taken || !trial.Reached, nil
}
