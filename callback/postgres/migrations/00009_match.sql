-- What a match looks at beside the heads of the classes.

-- +goose Up
-- The place that has waited longest bounds the priority that any class can have reached. contact_id is no part
-- of it, so that a match never takes this for the index of the queue.
CREATE INDEX place_oldest ON place (queued_at) WHERE offerable AND offer IS NULL;
-- The classes that wait for others than those who are free cost nothing.
CREATE INDEX class_wanted ON class (skill, target_agent, node);
