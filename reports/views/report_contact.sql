-- Each contact as what it was for the contact center: an inbound call (C15).
CREATE OR REPLACE VIEW report_contact AS
SELECT
    contact.id AS contact_id,
    'inbound' AS direction,
    contact.arrived_at,
    coalesce(call.from_number, contact.ani) AS ani,
    coalesce(call.to_number, contact.dnis) AS dnis,
    contact.dialled,
    contact.script,
    contact.skill,
    queued.at AS queued_at,
    contact.promised_at,
    contact.phone_number,
    contact.extension,
    connected.at AS connected_at,
    connected.data ->> 'agent' AS agent,
    contact.ended_at,
    contact.outcome,
    contact.attempts,
    extract(epoch FROM coalesce(connected.at, contact.ended_at) - queued.at) AS wait_sec,
    extract(epoch FROM contact.ended_at - connected.at) AS talk_sec,
    contact.language,
    (taken.data ->> 'by')::bigint AS taken_over_by,
    (took.data ->> 'contact')::bigint AS took_over,
    coalesce((taken.data ->> 'cause')::integer, last.cause) AS cause
FROM contact
-- A contact that is called back exchanges its ANI and DNIS (C9); its inbound leg keeps them.
LEFT JOIN LATERAL (
    SELECT from_number, to_number FROM leg
    WHERE contact_id = contact.id AND party = 'contact' AND direction = 'inbound'
    ORDER BY created_at LIMIT 1
) AS call ON true
LEFT JOIN LATERAL (
    SELECT at FROM fact WHERE contact_id = contact.id AND kind = 'queued' ORDER BY at, id LIMIT 1
) AS queued ON true
LEFT JOIN LATERAL (
    SELECT at, data FROM fact WHERE contact_id = contact.id AND kind = 'connected' ORDER BY at, id LIMIT 1
) AS connected ON true
-- A new call took the place of a callback: the one has "by", the other has "contact".
LEFT JOIN LATERAL (
    SELECT data FROM fact WHERE contact_id = contact.id AND kind = 'taken_over' AND data ? 'by' ORDER BY at, id LIMIT 1
) AS taken ON contact.outcome = 'taken_over'
LEFT JOIN LATERAL (
    SELECT data FROM fact WHERE contact_id = contact.id AND kind = 'taken_over' AND data ? 'contact' ORDER BY at, id LIMIT 1
) AS took ON true
LEFT JOIN LATERAL (
    SELECT cause FROM leg
    WHERE contact_id = contact.id AND party = 'contact' AND ended_at IS NOT NULL
    ORDER BY ended_at DESC LIMIT 1
) AS last ON true
WHERE contact.state = 'ended';

COMMENT ON VIEW report_contact IS
    'The contacts that have ended, one row each, as inbound calls. report_billing has the calls that were dialled to them, under the same contact_id.';
COMMENT ON COLUMN report_contact.contact_id IS 'The contact, for life; also in the CDR''s userfield';
COMMENT ON COLUMN report_contact.direction IS 'inbound: a callback serves a call that came in';
COMMENT ON COLUMN report_contact.arrived_at IS 'When the call reached the script';
COMMENT ON COLUMN report_contact.ani IS 'The number that the caller called from';
COMMENT ON COLUMN report_contact.dnis IS 'The number that was dialled, as it reached us';
COMMENT ON COLUMN report_contact.dialled IS 'The number that the caller dialled in the first place, where the call was forwarded to us';
COMMENT ON COLUMN report_contact.script IS 'The script that the call ran';
COMMENT ON COLUMN report_contact.skill IS 'The skill in whose queue the contact stood last; null if it was never queued';
COMMENT ON COLUMN report_contact.queued_at IS 'When the contact entered the queue; null if it never did';
COMMENT ON COLUMN report_contact.promised_at IS 'When a callback was promised; null if none was';
COMMENT ON COLUMN report_contact.phone_number IS 'The number that was promised the callback';
COMMENT ON COLUMN report_contact.extension IS 'The extension that was given with the number: shown to the agent, not dialled';
COMMENT ON COLUMN report_contact.connected_at IS 'When contact and agent were first connected; null if they never were';
COMMENT ON COLUMN report_contact.agent IS 'The extension of the agent who was connected first';
COMMENT ON COLUMN report_contact.ended_at IS 'When the contact''s outcome was settled';
COMMENT ON COLUMN report_contact.outcome IS 'served, abandoned, not_reached, hung_up, given_back, taken_over (by a new call, see taken_over_by), cancelled (by a person) or transferred (by the agent to somebody else, at ended_at)';
COMMENT ON COLUMN report_contact.attempts IS 'How many attempts to call back counted';
COMMENT ON COLUMN report_contact.wait_sec IS 'Seconds from queueing until an agent was connected, or until the end';
COMMENT ON COLUMN report_contact.talk_sec IS 'Seconds from the first connection to the end';
COMMENT ON COLUMN report_contact.language IS 'The language of the call, as Asterisk names languages; empty where it was not known';
COMMENT ON COLUMN report_contact.taken_over_by IS 'The contact that took the place of this callback; null if none did';
COMMENT ON COLUMN report_contact.took_over IS 'The contact whose callback''s place this one took, first; null if it took none';
COMMENT ON COLUMN report_contact.cause IS 'The hang-up cause (Q.850) of the contact''s last call; 242 for a callback whose place was taken over; null if it never had a call';
