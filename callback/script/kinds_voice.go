package script

// voiceKinds speak to the contact and listen to its keys.
var voiceKinds = []*kind{
	{
		name: "Music",
		doc:  "Plays a class of music on hold, or a file, while the contact waits. Either goes on from where it was when it is come to again.",
		example: `
music:
  Music:
    Class: default
    Seconds: 30
  branches: {Default: offer}
`,
		voice: true,
		waits: true,
		properties: []property{
			hasCaption,
			{name: "Class", kind: text, doc: "a class of musiconhold.conf; default where neither it nor File is given"},
			{name: "File", kind: sound, doc: "a sound, without its extension, in the place of a class"},
			{name: "Seconds", kind: whole, fallback: "0", max: 86400, doc: "for how long; 0: the whole file, an hour at most, or the class without an end"},
		},
		branches: []branch{takesDefault, {branchComplete, "the file has come to its end"}, takesOnError},
		check:    checkMusic,
		enter:    enterMusic,
		on:       onMusic,
	},
	{
		name: "Play",
		doc:  "Plays a prompt.",
		example: `
position:
  Play:
    Sounds: [callbackd/position, {number: "{POSITION}"}, callbackd/in-line]
    EndOnKey: true
  branches: {Default: music, OnError: music}
`,
		voice: true,
		waits: true,
		properties: []property{
			hasCaption,
			{name: "Sounds", kind: prompt, required: true, doc: "what is played, one after the other"},
			{name: "EndOnKey", kind: yesNo, fallback: "false", doc: "whether a key ends it"},
		},
		branches: []branch{takesDefault, takesOnError},
		enter:    enterPlay,
		on:       onPlay,
	},
	{
		name: "Menu",
		doc:  "Plays a prompt and takes keys, also while the prompt plays. The keys land in MRES.",
		example: `
offer:
  Menu:
    Prompt: callbackd/offer
    Keys: "1"
    FirstKeySec: 5
  branches: {"1": thanks, Default: music}
`,
		voice: true,
		waits: true,
		properties: []property{
			hasCaption,
			{name: "Prompt", kind: prompt, doc: "what is played first; none: what plays goes on"},
			{name: "Keys", kind: keys, required: true, doc: "the keys that count, as in \"12*\""},
			{name: "Digits", kind: whole, fallback: "1", min: 1, max: 32, doc: "how many keys make an answer"},
			{name: "FirstKeySec", kind: whole, fallback: "5", min: 1, max: 300, doc: "seconds to wait for the first key after the prompt"},
			{name: "NextKeySec", kind: whole, fallback: "3", min: 1, max: 300, doc: "seconds to wait for each further key; then the keys so far are the answer"},
		},
		branches: []branch{
			takesDefault,
			{branchNoInput, "no key was pressed in time"},
			{branchWrongKey, "a key that is not among Keys"},
			takesOnError,
		},
		named: checkMenuBranch,
		enter: enterMenu,
		on:    onMenu,
	},
	{
		name: "Capture",
		doc:  "Asks the contact for a phone number, reads it back and has it confirmed by 1; anything else asks again. A number that can't be called back is asked for again, too.",
		example: `
ask_number:
  Capture:
    Prompt: callbackd/ask-number
    Variable: NUMBER
    Tries: 3
  branches: {Default: callback_number, NoNumber: music, OnError: music}
`,
		voice: true,
		waits: true,
		properties: []property{
			hasCaption,
			{name: "Prompt", kind: prompt, required: true, doc: "what asks for the number"},
			{name: "ReadBack", kind: prompt, fallback: "callbackd/you-entered", doc: "what comes before the digits that were entered"},
			{name: "Confirm", kind: prompt, fallback: "callbackd/confirm-number", doc: "what asks for 1 to confirm them, or 2 to enter them again"},
			{name: "Invalid", kind: prompt, fallback: "callbackd/number-invalid", doc: "what says that the number can't be called"},
			{name: "Variable", kind: setting, fallback: "NUMBER", doc: "the variable that the number lands in"},
			{name: "MinDigits", kind: whole, fallback: "7", min: 3, max: 15, doc: "fewer are no number"},
			{name: "MaxDigits", kind: whole, fallback: "15", min: 3, max: 15, doc: "how many digits end the number by themselves"},
			{name: "EndKey", kind: key, fallback: "#", doc: "the key that ends the number"},
			{name: "FirstKeySec", kind: whole, fallback: "8", min: 1, max: 300, doc: "seconds to wait for the first key after the prompt"},
			{name: "NextKeySec", kind: whole, fallback: "5", min: 1, max: 300, doc: "seconds to wait for each further key; then the number has ended"},
			{name: "Tries", kind: whole, fallback: "3", min: 1, max: 9, doc: "how often the number is asked for"},
		},
		branches: []branch{takesDefault, {branchNoNumber, "no number was confirmed in all the tries"}, takesOnError},
		check:    checkCapture,
		enter:    enterCapture,
		on:       onCapture,
	},
}
