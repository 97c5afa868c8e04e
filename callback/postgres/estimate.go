package postgres

import (
	"context"
	_ "embed"
	"fmt"
	"time"

	"github.com/callbackd/callbackd/callback"
	"github.com/callbackd/callbackd/callback/dispatch"
	"github.com/callbackd/callbackd/callback/queue"
)

//go:embed estimate.sql
var estimateStatement string

// lately is what estimate.sql gives: how a contact and a skill stand, and how its last offers went.
type lately struct {
	LoggedIn  int     `db:"logged_in"`
	Available int     `db:"available"`
	AtWork    float64 `db:"at_work"`
	Position  int     `db:"position"`
	Handled   int     `db:"handled"` // offers that were accepted
	Refused   int     `db:"refused"`
	Live      int     `db:"live"`    // those of Handled who were on the line
	Busy      float64 `db:"busy"`    // seconds, of all the offers
	GaveUp    int     `db:"gave_up"` // who were on the line
	Waited    float64 `db:"waited"`  // seconds, those who were answered on the line and those who gave up, in all
}

// Estimate says how long the contact is likely to wait, or one who would be queued now with the skill's own
// priority; see [queue.Figures.Estimate]. An agent with several skills is at work for this one with the part
// of the contacts that were of it in the last half hour.
func (s *Store) Estimate(ctx context.Context, skill callback.Skill, contact callback.ContactID) (dispatch.Estimate, error) {
	prepared, err := s.prepared.get(ctx, estimateStatement)
	if err != nil {
		return dispatch.Estimate{}, fmt.Errorf("estimating the wait in %s: %w", skill.Name, err)
	}
	var found lately
	p := skill.Priority
	err = prepared.GetContext(ctx, &found, skill.Name, int64(contact), queue.SampleSize, p.Initial, p.Acceleration, p.Maximum)
	if err != nil {
		return dispatch.Estimate{}, fmt.Errorf("estimating the wait in %s: %w", skill.Name, err)
	}
	wait, confidence := found.figures(skill).Estimate()
	return dispatch.Estimate{Wait: wait, Confidence: confidence, LoggedIn: found.LoggedIn, Position: found.Position}, nil
}

func (l lately) figures(skill callback.Skill) queue.Figures {
	f := queue.Figures{
		Position: l.Position, LoggedIn: l.LoggedIn, AtWork: l.AtWork, Available: l.Available, Handled: l.Handled,
	}
	if l.Handled > 0 {
		busy := time.Duration(l.Busy*float64(time.Second)) + time.Duration(l.Refused)*skill.RefusedTime
		f.Handling = busy/time.Duration(l.Handled) + skill.AfterCallWork
		f.Live = float64(l.Live) / float64(l.Handled)
	}
	if l.Waited > 0 {
		f.GivingUp = float64(l.GaveUp) / l.Waited
	}
	return f
}
