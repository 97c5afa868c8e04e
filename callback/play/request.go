package play

import (
	"fmt"

	"github.com/callbackd/callbackd/callback"
	"github.com/callbackd/callbackd/callback/number"
	"github.com/callbackd/callbackd/callback/script"
)

// requested does what a person asks for, or says why not. A callback that is cancelled has no event in its
// script: what the script waits for ends with the contact.
func (h *host) requested(r callback.Request) {
	h.request = &callback.RequestDone{ID: r.ID}
	if err := h.ask(r); err != nil {
		h.request.Refused = err.Error()
		return
	}
	if h.turn.Contact.State == callback.StateEnded {
		h.state = AtRest(h.state)
	}
}

func (h *host) ask(r callback.Request) error {
	if h.Refused.Request != nil {
		return h.Refused.Request
	}
	region := h.region()
	if r.Skill != nil {
		if err := h.known(*r.Skill); err != nil {
			return err
		}
		region = h.Env.Skill(*r.Skill).Region
	}
	if r.PhoneNumber != nil {
		parsed, err := number.Parse(*r.PhoneNumber, region)
		if err != nil {
			return fmt.Errorf("PhoneNumber: %w", err)
		}
		r.PhoneNumber, r.E164, r.Extension = &parsed.Dial, parsed.E164, parsed.Extension
	}
	return h.turn.Ask(r)
}

// AtRest is where the script of a contact stands that was ended from outside: nothing comes due any more.
func AtRest(st script.State) script.State {
	return script.State{Action: st.Action, Resting: true, Stage: st.Stage, Saved: st.Saved, Vars: st.Vars}
}
