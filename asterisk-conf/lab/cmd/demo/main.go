package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/callbackd/callbackd/asterisk-conf/lab"
	"github.com/callbackd/callbackd/asterisk-conf/lab/phone"
	"github.com/callbackd/callbackd/asterisk-conf/lab/site"
	"github.com/callbackd/callbackd/callback/script"
)

// keepDir keeps what the run leaves to look at: recordings, configuration and logs.
const keepDir = ".lab/demo"

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx); err != nil {
		fmt.Fprintln(os.Stderr, "demo: failed:", err)
		stop()
		os.Exit(1)
	}
}

func run(ctx context.Context) (err error) {
	fmt.Println("Setting up: a real Asterisk from asterisk-conf, a private Postgres, callbackd, SIP phones.")
	root, err := lab.Prepare(ctx, os.Stdout)
	if err != nil {
		return err
	}
	if err := os.RemoveAll(keepDir); err != nil {
		return fmt.Errorf("clear %s: %w", keepDir, err)
	}
	if err := os.MkdirAll(keepDir, 0o755); err != nil {
		return fmt.Errorf("make %s: %w", keepDir, err)
	}
	postgres, err := lab.StartPostgres(ctx, lab.PostgresOptions{})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, postgres.Close()) }()
	database, err := postgres.CreateDatabase(ctx, "callbackd", "")
	if err != nil {
		return err
	}
	text, err := shortened()
	if err != nil {
		return err
	}
	s, err := site.Open(ctx, site.Options{
		Dir: keepDir, Callbackd: "bin/callbackd", Root: root, Database: database,
		Script: text, Agents: []string{agentNumber},
	})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	return tell(ctx, s)
}

// shortened is the example that ships, with its 30 s of music cut to a few.
func shortened() ([]byte, error) {
	const long, short = "Seconds: 30", "Seconds: 4"
	if bytes.Count(script.Example(), []byte(long)) != 1 {
		return nil, fmt.Errorf("the example script has no %q to shorten", long)
	}
	return bytes.Replace(script.Example(), []byte(long), []byte(short), 1), nil
}

// tell plays the story with its timeline, and shows what it has left.
func tell(ctx context.Context, s *site.Site) error {
	fmt.Println("\nThe story, in real time; only the 30 s of music are cut to 4. Each line is what a phone sees or hears,\nor what callbackd has written to Postgres.")
	t := newTimeline(os.Stdout)
	play := &story{Site: s, timeline: t}

	followCtx, stopFollowing := context.WithCancel(ctx)
	defer stopFollowing()
	done := make(chan struct{})
	var tellers sync.WaitGroup
	var followed error
	tellers.Go(func() { followed = follow(followCtx, s, t) })
	tellers.Go(func() { t.run(done) })
	played := play.play(ctx)
	// The last facts are on their way to the timeline.
	settled := pass(ctx, settle)
	stopFollowing()
	close(done)
	tellers.Wait()
	if err := errors.Join(played, followed, settled); err != nil {
		return err
	}
	return show(ctx, play)
}

// show prints the contact's record, the proof that nothing is left, and where the recordings are.
func show(ctx context.Context, s *story) error {
	record, err := s.Command(ctx, "contact", "show", strconv.FormatInt(s.id, 10))
	if err != nil {
		return err
	}
	fmt.Printf("\nThe record in Postgres (callbackd contact show %d):\n\n%s", s.id, record)
	channels, err := s.Asterisk.CLI(ctx, "core show channels count")
	if err != nil {
		return err
	}
	bridges, err := s.Asterisk.CLI(ctx, "bridge show all")
	if err != nil {
		return err
	}
	fmt.Printf("\nLeft in Asterisk (core show channels count; bridge show all):\n\n%s\n%s\n", strings.TrimSpace(channels), strings.TrimSpace(bridges))
	fmt.Println("\nWhat they heard:")
	heard := []struct {
		who  string
		call *phone.Call
	}{{"the caller, waiting", s.caller}, {"the agent", s.agent}, {"the contact, called back", s.contact}}
	for _, h := range heard {
		path, err := filepath.Abs(h.call.Recording())
		if err != nil {
			return fmt.Errorf("name the recording: %w", err)
		}
		info, err := os.Stat(path)
		if err != nil {
			return fmt.Errorf("keep the recording: %w", err)
		}
		const bytesPerSecond = 16000 // 8 kHz, 16 bits
		fmt.Printf("  %-26s %5.1f s  %s\n", h.who, float64(info.Size())/bytesPerSecond, path)
	}
	fmt.Printf("\nEach step was seen (%s).\n", time.Since(s.start).Round(time.Second))
	return nil
}
