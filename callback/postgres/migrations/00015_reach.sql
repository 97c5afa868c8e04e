-- Which phones can be rung where, so that each node knows the agents of the others.

-- +goose Up
CREATE TABLE reach (
    endpoint text NOT NULL CHECK (endpoint <> ''),
    node     text NOT NULL REFERENCES node,
    epoch    bigint NOT NULL,
    PRIMARY KEY (endpoint, node)
);
CREATE INDEX reach_of_node ON reach (node);
COMMENT ON TABLE reach IS 'The phones that can be rung now: one row for each node in which Asterisk says so; what a holder has said counts until its lease is over or another one holds the node';
COMMENT ON COLUMN reach.endpoint IS 'What Asterisk dials to ring the agent, as in PJSIP/1001';
COMMENT ON COLUMN reach.node IS 'The node that can ring it';
COMMENT ON COLUMN reach.epoch IS 'That of the lease under which it was said';

-- Those who wait for one agent are looked for apart from the others.
CREATE INDEX class_targeted ON class (target_agent, skill, node) WHERE target_agent <> '';
