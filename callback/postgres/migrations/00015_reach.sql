-- Which phones can be rung where, so that each node knows the agents of the others.

-- +goose Up
CREATE TABLE reach (
    endpoint text NOT NULL CHECK (endpoint <> ''),
    node     text NOT NULL REFERENCES node,
    PRIMARY KEY (endpoint, node)
);
CREATE INDEX reach_of_node ON reach (node);
COMMENT ON TABLE reach IS 'The phones that can be rung now: one row for each node in which Asterisk says so; what stands here of a node whose lease is over counts for nothing';
COMMENT ON COLUMN reach.endpoint IS 'What Asterisk dials to ring the agent, as in PJSIP/1001';
COMMENT ON COLUMN reach.node IS 'The node that can ring it';

-- Those who wait for one agent are looked for apart from the others.
CREATE INDEX class_targeted ON class (target_agent, skill, node) WHERE target_agent <> '';
