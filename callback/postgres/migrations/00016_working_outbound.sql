-- Calls of the agents' own.

-- +goose Up
ALTER TABLE agent DROP CONSTRAINT agent_activity_check;
ALTER TABLE agent ADD CONSTRAINT agent_activity_check
    CHECK (activity IN ('free', 'offered', 'working_inbound', 'working_callback', 'working_outbound', 'after_call', 'refused'));
ALTER TABLE agent ADD COLUMN outbound_node text REFERENCES node;
ALTER TABLE agent ADD CONSTRAINT agent_outbound_where_seen CHECK ((outbound_node IS NOT NULL) = (activity = 'working_outbound'));
COMMENT ON COLUMN agent.activity IS 'What the agent is doing: free, offered (the phone rings), working_inbound, working_callback, working_outbound (the phone is in use with a call that is not ours), after_call or refused';
COMMENT ON COLUMN agent.outbound_node IS 'The node that sees the phone in use, while the agent is working_outbound; when nobody holds it, the agent is free';

-- +goose StatementBegin
CREATE OR REPLACE FUNCTION agent_state(presence text, activity text, activity_until timestamptz, at timestamptz)
RETURNS text LANGUAGE sql IMMUTABLE AS $$
    SELECT CASE
        WHEN activity IN ('offered', 'working_inbound', 'working_callback', 'working_outbound') THEN activity
        WHEN presence <> 'available' THEN presence
        WHEN activity_until > at THEN activity
        ELSE 'available'
    END
$$;
-- +goose StatementEnd
