package dispatch

import (
	"context"

	"github.com/callbackd/callbackd/callback"
)

// fakeRequest is what somebody has asked the fake store's contacts for.
type fakeRequest struct {
	callback.Request
	done *callback.RequestDone // nil: it stands
}

// request asks for something, and gives the request's ID.
func (f *fakeStore) request(r callback.Request) int64 {
	f.mu.Lock()
	defer f.mu.Unlock()
	r.ID = int64(len(f.asked) + 1)
	f.asked = append(f.asked, fakeRequest{Request: r})
	select {
	case f.wakes <- struct{}{}:
	default:
	}
	return r.ID
}

// OpenRequests gives those of contacts that have an open leg on the node, or none at all.
func (f *fakeStore) OpenRequests(_ context.Context, node string) ([]callback.Request, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	var open []callback.Request
	for _, request := range f.asked {
		if request.done == nil && f.servedBy(request.Contact, node) {
			open = append(open, request.Request)
		}
	}
	return open, f.check()
}

func (f *fakeStore) servedBy(id callback.ContactID, node string) bool {
	open := false
	for _, leg := range f.loaded(id).Contact.Legs {
		if leg.Open() && leg.Node == node {
			return true
		}
		open = open || leg.Open()
	}
	return !open
}

// decided gives what became of a request; nil while it stands.
func (f *fakeStore) decided(id int64) *callback.RequestDone {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.asked[id-1].done
}
