-- The history, from which the reports are made: by month, so that an old month can be kept elsewhere.

-- +goose Up
CREATE SEQUENCE fact_id;
CREATE TABLE fact (
    id         bigint NOT NULL DEFAULT nextval('fact_id'),
    contact_id bigint NOT NULL,
    at         timestamptz NOT NULL,
    kind       text NOT NULL CHECK (kind <> ''),
    data       jsonb NOT NULL DEFAULT '{}',
    PRIMARY KEY (contact_id, at, id)
) PARTITION BY RANGE (at);
CREATE INDEX fact_by_time ON fact (at);
ALTER SEQUENCE fact_id OWNED BY fact.id;
COMMENT ON SEQUENCE fact_id IS 'The order in which facts were written';
COMMENT ON TABLE fact IS 'What happened to each contact, in order; rows are only ever added. One partition a month (UTC)';
COMMENT ON COLUMN fact.id IS 'The order in which facts were written; it decides between facts of the same moment';
COMMENT ON COLUMN fact.contact_id IS 'The contact that it happened to';
COMMENT ON COLUMN fact.at IS 'When it happened';
COMMENT ON COLUMN fact.kind IS 'What happened, as in arrived, queued, promised, offered, accepted, dialling, connected, ended';
COMMENT ON COLUMN fact.data IS 'What there is to say about it, by name';

-- Takes what no month takes, so that no fact is ever refused.
CREATE TABLE fact_default PARTITION OF fact DEFAULT;
COMMENT ON TABLE fact_default IS 'The facts of months that have no partition of their own; empty while a daemon looks after the months';

-- +goose StatementBegin
CREATE FUNCTION ensure_fact_partitions(ahead integer) RETURNS integer LANGUAGE plpgsql AS $$
DECLARE
    made integer := 0;
    month timestamp := date_trunc('month', clock_timestamp() AT TIME ZONE 'UTC');
    since timestamptz;
    until timestamptz;
    name text;
BEGIN
    PERFORM pg_advisory_xact_lock(hashtext('callbackd'), hashtext('ensure_fact_partitions'));
    FOR i IN 0..ahead LOOP
        since := (month + make_interval(months => i)) AT TIME ZONE 'UTC';
        until := (month + make_interval(months => i + 1)) AT TIME ZONE 'UTC';
        name := 'fact_' || to_char(month + make_interval(months => i), 'YYYY_MM');
        CONTINUE WHEN to_regclass(name) IS NOT NULL;
        EXECUTE format('CREATE TABLE %I (LIKE fact INCLUDING ALL)', name);
        EXECUTE format('COMMENT ON TABLE %I IS %L', name, 'The facts of ' || to_char(month + make_interval(months => i), 'YYYY-MM'));
        -- Facts of this month that were written before it had a partition move into it.
        LOCK TABLE fact_default IN ACCESS EXCLUSIVE MODE;
        EXECUTE format('WITH moved AS (DELETE FROM fact_default WHERE at >= %L AND at < %L RETURNING *) '
                       'INSERT INTO %I SELECT * FROM moved', since, until, name);
        EXECUTE format('ALTER TABLE fact ATTACH PARTITION %I FOR VALUES FROM (%L) TO (%L)', name, since, until);
        made := made + 1;
    END LOOP;
    RETURN made;
END
$$;
-- +goose StatementEnd
COMMENT ON FUNCTION ensure_fact_partitions(integer) IS
    'Makes the partitions of fact for this month and so many to come, where they are missing, and says how many it made';

SELECT ensure_fact_partitions(3);
