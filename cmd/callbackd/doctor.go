package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strconv"
	"strings"
	"unicode"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/spf13/cobra"

	"github.com/callbackd/callbackd/ari"
	"github.com/callbackd/callbackd/callback/postgres"
	"github.com/callbackd/callbackd/callback/script"
	"github.com/callbackd/callbackd/cmd/callbackd/config"
)

// oldestAsterisk is the first long-term series whose ARI has all that callbackd uses.
const oldestAsterisk = 20

func doctorCommand() *cobra.Command {
	asJSON := false
	cmd := &cobra.Command{
		Use:   "doctor",
		Short: "Find out what is wrong, and say what to do",
		Long: `Look at everything that callbackd needs: scripts, database, Asterisk, its dialplan, phones, sounds and music.
Each line is ok or says what to do. It changes nothing and may run beside the daemon; a call of its
own goes through the dialplan. The exit code is 1 if something is wrong.`,
		Example: "  callbackd doctor\n  callbackd doctor --json",
		Args:    args(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			settings, err := load(cmd)
			if err != nil {
				return err
			}
			d := &doctor{settings: settings}
			if err := d.examine(cmd.Context()); err != nil {
				return err
			}
			return d.tell(cmd.OutOrStdout(), asJSON)
		},
	}
	jsonFlag(cmd, &asJSON)
	return cmd
}

// finding is one thing that the doctor has looked at.
type finding struct {
	What    string `json:"what"`
	OK      bool   `json:"ok"`
	Message string `json:"message"` // what is there, or what to do
}

// doctor looks at one thing after the other.
type doctor struct {
	settings config.Config
	findings []finding
}

func (d *doctor) ok(what, format string, args ...any) {
	d.findings = append(d.findings, finding{what, true, fmt.Sprintf(format, args...)})
}

func (d *doctor) wrong(what, format string, args ...any) {
	d.findings = append(d.findings, finding{what, false, fmt.Sprintf(format, args...)})
}

// tell writes the findings. Its error is errFailed if something is wrong.
func (d *doctor) tell(w io.Writer, asJSON bool) error {
	if err := d.write(w, asJSON); err != nil {
		return err
	}
	for _, found := range d.findings {
		if !found.OK {
			return errFailed
		}
	}
	return nil
}

func (d *doctor) write(w io.Writer, asJSON bool) error {
	if asJSON {
		return writeJSON(w, d.findings)
	}
	width := 0
	for _, found := range d.findings {
		width = max(width, len(found.What))
	}
	for _, found := range d.findings {
		verdict := "ok   "
		if !found.OK {
			verdict = "WRONG"
		}
		head := fmt.Sprintf("%s  %-*s  ", verdict, width, found.What)
		if _, err := fmt.Fprintln(w, head+hanging(found.Message, len(head), terminalWidth(w))); err != nil {
			return err
		}
	}
	return nil
}

// hanging breaks a text that begins in a column of a terminal of that width, so that all of it stands from that
// column on. Where the terminal has no room for that, or is none (0), the text stays as it is.
func hanging(text string, from, width int) string {
	const least = 30
	if width-from < least {
		return text
	}
	return strings.Join(foldWords(strings.Fields(text), width-from), "\n"+strings.Repeat(" ", from))
}

// examine looks at everything. Its error is the end of ctx; what is wrong is a finding.
func (d *doctor) examine(ctx context.Context) error {
	d.configuration()
	kept := d.database(ctx)
	scripts := d.scripts(kept)
	var agents []postgres.Agent
	if kept != nil {
		agents = kept.agents
		d.skills(scripts, agents)
		d.queue(kept.outside, kept.missing)
	}
	if node := d.asterisk(ctx); node != nil {
		defer node.Close()
		d.trunk(ctx, node)
		if kept != nil {
			d.phones(ctx, node, agents)
		}
		d.sounds(ctx, node, scripts)
		d.agentSounds(ctx, node, scripts)
		d.music(ctx, node, scripts)
		d.dialplan(ctx, node)
		d.calls(ctx, node, kept)
		d.codes(ctx, node, agents)
	}
	return ctx.Err()
}

func (d *doctor) configuration() {
	if d.settings.File == "" {
		d.ok("configuration", "no file, only flags, environment and defaults")
		return
	}
	d.ok("configuration", "%s", d.settings.File)
}

