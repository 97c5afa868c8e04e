-- What the scripts' actions need: takeovers, languages, the state of the queue from its indexes, and
-- which script runs where.

-- +goose Up
ALTER TABLE contact DROP CONSTRAINT contact_outcome_check;
ALTER TABLE contact ADD CONSTRAINT contact_outcome_check
    CHECK (outcome IN ('served', 'abandoned', 'not_reached', 'hung_up', 'given_back', 'taken_over'));
ALTER TABLE attempt DROP CONSTRAINT attempt_outcome_check;
ALTER TABLE attempt ADD CONSTRAINT attempt_outcome_check
    CHECK (outcome IN ('answered', 'no_answer', 'busy', 'rejected', 'failed', 'agent_left', 'taken_over', 'unknown'));
ALTER TABLE contact ADD COLUMN language text NOT NULL DEFAULT '';
COMMENT ON COLUMN contact.outcome IS 'How it ended: served, abandoned, not_reached, hung_up, given_back or taken_over; empty while it is open';
COMMENT ON COLUMN contact.script_version IS 'The version of that script with which it began; see script_version';
COMMENT ON COLUMN contact.language IS 'The language of its call, as Asterisk names languages; empty where it is not known';
COMMENT ON COLUMN attempt.outcome IS 'answered, no_answer, busy, rejected, failed, agent_left, taken_over or unknown';
COMMENT ON COLUMN offer.contact_id IS 'The contact; a takeover gives an agent who has accepted to another';

CREATE TABLE script_current (
    node    text NOT NULL REFERENCES node,
    name    text NOT NULL,
    version text NOT NULL,
    since   timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (node, name),
    FOREIGN KEY (name, version) REFERENCES script_version
);
COMMENT ON TABLE script_current IS 'The scripts that new contacts of a node begin with';
COMMENT ON COLUMN script_current.node IS 'The node';
COMMENT ON COLUMN script_current.name IS 'The name of the script, as the dialplan gives it';
COMMENT ON COLUMN script_current.version IS 'Its version; see script_version';
COMMENT ON COLUMN script_current.since IS 'From when new contacts of the node have begun with it';

-- How fast a skill has answered lately.
CREATE INDEX offer_answers ON offer (skill, accepted_at) WHERE accepted_at IS NOT NULL;
-- How many stand before a moment of queueing in a class, held ones and those being offered among them.
-- contact_id is no part of the order, so that a match never takes this for the index of the queue.
DROP INDEX place_of_class;
CREATE INDEX place_of_class ON place (class_id, queued_at) INCLUDE (contact_id);

-- +goose StatementBegin
CREATE FUNCTION places_ahead(in_skill text, own_steps bigint, own_queued_at timestamptz, own_contact_id bigint, at timestamptz)
RETURNS bigint LANGUAGE sql STABLE AS $$
    -- Inside a class the priority only falls from the earlier to the later, so those ahead are the ones
    -- before a bound: all whose priority is higher than own_steps, and of those with just that priority the
    -- ones who stand earlier.
    SELECT coalesce(sum(counted.n), 0)::bigint
    FROM class k
    CROSS JOIN LATERAL (
        -- the least microseconds of waiting that bring a priority above own_steps, and to own_steps; null: none do
        SELECT CASE WHEN k.maximum * 60000000::bigint <= own_steps THEN NULL
                    WHEN k.initial * 60000000::bigint > own_steps THEN 0
                    WHEN k.acceleration = 0 THEN NULL
                    ELSE (own_steps - k.initial * 60000000::bigint) / k.acceleration + 1 END AS above,
               CASE WHEN k.maximum * 60000000::bigint < own_steps THEN NULL
                    WHEN k.initial * 60000000::bigint >= own_steps THEN 0
                    WHEN k.acceleration = 0 THEN NULL
                    ELSE (own_steps - k.initial * 60000000::bigint + k.acceleration - 1) / k.acceleration END AS level
    ) AS waited
    CROSS JOIN LATERAL (
        -- Who was queued at a moment to come has waited 0. Nobody has waited for 9e15 microseconds, which
        -- keeps the moments in the range of the type and of exact arithmetic.
        SELECT CASE WHEN above IS NULL THEN '-infinity' WHEN above = 0 THEN 'infinity'
                    ELSE at - least(above, 9000000000000000) * interval '1 microsecond' END AS above,
               CASE WHEN level IS NULL THEN '-infinity' WHEN level = 0 THEN 'infinity'
                    ELSE at - least(level, 9000000000000000) * interval '1 microsecond' END AS level
    ) AS last
    CROSS JOIN LATERAL (
        SELECT count(*) AS n FROM place p
        WHERE p.class_id = k.id
          AND (p.queued_at, p.contact_id) <
              (CASE WHEN own_queued_at <= last.above THEN last.above
                    WHEN own_queued_at <= last.level THEN own_queued_at
                    ELSE last.level END,
               CASE WHEN own_queued_at > last.above AND own_queued_at <= last.level THEN own_contact_id
                    ELSE 9223372036854775807 END)
    ) AS counted
    WHERE k.skill = in_skill
$$;
-- +goose StatementEnd
COMMENT ON FUNCTION places_ahead(text, bigint, timestamptz, bigint, timestamptz) IS
    'How many places of a skill stand before one with that priority in steps, moment of queueing and contact, at a moment';
