-- All that can be brought together now: for each kind of contact that a free agent can serve (a skill, a target
-- agent or none, a live caller's node or none) the first so many as there are agents for it, and those agents.
-- Nothing is locked. due: places have become ready, and the index does not know it yet.
-- $1 node, $2 holder, $3 epoch of the lease; $4 the endpoints that this node can ring; $5 the contacts and $6 the
-- agents to pass over; $7 how many contacts of each kind to give beside those.
WITH lease AS MATERIALIZED (
    SELECT name FROM node
    WHERE name = $1 AND holder = $2 AND epoch = $3 AND expires_at > clock_timestamp()
), clock AS MATERIALIZED (
    SELECT clock_timestamp() AS now
-- Nobody is offered whom somebody has asked to cancel, change or release, before that is done.
), passed AS MATERIALIZED (
    SELECT $5::bigint[] || ARRAY (SELECT contact_id FROM contact_request WHERE done_at IS NULL) AS contacts
), oldest AS MATERIALIZED (
    SELECT greatest((extract(epoch FROM clock.now - first.queued_at) * 1000000)::bigint, 0) AS waited -- microseconds
    FROM clock, (SELECT queued_at FROM place WHERE offerable AND offer IS NULL ORDER BY queued_at LIMIT 1) first
), phone AS MATERIALIZED (
    SELECT endpoint, $1 AS node FROM unnest($4::text[]) endpoint WHERE EXISTS (SELECT FROM oldest)
    UNION ALL
    SELECT r.endpoint, r.node
    FROM clock, node n JOIN reach r ON r.node = n.name AND r.epoch = n.epoch
    WHERE n.name <> $1 AND n.expires_at > clock.now AND EXISTS (SELECT FROM oldest)
), ready AS MATERIALIZED (
    SELECT a.extension, a.endpoint, a.idle_since, phone.node
    FROM clock, phone JOIN agent a ON a.endpoint = phone.endpoint
    WHERE a.presence = 'available'
      -- Where the phone can be rung, a call that this node has seen on it is over.
      AND (a.activity = 'free' OR a.activity_until <= clock.now OR a.activity = 'working_outbound' AND a.outbound_node = phone.node)
      AND a.extension <> ALL ($6::text[]) AND EXISTS (SELECT FROM lease)
-- The open offer is looked for in a query of its own, so that Postgres never joins with all that are open.
), free AS MATERIALIZED (
    SELECT ready.*, s.skill, s.proficiency
    FROM ready JOIN agent_skill s ON s.agent = ready.extension
    WHERE (SELECT o.channel FROM offer o WHERE o.agent = ready.extension AND o.ended_at IS NULL) IS NULL
-- An agent counts once for each node, and so perhaps too often: then more contacts are given than can be served.
), kind AS MATERIALIZED (
    SELECT skill, '' AS target_agent, kind.node, least(count(*), {most}) + $7::int AS able
    FROM free, LATERAL (VALUES (''), (free.node)) kind (node)
    GROUP BY skill, kind.node
    UNION ALL
    SELECT DISTINCT k.skill, k.target_agent, k.node, 1 + $7::int
    FROM free JOIN class k ON k.skill = free.skill AND k.target_agent = free.extension
    WHERE k.target_agent <> '' AND k.node IN ('', free.node)
), waiting AS MATERIALIZED (
    SELECT one.*
    FROM kind CROSS JOIN oldest CROSS JOIN clock CROSS JOIN LATERAL (
        -- bound: the priority of the class if its head had waited as long as the oldest of all; as priority_at has it
        WITH candidate AS MATERIALIZED (
            SELECT k.*,
                   CASE WHEN k.acceleration > 0 AND oldest.waited > (k.maximum - k.initial::bigint) * 60000000 / k.acceleration
                        THEN k.maximum::bigint * 60000000
                        ELSE least(k.maximum::bigint * 60000000, k.initial::bigint * 60000000 + k.acceleration * oldest.waited)
                   END AS bound
            FROM class k
            WHERE k.skill = kind.skill AND k.target_agent = kind.target_agent AND k.node = kind.node
        -- The last that is wanted of the heads of those who promise most: classes that can't reach it are not looked at.
        ), reached AS MATERIALIZED (
            SELECT priority_at(k.initial, k.acceleration, k.maximum, head.queued_at, clock.now) AS steps
            FROM (SELECT * FROM candidate ORDER BY bound DESC LIMIT 15 + kind.able) k
            CROSS JOIN LATERAL (
                SELECT p.queued_at
                FROM place p
                WHERE p.class_id = k.id AND p.offerable AND p.offer IS NULL AND p.contact_id <> ALL ((SELECT contacts FROM passed)::bigint[])
                ORDER BY p.queued_at, p.contact_id
                LIMIT 1) head
            ORDER BY steps DESC OFFSET kind.able - 1 LIMIT 1
        -- No class whose head is behind so many other heads can have one of them.
        ), best AS MATERIALIZED (
            SELECT k.*
            FROM candidate k
            CROSS JOIN LATERAL (
                SELECT p.queued_at, p.contact_id
                FROM place p
                WHERE p.class_id = k.id AND p.offerable AND p.offer IS NULL AND p.contact_id <> ALL ((SELECT contacts FROM passed)::bigint[])
                ORDER BY p.queued_at, p.contact_id
                LIMIT 1) head
            WHERE k.bound >= coalesce((SELECT steps FROM reached), k.bound)
            ORDER BY priority_at(k.initial, k.acceleration, k.maximum, head.queued_at, clock.now) DESC, head.queued_at, head.contact_id
            LIMIT kind.able
        )
        SELECT p.contact_id, p.queued_at, p.ready_at, p.class_id, k.skill, k.target_agent, k.node, k.initial, k.acceleration, k.maximum
        FROM best k
        CROSS JOIN LATERAL (
            SELECT *
            FROM (
                -- A limit that Postgres knows beforehand, so that it does not plan for a tenth of the queue.
                SELECT p.contact_id, p.queued_at, p.ready_at, p.class_id
                FROM place p
                WHERE p.class_id = k.id AND p.offerable AND p.offer IS NULL AND p.contact_id <> ALL ((SELECT contacts FROM passed)::bigint[])
                ORDER BY p.queued_at, p.contact_id
                LIMIT {most} + {spare}) p
            LIMIT kind.able) p
        ORDER BY priority_at(k.initial, k.acceleration, k.maximum, p.queued_at, clock.now) DESC, p.queued_at, p.contact_id
        LIMIT kind.able) one
)
SELECT (SELECT count(*) FROM lease) AS leases,
       EXISTS (SELECT FROM place WHERE ready_at <= clock.now AND NOT offerable AND NOT held) AS due,
       clock.now,
       (SELECT coalesce(json_agg(waiting), '[]') FROM waiting) AS waiting,
       (SELECT coalesce(json_agg(free), '[]') FROM free WHERE skill IN (SELECT skill FROM waiting)) AS agents
FROM clock
