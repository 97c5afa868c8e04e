package lab

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"
)

// AsteriskOptions say how an instance is started. The zero value is fine.
type AsteriskOptions struct {
	// Dir is the instance's folder, with its configuration, logs and state. It
	// is made if need be and stays. Empty: a temporary folder that Close removes.
	Dir string
	// Script runs on calls from the trunk. Empty: "example".
	Script string
	// Away is where a call goes while callbackd is away, as
	// "context,extension,priority". Empty: a word of regret.
	Away string
	// English is a folder that is there, with all the sounds in English, as
	// Root.Sounds gives them and with more. Empty: Asterisk's own and callbackd's.
	English string
	// Detached lets the instance outlive this program, for "make lab".
	Detached bool
}

// Asterisk is a real Asterisk. Its addresses stay the same over Stop, Kill and
// Start. Its methods are to be called from one goroutine at a time; CLI from any.
type Asterisk struct {
	// Name is unique among the instances of this machine, and fit for an ID.
	Name string
	// Dir is the instance's folder: etc, log, run, spool, lib, sounds.
	Dir string
	// Address is the loopback address on which it listens.
	Address string
	// SIP is the address:port for phones and for the carrier.
	SIP string
	// Trunk is the address:port that plays the carrier: calls from exactly there
	// enter the dialplan at from-trunk, and callbacks are dialled to there.
	Trunk string
	// ARIURL is the address of ARI, as http://address:port/ari.
	ARIURL string
	// ARIUser and ARIPassword log in to ARI.
	ARIUser, ARIPassword string
	// DID is a number that runs the script; any other does so too.
	DID string
	// Agents are the extensions that may register, from any address and port but
	// the trunk's.
	Agents []Extension
	// English is the folder of AsteriskOptions, absolute; "" where none was given.
	English string
	// Detached says that it outlives the program that started it.
	Detached bool

	root      *Root
	addresses *reservation
	temporary bool // Dir is ours to remove
	process   *Process
}

// Extension is an agent's phone number and the password with which it registers.
type Extension struct {
	Number, Password string
}

// bootLimit is how long Asterisk may take until it answers; it takes about a
// second on a machine with nothing else to do.
const bootLimit = 60 * time.Second

// stopLimit is how long a server may take to end in good order.
const stopLimit = 30 * time.Second

// StartAsterisk starts an instance on free addresses. It returns when ARI
// answers, all modules are loaded and the SIP transport is up. Close gives all
// back.
func StartAsterisk(ctx context.Context, root *Root, o AsteriskOptions) (*Asterisk, error) {
	addresses, err := reserve(root.cache)
	if err != nil {
		return nil, err
	}
	a := &Asterisk{Detached: o.Detached, root: root, addresses: addresses}
	if err := a.introduce(); err != nil {
		return nil, errors.Join(err, a.Close())
	}
	if err := a.makeDir(o); err != nil {
		return nil, errors.Join(err, a.Close())
	}
	if err := a.Start(ctx); err != nil {
		return nil, errors.Join(err, a.Close())
	}
	return a, nil
}

// introduce gives the instance its name, addresses and passwords.
func (a *Asterisk) introduce() (err error) {
	a.Name = "lab-" + strings.ReplaceAll(a.addresses.network, ".", "-")
	a.Address = a.addresses.server()
	if a.SIP, err = freeUDP(a.Address, sipPort); err != nil {
		return err
	}
	if a.Trunk, err = freeUDP(a.addresses.carrier(), sipPort); err != nil {
		return err
	}
	web, err := FreeTCP(a.Address, httpPort)
	if err != nil {
		return err
	}
	a.ARIURL = "http://" + web + "/ari"
	a.ARIUser, a.ARIPassword = "callbackd", password()
	a.DID = "8005550100"
	for number := firstExtension; number <= lastExtension; number++ {
		a.Agents = append(a.Agents, Extension{strconv.Itoa(number), password()})
	}
	return nil
}

