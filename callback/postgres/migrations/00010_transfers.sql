-- What becomes of a call that an agent, or somebody else, sends on.

-- +goose Up
ALTER TABLE contact DROP CONSTRAINT contact_outcome_check;
ALTER TABLE contact ADD CONSTRAINT contact_outcome_check
    CHECK (outcome IN ('served', 'abandoned', 'not_reached', 'hung_up', 'given_back', 'taken_over', 'cancelled', 'transferred'));
ALTER TABLE leg DROP CONSTRAINT leg_party_check;
ALTER TABLE leg ADD CONSTRAINT leg_party_check CHECK (party IN ('contact', 'agent', 'transfer'));
ALTER TABLE leg ADD COLUMN left_at timestamptz;
COMMENT ON COLUMN contact.outcome IS 'How it ended: served, abandoned, not_reached, hung_up, given_back, taken_over, cancelled or transferred; empty while it is open';
COMMENT ON COLUMN contact.ended_at IS 'When it got its outcome; a leg may end a little later, and one of a transferred call much later';
COMMENT ON COLUMN leg.party IS 'Whose leg it is: contact, agent, or transfer: whom the agent has transferred the contact to';
COMMENT ON COLUMN leg.left_at IS 'When somebody sent it elsewhere in Asterisk; only its end is still recorded then';