// scripts gives those that are right.
func (d *doctor) scripts(kept *facts) []*script.Script {
	read, err := readEach(d.settings)
	if err != nil {
		d.wrong("scripts", "%s", err)
		return nil
	}
	for _, broken := range read.broken {
		remedy := ""
		if last := kept.script(broken.name); last != nil {
			remedy = fmt.Sprintf("; version %s of %s runs instead: put it right, then callbackd script reload", shortVersion(last.Version), moment(last.Since))
		}
		for line := range strings.Lines(broken.err.Error()) {
			d.wrong("scripts", "%s%s", strings.TrimSpace(line), remedy)
		}
	}
	var names []string
	for _, right := range read.scripts {
		names = append(names, right.Name())
	}
	if len(names) > 0 {
		d.ok("scripts", "%s", strings.Join(names, ", "))
	}
	return read.scripts
}

// database gives what the database holds; nil if it can't be asked.
func (d *doctor) database(ctx context.Context) *facts {
	if err := d.settings.NeedDatabase(); err != nil {
		d.wrong("database", "%s", err)
		return nil
	}
	store, err := openStore(ctx, d.settings, slog.New(slog.DiscardHandler))
	if err != nil {
		d.wrong("database", "%s", err)
		return nil
	}
	kept, err := readFacts(ctx, store, d.settings)
	if err = errors.Join(err, store.Close()); err != nil {
		d.wrong("database", "%s", err)
		return nil
	}
	d.ok("database", "reachable, with the schema of this version")
	return kept
}

// asterisk gives the node, if it can be asked.
func (d *doctor) asterisk(ctx context.Context) *ari.Node {
	if err := d.settings.NeedARI(); err != nil {
		d.wrong("asterisk", "%s", err)
		return nil
	}
	node, err := newNode(d.settings, slog.New(slog.DiscardHandler), prometheus.NewRegistry())
	if err != nil {
		d.wrong("asterisk", "%s", err)
		return nil
	}
	info, err := node.Info(ctx)
	var refused *ari.AccessError
	switch {
	case errors.As(err, &refused):
		d.wrong("asterisk", "%s", err)
	case err != nil:
		d.wrong("asterisk", "%s; is it running, and is http.conf enabled at %s?", err, d.settings.ARIURL)
	default:
		d.version(info)
		return node
	}
	node.Close()
	return nil
}

func (d *doctor) version(info ari.Info) {
	if major := majorOf(info.Version); major < oldestAsterisk {
		d.wrong("asterisk", "version %s is too old: callbackd needs %d or later", info.Version, oldestAsterisk)
		return
	}
	d.ok("asterisk", "version %s at %s, since %s", info.Version, d.settings.ARIURL, moment(info.StartedAt))
}

// majorOf gives the first number in a version such as 22.10.1 or certified/20.7-cert2; 0 if there is
// none, as in a build from a branch: GIT-master-....
func majorOf(version string) int {
	start := strings.IndexFunc(version, unicode.IsDigit)
	if start < 0 || strings.HasPrefix(version, "GIT-master") {
		return oldestAsterisk
	}
	digits := version[start:]
	if end := strings.IndexFunc(digits, func(r rune) bool { return !unicode.IsDigit(r) }); end >= 0 {
		digits = digits[:end]
	}
	major, err := strconv.Atoi(digits)
	if err != nil {
		return 0
	}
	return major
}

// trunk looks for the endpoint that contacts are dialled through.
func (d *doctor) trunk(ctx context.Context, node *ari.Node) {
	technology, rest, _ := strings.Cut(d.settings.DialContact, "/")
	at := strings.LastIndex(rest, "@")
	if technology != "PJSIP" || at < 0 {
		d.ok("trunk", "not looked for: dial.contact %s names no PJSIP endpoint", d.settings.DialContact)
		return
	}
	name := "PJSIP/" + rest[at+1:]
	endpoint, err := endpointNamed(ctx, node, name)
	switch {
	case err != nil:
		d.wrong("trunk", "%s", err)
	case endpoint == nil:
		d.wrong("trunk", "Asterisk has no endpoint %s: name the trunk of pjsip.conf in dial.contact", name)
	case endpoint.State == "offline":
		d.wrong("trunk", "%s does not answer Asterisk's OPTIONS: see pjsip show contacts in asterisk -rvvv; a carrier that never does needs qualify_frequency=0", name)
	default:
		d.ok("trunk", "%s", name)
	}
}

