-- saves a turn of the contact in $1, if the lease ($2 node, $3 holder, $4 epoch) holds
WITH lease AS MATERIALIZED (
    SELECT name FROM node
    WHERE name = $2 AND holder = $3 AND epoch = $4 AND expires_at > clock_timestamp()
    FOR KEY SHARE
), saved AS (
    UPDATE contact c
    SET rev = c.rev + 1, state = j.state, outcome = j.outcome, node = j.node,
        script = j.script, script_version = j.script_version, script_state = j.script_state, wake_at = j.wake_at,
        ani = j.ani, dnis = j.dnis, dialled = j.dialled, skill = coalesce(j.skill, c.skill), ended_at = j.ended_at,
        phone_number = j.phone_number, e164 = j.e164, extension = j.extension, caller_id = j.caller_id,
        call_delay_sec = j.call_delay_sec, promised_at = j.promised_at,
        channel = j.channel, bridge = j.bridge, playing = j.playing, quieting = j.quieting, music = j.music,
        tries = j.tries, attempts = j.attempts, faults = j.faults,
        zip_tone = j.zip_tone, called_back = j.called_back, hangup_wanted = j.hangup_wanted
    FROM jsonb_populate_record(NULL::contact, $1::jsonb -> 'contact') j
    WHERE c.id = j.id AND c.rev = j.rev AND EXISTS (SELECT FROM lease)
    RETURNING c.id
),
