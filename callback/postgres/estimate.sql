-- What an estimate for the contact $2 in the skill $1 rests on; see queue.Figures. $3 offers are looked at, the
-- last that have ended. $4 to $6 are the priority of who is not in that queue: who would be queued now stands
-- behind everyone of the same moment.
WITH agents AS (
    SELECT count(*) AS logged_in,
           count(*) FILTER (WHERE agent_state(a.presence, a.activity, a.activity_until, now()) = 'available') AS available,
           sum(CASE WHEN a.presence <> 'available' THEN 0
                    WHEN able.skills = 1 THEN 1
                    -- the part of the contacts of the last half hour that were of the skill; one of each before the first
                    ELSE (SELECT (1 + count(*) FILTER (WHERE o.skill = $1))::float8 / (able.skills + count(*))
                          FROM offer o
                          WHERE o.agent = a.extension AND o.accepted_at > now() - interval '30 minutes')
               END) AS at_work
    FROM agent_skill s
    JOIN agent a ON a.extension = s.agent
    CROSS JOIN LATERAL (SELECT count(*) AS skills FROM agent_skill every WHERE every.agent = a.extension) able
    WHERE s.skill = $1 AND a.presence <> 'logged_out'
), sample AS MATERIALIZED (
    SELECT o.contact_id, o.kind, o.result, o.offered_at, o.accepted_at, o.ended_at
    FROM offer o
    WHERE o.skill = $1 AND o.ended_at IS NOT NULL
    ORDER BY o.ended_at DESC
    LIMIT $3
), lately AS (
    SELECT count(*) FILTER (WHERE accepted_at IS NOT NULL) AS handled,
           count(*) FILTER (WHERE result IN ('refused', 'no_answer', 'unreachable')) AS refused,
           count(*) FILTER (WHERE accepted_at IS NOT NULL AND kind = 'live') AS live,
           coalesce(sum(greatest(extract(epoch FROM ended_at - offered_at), 0)), 0)::float8 AS busy,
           min(ended_at) AS since
    FROM sample
)
SELECT coalesce(agents.logged_in, 0) AS logged_in, coalesce(agents.available, 0) AS available,
       coalesce(agents.at_work, 0) AS at_work,
       coalesce((SELECT places_ahead(k.skill, priority_at(k.initial, k.acceleration, k.maximum, p.queued_at, now()),
                                     p.queued_at, p.contact_id, now()) + 1
                 FROM place p JOIN class k ON k.id = p.class_id
                 WHERE p.contact_id = $2 AND k.skill = $1),
                places_ahead($1, priority_at($4, $5, $6, now(), now()), now(), 9223372036854775807, now()) + 1) AS position,
       lately.handled, lately.refused, lately.live, lately.busy,
       left_line.gave_up,
       -- how long those on the line have waited in all, who were answered and who gave up
       left_line.waited + coalesce((
           SELECT sum(greatest(extract(epoch FROM o.accepted_at - c.arrived_at), 0))
           FROM sample o JOIN contact c ON c.id = o.contact_id
           WHERE o.accepted_at IS NOT NULL AND o.kind = 'live'), 0)::float8 AS waited
FROM lately
CROSS JOIN agents
CROSS JOIN LATERAL (
    SELECT count(*) AS gave_up, coalesce(sum(extract(epoch FROM c.ended_at - c.arrived_at)), 0)::float8 AS waited
    FROM contact c
    WHERE c.skill = $1 AND c.outcome = 'abandoned' AND c.ended_at > lately.since) left_line