func endpointNamed(ctx context.Context, node *ari.Node, name string) (*ari.Endpoint, error) {
	endpoints, err := node.Endpoints(ctx)
	if err != nil {
		return nil, err
	}
	for i := range endpoints {
		if endpoints[i].Name == name {
			return &endpoints[i], nil
		}
	}
	return nil, nil
}

// phones looks for each agent's endpoint. An agent who is logged out needs no phone.
func (d *doctor) phones(ctx context.Context, node *ari.Node, agents []postgres.Agent) {
	if len(agents) == 0 {
		d.wrong("agents", "there is none: callbackd agent add EXTENSION --skill %s", config.DefaultSkillName)
		return
	}
	for _, agent := range agents {
		what := "agent " + agent.Extension
		endpoint, err := endpointNamed(ctx, node, agent.Endpoint)
		switch {
		case err != nil:
			d.wrong(what, "%s", err)
		case endpoint == nil:
			d.wrong(what, "Asterisk has no endpoint %s: add it to pjsip.conf, or give the agent another one: callbackd agent add %s --endpoint ENDPOINT", agent.Endpoint, agent.Extension)
		case endpoint.State != "online" && agent.State != "logged_out":
			d.ok(what, "%s, but no phone is registered at %s now: nothing is offered there until one is", plainWords(agent.State), agent.Endpoint)
		default:
			d.ok(what, "%s, %s is %s", plainWords(agent.State), agent.Endpoint, endpoint.State)
		}
	}
}

// promptLanguage is that of the prompts, as in the shipped asterisk.conf.
const promptLanguage = "en"

// sounds looks for each sound that a script plays.
func (d *doctor) sounds(ctx context.Context, node *ari.Node, scripts []*script.Script) {
	for _, read := range scripts {
		var failure error
		found := read.Check(script.Known{Sounds: func(name string) bool {
			exists, err := node.SoundExists(ctx, name, promptLanguage)
			failure = errors.Join(failure, err)
			return exists || err != nil
		}})
		what := "sounds of " + read.Name()
		switch mistakes := found.Err(); {
		case failure != nil:
			d.wrong(what, "%s", strings.SplitN(failure.Error(), "\n", 2)[0])
		case mistakes != nil:
			for line := range strings.Lines(mistakes.Error()) {
				d.wrong(what, "%s; copy it to Asterisk's folder sounds/%s", strings.TrimSpace(line), promptLanguage)
			}
		default:
			d.ok(what, "all present")
		}
	}
}

// music looks for each class of music on hold that a caller may hear.
func (d *doctor) music(ctx context.Context, node *ari.Node, scripts []*script.Script) {
	for _, read := range scripts {
		var failure error
		found := read.Check(script.Known{Music: func(name string) bool {
			exists, err := node.MusicClassExists(ctx, name)
			failure = errors.Join(failure, err)
			return exists || err != nil
		}})
		what := "music of " + read.Name()
		switch mistakes := found.Err(); {
		case errors.Is(failure, ari.ErrMusicUnseen):
			d.ok(what, "not looked for: %s; its console lists the classes: moh show classes", ari.ErrMusicUnseen)
		case failure != nil:
			d.wrong(what, "%s", strings.SplitN(failure.Error(), "\n", 2)[0])
		case mistakes != nil:
			for line := range strings.Lines(mistakes.Error()) {
				d.wrong(what, "%s; add it to Asterisk's musiconhold.conf and say: moh reload", strings.TrimSpace(line))
			}
		default:
			d.ok(what, "all present")
		}
	}
}

// dialplan sends a call through the dialplan, to see that it comes to the application, and whether
// somebody takes it there.
func (d *doctor) dialplan(ctx context.Context, node *ari.Node) {
	trial, err := node.DialplanReachesStasis(ctx)
	switch {
	case err != nil:
		d.wrong("dialplan", "%s; extensions.conf needs the context callbackd-doctor that asterisk-conf/extensions.conf has", err)
	case !trial.Reached:
		d.wrong("dialplan", "a call to doctor@callbackd-doctor does not come to Stasis(%s,...): compare extensions.conf with asterisk-conf/extensions.conf", d.settings.ARIApplication)
	default:
		d.ok("dialplan", "reaches Stasis(%s,...)", d.settings.ARIApplication)
	}
	if err != nil || !trial.Reached {
		return
	}
	if trial.Taken {
		d.ok("application", "%s is taken: a callbackd serves it", d.settings.ARIApplication)
		return
	}
	d.wrong("application", "callbackd does not run: nobody serves %s, and calls are given back; start it, as in callbackd serve", d.settings.ARIApplication)
}
