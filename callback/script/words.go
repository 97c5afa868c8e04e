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
