-- What an estimate of the wait is counted from, without a walk of the history.

-- +goose Up
-- The last offers of a skill that have ended: how long contacts keep an agent.
CREATE INDEX offer_ended ON offer (skill, ended_at) WHERE ended_at IS NOT NULL;
-- What an agent with several skills has done lately.
CREATE INDEX offer_of_agent ON offer (agent, accepted_at) WHERE accepted_at IS NOT NULL;
-- Who has given up waiting on the line.
CREATE INDEX contact_gave_up ON contact (skill, ended_at) WHERE outcome = 'abandoned';
-- It served the rate of answers, which falls with the number of callers and said nothing of the agents.
DROP INDEX offer_answers;
