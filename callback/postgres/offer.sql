-- Makes the offer in $2 to the contact $1: its row, its leg, a fact, and the agent's activity.
WITH offered AS (
    INSERT INTO offer (contact_id, channel, agent, endpoint, skill, kind, result, offered_at, accepted_at, ended_at,
                       ring_until, join_until, whisper, agent_joined, contact_joined)
    SELECT $1, j.channel, j.agent, j.endpoint, j.skill, j.kind, j.result, j.offered_at, j.accepted_at, j.ended_at,
           j.ring_until, j.join_until, j.whisper, j.agent_joined, j.contact_joined
    FROM jsonb_populate_record(NULL::offer, $2::jsonb -> 'offer') j
    RETURNING channel, agent, kind, offered_at
), leg AS (
    INSERT INTO leg (contact_id, channel, node, party, direction, from_number, to_number, endpoint,
                     created_at, dialling_at, answered_at, hangup_at, ended_at, cause)
    SELECT $1, j.channel, j.node, j.party, j.direction, j.from_number, j.to_number, j.endpoint,
           j.created_at, j.dialling_at, j.answered_at, j.hangup_at, j.ended_at, j.cause
    FROM jsonb_populate_record(NULL::leg, $2::jsonb -> 'leg') j
), place AS (
    UPDATE place SET offer = offered.channel FROM offered WHERE place.contact_id = $1
), fact AS (
    INSERT INTO fact (contact_id, at, kind, data)
    SELECT $1, offered_at, 'offered', jsonb_build_object('agent', agent, 'kind', kind) FROM offered
), ended AS (
    -- What the agent did before, where its time is over and nobody has noted it yet.
    SELECT a.extension, a.presence, a.activity, a.activity_until
    FROM agent a JOIN offered ON a.extension = offered.agent WHERE a.activity_until IS NOT NULL
), agent AS (
    UPDATE agent a
    SET activity = 'offered', activity_until = NULL, activity_since = clock_timestamp()
    FROM offered WHERE a.extension = offered.agent
    RETURNING a.extension, a.presence
)
INSERT INTO agent_history (at, agent, presence, activity, reason, asked_by, contact_id)
SELECT activity_until, extension, presence, 'free', 'the time of ' || activity || ' is over', 'callbackd', NULL FROM ended
UNION ALL
SELECT clock_timestamp(), extension, presence, 'offered', '', 'callbackd', $1 FROM agent
