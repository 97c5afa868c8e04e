-- One number is one, however it is written.

-- +goose Up
ALTER TABLE contact ADD COLUMN e164 text CHECK (e164 ~ '^\+[0-9]+$');
COMMENT ON COLUMN contact.e164 IS 'phone_number in the one form that it has in E.164; empty where that is not known';
-- A number that waits for its callback in a skill does not wait there a second time. Where its form in E.164
-- is not known, which is so of all that were promised before this column, it is told by what is dialled.
DROP INDEX contact_one_open_callback;
CREATE UNIQUE INDEX contact_one_open_callback ON contact (coalesce(e164, phone_number), skill)
    WHERE state IN ('callback', 'calling', 'stuck');
