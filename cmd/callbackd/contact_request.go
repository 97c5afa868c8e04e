package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"github.com/callbackd/callbackd/callback"
	"github.com/callbackd/callbackd/callback/dispatch"
	"github.com/callbackd/callbackd/callback/postgres"
)

// requestTime is how long a daemon may take to do what is asked for.
const requestTime = 10 * time.Second

const requestHelp = `

A running callbackd does it, the one that has the contact's call where there is one. When none has
done it within 10 s the command fails, and the request stands: it is done as soon as one can. Who
asked stands in the contact's history.`

func contactReleaseCommand() *cobra.Command {
	delay := 0
	cmd := &cobra.Command{
		Use:   "release ID",
		Short: "Let a contact be offered again that is held, stuck or in a pause",
		Long: `Let a contact be offered to agents again, at its place in the queue: one that is held back, one that
is stuck, and one that waits for the time of its next attempt.

A contact that is held back since its CallDelaySec is 60 or more would refuse the next agent, too: give
it another delay by --call-delay-sec.` + requestHelp,
		Example: `  callbackd contact list --held
  callbackd contact release 4711
  callbackd contact release 4711 --call-delay-sec 10`,
		Args: args("ID"),
		RunE: func(cmd *cobra.Command, given []string) error {
			var changes callback.Changes
			if err := delayFlag(cmd, delay, &changes); err != nil {
				return usageError{cmd.CommandPath(), err}
			}
			return askContact(cmd, given[0], callback.RequestRelease, changes, "contact %s is offered to agents again\n")
		},
	}
	addDelayFlag(cmd, &delay)
	return cmd
}

func contactChangeCommand() *cobra.Command {
	delay, initial, acceleration, maximum := 0, 0, 0, 0
	number, skill, agent := "", "", ""
	cmd := &cobra.Command{
		Use:   "change ID",
		Short: "Change a contact's place in the queue, number or call delay",
		Long: `Change what a contact's place in the queue and its callback hold. What is not named stays, and the
moment of queueing always does: a priority counts as from then.

While an agent is on the line for the contact only its priority and its target agent can be changed. A
contact that is held back for its CallDelaySec is offered again when it gets another one.` + requestHelp,
		Example: `  callbackd contact change 4711 --phone-number "212-555-0123 ext 12"
  callbackd contact change 4711 --skill sales --initial-priority 50
  callbackd contact change 4711 --target-agent any`,
		Args: args("ID"),
		RunE: func(cmd *cobra.Command, given []string) error {
			var changes callback.Changes
			err := errors.Join(
				delayFlag(cmd, delay, &changes),
				priorityFlag(cmd, "initial-priority", &initial, &changes.Initial),
				priorityFlag(cmd, "acceleration", &acceleration, &changes.Acceleration),
				priorityFlag(cmd, "max-priority", &maximum, &changes.Maximum),
				textFlag(cmd, "phone-number", &number, &changes.PhoneNumber),
				textFlag(cmd, "skill", &skill, &changes.Skill),
				agentFlag(cmd, &agent, &changes.TargetAgent),
			)
			if err == nil && changes == (callback.Changes{}) {
				err = errors.New("what is to be changed?")
			}
			if err != nil {
				return usageError{cmd.CommandPath(), err}
			}
			return askContact(cmd, given[0], callback.RequestChange, changes, "contact %s is changed\n")
		},
	}
	addDelayFlag(cmd, &delay)
	cmd.Flags().IntVar(&initial, "initial-priority", 0, "the priority at the moment of queueing, `N` from 0 to 1000")
	cmd.Flags().IntVar(&acceleration, "acceleration", 0, "what each minute of waiting adds, `N` from 0 to 1000")
	cmd.Flags().IntVar(&maximum, "max-priority", 0, "where the priority stops growing, `N` from 0 to 1000")
	cmd.Flags().StringVar(&number, "phone-number", "", "the `NUMBER` to call back, which may have an extension")
	cmd.Flags().StringVar(&skill, "skill", "", "the `SKILL` to wait in")
	cmd.Flags().StringVar(&agent, "target-agent", "", "the `EXTENSION` of the only agent to wait for, or any")
	return cmd
}

func contactCancelCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "cancel ID",
		Short: "Cancel a callback that nobody has answered",
		Long: `Cancel a callback: the contact leaves the queue and is not called back. Where it is being called the
phone stops ringing, and the agent is told so and is free again. A contact who is on the line, or has
answered, is not cut off: then the command fails.` + requestHelp,
		Example: `  callbackd contact cancel 4711`,
		Args:    args("ID"),
		RunE: func(cmd *cobra.Command, given []string) error {
			return askContact(cmd, given[0], callback.RequestCancel, callback.Changes{}, "the callback of contact %s is cancelled\n")
		},
	}
}

