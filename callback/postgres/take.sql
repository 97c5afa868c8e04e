-- Makes offers: their rows and legs, a fact each, and the agents' activity. $4 is an array of them in the order in
-- which they are to be made, each with the place as it was found. An offer is made where its place is still that and
-- no other transaction has it locked; none is made from the first one on whose agent can't be had, since that
-- contact comes before those behind it. $1 node, $2 holder, $3 epoch of the lease.
WITH lease AS MATERIALIZED (
    SELECT name FROM node
    WHERE name = $1 AND holder = $2 AND epoch = $3 AND expires_at > clock_timestamp()
    FOR KEY SHARE
), wanted AS MATERIALIZED (
    SELECT number, (pair ->> 'contact_id')::bigint AS contact_id, (pair ->> 'class_id')::bigint AS class_id,
           (pair ->> 'queued_at')::timestamptz AS queued_at, pair -> 'offer' ->> 'agent' AS agent,
           pair -> 'offer' AS offer, pair -> 'leg' AS leg
    FROM jsonb_array_elements($4::jsonb) WITH ORDINALITY AS given (pair, number)
    WHERE EXISTS (SELECT FROM lease)
), had AS MATERIALIZED (
    SELECT a.extension, a.presence, a.activity, a.activity_until
    FROM agent a
    WHERE a.extension = ANY (ARRAY (SELECT agent FROM wanted))
      AND a.presence = 'available'
      AND (a.activity = 'free' OR a.activity_until <= clock_timestamp() OR a.activity = 'working_outbound' AND a.outbound_node = $1)
    FOR NO KEY UPDATE SKIP LOCKED
), hoped AS MATERIALIZED (
    SELECT wanted.*
    FROM wanted
    WHERE number < coalesce((SELECT min(number) FROM wanted WHERE agent NOT IN (SELECT extension FROM had)), number + 1)
), found AS MATERIALIZED (
    SELECT p.contact_id, p.class_id, p.queued_at
    FROM place p
    WHERE p.contact_id = ANY (ARRAY (SELECT contact_id FROM hoped)) AND p.offerable AND p.offer IS NULL
    FOR UPDATE SKIP LOCKED
), taken AS MATERIALIZED (
    SELECT hoped.* FROM hoped JOIN found USING (contact_id, class_id, queued_at)
), offered AS (
    INSERT INTO offer (contact_id, channel, agent, endpoint, skill, kind, result, offered_at, accepted_at, ended_at,
                       ring_until, join_until, whisper, agent_joined, contact_joined)
    SELECT taken.contact_id, j.channel, j.agent, j.endpoint, j.skill, j.kind, j.result, j.offered_at, j.accepted_at, j.ended_at,
           j.ring_until, j.join_until, j.whisper, j.agent_joined, j.contact_joined
    FROM taken, jsonb_populate_record(NULL::offer, taken.offer) j
    RETURNING contact_id, channel, agent, kind, offered_at
), leg AS (
    INSERT INTO leg (contact_id, channel, node, party, direction, from_number, to_number, endpoint,
                     created_at, dialling_at, answered_at, hangup_at, ended_at, cause)
    SELECT taken.contact_id, j.channel, j.node, j.party, j.direction, j.from_number, j.to_number, j.endpoint,
           j.created_at, j.dialling_at, j.answered_at, j.hangup_at, j.ended_at, j.cause
    FROM taken, jsonb_populate_record(NULL::leg, taken.leg) j
), place AS (
    UPDATE place p SET offer = offered.channel FROM offered WHERE p.contact_id = offered.contact_id
), fact AS (
    INSERT INTO fact (contact_id, at, kind, data)
    SELECT contact_id, offered_at, 'offered', jsonb_build_object('agent', agent, 'kind', kind) FROM offered
), agent AS (
    UPDATE agent a
    SET activity = 'offered', activity_until = NULL, activity_since = clock_timestamp(), outbound_node = NULL
    FROM taken WHERE a.extension = taken.agent
), history AS (
    INSERT INTO agent_history (at, agent, presence, activity, reason, asked_by, contact_id)
    -- What the agent did before, where it is over and nobody has noted it yet.
    SELECT had.activity_until, had.extension, had.presence, 'free', 'the time of ' || had.activity || ' is over', 'callbackd', NULL
    FROM had JOIN taken ON taken.agent = had.extension WHERE had.activity_until IS NOT NULL
    UNION ALL
    SELECT clock_timestamp(), had.extension, had.presence, 'free', 'the call of their own is over', 'callbackd', NULL::bigint
    FROM had JOIN taken ON taken.agent = had.extension WHERE had.activity = 'working_outbound'
    UNION ALL
    SELECT clock_timestamp(), had.extension, had.presence, 'offered', '', 'callbackd', taken.contact_id
    FROM had JOIN taken ON taken.agent = had.extension
)
SELECT (SELECT count(*) FROM lease) AS leases,
       ARRAY (SELECT contact_id FROM taken) AS contacts,
       ARRAY (SELECT contact_id FROM hoped WHERE contact_id NOT IN (SELECT contact_id FROM taken)) AS lost_contacts,
       ARRAY (SELECT agent FROM wanted WHERE agent NOT IN (SELECT extension FROM had)) AS lost_agents
