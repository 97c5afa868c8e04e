package dispatch

import (
	"math"

	"github.com/callbackd/callbackd/callback"
)

// callbackPorts is how many ports an offered callback uses: the agent's and the contact's. So many are kept from
// calls that come in, or those who wait would leave none for those who could serve them.
const callbackPorts = 2

// ports counts the channels of a node that our contacts use or are about to use.
type ports struct {
	limit    int // 0: as many as Asterisk lets us have
	used     map[callback.ContactID]int
	reserved map[callback.ContactID]bool // by an offer that the contact's session does not know of yet
	arriving int                         // calls whose contacts are being saved
}

func newPorts(limit int) *ports {
	return &ports{limit: limit, used: map[callback.ContactID]int{}, reserved: map[callback.ContactID]bool{}}
}

// free gives how many ports are left.
func (p *ports) free() int {
	if p.limit == 0 {
		return math.MaxInt
	}
	return max(p.limit-p.inUse(), 0)
}

// inUse counts what an offer that was just committed may come to use as used.
func (p *ports) inUse() int {
	sum := p.arriving
	for id, used := range p.used {
		if !p.reserved[id] {
			sum += used
		}
	}
	return sum + callbackPorts*len(p.reserved)
}

// full says whether a call that comes in has to be sent away.
func (p *ports) full() bool { return p.free() <= callbackPorts }

// note takes note of what a contact uses in that node, where it was saved.
func (p *ports) note(c *callback.Contact, node string) {
	if c.ID == 0 {
		return
	}
	party := map[callback.Party]int{}
	for _, leg := range c.Legs {
		if leg.Open() && leg.Node == node {
			party[leg.Party]++
		}
	}
	if c.Offer.Open() && party[callback.PartyAgent] > 0 {
		party[callback.PartyContact] = max(party[callback.PartyContact], 1)
	}
	p.used[c.ID] = party[callback.PartyContact] + party[callback.PartyAgent]
}

// forget frees what a contact has used.
func (p *ports) forget(id callback.ContactID) { delete(p.used, id) }

// noteArrival takes note of what a call that has come in uses, now that its contact was saved, or was not.
func (d *Dispatcher) noteArrival(s *session) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.ports.arriving--
	d.ports.note(s.record.Contact, d.o.Node)
}

// reserve keeps the ports of an offer that was committed until the contact's session knows of it.
func (d *Dispatcher) reserve(id callback.ContactID) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.ports.reserved[id] = true
}

// offerKnown turns what was reserved into what the contact uses.
func (d *Dispatcher) offerKnown(c *callback.Contact) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.ports.note(c, d.o.Node)
	delete(d.ports.reserved, c.ID)
}

// offerOver frees what was reserved for an offer that nobody has to be told of any more.
func (d *Dispatcher) offerOver(id callback.ContactID) {
	d.mu.Lock()
	defer d.mu.Unlock()
	delete(d.ports.reserved, id)
}

func (d *Dispatcher) portCount() float64 {
	d.mu.Lock()
	defer d.mu.Unlock()
	return float64(d.ports.inUse())
}
