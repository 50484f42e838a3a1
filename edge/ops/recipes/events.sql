-- Events in PostgreSQL (12 or later), each one once: a redelivered event has the same source and id.
--
--   createdb maskgate && psql -d maskgate -f events.sql
--   mosquitto_sub -h broker.example.org -q 1 -c -i ops-sql -F %p \
--     -t 'maskgate/v1/+/+/event' -t 'maskgate/v1/+/+/summary' |
--     sed -u "s/'/''/g; s/.*/SELECT store('&');/" | psql -q -d maskgate >/dev/null
--
-- mosquitto_sub acknowledges what it has read, not what is in the table: what lies in the pipe when the machine
-- loses its power is not sent again. A consumer that must not lose that commits first and acknowledges then.

CREATE TABLE IF NOT EXISTS events (
    source        text        NOT NULL,
    id            uuid        NOT NULL,
    sequence      bigint      NOT NULL,
    type          text        NOT NULL,
    time          timestamptz NOT NULL,
    recordedtime  timestamptz NOT NULL,
    data          jsonb       NOT NULL,
    stored        timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (source, id)
);
CREATE INDEX IF NOT EXISTS events_by_type ON events (type, time);

-- Takes a CloudEvent; one that is there already is passed over.
CREATE OR REPLACE FUNCTION store(event jsonb) RETURNS void LANGUAGE sql AS $$
    INSERT INTO events (source, id, sequence, type, time, recordedtime, data)
    VALUES (
        event->>'source', (event->>'id')::uuid, (event->>'sequence')::bigint, event->>'type',
        (event->>'time')::timestamptz, (event->>'recordedtime')::timestamptz, event->'data'
    )
    ON CONFLICT (source, id) DO NOTHING
$$;

-- One row for each violation, from its two events and the speaker's.
CREATE OR REPLACE VIEW violations AS
SELECT
    opened.data->>'violation'               AS violation,
    opened.data->>'site'                    AS site,
    opened.data->>'device'                  AS device,
    opened.data->>'zone'                    AS zone,
    opened.time                             AS opened,
    (opened.data->>'score')::real           AS score,
    closed.data->>'reason'                  AS ended,  -- complied, left, or NULL while it is open
    (closed.data->>'duration_s')::real      AS duration_s,
    (played.data->>'delay_s')::real         AS announced_after_s
FROM events opened
LEFT JOIN events closed
    ON closed.type = 'violation.closed' AND closed.data->>'violation' = opened.data->>'violation'
LEFT JOIN events played
    ON played.type = 'announcement.played' AND played.data->>'violation' = opened.data->>'violation'
WHERE opened.type = 'violation.opened';
CREATE INDEX IF NOT EXISTS events_by_violation ON events ((data->>'violation'));

-- Sources whose numbers have a gap: must be empty, but for what events.dropped tells.
CREATE OR REPLACE VIEW gaps AS
SELECT source, previous + 1 AS first_missing, sequence - 1 AS last_missing
FROM (
    SELECT source, sequence, lag(sequence) OVER (PARTITION BY source ORDER BY sequence) AS previous FROM events
) numbered
WHERE sequence > previous + 1;
