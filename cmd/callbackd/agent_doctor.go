package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/callbackd/callbackd/ari"
	"github.com/callbackd/callbackd/callback/postgres"
)

// codes looks whether agents can log in from their phones. A site may do without it, or have chosen other
// codes, so nothing here is wrong.
func (d *doctor) codes(ctx context.Context, node *ari.Node, agents []postgres.Agent) {
	const what = "agents' codes"
	endpoints := make([]string, len(agents))
	for i, agent := range agents {
		endpoints[i] = agent.Endpoint
	}
	codes, err := node.AgentCodes(ctx, endpoints)
	switch {
	case errors.Is(err, ari.ErrCodesUnseen):
		d.ok(what, "not looked for: %s", err)
	case err != nil:
		d.wrong(what, "%s", err)
	case !codes.Shipped:
		d.ok(what, "none: agents log in by callbackd agent state; the contexts callbackd-agents and callbackd-agent of asterisk-conf/extensions.conf give their phones codes")
	case len(codes.Without) > 0:
		var phones []string
		for _, endpoint := range slices.Sorted(maps.Keys(codes.Without)) {
			phones = append(phones, fmt.Sprintf("%s (context %s)", endpoint, codes.Without[endpoint]))
		}
		d.ok(what, "there, but *45 is not for %s: add include => callbackd-agents to the context, unless you have chosen other codes", strings.Join(phones, ", "))
	default:
		d.ok(what, "there, for each agent's phone")
	}
}