// Start starts the instance again after Stop, Kill or a crash, with the same
// addresses, configuration and folder. It returns as StartAsterisk does.
func (a *Asterisk) Start(ctx context.Context) error {
	if a.process.Alive() {
		return fmt.Errorf("%s runs already", a.Name)
	}
	if err := a.reserveAgain(); err != nil {
		return err
	}
	console, err := os.OpenFile(a.consoleLog(), os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o644)
	if err != nil {
		return fmt.Errorf("opening Asterisk's console log: %w", err)
	}
	defer func() { _ = console.Close() }()
	sounds, place := a.sounds()
	cmd := exec.Command("/bin/sh", "-ec", bootScript(), "boot", a.root.Dir, a.Dir, sounds, place)
	cmd.Stdout, cmd.Stderr = console, console
	cmd.Env = []string{"PATH=/usr/sbin:/usr/bin:/sbin:/bin", "LANG=C.UTF-8"}
	// The child holds the lock of the addresses too: a detached one needs them
	// after this program has ended.
	cmd.ExtraFiles = []*os.File{a.addresses.lock}
	cmd.SysProcAttr = &syscall.SysProcAttr{Unshareflags: syscall.CLONE_NEWNS}
	if a.process, err = start(cmd, a.Dir, a.Detached); err != nil {
		return err
	}
	if a.Detached {
		// It alone holds them from now on.
		if err := a.release(); err != nil {
			return err
		}
	}
	if err := a.awaitReady(ctx); err != nil {
		a.process.Kill()
		return fmt.Errorf("starting Asterisk: %w\n%s", err, a.lastWords())
	}
	return nil
}

// awaitReady returns when ARI, the module loader and SIP have answered.
func (a *Asterisk) awaitReady(ctx context.Context) error {
	ctx, cancel := context.WithTimeoutCause(ctx, bootLimit, fmt.Errorf("no answer within %s", bootLimit))
	defer cancel()
	ctx, died := context.WithCancelCause(ctx)
	var watching sync.WaitGroup
	defer watching.Wait()
	defer died(nil)
	watching.Go(func() {
		select {
		case <-a.process.ended:
			died(errors.New("it ended by itself"))
		case <-ctx.Done():
		}
	})
	for _, ready := range []struct {
		what string
		ask  func(context.Context) bool
	}{
		{"ARI", a.answersARI},
		{"the console (all modules loaded)", a.fullyBooted},
		{"SIP", a.answersSIP},
	} {
		if err := await(ctx, ready.ask); err != nil {
			return fmt.Errorf("waiting for %s: %w", ready.what, err)
		}
	}
	return nil
}

// await asks again and again until the answer is yes.
func await(ctx context.Context, ask func(context.Context) bool) error {
	ticker := time.NewTicker(50 * time.Millisecond)
	defer ticker.Stop()
	for !ask(ctx) {
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-ticker.C:
		}
	}
	return nil
}

func (a *Asterisk) answersARI(ctx context.Context) bool {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, a.ARIURL+"/asterisk/info?only=status", nil)
	if err != nil {
		return false
	}
	request.SetBasicAuth(a.ARIUser, a.ARIPassword)
	request.Close = true // leave no idle connection behind
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		return false
	}
	defer func() { _ = answer.Body.Close() }()
	return answer.StatusCode == http.StatusOK
}

func (a *Asterisk) fullyBooted(ctx context.Context) bool {
	_, err := a.CLI(ctx, "core waitfullybooted")
	return err == nil
}

// answersSIP says whether anything comes back for an OPTIONS request.
func (a *Asterisk) answersSIP(context.Context) bool {
	conn, err := net.Dial("udp4", a.SIP)
	if err != nil {
		return false
	}
	defer func() { _ = conn.Close() }()
	from := conn.LocalAddr().String()
	branch := strconv.FormatInt(time.Now().UnixNano(), 36)
	lines := []string{
		"OPTIONS sip:" + a.SIP + " SIP/2.0",
		"Via: SIP/2.0/UDP " + from + ";rport;branch=z9hG4bK" + branch,
		"From: <sip:lab@" + from + ">;tag=" + branch,
		"To: <sip:" + a.SIP + ">",
		"Call-ID: " + branch + "@lab",
		"CSeq: 1 OPTIONS",
		"Max-Forwards: 1",
		"Content-Length: 0", "", "",
	}
	if _, err := conn.Write([]byte(strings.Join(lines, "\r\n"))); err != nil {
		return false
	}
	if err := conn.SetReadDeadline(time.Now().Add(200 * time.Millisecond)); err != nil {
		return false
	}
	answer := make([]byte, 2048)
	n, err := conn.Read(answer)
	return err == nil && strings.HasPrefix(string(answer[:n]), "SIP/2.0 ")
}

