package script

// flowKinds lead the script on.
var flowKinds = []*kind{
	{
		name: "Wait",
		doc:  "Waits. After Callback it may wait for days; a restart of callbackd does not change when it ends. A live caller in the queue hears music.",
		example: `
expire:
  Wait:
    For: 4h
  branches: {Default: goodbye}
`,
		waits: true,
		properties: []property{
			hasCaption,
			{name: "For", kind: duration, required: true, min: 1, max: longest, doc: "how long: 90s, 15m, 4h, 1h30m, 2d, or whole seconds"},
		},
		branches: []branch{takesDefault, takesOnError},
		enter:    enterWait,
		on:       onWait,
	},
	{
		name: "Assign",
		doc:  "Sets variables of the script, in the order of the file.",
		example: `
keep:
  Assign:
    Set:
      caller: "{ANI}"
      greeting: acme/welcome
  branches: {Default: request}
`,
		properties: []property{
			hasCaption,
			{name: "Set", kind: entries, keys: settings, required: true, doc: "the variables and their values"},
		},
		branches: []branch{takesDefault, takesOnError},
		enter:    enterAssign,
	},
	{
		name: "If",
		doc:  "Goes one of two ways.",
		example: `
long:
  If:
    When: "{EWT} > 300 and {AGENTSLOGGEDIN} > 0"
  branches: {Then: offer, Else: music}
`,
		properties: []property{
			hasCaption,
			{name: "When", kind: when, required: true, doc: "the condition: comparisons by =, !=, <, <=, > and >= of {VARIABLE}s, numbers, times (17:30), dates and texts, with and, or, not, in (a, b) and parentheses"},
		},
		branches: []branch{{branchThen, "the condition holds"}, {branchElse, "it does not"}, takesDefault, takesOnError},
		check:    checkIf,
		enter:    enterIf,
	},
	{
		name: "Case",
		doc:  "Goes the way that is named after a value, as it is written.",
		example: `
day:
  Case:
    Value: "{WEEKDAY}"
  branches: {Sat: closed, Sun: closed, Default: request}
`,
		properties: []property{
			hasCaption,
			{name: "Value", kind: text, required: true, blank: true, doc: "what the branches are compared with, as in {WEEKDAY}"},
		},
		branches: []branch{takesDefault, takesOnError},
		named:    checkCaseBranch,
		check:    checkCase,
		enter:    enterCase,
	},
	{
		name: "Loop",
		doc:  "Goes round a number of times: each time that it is come to it takes Again, until it has done so Times times; then OnComplete, and it counts anew. LOOP is the number of the round.",
		example: `
thrice:
  Loop:
    Times: 3
  branches: {Again: offer, OnComplete: music}
`,
		properties: []property{
			hasCaption,
			{name: "Times", kind: whole, required: true, min: 1, max: 100, doc: "how many rounds"},
		},
		branches: []branch{{branchAgain, "another round"}, {branchComplete, "all rounds are done"}, takesDefault, takesOnError},
		check:    checkLoop,
		enter:    enterLoop,
	},
	{
		name: "Runscript",
		doc:  "Goes on in another script, with the variables of this one, and does not come back.",
		example: `
after_hours:
  Runscript:
    Script: outside-hours
  branches: {OnError: request}
`,
		properties: []property{
			hasCaption,
			{name: "Script", kind: text, required: true, doc: "the script's name, as the dialplan would give it"},
		},
		branches: []branch{takesOnError},
		enter:    enterRunscript,
	},
	{
		name: "Log",
		doc:  "Writes a line into the contact's history and into the log.",
		example: `
note:
  Log:
    Text: "survey: {MRES}"
  branches: {Default: thanks}
`,
		properties: []property{
			hasCaption,
			{name: "Text", kind: text, required: true, blank: true, doc: "what is written, on one line"},
		},
		branches: []branch{takesDefault, takesOnError},
		enter:    enterLog,
	},
}

// outsideKinds speak to other programs.
var outsideKinds = []*kind{
	{
		name: "WebRequest",
		doc:  "Asks a web server, such as a CRM's. The answer is JSON, of which values land in variables; HTTPSTATUS is the answer's status. A status other than 200 to 299 takes OnError. It is sent once at most: where a crash has cut it short, it takes OnError when its time is over.",
		example: `
crm:
  WebRequest:
    URL: "https://crm.example.com/customers/{ANI}"
    Headers: {X-Contact: "{CONTACTID}"}
    Body: {number: "{ANI}", dialled: "{DNIS}"}
    Values: {customer: name, tier: contract.tier}
    TimeoutSec: 3
  branches: {Default: request, OnError: request}
`,
		properties: []property{
			hasCaption,
			{name: "URL", kind: webURL, required: true, doc: "the address; a variable's value is percent-encoded in it"},
			{name: "Method", kind: choice, choices: []string{"GET", "POST", "PUT", "PATCH", "DELETE"}, doc: "the method; POST where there is a Body, otherwise GET"},
			{name: "Headers", kind: entries, keys: headerNames, doc: "headers of the request"},
			{name: "Body", kind: entries, keys: freeNames, doc: "the members of a JSON object that is sent, each a text"},
			{name: "Values", kind: entries, keys: pathsOf, doc: "variables, and where in the answer's JSON their values stand, as in customer.name or items.0.id"},
			{name: "TimeoutSec", kind: whole, fallback: "5", min: 1, max: 60, doc: "seconds to wait for the answer"},
		},
		branches: []branch{takesDefault, takesOnError},
		check:    checkWebRequest,
		enter:    enterWebRequest,
		on:       onAnswer,
	},
}
