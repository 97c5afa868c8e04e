-- a contact as one document: what of it is still under way, and its place
SELECT json_build_object(
    'contact', to_json(c),
    'place', (SELECT json_agg(p) FROM (
        SELECT k.skill, k.initial, k.acceleration, k.maximum, k.target_agent, k.node, p.queued_at, p.ready_at, p.held, p.any_agent
        FROM place p JOIN class k ON k.id = p.class_id WHERE p.contact_id = c.id) p),
    'offer', (SELECT json_agg(o) FROM offer o WHERE o.contact_id = c.id AND o.ended_at IS NULL),
    'attempt', (SELECT json_agg(a) FROM attempt a WHERE a.contact_id = c.id AND a.ended_at IS NULL),
    'legs', (SELECT json_agg(l ORDER BY l.created_at, l.channel) FROM leg l
             WHERE l.contact_id = c.id AND l.ended_at IS NULL))
FROM contact c
