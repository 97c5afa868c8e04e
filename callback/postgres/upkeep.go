package postgres

import (
	"context"
	"fmt"
)

// monthsAhead is how many coming months have their partition of the history; the daemon makes them
// when it starts and once a day, so it may be away for that long.
const monthsAhead = 3

// EnsurePartitions makes the history's partitions of this month and the coming ones, where they are
// missing. Facts that have been written meanwhile move into theirs.
func (s *Store) EnsurePartitions(ctx context.Context) error {
	if _, err := s.db.ExecContext(ctx, "SELECT ensure_fact_partitions($1)", monthsAhead); err != nil {
		return fmt.Errorf("making the partitions of the history: %w", err)
	}
	return nil
}
