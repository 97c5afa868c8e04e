package ari

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/CyCoreSystems/ari/v6"
	"github.com/CyCoreSystems/ari/v6/client/native"
	"github.com/coder/websocket"
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

// configReader is the module of Asterisk that reads its configuration files for others.
const configReader = "func_config.so"

// ErrMusicUnseen says that Asterisk can't be asked for its classes of music on hold.
var ErrMusicUnseen = errors.New("Asterisk has not loaded " + configReader)

// MusicClassExists says whether musiconhold.conf has a class with a mode. Of classes that are kept
// elsewhere, and of changes that wait for "moh reload", it knows nothing: ARI has no list of what is
// loaded, so a channel of the doctor's own is asked what the file has. Without the module for that
// the error is [ErrMusicUnseen].
func (n *Node) MusicClassExists(ctx context.Context, class string) (bool, error) {
	if strings.ContainsAny(class, `,()[]{}$"\`) {
		return false, nil // it would be something else than a name to AST_CONFIG
	}
	exists, err := n.musicMode(ctx, class)
	if err != nil && !errors.Is(err, ErrMusicUnseen) {
		return false, fmt.Errorf("asking for the music class %s: %w", class, err)
	}
	return exists, err
}

func (n *Node) musicMode(ctx context.Context, class string) (exists bool, err error) {
	err = n.get(ctx, "/asterisk/modules/"+configReader, nil)
	if status(err) == http.StatusNotFound {
		return false, ErrMusicUnseen
	}
	if err != nil {
		return false, err
	}
	err = n.try(ctx, func(ctx context.Context, conn *websocket.Conn, near, _ string) error {
		if err := awaitStasis(ctx, conn, near); err != nil {
			return err
		}
		return n.library(ctx, func(l *native.Client) error {
			mode, err := l.Channel().GetVariable(ari.NewKey(ari.ChannelKey, near),
				url.QueryEscape("AST_CONFIG(musiconhold.conf,"+class+",mode)"))
			exists = mode != ""
			return err
		})
	})
	if status(err) == http.StatusInternalServerError {
		return false, nil // Asterisk's answer when the function finds nothing
	}
	return exists, err
}

// Global gives a global variable of the dialplan, as [globals] in extensions.conf sets it; "" where it is
// not set.
func (n *Node) Global(ctx context.Context, name string) (string, error) {
	var variable struct {
		Value string `json:"value"`
	}
	if err := n.get(ctx, "/asterisk/variable?variable="+url.QueryEscape(name), &variable); err != nil {
		return "", fmt.Errorf("asking for the dialplan's global %s: %w", name, err)
	}
	return variable.Value, nil
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
