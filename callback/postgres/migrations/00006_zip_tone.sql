-- What a script's Reqagent asks for beside the place.

-- +goose Up
ALTER TABLE contact ADD COLUMN zip_tone boolean NOT NULL DEFAULT false;
COMMENT ON COLUMN contact.zip_tone IS 'The agent hears a short tone before a live caller';
