package main

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"github.com/callbackd/callbackd/callback/postgres"
)

// upkeepPause is between two rounds of upkeep; what they do has months of time.
const upkeepPause = 24 * time.Hour

// upkeep keeps the database in shape, now and then until ctx ends. A round that fails is logged and
// made up for by the next.
func upkeep(ctx context.Context, store *postgres.Store, log *slog.Logger) error {
	ticker := time.NewTicker(upkeepPause)
	defer ticker.Stop()
	for {
		_, err := store.ForgetEmptyClasses(ctx)
		if err = errors.Join(err, store.EnsurePartitions(ctx)); err != nil && ctx.Err() == nil {
			log.Warn("the database's upkeep failed; it is tried again tomorrow", "error", err)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-ticker.C:
		}
	}
}
