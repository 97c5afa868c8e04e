package aritest

import "time"

// Event is an event as Asterisk writes it; fields that a type does not have are empty.
type Event struct {
	Type        string    `json:"type"`
	Timestamp   string    `json:"timestamp,omitempty"`
	Args        []string  `json:"args,omitempty"`
	Channel     *Channel  `json:"channel,omitempty"`
	Peer        *Channel  `json:"peer,omitempty"`
	DialStatus  string    `json:"dialstatus,omitempty"`
	Bridge      *Bridge   `json:"bridge,omitempty"`
	Playback    *Playback `json:"playback,omitempty"`
	Cause       int       `json:"cause,omitempty"`
	Soft        bool      `json:"soft,omitempty"`
	Digit       string    `json:"digit,omitempty"`
	DeviceState *Device   `json:"device_state,omitempty"`
	EventName   string    `json:"eventname,omitempty"`
	Variable    string    `json:"variable,omitempty"`
	Value       string    `json:"value,omitempty"`
	DialplanApp string    `json:"dialplan_app,omitempty"`
	DialplanArg string    `json:"dialplan_app_data,omitempty"`
	AsteriskID  string    `json:"asterisk_id,omitempty"`
	Application string    `json:"application,omitempty"`
}

// Channel is a channel as Asterisk writes it.
type Channel struct {
	ID           string            `json:"id"`
	Name         string            `json:"name"`
	State        string            `json:"state"`
	Caller       Caller            `json:"caller"`
	Connected    Caller            `json:"connected"`
	AccountCode  string            `json:"accountcode"`
	Dialplan     Dialplan          `json:"dialplan"`
	CreationTime string            `json:"creationtime"`
	Language     string            `json:"language"`
	ChannelVars  map[string]string `json:"channelvars"`
}

// Caller is a name and a number.
type Caller struct {
	Name   string `json:"name"`
	Number string `json:"number"`
}

// Dialplan is where a channel stands in the dialplan.
type Dialplan struct {
	Context  string `json:"context"`
	Exten    string `json:"exten"`
	Priority int    `json:"priority"`
	AppName  string `json:"app_name"`
	AppData  string `json:"app_data"`
}

// Bridge is a bridge as Asterisk writes it.
type Bridge struct {
	ID       string   `json:"id"`
	Type     string   `json:"bridge_type"`
	Name     string   `json:"name"`
	Channels []string `json:"channels"`
}

// Playback is a playback as Asterisk writes it.
type Playback struct {
	ID        string `json:"id"`
	MediaURI  string `json:"media_uri"`
	TargetURI string `json:"target_uri"`
	Language  string `json:"language"`
	State     string `json:"state"` // queued, playing, continuing, done, failed
}

// Device is a device with its state.
type Device struct {
	Name  string `json:"name"`
	State string `json:"state"`
}

// stamp is a time as Asterisk writes it.
func stamp(t time.Time) string { return t.Format("2006-01-02T15:04:05.000-0700") }
