-- the contacts without a leg that are due at $1: of each action where some stand, the $2 earliest
WITH RECURSIVE standing AS (
    -- From one action to the next in the index, past those who stand there.
    (SELECT script, script_version, coalesce(script_state ->> 'action', '') AS action
     FROM contact
     WHERE wake_at IS NOT NULL AND state NOT IN ('live', 'connected', 'released')
     ORDER BY 1, 2, 3 LIMIT 1)
    UNION ALL
    SELECT next.* FROM standing s CROSS JOIN LATERAL (
        SELECT script, script_version, coalesce(script_state ->> 'action', '') AS action
        FROM contact
        WHERE wake_at IS NOT NULL AND state NOT IN ('live', 'connected', 'released')
          AND (script, script_version, coalesce(script_state ->> 'action', '')) > (s.script, s.script_version, s.action)
        ORDER BY 1, 2, 3 LIMIT 1) next
)
SELECT due.id, s.script, s.script_version, s.action
FROM standing s CROSS JOIN LATERAL (
    SELECT id, wake_at FROM contact c
    WHERE wake_at IS NOT NULL AND state NOT IN ('live', 'connected', 'released')
      AND c.script = s.script AND c.script_version = s.script_version
      AND coalesce(script_state ->> 'action', '') = s.action AND wake_at <= $1
      AND NOT EXISTS (SELECT FROM leg l WHERE l.contact_id = c.id AND l.ended_at IS NULL)
    ORDER BY wake_at LIMIT $2) due
ORDER BY due.wake_at
