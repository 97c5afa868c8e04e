package callback

// Request is what a person asks for one contact by hand: at the command line, not by a call or a script.
type Request struct {
	ID      int64 // names the request in the store
	Contact ContactID
	Kind    RequestKind
	AskedBy string // for the history
	Changes
}

// RequestKind says what is asked for.
type RequestKind string

// The kinds of request.
const (
	RequestRelease RequestKind = "release" // let a contact that is held back or stuck be offered again
	RequestChange  RequestKind = "change"  // of what the contact's place and promise hold
	RequestCancel  RequestKind = "cancel"  // end the callback
)

// Changes are what a request changes; what is nil stays as it is.
type Changes struct {
	CallDelaySec *int    `json:"call_delay_sec,omitempty"`   // 0 to 59
	Initial      *int    `json:"initial_priority,omitempty"` // this and the next two: 0 to 1000
	Acceleration *int    `json:"acceleration,omitempty"`
	Maximum      *int    `json:"max_priority,omitempty"`
	Skill        *string `json:"skill,omitempty"`
	TargetAgent  *string `json:"target_agent,omitempty"` // "": any agent with the skill
	// PhoneNumber is the number as it was given; for a turn, as it is dialled, with its E164 and Extension.
	PhoneNumber *string `json:"phone_number,omitempty"`
	E164        string  `json:"-"`
	Extension   string  `json:"-"`
}

// RequestDone says what became of a request. It is saved with the turn that has decided it.
type RequestDone struct {
	ID      int64
	Refused string // why nothing was done; "": it was done
}
