-- makes the contact in $1, if the lease ($2 node, $3 holder, $4 epoch) holds
WITH lease AS MATERIALIZED (
    SELECT name FROM node
    WHERE name = $2 AND holder = $3 AND epoch = $4 AND expires_at > clock_timestamp()
    FOR KEY SHARE
), saved AS (
    INSERT INTO contact (
        state, outcome, node, script, script_version, script_state, wake_at,
        ani, dnis, dialled, language, skill, arrived_at, ended_at,
        phone_number, e164, extension, caller_id, call_delay_sec, promised_at,
        channel, bridge, playing, quieting, music,
        tries, attempts, faults, zip_tone, called_back, hangup_wanted)
    SELECT j.state, j.outcome, j.node, j.script, j.script_version, j.script_state, j.wake_at,
           j.ani, j.dnis, j.dialled, j.language, j.skill, j.arrived_at, j.ended_at,
           j.phone_number, j.e164, j.extension, j.caller_id, j.call_delay_sec, j.promised_at,
           j.channel, j.bridge, j.playing, j.quieting, j.music,
           j.tries, j.attempts, j.faults, j.zip_tone, j.called_back, j.hangup_wanted
    FROM jsonb_populate_record(NULL::contact, $1::jsonb -> 'contact') j
    WHERE EXISTS (SELECT FROM lease)
    -- Revision waits for this lock: until the commit nobody can see the row.
    RETURNING id, pg_advisory_xact_lock(id)
),
