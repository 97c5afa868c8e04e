-- What is due at one action does not hide what is due at another.

-- +goose Up
DROP INDEX contact_due;
CREATE INDEX contact_due ON contact (script, script_version, coalesce(script_state ->> 'action', ''), wake_at)
    WHERE wake_at IS NOT NULL AND state NOT IN ('live', 'connected', 'released');
