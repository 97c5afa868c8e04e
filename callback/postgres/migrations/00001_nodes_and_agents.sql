-- Who serves: the nodes with their leases, the agents with their skills and what they did.

-- +goose Up
CREATE TABLE node (
    name       text PRIMARY KEY CHECK (name <> ''),
    holder     text CHECK (holder <> ''),
    epoch      bigint NOT NULL DEFAULT 0 CHECK (epoch >= 0),
    expires_at timestamptz,
    CONSTRAINT node_lease_whole CHECK ((holder IS NULL) = (expires_at IS NULL))
);
COMMENT ON TABLE node IS 'One row an Asterisk server, with the lease of the daemon that holds it';
COMMENT ON COLUMN node.name IS 'The name that the configuration gives this Asterisk server';
COMMENT ON COLUMN node.holder IS 'The daemon that holds the node: host, process and a random part; empty when it was given back';
COMMENT ON COLUMN node.epoch IS 'Rises whenever the holder changes; a daemon with an older one can save nothing';
COMMENT ON COLUMN node.expires_at IS 'When the lease is over unless it is renewed, by the clock of the database';

CREATE TABLE agent (
    extension       text PRIMARY KEY CHECK (extension <> ''),
    name            text NOT NULL DEFAULT '',
    endpoint        text NOT NULL UNIQUE CHECK (endpoint <> ''),
    presence        text NOT NULL DEFAULT 'logged_out'
                    CHECK (presence IN ('logged_out', 'available', 'unavailable')),
    presence_reason text NOT NULL DEFAULT '',
    presence_since  timestamptz NOT NULL DEFAULT now(),
    activity        text NOT NULL DEFAULT 'free'
                    CHECK (activity IN ('free', 'offered', 'working_inbound', 'working_callback', 'after_call', 'refused')),
    activity_until  timestamptz,
    activity_since  timestamptz NOT NULL DEFAULT now(),
    idle_since      timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT agent_until_where_it_ends CHECK ((activity_until IS NOT NULL) = (activity IN ('after_call', 'refused')))
);
COMMENT ON TABLE agent IS 'The people who take contacts, each on an extension of Asterisk';
COMMENT ON COLUMN agent.extension IS 'The number of the extension, and the name of the agent everywhere';
COMMENT ON COLUMN agent.name IS 'The name of the person';
COMMENT ON COLUMN agent.endpoint IS 'What Asterisk dials to ring the agent, as in PJSIP/1001';
COMMENT ON COLUMN agent.presence IS 'What the agent has asked for: logged_out, available or unavailable';
COMMENT ON COLUMN agent.presence_reason IS 'Why the agent is unavailable, where that was said';
COMMENT ON COLUMN agent.presence_since IS 'When the presence was last set';
COMMENT ON COLUMN agent.activity IS 'What the agent is doing: free, offered (the phone rings), working_inbound, working_callback, after_call or refused';
COMMENT ON COLUMN agent.activity_until IS 'When after_call or refused is over; the agent is free from then on though the row still says otherwise';
COMMENT ON COLUMN agent.activity_since IS 'When the activity began';
COMMENT ON COLUMN agent.idle_since IS 'From when the agent has been idle; among equals the longest idle is offered the contact';

CREATE TABLE agent_skill (
    agent       text NOT NULL REFERENCES agent ON DELETE CASCADE,
    skill       text NOT NULL CHECK (skill <> ''),
    proficiency integer NOT NULL CHECK (proficiency BETWEEN 1 AND 20),
    PRIMARY KEY (skill, agent)
);
CREATE INDEX agent_skill_of_agent ON agent_skill (agent);
COMMENT ON TABLE agent_skill IS 'Which agent serves which skill, and how well';
COMMENT ON COLUMN agent_skill.agent IS 'The extension of the agent';
COMMENT ON COLUMN agent_skill.skill IS 'The name of the skill, as the configuration has it';
COMMENT ON COLUMN agent_skill.proficiency IS 'From 1, the best, to 20';

CREATE TABLE agent_history (
    id         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    at         timestamptz NOT NULL DEFAULT clock_timestamp(),
    agent      text NOT NULL,
    presence   text NOT NULL,
    activity   text NOT NULL,
    reason     text NOT NULL DEFAULT '',
    asked_by   text NOT NULL CHECK (asked_by <> ''),
    contact_id bigint
);
CREATE INDEX agent_history_of_agent ON agent_history (agent, at);
COMMENT ON TABLE agent_history IS 'Each change of what an agent has asked for or is doing; rows are only ever added';
COMMENT ON COLUMN agent_history.id IS 'The order in which the changes were written';
COMMENT ON COLUMN agent_history.at IS 'When it changed, by the clock of the database';
COMMENT ON COLUMN agent_history.agent IS 'The extension of the agent';
COMMENT ON COLUMN agent_history.presence IS 'The presence from then on';
COMMENT ON COLUMN agent_history.activity IS 'The activity from then on';
COMMENT ON COLUMN agent_history.reason IS 'Why, where that is known: what the person gave, or the result of an offer';
COMMENT ON COLUMN agent_history.asked_by IS 'Who asked for it: a person, or callbackd where a call brought it';
COMMENT ON COLUMN agent_history.contact_id IS 'The contact that brought it; empty where a person asked';

-- +goose StatementBegin
CREATE FUNCTION agent_state(presence text, activity text, activity_until timestamptz, at timestamptz)
RETURNS text LANGUAGE sql IMMUTABLE AS $$
    SELECT CASE
        WHEN activity IN ('offered', 'working_inbound', 'working_callback') THEN activity
        WHEN presence <> 'available' THEN presence
        WHEN activity_until > at THEN activity
        ELSE 'available'
    END
$$;
-- +goose StatementEnd
COMMENT ON FUNCTION agent_state(text, text, timestamptz, timestamptz) IS
    'The one word that says how an agent stands at a moment: a call that is under way first, then what the agent has asked for';
