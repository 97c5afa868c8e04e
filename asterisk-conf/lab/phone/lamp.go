package phone

import (
	"context"
	"encoding/xml"
	"fmt"
	"slices"
	"time"

	"github.com/emiago/sipgo"
	"github.com/emiago/sipgo/sip"
	"github.com/google/uuid"
)

// watched is how long a subscription lasts. Nothing renews it.
const watched = 2 * time.Hour

// LampState is what a lamp of a phone shows.
type LampState string

// The states of a lamp, as phones take them from RFC 4235.
const (
	LampDark     LampState = "dark"
	LampLit      LampState = "lit"
	LampFlashing LampState = "flashing" // a phone rings
	LampHeld     LampState = "held"     // a call is on hold
)

// Lamp is a key of a phone that shows the state of an extension.
type Lamp struct {
	phone     *Phone
	extension string
	id        string // the Call-ID of its subscription
	changed   signal // with the phone's mu
	shown     []LampState
}

// Watch has a key of the phone show the state of an extension, by a subscription to its dialogues. It
// returns when Asterisk has accepted that.
func (p *Phone) Watch(ctx context.Context, extension string) (*Lamp, error) {
	l := &Lamp{phone: p, extension: extension, id: uuid.NewString()}
	p.mu.Lock()
	p.lamps[l.id] = l
	p.mu.Unlock()
	if err := l.subscribe(ctx); err != nil {
		return nil, fmt.Errorf("watching %s: %w", extension, err)
	}
	return l, nil
}

func (l *Lamp) subscribe(ctx context.Context) error {
	p := l.phone
	req := sip.NewRequest(sip.SUBSCRIBE, p.serverURI(l.extension))
	from := sip.FromHeader{Address: p.serverURI(p.name)}
	from.Params.Add("tag", sip.GenerateTagN(16))
	id := sip.CallIDHeader(l.id)
	expires := sip.ExpiresHeader(watched / time.Second)
	req.AppendHeader(&from)
	req.AppendHeader(&sip.ToHeader{Address: p.serverURI(l.extension)})
	req.AppendHeader(&id)
	req.AppendHeader(p.contact(p.name))
	req.AppendHeader(sip.NewHeader("Event", "dialog"))
	req.AppendHeader(sip.NewHeader("Accept", "application/dialog-info+xml"))
	req.AppendHeader(&expires)
	res, err := p.client.Do(ctx, req)
	if err == nil && res.StatusCode == sip.StatusUnauthorized {
		res, err = p.client.DoDigestAuth(ctx, req, res, sipgo.DigestAuth{Username: p.name, Password: p.password})
	}
	if err != nil {
		return err
	}
	if !res.IsSuccess() {
		return fmt.Errorf("the server says %d %s", res.StatusCode, res.Reason)
	}
	return nil
}

// lamp gives the lamp that a NOTIFY is for; nil for none.
func (p *Phone) lamp(req *sip.Request) *Lamp {
	id := req.CallID()
	if id == nil {
		return nil
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.lamps[id.Value()]
}

// take takes what a NOTIFY says; one may say nothing.
func (l *Lamp) take(body []byte) {
	if len(body) == 0 {
		return
	}
	state, err := lampState(body)
	if err != nil {
		l.phone.log.Warn("lamp", "extension", l.extension, "error", err)
		return
	}
	l.phone.mu.Lock()
	defer l.phone.mu.Unlock()
	l.shown = append(l.shown, state)
	l.changed.raise()
}

// lampState reads what a lamp is to show from a document of RFC 4235.
func lampState(body []byte) (LampState, error) {
	var info struct {
		Dialogs []struct {
			State  string `xml:"state"`
			Params []struct {
				Name  string `xml:"pname,attr"`
				Value string `xml:"pvalue,attr"` // Asterisk's name for the RFC's pval
			} `xml:"local>target>param"`
		} `xml:"dialog"`
	}
	if err := xml.Unmarshal(body, &info); err != nil {
		return "", fmt.Errorf("reading the state of dialogues: %w", err)
	}
	state := LampDark
	for _, dialog := range info.Dialogs {
		switch dialog.State {
		case "confirmed":
			state = LampLit
		case "early":
			state = LampFlashing
		}
		for _, param := range dialog.Params {
			if param.Name == "+sip.rendering" && param.Value == "no" {
				state = LampHeld
			}
		}
	}
	return state, nil
}

// Await returns when the lamp shows that.
func (l *Lamp) Await(ctx context.Context, want LampState) error {
	return await(ctx, &l.phone.mu, &l.changed, "the lamp of "+l.extension+" "+string(want), func() (bool, error) {
		return len(l.shown) > 0 && l.shown[len(l.shown)-1] == want, nil
	})
}

// Shown gives all that the lamp has shown, in order; the first is what it found. A state that was told
// twice is there twice.
func (l *Lamp) Shown() []LampState {
	l.phone.mu.Lock()
	defer l.phone.mu.Unlock()
	return slices.Clone(l.shown)
}
