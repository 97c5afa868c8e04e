package ari

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"sync"

	"github.com/CyCoreSystems/ari/v6"
	"github.com/CyCoreSystems/ari/v6/client/native"
	"golang.org/x/sync/errgroup"

	"github.com/callbackd/callbackd/callback"
)

// filtered are the events that Asterisk is asked not to send: many, and of no use to us.
var filtered = []string{
	ari.Events.ChannelVarset,
	ari.Events.ChannelDialplan,
	ari.Events.ChannelCallerID,
	ari.Events.ChannelConnectedLine,
}

// allDevices subscribes to the states of all devices at once.
const allDevices = "deviceState:"

// phoneTechnology is the channel driver of the agents' phones.
const phoneTechnology = "PJSIP"

// resync sets up what a new event stream needs, and looks at what exists. Subscriptions come first, so
// that what changes after the look is told by an event.
func (n *Node) resync(ctx context.Context) (*callback.Snapshot, error) {
	snapshot, err := n.takeSnapshot(ctx)
	if err == nil {
		return snapshot, nil
	}
	if refusal := n.accessError(status(err)); refusal != nil {
		return nil, refusal
	}
	return nil, err
}

func (n *Node) takeSnapshot(ctx context.Context) (*callback.Snapshot, error) {
	if err := n.setFilter(ctx); err != nil {
		return nil, fmt.Errorf("setting the event filter: %w", err)
	}
	if err := n.subscribe(ctx, allDevices); err != nil {
		return nil, fmt.Errorf("subscribing to the devices: %w", err)
	}
	info, err := n.Info(ctx)
	if err != nil {
		return nil, err
	}
	channels, err := n.channels(ctx)
	if err != nil {
		return nil, err
	}
	bridges, err := n.bridges(ctx)
	if err != nil {
		return nil, err
	}
	devices, err := n.devices(ctx)
	if err != nil {
		return nil, err
	}
	lamps, err := n.lamps(ctx)
	if err != nil {
		return nil, err
	}
	return &callback.Snapshot{StartedAt: info.StartedAt, Channels: channels, Bridges: bridges, Devices: devices, Lamps: lamps}, nil
}

func (n *Node) setFilter(ctx context.Context) error {
	type eventType struct {
		Type string `json:"type"`
	}
	types := make([]eventType, 0, len(filtered))
	for _, name := range filtered {
		types = append(types, eventType{name})
	}
	path := "/applications/" + segment(n.application) + "/eventFilter"
	return n.request(ctx, http.MethodPut, path, map[string]any{"disallowed": types}, nil)
}

// subscribe makes the events of a source come to our application.
func (n *Node) subscribe(ctx context.Context, source string) error {
	return n.library(ctx, func(l *native.Client) error {
		return l.Application().Subscribe(ari.NewKey(ari.ApplicationKey, n.application), source)
	})
}

func (n *Node) unsubscribe(ctx context.Context, source string) error {
	return n.library(ctx, func(l *native.Client) error {
		return l.Application().Unsubscribe(ari.NewKey(ari.ApplicationKey, n.application), source)
	})
}

// subscribeChannel subscribes to a channel. It returns false if the channel is gone.
func (n *Node) subscribeChannel(ctx context.Context, id string) (bool, error) {
	err := n.subscribe(ctx, "channel:"+id)
	if err == nil {
		return true, nil
	}
	if code := status(err); code == http.StatusUnprocessableEntity || code == http.StatusNotFound {
		return false, nil
	}
	return false, fmt.Errorf("subscribing to channel %s: %w", id, err)
}