// CLI runs one command on the instance's console and returns what it prints.
func (a *Asterisk) CLI(ctx context.Context, command string) (string, error) {
	if !a.process.Alive() {
		return "", fmt.Errorf("%s does not run", a.Name)
	}
	console := a.Console()
	cmd := exec.CommandContext(ctx, console[0], append(console[1:], "-rx", command)...)
	out, err := cmd.CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("asking Asterisk %q: %w: %s", command, err, strings.TrimSpace(string(out)))
	}
	return string(out), nil
}

// Console returns the command that is "asterisk" to an administrator of this
// instance while it runs: with -rvvv behind it, its console.
func (a *Asterisk) Console() []string {
	return []string{
		"nsenter", "--target", strconv.Itoa(a.process.process.Pid), "--mount", "--root", "--wd", "/usr/sbin/asterisk",
	}
}

// Stop ends Asterisk as "core stop now" does: its calls are hung up. When it does
// not end before ctx does, it is killed and the error says so.
func (a *Asterisk) Stop(ctx context.Context) error {
	if !a.process.Alive() {
		return nil
	}
	// The line to the console breaks when Asterisk goes, so an error here says
	// nothing; whether it ends does.
	_, _ = a.CLI(ctx, "core stop now")
	return a.process.awaitEnd(ctx)
}

// Kill ends Asterisk at once, as a crash would.
func (a *Asterisk) Kill() { a.process.Kill() }

// Close kills Asterisk if it still runs and gives back its addresses and its
// temporary folder.
func (a *Asterisk) Close() error {
	a.Kill()
	err := a.release()
	if a.temporary {
		err = errors.Join(err, os.RemoveAll(a.Dir))
	}
	return err
}

// Log returns the path of the log with everything that happened on each call.
func (a *Asterisk) Log() string { return filepath.Join(a.Dir, "log", "full.log") }

// CEL returns the path of the file with one line for each channel's start,
// answer and end: see cel_custom.conf.
func (a *Asterisk) CEL() string { return filepath.Join(a.Dir, "log", "cel-custom", "callbackd.csv") }

func (a *Asterisk) consoleLog() string { return filepath.Join(a.Dir, "log", "console.log") }

// lastWords returns the end of what Asterisk printed, for an error.
func (a *Asterisk) lastWords() string {
	text, err := os.ReadFile(a.consoleLog())
	if err != nil {
		return err.Error()
	}
	return string(text[max(0, len(text)-2000):])
}

// save writes what OpenAsterisk needs.
func (a *Asterisk) save() error {
	text, err := json.MarshalIndent(a, "", "\t")
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(a.Dir, "instance.json"), text, 0o600)
}

// OpenAsterisk returns the instance that an earlier program started detached in
// dir, running or not. The error is fs.ErrNotExist when there was none. To Start
// it again, its root is needed; nil is enough for all else.
func OpenAsterisk(root *Root, dir string) (*Asterisk, error) {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return nil, err
	}
	text, err := os.ReadFile(filepath.Join(dir, "instance.json"))
	if err != nil {
		return nil, fmt.Errorf("looking for an Asterisk of an earlier run: %w", err)
	}
	a := &Asterisk{root: root}
	if err := json.Unmarshal(text, a); err != nil {
		return nil, fmt.Errorf("reading instance.json in %s: %w", dir, err)
	}
	a.process = FindDetached(a.Dir)
	return a, nil
}

// release closes our hold on the addresses, if we have one.
func (a *Asterisk) release() error {
	if a.addresses == nil {
		return nil
	}
	err := a.addresses.release()
	a.addresses = nil
	return err
}

// reserveAgain takes the addresses of a detached instance that has stopped.
func (a *Asterisk) reserveAgain() (err error) {
	if a.addresses != nil {
		return nil
	}
	dir, err := addressDir(a.root.cache)
	if err != nil {
		return err
	}
	a.addresses, err = tryReserve(dir, strings.TrimSuffix(a.Address, ".1"))
	if err == nil && a.addresses == nil {
		err = fmt.Errorf("the addresses of %s, %s and %s, are in use by something else", a.Name, a.SIP, a.Trunk)
	}
	return err
}

// Running says whether the process is there.
func (a *Asterisk) Running() bool { return a.process.Alive() }
