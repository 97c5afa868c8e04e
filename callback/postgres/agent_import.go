package postgres

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"github.com/jmoiron/sqlx"
	"github.com/lib/pq/pqerror"
)

// Imported says what an import has made of an agent.
type Imported string

// What an import makes of an agent.
const (
	ImportAdded     Imported = "added"
	ImportChanged   Imported = "changed"
	ImportUnchanged Imported = "unchanged"
)

// ImportAgents adds agents, logged out, or gives those who are there the skills that they lack; what else
// they have stays, a name among it. All of them are saved, or none where one can't be. It says of each what
// it has made.
func (s *Store) ImportAgents(ctx context.Context, agents []Agent) ([]Imported, error) {
	made := make([]Imported, len(agents))
	err := s.transact(ctx, func(tx *sqlx.Tx) error {
		for i, agent := range agents {
			var err error
			if made[i], err = importAgent(ctx, tx, agent); err != nil {
				return fmt.Errorf("importing agent %s: %w", agent.Extension, err)
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	s.notifier.poke()
	return made, nil
}

func importAgent(ctx context.Context, tx *sqlx.Tx, agent Agent) (Imported, error) {
	made, err := importPerson(ctx, tx, agent)
	if err != nil {
		return "", err
	}
	for _, skill := range agent.Skills {
		changed, err := tx.ExecContext(ctx, `
			INSERT INTO agent_skill AS s (agent, skill, proficiency) VALUES ($1, $2, $3)
			ON CONFLICT (skill, agent) DO UPDATE SET proficiency = excluded.proficiency
			WHERE s.proficiency <> excluded.proficiency`,
			agent.Extension, skill.Skill, skill.Proficiency)
		if err != nil {
			return "", err
		}
		if n, err := changed.RowsAffected(); err != nil || n == 0 {
			if err != nil {
				return "", err
			}
			continue
		}
		if made == ImportUnchanged {
			made = ImportChanged
		}
	}
	return made, nil
}

// importPerson adds the agent without skills, or gives one who has no name theirs.
func importPerson(ctx context.Context, tx *sqlx.Tx, agent Agent) (Imported, error) {
	var there struct {
		Name     string `db:"name"`
		Endpoint string `db:"endpoint"`
	}
	err := tx.GetContext(ctx, &there, "SELECT name, endpoint FROM agent WHERE extension = $1 FOR UPDATE", agent.Extension)
	switch {
	case errors.Is(err, sql.ErrNoRows):
		_, err := tx.ExecContext(ctx, "INSERT INTO agent (extension, name, endpoint) VALUES ($1, $2, $3)",
			agent.Extension, agent.Name, agent.Endpoint)
		if violates(err, pqerror.UniqueViolation, "agent_endpoint_key") {
			err = fmt.Errorf("another agent has the endpoint %s", agent.Endpoint)
		}
		return ImportAdded, err
	case err != nil:
		return "", err
	case there.Endpoint != agent.Endpoint:
		return "", fmt.Errorf("the agent is there, with the endpoint %s and not %s", there.Endpoint, agent.Endpoint)
	case there.Name != "" || agent.Name == "":
		return ImportUnchanged, nil
	}
	_, err = tx.ExecContext(ctx, "UPDATE agent SET name = $2 WHERE extension = $1", agent.Extension, agent.Name)
	return ImportChanged, err
}
