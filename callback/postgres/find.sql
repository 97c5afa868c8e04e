-- The pair that comes first: the best place that a free agent can serve and no other transaction has locked, of
-- the first {heads}, and the best of its agents. Both rows are locked. due: places have become ready, and the index
-- does not know it yet. $1 node, $2 holder, $3 epoch of the lease; $4 the endpoints that can be rung; $5 and $6
-- skill and target agent of those to pass over.
WITH lease AS MATERIALIZED (
    SELECT name FROM node
    WHERE name = $1 AND holder = $2 AND epoch = $3 AND expires_at > clock_timestamp()
    FOR KEY SHARE
), clock AS MATERIALIZED (
    SELECT clock_timestamp() AS now
-- The open offer is looked for in a query of its own, so that Postgres never joins with all that are open.
), free AS MATERIALIZED (
    SELECT a.extension, s.skill, s.proficiency
    FROM agent a JOIN agent_skill s ON s.agent = a.extension, clock
    WHERE a.presence = 'available' AND a.endpoint = ANY ($4::text[])
      AND (a.activity = 'free' OR a.activity_until <= clock.now)
      AND (SELECT o.channel FROM offer o WHERE o.agent = a.extension AND o.ended_at IS NULL) IS NULL
      AND EXISTS (SELECT FROM lease)
), wanted AS MATERIALIZED (
    SELECT skill, '' AS target_agent FROM free
    UNION SELECT skill, extension FROM free
    EXCEPT SELECT * FROM unnest($5::text[], $6::text[])
), oldest AS MATERIALIZED (
    SELECT greatest((extract(epoch FROM clock.now - first.queued_at) * 1000000)::bigint, 0) AS waited -- microseconds
    FROM clock, (SELECT queued_at FROM place WHERE offerable AND offer IS NULL ORDER BY queued_at LIMIT 1) first
-- bound: the priority of the class if its head had waited as long as the oldest of all; as priority_at has it
), candidate AS MATERIALIZED (
    SELECT k.id AS class_id, k.skill, k.initial, k.acceleration, k.maximum, k.target_agent, k.node,
           CASE WHEN k.acceleration > 0 AND oldest.waited > (k.maximum - k.initial::bigint) * 60000000 / k.acceleration
                THEN k.maximum::bigint * 60000000
                ELSE least(k.maximum::bigint * 60000000, k.initial::bigint * 60000000 + k.acceleration * oldest.waited)
           END AS bound
    FROM oldest, wanted w JOIN class k ON k.skill = w.skill AND k.target_agent = w.target_agent
    WHERE k.node IN ('', $1)
-- The best head of those who promise most: classes that can't reach its priority are not looked at.
), reached AS MATERIALIZED (
    SELECT max(priority_at(k.initial, k.acceleration, k.maximum, head.queued_at, clock.now)) AS steps
    FROM clock, (SELECT * FROM candidate ORDER BY bound DESC LIMIT 16) k
    CROSS JOIN LATERAL (
        SELECT p.queued_at
        FROM place p
        WHERE p.class_id = k.class_id AND p.offerable AND p.offer IS NULL
        ORDER BY p.queued_at, p.contact_id
        LIMIT 1) head
), best AS MATERIALIZED (
    SELECT head.contact_id, head.queued_at, head.ready_at, k.*,
           priority_at(k.initial, k.acceleration, k.maximum, head.queued_at, clock.now) AS steps
    FROM clock, candidate k
    CROSS JOIN LATERAL (
        SELECT p.contact_id, p.queued_at, p.ready_at
        FROM place p
        WHERE p.class_id = k.class_id AND p.offerable AND p.offer IS NULL
        ORDER BY p.queued_at, p.contact_id
        LIMIT {heads}) head
    WHERE {heads} > 1 OR k.bound >= coalesce((SELECT steps FROM reached), k.bound)
    ORDER BY steps DESC, head.queued_at, head.contact_id
    LIMIT {heads}
)
SELECT (SELECT count(*) FROM lease) AS leases,
       EXISTS (SELECT FROM place WHERE ready_at <= clock.now AND NOT offerable AND NOT held) AS due,
       (SELECT count(*) FROM best) AS heads,
       coalesce(taken.contact_id, 0) AS contact_id, coalesce(taken.skill, '') AS skill,
       coalesce(taken.target_agent, '') AS target_agent, coalesce(taken.node, '') AS node,
       coalesce(taken.initial, 0) AS initial, coalesce(taken.acceleration, 0) AS acceleration,
       coalesce(taken.maximum, 0) AS maximum,
       taken.queued_at, taken.ready_at,
       coalesce(chosen.extension, '') AS extension, coalesce(chosen.endpoint, '') AS endpoint
FROM clock
LEFT JOIN LATERAL (
    SELECT best.*
    FROM best JOIN place p ON p.contact_id = best.contact_id
    WHERE p.class_id = best.class_id AND p.offerable AND p.offer IS NULL
    ORDER BY best.steps DESC, best.queued_at, best.contact_id
    LIMIT 1
    FOR UPDATE OF p SKIP LOCKED) taken ON true
LEFT JOIN LATERAL (
    SELECT a.extension, a.endpoint
    FROM free f JOIN agent a ON a.extension = f.extension
    WHERE f.skill = taken.skill AND taken.target_agent IN ('', f.extension)
      -- looked at anew once the row is locked: who has been offered a contact meanwhile is not free any more
      AND a.presence = 'available' AND (a.activity = 'free' OR a.activity_until <= clock.now)
    ORDER BY f.proficiency, a.idle_since, a.extension
    LIMIT 1
    FOR NO KEY UPDATE OF a SKIP LOCKED) chosen ON true
