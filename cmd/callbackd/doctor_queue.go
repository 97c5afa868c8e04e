package main

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/callbackd/callbackd/ari"
	"github.com/callbackd/callbackd/callback/postgres"
	"github.com/callbackd/callbackd/callback/script"
	"github.com/callbackd/callbackd/cmd/callbackd/config"
)

// facts are what the doctor wants to know from the database.
type facts struct {
	agents  []postgres.Agent
	scripts []postgres.NodeScript // with which the node ran last
	held    bool                  // by a daemon that runs
	outside []postgres.SkillWaiting
	missing []postgres.MissingTarget
}

func readFacts(ctx context.Context, store *postgres.Store, settings config.Config) (*facts, error) {
	f := &facts{}
	var err error
	if f.agents, err = store.ListAgents(ctx); err != nil {
		return nil, err
	}
	if f.scripts, f.held, err = store.NodeScripts(ctx, settings.NodeName); err != nil {
		return nil, err
	}
	if f.outside, err = store.WaitingOutside(ctx, slices.Collect(maps.Keys(settings.Skills))); err != nil {
		return nil, err
	}
	f.missing, err = store.MissingTargets(ctx)
	return f, err
}

// script gives the version of a script with which the node ran last; nil if none is known.
func (f *facts) script(name string) *postgres.NodeScript {
	if f == nil {
		return nil
	}
	return versionNamed(f.scripts, name)
}

// skills holds the skills that scripts and agents name against each other and the configuration.
func (d *doctor) skills(scripts []*script.Script, agents []postgres.Agent) {
	if len(agents) == 0 {
		return // the doctor says so elsewhere
	}
	served := make(map[string]bool)
	for _, agent := range agents {
		for _, s := range agent.Skills {
			served[s.Skill] = true
		}
	}
	for _, read := range scripts {
		what := "skills of " + read.Name()
		named := skillsOf(read)
		lonely := slices.DeleteFunc(slices.Clone(named), func(name string) bool { return served[name] })
		for _, name := range lonely {
			d.wrong(what, "no agent has %s, and callers wait there for ever: callbackd agent add EXTENSION --skill %s", name, name)
		}
		if len(named) > 0 && len(lonely) == 0 {
			d.ok(what, "agents have them: %s", strings.Join(named, ", "))
		}
	}
	for _, agent := range agents {
		d.agentSkills(agent)
	}
}

// skillsOf gives the skills that scripts name in so many words, each once.
func skillsOf(scripts ...*script.Script) []string {
	named := make(map[string]bool)
	for _, s := range scripts {
		s.Check(script.Known{Skills: func(name string) bool {
			named[name] = true
			return true
		}})
	}
	return slices.Sorted(maps.Keys(named))
}

// agentSkills looks whether an agent can be offered anything at all.
func (d *doctor) agentSkills(agent postgres.Agent) {
	var names []string
	for _, s := range agent.Skills {
		if _, known := d.settings.Skills[s.Skill]; known {
			return
		}
		names = append(names, s.Skill)
	}
	d.wrong("agent "+agent.Extension, "has only skills that the configuration does not know: %s; it knows %s: callbackd agent add %s --skill NAME, or name them under skills",
		strings.Join(names, ", "), strings.Join(slices.Sorted(maps.Keys(d.settings.Skills)), ", "), agent.Extension)
}

// queue says which contacts wait where the configuration has no skill any more, or for an agent who is not there.
func (d *doctor) queue(outside []postgres.SkillWaiting, missing []postgres.MissingTarget) {
	for _, w := range outside {
		d.wrong("queue", "%s: name it under skills again and say callbackd script reload, or move them: callbackd contact change ID --skill NAME", waitsOutside(w))
	}
	for _, m := range missing {
		who := "contact " + m.First.String() + " waits"
		if m.Contacts > 1 {
			who = fmt.Sprintf("%d contacts, the first of them %s, wait", m.Contacts, m.First)
		}
		d.wrong("queue", "%s for agent %s alone, and there is no such agent: callbackd contact change %s --target-agent any, or callbackd agent add %s", who, m.Agent, m.First, m.Agent)
	}
	if len(outside) == 0 && len(missing) == 0 {
		d.ok("queue", "whoever waits does so in a skill of the configuration, and for agents who are there")
	}
}

// calls looks at the script that the shipped dialplan runs for numbers without one of their own.
func (d *doctor) calls(ctx context.Context, node *ari.Node, kept *facts) {
	const what, global = "calls", "CALLBACKD_SCRIPT"
	name, err := node.Global(ctx, global)
	configured := []string{exampleName}
	if len(d.settings.Scripts) > 0 {
		configured = nil
		for _, file := range d.settings.Scripts {
			configured = append(configured, nameOf(file))
		}
	}
	switch {
	case err != nil:
		d.wrong(what, "%s", err)
	case name == "":
		d.ok(what, "the dialplan's global %s is not set: only numbers with a script of their own, %s_NUMBER, run one", global, global)
	case !slices.Contains(configured, name):
		d.wrong(what, "the dialplan's global %s is %s, and there is no such script: calls are given back; the configuration has %s", global, name, strings.Join(configured, ", "))
	case kept != nil && kept.held && kept.script(name) == nil:
		d.wrong(what, "the dialplan's global %s is %s, which the daemon has not loaded: callbackd script reload", global, name)
	default:
		d.ok(what, "run %s where their number has no script of its own", name)
	}
}
