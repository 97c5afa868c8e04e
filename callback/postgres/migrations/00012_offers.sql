-- What becomes of an offer that its agent does not accept.

-- +goose Up
ALTER TABLE place ADD COLUMN any_agent boolean NOT NULL DEFAULT false;
COMMENT ON COLUMN place.any_agent IS 'It goes to any agent with the skill once the agent that it waits for has not accepted, or is away';
-- Those whose agent may be away; the daemons look for them all the time.
CREATE INDEX place_or_any ON place (queued_at) WHERE any_agent AND offerable AND offer IS NULL;

ALTER TABLE agent ADD COLUMN refusals integer NOT NULL DEFAULT 0 CHECK (refusals >= 0);
COMMENT ON COLUMN agent.refusals IS 'How many offers in a row the agent has not accepted; a skill may make the agent unavailable after so many';
