-- What people ask for by hand: for contacts, and of agents who have left for good.

-- +goose Up
CREATE TABLE contact_request (
    id         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    contact_id bigint NOT NULL REFERENCES contact,
    kind       text NOT NULL CHECK (kind IN ('release', 'change', 'cancel')),
    arguments  jsonb NOT NULL DEFAULT '{}' CHECK (jsonb_typeof(arguments) = 'object'),
    asked_by   text NOT NULL CHECK (asked_by <> ''),
    asked_at   timestamptz NOT NULL DEFAULT clock_timestamp(),
    done_at    timestamptz,
    refused    text CHECK (refused <> ''),
    CONSTRAINT contact_request_refused_when_done CHECK (refused IS NULL OR done_at IS NOT NULL)
);
-- The daemons look for these all the time.
CREATE INDEX contact_request_open ON contact_request (id) WHERE done_at IS NULL;
CREATE INDEX contact_request_of_contact ON contact_request (contact_id, id);
COMMENT ON TABLE contact_request IS 'What people have asked for contacts by hand; the daemon that has the contact does it and says so here';
COMMENT ON COLUMN contact_request.id IS 'The order in which they were asked for';
COMMENT ON COLUMN contact_request.contact_id IS 'The contact that it is asked for';
COMMENT ON COLUMN contact_request.kind IS 'release: offer it again. change: of place and promise. cancel: end the callback';
COMMENT ON COLUMN contact_request.arguments IS 'What is to be changed, by name';
COMMENT ON COLUMN contact_request.asked_by IS 'Who asked for it';
COMMENT ON COLUMN contact_request.asked_at IS 'When it was asked for, by the clock of the database';
COMMENT ON COLUMN contact_request.done_at IS 'When it was done or refused, in the same transaction as what it has brought; empty: it stands';
COMMENT ON COLUMN contact_request.refused IS 'Why nothing was done; empty: it stands, or it was done';

ALTER TABLE contact DROP CONSTRAINT contact_outcome_check;
ALTER TABLE contact ADD CONSTRAINT contact_outcome_check
    CHECK (outcome IN ('served', 'abandoned', 'not_reached', 'hung_up', 'given_back', 'taken_over', 'cancelled'));
ALTER TABLE attempt DROP CONSTRAINT attempt_outcome_check;
ALTER TABLE attempt ADD CONSTRAINT attempt_outcome_check
    CHECK (outcome IN ('answered', 'no_answer', 'busy', 'rejected', 'failed', 'agent_left', 'taken_over', 'cancelled', 'unknown'));
COMMENT ON COLUMN contact.outcome IS 'How it ended: served, abandoned, not_reached, hung_up, given_back, taken_over or cancelled; empty while it is open';
COMMENT ON COLUMN attempt.outcome IS 'answered, no_answer, busy, rejected, failed, agent_left, taken_over, cancelled or unknown';
COMMENT ON COLUMN offer.join_until IS 'When the two could not be joined, or when the agent was told long enough of a callback that was cancelled; empty unless one of them is under way';

-- Those who wait for a person to look at them.
CREATE INDEX place_held ON place (contact_id) WHERE held;

-- The history of an agent stays when the agent is removed.
ALTER TABLE offer DROP CONSTRAINT offer_agent_fkey;
COMMENT ON COLUMN offer.agent IS 'The extension of the agent, who may have been removed since';
COMMENT ON COLUMN agent_history.presence IS 'The presence from then on; removed: there is no such agent from then on';