// channels lists all channels and subscribes to those that are ours or in our application. One that
// ends in between is left out.
func (n *Node) channels(ctx context.Context) (map[string]callback.SnapshotChannel, error) {
	var list []ari.ChannelData
	if err := n.get(ctx, "/channels", &list); err != nil {
		return nil, fmt.Errorf("listing the channels: %w", err)
	}
	var mu sync.Mutex
	found := make(map[string]callback.SnapshotChannel, len(list))
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(connections)
	for i := range list {
		group.Go(func() error {
			channel := n.snapshotChannel(&list[i])
			if isFarHalf(list[i].ID) && channel.Arrived == nil {
				return nil // not ours to judge: it is the way that a leg of ours takes
			}
			if channel.Arrived != nil || isLeg(&list[i]) {
				exists, err := n.subscribeChannel(ctx, list[i].ID)
				if err != nil || !exists {
					return err
				}
			}
			mu.Lock()
			defer mu.Unlock()
			found[list[i].ID] = channel
			return nil
		})
	}
	return found, group.Wait()
}

// isLeg says whether a channel is a contact's: one that we made, or that has a contact ID. It is so, too, when
// somebody has sent it elsewhere in Asterisk.
func isLeg(data *ari.ChannelData) bool {
	return isOurs(data.ID) || data.ChannelVars[variableContact] != ""
}

func (n *Node) snapshotChannel(data *ari.ChannelData) callback.SnapshotChannel {
	channel := callback.SnapshotChannel{State: channelState(data.State)}
	application, args, _ := strings.Cut(data.GetDialplan().GetAppData(), ",")
	here := data.GetDialplan().GetAppName() == "Stasis" && application == n.application
	// One of ours that was just made is not in the application yet, nor is it up.
	channel.Left = !here && isLeg(data) && channel.State == callback.ChannelUp
	if isOurs(data.ID) || !here {
		return channel
	}
	script, _, _ := strings.Cut(args, ",")
	if script == doctorScript {
		return channel
	}
	if strings.HasPrefix(script, codePrefix) {
		code := codeDialled(data, strings.Split(args, ","))
		channel.Code = &code
		return channel
	}
	arrival := arrived(data, script, n.application)
	channel.Arrived = &arrival
	return channel
}

// channelState is how far a channel has got. Asterisk's Ring is a caller who is not answered yet.
func channelState(state string) callback.ChannelState {
	switch state {
	case "Up":
		return callback.ChannelUp
	case "Ringing", "Ring":
		return callback.ChannelRinging
	}
	return callback.ChannelDown
}

func (n *Node) bridges(ctx context.Context) (map[string][]string, error) {
	var list []ari.BridgeData
	if err := n.get(ctx, "/bridges", &list); err != nil {
		return nil, fmt.Errorf("listing the bridges: %w", err)
	}
	found := make(map[string][]string, len(list))
	for i := range list {
		found[list[i].ID] = list[i].ChannelIDs
	}
	return found, nil
}

// devices asks for the state of each phone, since Asterisk's list of endpoints knows only whether they
// are registered.
func (n *Node) devices(ctx context.Context) (map[string]callback.DeviceState, error) {
	endpoints, err := n.Endpoints(ctx)
	if err != nil {
		return nil, err
	}
	var mu sync.Mutex
	states := make(map[string]callback.DeviceState, len(endpoints))
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(connections)
	for _, endpoint := range endpoints {
		group.Go(func() error {
			var device ari.DeviceStateData
			if err := n.get(ctx, "/deviceStates/"+segment(endpoint.Name), &device); err != nil {
				return fmt.Errorf("asking for the state of device %s: %w", endpoint.Name, err)
			}
			mu.Lock()
			defer mu.Unlock()
			states[endpoint.Name] = callback.DeviceState(device.State)
			return nil
		})
	}
	return states, group.Wait()
}

// lampDevice begins the names of the devices whose states are set through ARI.
const lampDevice = "Stasis:"

// lamps lists the devices whose states were set through ARI. Asterisk keeps them over a restart.
func (n *Node) lamps(ctx context.Context) (map[string]callback.DeviceState, error) {
	var list []ari.DeviceStateData
	if err := n.get(ctx, "/deviceStates", &list); err != nil {
		return nil, fmt.Errorf("listing the lamps: %w", err)
	}
	lamps := make(map[string]callback.DeviceState, len(list))
	for _, device := range list {
		lamps[strings.TrimPrefix(device.Name, lampDevice)] = callback.DeviceState(device.State)
	}
	return lamps, nil
}
