package script

// What the schema and the reference say of a script file, beside the tables of kinds and variables.

// word is something that stands in a file, and what it means.
type word struct{ name, doc string }

// meaning gives what a word means.
func meaning(words []word, name string) string {
	for _, w := range words {
		if w.name == name {
			return w.doc
		}
	}
	return ""
}

// fileKeys are the keys of a script file, in the order in which they are written.
var fileKeys = []word{
	{"type", "Phone, the only type of script (C16)"},
	{"start", "the action at which a call begins"},
	{"timezone", "where DATE, TIME and WEEKDAY are told, as in Europe/Berlin; the daemon's time zone where it is absent"},
	{"inputs", "the variables that another script hands over by Runscript, so that reading them is no mistake"},
	{"events", "what happens to the contact from outside, and the action at which the script goes on"},
	{"actions", "the actions, each under a name of your choosing: letters, digits, - and _"},
}

// eventWords are the events of a script.
var eventWords = []word{
	{string(OnAnswer), "agent and contact are connected; for a callback, when the contact has answered"},
	{string(OnAgentRelease), "the agent has left and the contact is still on the line, for a survey; without it the contact is hung up"},
	{string(OnRelease), "the contact's call has ended; no voice any more"},
}

const branchesDoc = "what happened, and the action that comes next"

// itemWords are the items of a prompt that stand behind a word of their own.
var itemWords = []word{
	{string(itemNumber), "says a whole number: forty-two"},
	{string(itemDigits), "says digits one by one: four, two"},
	{string(itemWait), "says seconds as a caller wants to hear them: less than five minutes"},
	{string(itemRecording), "plays a sound whose words stand beside it"},
}

const saysDoc = "the words of the recording; callbackd script speak speaks them into the file where it is missing"

// ownBranches are branches that are named by what the contact or a variable gives.
var ownBranches = map[string]struct{ pattern, name, doc string }{
	"Menu": {phoneKeys.String(), "the keys", "these keys were pressed; in quotes, as in \"1\""},
	"Case": {`^[^\x00-\x1f\x7f]+$`, "a value", "the value is this, letter by letter"},
}

// usual is what Default means where nothing unusual happens.
var usual = map[string]string{
	"Reqagent":        "the contact is in the queue",
	"Callback":        "the place is saved and the call ends",
	"Getqueue":        "the figures are there",
	"EWT":             "the estimate is there",
	"UpdateContact":   "the priority is changed",
	"Queuecallback":   "the callback is queued",
	"Querycallback":   "none waits",
	"Contacttakeover": "the place is taken over, and the contact is in the queue",
	"Music":           "the time is over",
	"Play":            "the prompt has been played, or a key has ended it",
	"Capture":         "the number is confirmed and stands in the variable",
	"Wait":            "the time is over",
	"Assign":          "the variables are set",
	"Log":             "the line is written",
	"WebRequest":      "the answer is there, and the variables are set",
}

// meaning says when the kind takes a branch.
func (k *kind) meaning(b branch) string {
	means, ok := usual[k.name]
	if b != takesDefault || !ok {
		return b.doc
	}
	return means + "; also where what happened has no branch"
}

// facts are what scripts can build on, by the numbers by which tests and comments cite them.
var facts = []word{
	{"C1", "Callback ends the call and keeps the contact's place in the queue. When an agent is free and accepts, the contact is called back."},
	{"C2", "Callback follows a Reqagent that no agent has answered. One without a request, and a second one, take OnError."},
	{"C3", "The contact's phone is not dialled before an agent has accepted."},
	{"C4", "Who hangs up before the Callback action begins gets no callback. So the prompt before it is short and says: stay on the line, the call ends by itself. The checker warns of one that is longer than 12 seconds, where the lengths of the sounds are known."},
	{"C5", "The place is in the database before the call is ended. If it can't be saved, or a property is wrong, the caller is still on the line and in the queue, and the script takes OnError."},
	{"C6", "All that orders the queue holds during the callback too: priority, ageing, the moment of queueing. No hang-up, no restart and no agent who refuses costs the place."},
	{"C7", "CallDelaySec is the time from the agent's accepting to the dialling, 0 to 59. What is no whole number, or negative, takes OnError. With 60 or more the agent who accepts is refused and nobody is dialled; the contact keeps its place and is held until a person looks at it. The checker warns."},
	{"C8", "Properties take variables, are evaluated when the action begins, and are kept with the callback as they were then. CallerID is DNIS unless the script says otherwise; DIALLED is better where the call was forwarded."},
	{"C9", "When the callback is dialled, ANI becomes the CallerID and DNIS the PhoneNumber. Save the originals by an Assign before, if they are needed then; the checker warns."},
	{"C10", "The callback keeps the contact's ID: in reports, on channels and in the CDR."},
	{"C11", "After Callback no voice action can run: it takes OnError. In OnAnswer and OnAgentRelease voice works again. Everything else runs as before, hours later and after a restart too."},
	{"C12", "Hangup ends the script and the callback, which leaves the queue: Wait, then Hangup, is an expiry. Once an agent has accepted, both wait for the outcome of the call."},
	{"C13", "An extension behind the number is not dialled. The agent sees it, and EXTENSION holds it."},
	{"C14", "A contact who waits for a callback is a row in the database: no channel, no bridge, no port."},
	{"C16", "Phone is the only type of script."},
	{"C17", "A Caption is a short phrase, unique in the script. Two alike are a warning."},
	{"C18", "Default is taken where no other branch is defined, and OnError when the action fails. A Callback without OnError is a warning: Default would treat a caller on the line as one whose place is saved."},
}

// factsOf are the facts that hold at a kind of action.
var factsOf = map[string][]string{
	"Reqagent":        {"C2", "C8", "C18"},
	"Callback":        {"C1", "C2", "C3", "C4", "C5", "C6", "C7", "C8", "C9", "C10", "C11", "C13", "C14", "C18"},
	"Hangup":          {"C12"},
	"Queuecallback":   {"C3", "C7", "C8", "C13"},
	"Contacttakeover": {"C5", "C6"},
	"UpdateContact":   {"C6"},
	"Music":           {"C11"},
	"Play":            {"C4", "C11"},
	"Menu":            {"C11"},
	"Capture":         {"C8", "C11"},
	"Wait":            {"C11", "C12"},
	"Assign":          {"C8", "C9"},
	"WebRequest":      {"C9", "C11"},
	"Runscript":       {"C18"},
}
