-- The queue: the order of those who wait, in rows that only queueing and matching touch.

-- +goose Up
CREATE TABLE class (
    id           bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    skill        text NOT NULL CHECK (skill <> ''),
    initial      integer NOT NULL,
    acceleration integer NOT NULL CHECK (acceleration >= 0),
    maximum      integer NOT NULL CHECK (maximum <= 1000),
    target_agent text NOT NULL DEFAULT '',
    node         text NOT NULL DEFAULT '',
    UNIQUE (skill, initial, acceleration, maximum, target_agent, node)
);
COMMENT ON TABLE class IS 'What places have in common that share all that orders them but the moment of queueing: inside a class the earlier is always ahead';
COMMENT ON COLUMN class.id IS 'Names the class';
COMMENT ON COLUMN class.skill IS 'The skill that they wait in';
COMMENT ON COLUMN class.initial IS 'The priority at the moment of queueing';
COMMENT ON COLUMN class.acceleration IS 'What each minute of waiting adds to the priority';
COMMENT ON COLUMN class.maximum IS 'The priority rises no further than this';
COMMENT ON COLUMN class.target_agent IS 'The extension of the only agent that they wait for; empty: any agent with the skill';
COMMENT ON COLUMN class.node IS 'The node that live callers are on, whose agents alone can take them; empty for callbacks, which any node can serve';

CREATE TABLE place (
    contact_id bigint PRIMARY KEY REFERENCES contact,
    class_id   bigint NOT NULL REFERENCES class,
    queued_at  timestamptz NOT NULL,
    ready_at   timestamptz,
    held       boolean NOT NULL DEFAULT false,
    offerable  boolean NOT NULL,
    offer      text,
    CONSTRAINT place_held_is_not_offerable CHECK (NOT (held AND offerable))
);
-- The heads of the classes, and nothing else, are what a match looks at.
CREATE INDEX place_queue ON place (class_id, queued_at, contact_id) WHERE offerable AND offer IS NULL;
CREATE INDEX place_not_ready ON place (ready_at) WHERE NOT offerable AND NOT held;
CREATE INDEX place_of_class ON place (class_id);
COMMENT ON TABLE place IS 'The queue: one row for each contact that waits for an agent, on the line or for its callback';
COMMENT ON COLUMN place.contact_id IS 'The contact that waits';
COMMENT ON COLUMN place.class_id IS 'The skill and the parameters of the priority; see class';
COMMENT ON COLUMN place.queued_at IS 'From when the waiting counts; a callback keeps that of the call';
COMMENT ON COLUMN place.ready_at IS 'Not offered before, after an attempt that failed; empty: at once';
COMMENT ON COLUMN place.held IS 'Held back from all offers until someone changes it';
COMMENT ON COLUMN place.offerable IS 'Not held, and ready_at has come; set by the next match after that';
COMMENT ON COLUMN place.offer IS 'The channel of the offer that is open; empty: nobody is being offered this contact';

-- +goose StatementBegin
CREATE FUNCTION place_has_an_open_contact() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    wrong boolean;
BEGIN
    IF TG_TABLE_NAME = 'place' THEN
        wrong := EXISTS (SELECT FROM contact WHERE id = NEW.contact_id AND state = 'ended');
    ELSE
        wrong := EXISTS (SELECT FROM place WHERE contact_id = NEW.id);
    END IF;
    IF wrong THEN
        RAISE EXCEPTION 'a contact that has ended has no place in the queue'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'place_has_an_open_contact';
    END IF;
    RETURN NULL;
END
$$;
-- +goose StatementEnd
COMMENT ON FUNCTION place_has_an_open_contact() IS 'Refuses a place in the queue for a contact that has ended';

-- A foreign key to the state would make each save of a contact lock out the match.
CREATE TRIGGER place_has_an_open_contact AFTER INSERT ON place
    FOR EACH ROW EXECUTE FUNCTION place_has_an_open_contact();
CREATE TRIGGER place_has_an_open_contact AFTER UPDATE OF state ON contact
    FOR EACH ROW WHEN (NEW.state = 'ended') EXECUTE FUNCTION place_has_an_open_contact();

-- +goose StatementBegin
CREATE FUNCTION priority_at(initial integer, acceleration integer, maximum integer, queued_at timestamptz, at timestamptz)
RETURNS bigint LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    -- One expression, so that Postgres puts it in place of the call.
    SELECT CASE
        WHEN acceleration > 0 AND greatest((extract(epoch FROM at - queued_at) * 1000000)::bigint, 0)
                                  > (maximum - initial::bigint) * 60000000 / acceleration
            THEN maximum::bigint * 60000000
        ELSE least(maximum::bigint * 60000000,
                   initial::bigint * 60000000
                   + acceleration * greatest((extract(epoch FROM at - queued_at) * 1000000)::bigint, 0))
    END
$$;
-- +goose StatementEnd
COMMENT ON FUNCTION priority_at(integer, integer, integer, timestamptz, timestamptz) IS
    'The priority at a moment: least(maximum, initial + acceleration x minutes waited), exact, in steps of 1/60000000';
