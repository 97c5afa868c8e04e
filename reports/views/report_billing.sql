-- Each call that was dialled to a contact, as what it is on the carrier's bill: an outbound call (C15).
CREATE OR REPLACE VIEW report_billing AS
SELECT
    leg.contact_id,
    'outbound' AS direction,
    leg.node,
    leg.channel,
    attempt.number AS attempt,
    attempt.agent,
    leg.from_number AS caller_id,
    leg.to_number AS phone_number,
    leg.dialling_at,
    leg.answered_at,
    leg.ended_at,
    leg.cause,
    coalesce(extract(epoch FROM leg.ended_at - leg.answered_at), 0) AS billed_sec,
    attempt.outcome,
    contact.extension
FROM leg
JOIN contact ON contact.id = leg.contact_id
LEFT JOIN attempt ON attempt.channel = leg.channel AND attempt.contact_id = leg.contact_id
WHERE leg.party = 'contact'
    AND leg.direction = 'outbound'
    AND leg.dialling_at IS NOT NULL
    AND leg.ended_at IS NOT NULL;

COMMENT ON VIEW report_billing IS
    'The calls that were dialled to contacts and have ended, one row each, as outbound calls. report_contact has the contacts, under the same contact_id.';
COMMENT ON COLUMN report_billing.contact_id IS 'The contact that was called back; also in the CDR''s userfield';
COMMENT ON COLUMN report_billing.direction IS 'outbound';
COMMENT ON COLUMN report_billing.node IS 'The Asterisk that dialled';
COMMENT ON COLUMN report_billing.channel IS 'The channel''s ID in Asterisk, its uniqueid in CDR and CEL';
COMMENT ON COLUMN report_billing.attempt IS 'Which attempt of the contact this was, from 1';
COMMENT ON COLUMN report_billing.agent IS 'The extension of the agent who had accepted the callback';
COMMENT ON COLUMN report_billing.caller_id IS 'The number that the contact''s phone was shown';
COMMENT ON COLUMN report_billing.phone_number IS 'The number that was dialled';
COMMENT ON COLUMN report_billing.dialling_at IS 'When the dialling was decided; the dial followed at once';
COMMENT ON COLUMN report_billing.answered_at IS 'When the contact answered; null if not';
COMMENT ON COLUMN report_billing.ended_at IS 'When the channel had ended';
COMMENT ON COLUMN report_billing.cause IS 'The hang-up cause of Q.850; 0 where none is known';
COMMENT ON COLUMN report_billing.billed_sec IS 'Seconds from answer to end, as measured here; 0 if it was not answered';
COMMENT ON COLUMN report_billing.outcome IS 'What became of the attempt: answered, no_answer, busy, rejected, failed, agent_left, taken_over, cancelled or unknown';
COMMENT ON COLUMN report_billing.extension IS 'The extension that was given with the number: shown to the agent, not dialled';
