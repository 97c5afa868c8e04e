package dispatch

import (
	"math"

	"github.com/callbackd/callbackd/callback"
)

// perOffer is how many ports an offer may come to use: the agent's, and the contact's where it is to be called
// back. So many are free before one is made, whatever kind it is: else live callers, who have theirs already,
// would be taken before callbacks that stand ahead of them.
const perOffer = 2

// ports counts the channels of a node that our contacts use or are about to use.
type ports struct {
	limit    int // 0: as many as Asterisk lets us have
	used     map[callback.ContactID]int
	reserved map[callback.ContactID]bool // by an offer that the contact's session does not know of yet
}

func newPorts(limit int) *ports {
	return &ports{limit: limit, used: map[callback.ContactID]int{}, reserved: map[callback.ContactID]bool{}}
}

// offers gives how many offers can be made now.
func (p *ports) offers() int {
	if p.limit == 0 {
		return math.MaxInt
	}
	return max(p.limit-p.inUse(), 0) / perOffer
}

func (p *ports) inUse() int {
	sum := 0
	for id, used := range p.used {
		if !p.reserved[id] {
			sum += used
		}
	}
	return sum + perOffer*len(p.reserved)
}

// note takes note of what a contact uses that was saved.
func (p *ports) note(c *callback.Contact) {
	if c.ID == 0 {
		return
	}
	party := map[callback.Party]int{}
	for _, leg := range c.Legs {
		if leg.Open() {
			party[leg.Party]++
		}
	}
	if c.Offer.Open() {
		party[callback.PartyContact] = max(party[callback.PartyContact], 1)
	}
	p.used[c.ID] = party[callback.PartyContact] + party[callback.PartyAgent]
}

// forget frees what a contact has used.
func (p *ports) forget(id callback.ContactID) { delete(p.used, id) }

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
	d.ports.note(c)
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