// askContact asks the daemons for something and waits until one of them has done it; done is what is said
// then.
func askContact(cmd *cobra.Command, given string, kind callback.RequestKind, changes callback.Changes, done string) error {
	id, err := contactID(cmd, given)
	if err != nil {
		return err
	}
	settings, err := load(cmd)
	if err != nil {
		return err
	}
	err = withStore(cmd, settings, func(store *postgres.Store) error {
		if err := checkTarget(cmd, store, id, changes); err != nil {
			return err
		}
		request := callback.Request{Contact: id, Kind: kind, AskedBy: whoAsks(), Changes: changes}
		return ask(cmd.Context(), store, request)
	})
	if errors.Is(err, dispatch.ErrNotFound) {
		return noContact(id)
	}
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(cmd.OutOrStdout(), done, id)
	return err
}

func ask(ctx context.Context, store *postgres.Store, request callback.Request) error {
	id, err := store.AskContact(ctx, request)
	if err != nil {
		return err
	}
	waitCtx, cancel := context.WithTimeout(ctx, requestTime)
	defer cancel()
	refused, err := store.AwaitRequest(waitCtx, id)
	switch {
	case ctx.Err() != nil:
		return errors.New("interrupted; the request stands, and is done as soon as a callbackd takes it")
	case errors.Is(err, context.DeadlineExceeded):
		return fmt.Errorf("no callbackd has taken the request within %s: is callbackd serve running, and ready? The request stands, and is done as soon as one takes it", requestTime)
	case err != nil:
		return err
	case refused != "":
		return fmt.Errorf("contact %s is not %s: %s", request.Contact, doneWords[request.Kind], refused)
	}
	return nil
}

// doneWords say what has become of a contact for which something was done.
var doneWords = map[callback.RequestKind]string{
	callback.RequestRelease: "released",
	callback.RequestChange:  "changed",
	callback.RequestCancel:  "cancelled",
}

// checkTarget refuses to let a contact wait for an agent who is not there, and warns of one who does not have
// the skill in which it waits.
func checkTarget(cmd *cobra.Command, store *postgres.Store, id callback.ContactID, changes callback.Changes) error {
	if changes.TargetAgent == nil || *changes.TargetAgent == "" {
		return nil
	}
	agent, err := findAgent(cmd, store, *changes.TargetAgent)
	if err != nil {
		return err
	}
	if agent == nil {
		return fmt.Errorf("there is no agent %s; see callbackd agent list", *changes.TargetAgent)
	}
	detail, err := store.ShowContact(cmd.Context(), id)
	if err != nil {
		return err
	}
	skill := detail.Skill
	if changes.Skill != nil {
		skill = *changes.Skill
	}
	if skill != "" && !slices.ContainsFunc(agent.Skills, func(s postgres.AgentSkill) bool { return s.Skill == skill }) {
		fmt.Fprintf(cmd.ErrOrStderr(), "callbackd: agent %s does not have the skill %s, and is not offered contact %s until that changes: callbackd help agent add\n",
			agent.Extension, skill, id)
	}
	return nil
}

// The flags give what was named at the command line, and leave the rest nil.

func addDelayFlag(cmd *cobra.Command, delay *int) {
	cmd.Flags().IntVar(delay, "call-delay-sec", 0, "the time from an agent's accepting to the dialling, `SECONDS` from 0 to 59")
}

func delayFlag(cmd *cobra.Command, delay int, changes *callback.Changes) error {
	if !cmd.Flags().Changed("call-delay-sec") {
		return nil
	}
	if delay < 0 || delay > 59 {
		return fmt.Errorf("--call-delay-sec %d: want 0 to 59", delay)
	}
	changes.CallDelaySec = &delay
	return nil
}

func priorityFlag(cmd *cobra.Command, name string, value *int, to **int) error {
	if !cmd.Flags().Changed(name) {
		return nil
	}
	if *value < 0 || *value > 1000 {
		return fmt.Errorf("--%s %d: want 0 to 1000", name, *value)
	}
	*to = value
	return nil
}

func textFlag(cmd *cobra.Command, name string, value *string, to **string) error {
	if !cmd.Flags().Changed(name) {
		return nil
	}
	if *value == "" {
		return fmt.Errorf("--%s is empty", name)
	}
	*to = value
	return nil
}

// anyAgent is the word for no target agent.
const anyAgent = "any"

func agentFlag(cmd *cobra.Command, extension *string, to **string) error {
	if !cmd.Flags().Changed("target-agent") {
		return nil
	}
	if *extension == anyAgent {
		*extension = ""
	} else if checkExtension(*extension) != nil {
		return fmt.Errorf("--target-agent %s: want an extension, which has digits only, or %s", *extension, anyAgent)
	}
	*to = extension
	return nil
}
