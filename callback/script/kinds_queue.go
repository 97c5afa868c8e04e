package script

import (
	"strconv"

	"github.com/callbackd/callbackd/callback"
)

// The properties that several kinds share.
var (
	managesPriority = []property{
		{name: "PriorityManagement", kind: choice, choices: []string{"DefaultFromSkill", "Custom"}, fallback: "DefaultFromSkill", doc: "where the three priority settings come from"},
		{name: "InitialPriority", kind: whole, fallback: strconv.Itoa(callback.DefaultPriority.Initial), max: 1000, doc: "the priority at the moment of queueing"},
		{name: "Acceleration", kind: whole, fallback: strconv.Itoa(callback.DefaultPriority.Acceleration), max: 1000, doc: "what each minute of waiting adds"},
		{name: "MaxPriority", kind: whole, fallback: strconv.Itoa(callback.DefaultPriority.Maximum), max: 1000, doc: "where the priority stops growing"},
	}
	wantsTarget    = property{name: "TargetAgent", kind: text, doc: "the extension of the one agent who is wanted"}
	whenRefused    = property{name: "WhenRefused", kind: choice, choices: []string{"Stay", "AnyAgent"}, fallback: "Stay", doc: "what the contact does when that agent does not accept, or is logged out or unavailable: it stays for that agent, or goes to any agent with the skill"}
	wantsNumber    = property{name: "PhoneNumber", kind: text, required: true, doc: "the number to call back; {ANI} is the one that the caller called from"}
	wantsCallerID  = property{name: "CallerID", kind: text, fallback: "{DNIS}", doc: "what the contact's phone shows"}
	wantsDelay     = property{name: "CallDelaySec", kind: whole, fallback: "0", max: unbounded, doc: "seconds from the agent's accepting to the dialling, 0 to 59; more refuses the agent"}
	searchesNumber = property{name: "PhoneNumber", kind: text, fallback: "{ANI}", doc: "the number whose callback is looked for"}
	searchesSkill  = property{name: "Skill", kind: text, required: true, doc: "the skill in which it waits"}
	asksSkill      = property{name: "Skill", kind: text, fallback: "{SKILL}", doc: "the skill; the one in whose queue the contact waits, where none is given"}
)

// queueKinds are about the queue and the callback.
var queueKinds = []*kind{
	{
		name: "Reqagent",
		doc:  "Puts the contact into a skill's queue. The script goes on; an agent's answer ends whatever is playing.",
		example: `
request:
  Reqagent:
    Skill: support
  branches: {Default: music}
`,
		properties: append([]property{
			hasCaption,
			{name: "Skill", kind: text, required: true, doc: "the skill in whose queue the contact waits"},
			wantsTarget,
			whenRefused,
			{name: "ZipTone", kind: yesNo, fallback: "false", doc: "whether the agent who answers hears a short tone before a live caller"},
		}, managesPriority...),
		branches: []branch{takesDefault, takesOnError},
		check:    checkReqagent,
		enter:    enterReqagent,
	},
	{
		name: "Callback",
		doc:  "Reserves the contact's place in the queue and ends the call; the contact is called back when an agent accepts.",
		example: `
callback:
  Callback:
    Caption: Call the caller back
    PhoneNumber: "{ANI}"
    CallerID: "{DNIS}"
    CallDelaySec: 0
  branches: {Default: expire, OnError: sorry}
`,
		properties: []property{hasCaption, wantsNumber, wantsCallerID, wantsDelay},
		branches:   []branch{takesDefault, takesOnError},
		check:      checkCallback,
		enter:      enterCallback,
	},
	{
		name: "Hangup",
		doc:  "Ends the script, the call and, after Callback, the callback: the contact leaves the queue.",
		example: `
goodbye:
  Hangup: {}
`,
		properties: []property{hasCaption},
		enter:      enterHangup,
	},
	{
		name: "Getqueue",
		doc:  "Asks how a queue stands: WAITING contacts, the contact itself among them, the LONGESTWAIT in seconds, AGENTSLOGGEDIN, AGENTSAVAILABLE, and the contact's POSITION, 0 where it is not in that queue.",
		example: `
queue:
  Getqueue: {}
  branches: {Default: anyone, OnError: music}
`,
		properties: []property{hasCaption, asksSkill},
		branches:   []branch{takesDefault, takesOnError},
		enter:      enterGetqueue,
		on:         onAnswer,
	},
	{
		name: "EWT",
		doc:  "Estimates how long the contact will wait, or one that would be queued now: EWT in seconds, EWTCONFIDENCE (low, medium or high) and POSITION.",
		example: `
estimate:
  EWT: {}
  branches: {Default: long, OnError: music}
`,
		properties: []property{hasCaption, asksSkill},
		branches:   []branch{takesDefault, takesOnError},
		enter:      enterEWT,
		on:         onAnswer,
	},
	{
		name: "UpdateContact",
		doc:  "Changes what orders the contact's place in the queue. The change counts as from the moment of queueing; what is not given stays.",
		example: `
sooner:
  UpdateContact:
    InitialPriority: 50
  branches: {Default: music}
`,
		properties: []property{
			hasCaption,
			{name: "InitialPriority", kind: whole, max: 1000, doc: "the priority at the moment of queueing"},
			{name: "Acceleration", kind: whole, max: 1000, doc: "what each minute of waiting adds"},
			{name: "MaxPriority", kind: whole, max: 1000, doc: "where the priority stops growing"},
		},
		branches: []branch{takesDefault, takesOnError},
		check:    checkUpdateContact,
		enter:    enterUpdateContact,
	},
	{
		name: "Queuecallback",
		doc:  "Queues a callback to a number without a live call: a contact of its own, whose ID is in CALLBACKID. The contact that asks goes on.",
		example: `
queue_other:
  Queuecallback:
    Skill: support
    PhoneNumber: "{NUMBER}"
  branches: {Default: thanks, OnError: sorry}
`,
		properties: append([]property{
			hasCaption,
			{name: "Skill", kind: text, required: true, doc: "the skill in whose queue the callback waits"},
			wantsNumber, wantsCallerID, wantsDelay, wantsTarget, whenRefused,
		}, managesPriority...),
		branches: []branch{takesDefault, takesOnError},
		check:    checkQueuecallback,
		enter:    enterQueuecallback,
		on:       onAnswer,
	},
	{
		name: "Querycallback",
		doc:  "Asks whether a callback to a number waits in a skill. Its contact's ID is in CALLBACKID then.",
		example: `
waiting:
  Querycallback:
    Skill: support
  branches: {Found: welcome_back, Default: request}
`,
		properties: []property{hasCaption, searchesNumber, searchesSkill},
		branches:   []branch{{branchFound, "one waits"}, takesDefault, takesOnError},
		enter:      enterQuerycallback,
		on:         onQuerycallback,
	},
	{
		name: "Contacttakeover",
		doc:  "Gives the contact the place of the callback that waits for a number; that callback ends with cause 242. Where an agent has accepted it and is calling back, the contact is joined to that agent.",
		example: `
take_over:
  Contacttakeover:
    Skill: support
  branches: {Default: music, NotFound: request, OnError: request}
`,
		properties: []property{hasCaption, searchesNumber, searchesSkill},
		branches:   []branch{takesDefault, {branchNotFound, "no callback waits"}, takesOnError},
		check:      checkTakeover,
		enter:      enterTakeover,
		on:         onTakeover,
	},
}
