package ari

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"github.com/CyCoreSystems/ari/v6"
	"github.com/CyCoreSystems/ari/v6/client/native"
	"github.com/coder/websocket"
)

// The context of the shipped dialplan that has the agents' codes, and one of the codes in it.
const (
	agentsContext = "callbackd-agents"
	loginCode     = "*45"
)

// lookers are the modules of Asterisk that look into the dialplan and at endpoints for others.
var lookers = []string{"func_dialplan.so", "func_pjsip_endpoint.so"}

// ErrCodesUnseen says that Asterisk can't be asked for its dialplan.
var ErrCodesUnseen = errors.New("Asterisk has not loaded " + strings.Join(lookers, " and "))

// AgentCodes is where the agents' codes of the shipped dialplan can be dialled.
type AgentCodes struct {
	Shipped bool              // the context callbackd-agents is there
	Without map[string]string // the endpoints, with their contexts, that *45 does not exist for
}

// AgentCodes looks whether the agents' codes are in the dialplan, and whether these endpoints can dial them.
// ARI has no list of the dialplan, so a channel of the doctor's own asks. Without the modules for that the
// error is [ErrCodesUnseen].
func (n *Node) AgentCodes(ctx context.Context, endpoints []string) (AgentCodes, error) {
	codes := AgentCodes{Without: map[string]string{}}
	for _, module := range lookers {
		err := n.get(ctx, "/asterisk/modules/"+module, nil)
		if status(err) == http.StatusNotFound {
			return codes, ErrCodesUnseen
		}
		if err != nil {
			return codes, fmt.Errorf("asking for the agents' codes: %w", err)
		}
	}
	err := n.try(ctx, func(ctx context.Context, conn *websocket.Conn, near, _ string) error {
		if err := awaitStasis(ctx, conn, near); err != nil {
			return err
		}
		var err error
		if codes.Shipped, err = n.exists(ctx, near, agentsContext); err != nil || !codes.Shipped {
			return err
		}
		for _, endpoint := range endpoints {
			if err := n.codesOf(ctx, near, endpoint, codes.Without); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return AgentCodes{}, fmt.Errorf("asking for the agents' codes: %w", err)
	}
	return codes, nil
}

// codesOf notes an endpoint for which the code to log in does not exist. One that is not there is passed over.
func (n *Node) codesOf(ctx context.Context, channel, endpoint string, without map[string]string) error {
	name, isPhone := strings.CutPrefix(endpoint, phoneTechnology+"/")
	if !isPhone || strings.ContainsAny(name, `,()[]{}$"\`) {
		return nil
	}
	in, err := n.variable(ctx, channel, "PJSIP_ENDPOINT("+name+",context)")
	if status(err) == http.StatusInternalServerError || err == nil && in == "" {
		return nil
	}
	if err != nil {
		return err
	}
	exists, err := n.exists(ctx, channel, in+","+loginCode+",1")
	if err == nil && !exists {
		without[endpoint] = in
	}
	return err
}

// exists says whether the dialplan has a context, or an extension as CONTEXT,EXTENSION,PRIORITY.
func (n *Node) exists(ctx context.Context, channel, place string) (bool, error) {
	answer, err := n.variable(ctx, channel, "DIALPLAN_EXISTS("+place+")")
	return answer == "1", err
}

// variable asks a channel for a variable or a function of the dialplan.
func (n *Node) variable(ctx context.Context, channel, name string) (value string, err error) {
	err = n.library(ctx, func(l *native.Client) error {
		value, err = l.Channel().GetVariable(ari.NewKey(ari.ChannelKey, channel), url.QueryEscape(name))
		return err
	})
	return value, err
}
