-- what belongs to the contact in saved; nothing is written if that is empty
legs AS (
    INSERT INTO leg (contact_id, channel, node, party, direction, from_number, to_number, endpoint,
                     created_at, dialling_at, answered_at, hangup_at, left_at, ended_at, cause)
    SELECT saved.id, j.channel, j.node, j.party, j.direction, j.from_number, j.to_number, j.endpoint,
           j.created_at, j.dialling_at, j.answered_at, j.hangup_at, j.left_at, j.ended_at, j.cause
    FROM saved, jsonb_populate_recordset(NULL::leg, $1::jsonb -> 'legs') j
    ON CONFLICT (contact_id, channel) DO UPDATE
    SET from_number = excluded.from_number, dialling_at = excluded.dialling_at, answered_at = excluded.answered_at, hangup_at = excluded.hangup_at,
        left_at = excluded.left_at, ended_at = excluded.ended_at, cause = excluded.cause
), offers AS (
    INSERT INTO offer (contact_id, channel, agent, endpoint, skill, kind, result, offered_at, accepted_at, ended_at,
                       ring_until, join_until, whisper, agent_joined, contact_joined)
    SELECT saved.id, j.channel, j.agent, j.endpoint, j.skill, j.kind, j.result, j.offered_at, j.accepted_at, j.ended_at,
           j.ring_until, j.join_until, j.whisper, j.agent_joined, j.contact_joined
    FROM saved, jsonb_populate_recordset(NULL::offer, $1::jsonb -> 'offer') j
    ON CONFLICT (channel) DO UPDATE
    SET contact_id = excluded.contact_id, kind = excluded.kind, result = excluded.result, accepted_at = excluded.accepted_at, ended_at = excluded.ended_at,
        ring_until = excluded.ring_until, join_until = excluded.join_until, whisper = excluded.whisper,
        agent_joined = excluded.agent_joined, contact_joined = excluded.contact_joined
), attempts AS (
    INSERT INTO attempt (contact_id, number, agent, channel, phone_number, caller_id, outcome, cause, counts, rang, created,
                         due_at, started_at, dialling_at, answered_at, ended_at, ring_until)
    SELECT saved.id, j.number, j.agent, j.channel, j.phone_number, j.caller_id, j.outcome, j.cause, j.counts, j.rang, j.created,
           j.due_at, j.started_at, j.dialling_at, j.answered_at, j.ended_at, j.ring_until
    FROM saved, jsonb_populate_recordset(NULL::attempt, $1::jsonb -> 'attempt') j
    ON CONFLICT (contact_id, number) DO UPDATE
    SET channel = excluded.channel, outcome = excluded.outcome, cause = excluded.cause, counts = excluded.counts,
        rang = excluded.rang, created = excluded.created, due_at = excluded.due_at, dialling_at = excluded.dialling_at,
        answered_at = excluded.answered_at, ended_at = excluded.ended_at, ring_until = excluded.ring_until
), wanted AS MATERIALIZED (
    SELECT saved.id, j.class_id, j.queued_at, j.ready_at, j.held, j.any_agent, $1::jsonb ->> 'ended_offer' AS ended_offer,
           $1::jsonb ->> 'taken_offer' AS taken_offer,
           NOT j.held AND (j.ready_at IS NULL OR j.ready_at <= clock_timestamp()) AS offerable
    FROM saved, jsonb_populate_recordset(NULL::place, $1::jsonb -> 'place') j
-- A place that stays as it is must not be locked: a match would pass it over.
), moved AS (
    UPDATE place p
    SET class_id = w.class_id, queued_at = w.queued_at, ready_at = w.ready_at, held = w.held, any_agent = w.any_agent,
        offerable = w.offerable,
        offer = coalesce(w.taken_offer, nullif(p.offer, w.ended_offer))
    FROM wanted w
    WHERE p.contact_id = w.id
      AND (p.class_id, p.queued_at, p.ready_at, p.held, p.any_agent, p.offer)
          IS DISTINCT FROM (w.class_id, w.queued_at, w.ready_at, w.held, w.any_agent,
                            coalesce(w.taken_offer, nullif(p.offer, w.ended_offer)))
    RETURNING p.contact_id
), queued AS (
    INSERT INTO place (contact_id, class_id, queued_at, ready_at, held, any_agent, offerable, offer)
    SELECT w.id, w.class_id, w.queued_at, w.ready_at, w.held, w.any_agent, w.offerable, w.taken_offer
    FROM wanted w
    WHERE NOT EXISTS (SELECT FROM place p WHERE p.contact_id = w.id)
    RETURNING contact_id
), left_queue AS (
    DELETE FROM place p USING saved
    WHERE p.contact_id = saved.id AND NOT EXISTS (SELECT FROM wanted)
), facts AS (
    INSERT INTO fact (contact_id, at, kind, data)
    SELECT saved.id, j.at, j.kind, j.data
    FROM saved, ROWS FROM (jsonb_to_recordset($1::jsonb -> 'facts') AS (at timestamptz, kind text, data jsonb)) WITH ORDINALITY
         AS j (at, kind, data, n)
    ORDER BY j.n
), changes AS MATERIALIZED (
    SELECT saved.id, j.*
    FROM saved, ROWS FROM (jsonb_to_recordset($1::jsonb -> 'agents')
                           AS (agent text, activity text, until timestamptz, reason text, most_refusals integer)) WITH ORDINALITY
         AS j (agent, activity, until, reason, most_refusals, n)
), agents AS (
    UPDATE agent a
    SET activity = last.activity, activity_until = last.until, activity_since = clock_timestamp(), outbound_node = NULL,
        idle_since = CASE WHEN last.activity = 'free' THEN clock_timestamp() ELSE coalesce(last.until, a.idle_since) END,
        refusals = CASE WHEN last.too_many OR last.activity IN ('working_inbound', 'working_callback') THEN 0
                        WHEN last.activity = 'refused' THEN a.refusals + 1
                        ELSE a.refusals END,
        presence = CASE WHEN last.too_many THEN 'unavailable' ELSE a.presence END,
        presence_reason = CASE WHEN last.too_many THEN 'offers not accepted' ELSE a.presence_reason END,
        presence_since = CASE WHEN last.too_many THEN clock_timestamp() ELSE a.presence_since END
    FROM (SELECT DISTINCT ON (c.agent) c.*, was.presence = 'available' AND c.activity = 'refused'
                                            AND c.most_refusals > 0 AND was.refusals + 1 >= c.most_refusals AS too_many
          FROM changes c JOIN agent was ON was.extension = c.agent ORDER BY c.agent, c.n DESC) last
    WHERE a.extension = last.agent
    RETURNING a.extension, a.presence, last.n, last.too_many
), agents_history AS (
    INSERT INTO agent_history (agent, presence, activity, reason, asked_by, contact_id)
    SELECT changes.agent, a.presence, changes.activity,
           CASE WHEN a.too_many AND changes.n = a.n THEN 'offers not accepted' ELSE changes.reason END, 'callbackd', changes.id
    FROM changes JOIN agents a ON a.extension = changes.agent
    ORDER BY changes.n
)
SELECT (SELECT count(*) FROM lease) AS leases,
       (SELECT id FROM saved) AS id,
       EXISTS (SELECT FROM moved) OR EXISTS (SELECT FROM queued) OR EXISTS (SELECT FROM agents) AS awaken
