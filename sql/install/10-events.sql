-- Events: who, when, what, why -------------------------------------------------

CREATE TABLE federated.events (
	id			bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
	session_id	uuid,
	at			timestamptz NOT NULL DEFAULT clock_timestamp(),
	actor		text NOT NULL,
	kind		text NOT NULL,
	detail		jsonb NOT NULL DEFAULT '{}',
	position	bigint NOT NULL,
	hash		bytea NOT NULL
);
CREATE INDEX ON federated.events (session_id, id);
COMMENT ON TABLE federated.events IS 'Append-only log of every state change';
COMMENT ON COLUMN federated.events.session_id IS 'Session concerned; NULL for Islands, workloads and imports';
COMMENT ON COLUMN federated.events.actor IS 'Role or token subject that caused it; "worker" when the coordinator did';
COMMENT ON COLUMN federated.events.kind IS 'What happened, for example round_closed';
COMMENT ON COLUMN federated.events.detail IS 'Why, and the numbers';
COMMENT ON COLUMN federated.events.position IS 'Place in its chain, from 1: each session has a chain, events without a session have one together';
COMMENT ON COLUMN federated.events.hash IS 'SHA-256 over the hash of the event before it in the chain and this event; see federated.event_hash()';

-- Without it a chain whose last events were removed would look complete. The
-- events without a session have the chain of zeros, since a key is never NULL.
CREATE TABLE federated.event_chains (
	chain		uuid PRIMARY KEY,
	position	bigint NOT NULL,
	hash		bytea NOT NULL
) WITH (fillfactor = 50);
COMMENT ON TABLE federated.event_chains IS 'The end of each chain of events';
COMMENT ON COLUMN federated.event_chains.chain IS 'Session, or zeros: events without one';
COMMENT ON COLUMN federated.event_chains.position IS 'Place of the last event';
COMMENT ON COLUMN federated.event_chains.hash IS 'Hash of the last event';

CREATE FUNCTION federated.refuse_event_change() RETURNS trigger
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	RAISE EXCEPTION USING
		ERRCODE = 'object_not_in_prerequisite_state',
		MESSAGE = format('federated.%s is append-only', TG_TABLE_NAME),
		DETAIL = format('%s is not allowed.', TG_OP);
END
$$;
COMMENT ON FUNCTION federated.refuse_event_change() IS 'Trigger: rows of an append-only table are never changed or removed, and chains only grow';

CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON federated.events
	FOR EACH STATEMENT EXECUTE FUNCTION federated.refuse_event_change();
CREATE TRIGGER append_only BEFORE DELETE OR TRUNCATE ON federated.event_chains
	FOR EACH STATEMENT EXECUTE FUNCTION federated.refuse_event_change();
CREATE TRIGGER only_grow BEFORE UPDATE ON federated.event_chains
	FOR EACH ROW WHEN (new.chain <> old.chain OR new.position <> old.position + 1)
	EXECUTE FUNCTION federated.refuse_event_change();

-- Our processes run as a superuser that no person is.
CREATE FUNCTION federated.current_actor() RETURNS text
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
	SELECT CASE WHEN current_setting('application_name') IN ('federated worker', 'federated webhook')
					 AND EXISTS (SELECT FROM pg_stat_get_activity(pg_backend_pid()) a
								 WHERE a.backend_type = current_setting('application_name'))
				THEN 'worker' ELSE federated.caller_name() END
$$;
COMMENT ON FUNCTION federated.current_actor() IS 'Actor to write into an event: the caller, or "worker"';

-- The chain: bytes that mean one event and no other, in any language. All
-- numbers are big-endian. Version 1:
--   1 byte    1, the version
--   32 bytes  hash of the event before it in the chain; zeros before the first
--   8 bytes   position in the chain
--   8 bytes   id
--   1 byte    0 without a session; otherwise 1 and the 16 bytes of its UUID
--   8 bytes   at: microseconds since 2000-01-01 00:00:00 UTC, signed
--   actor, kind, detail, each 4 bytes of length and so many bytes of UTF-8;
--   detail is what PostgreSQL writes of a jsonb.

CREATE FUNCTION federated.counted_text(given text) RETURNS bytea
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	bytes CONSTANT bytea := convert_to(given, 'UTF8');
BEGIN
	RETURN int4send(octet_length(bytes)) || bytes;
END
$$;
COMMENT ON FUNCTION federated.counted_text(text) IS 'Length and bytes of a text in UTF-8, so that one text cannot run into the next';

CREATE FUNCTION federated.event_hash(event federated.events, previous bytea) RETURNS bytea
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	RETURN sha256('\x01'::bytea || previous || int8send(event.position) || int8send(event.id)
		|| coalesce('\x01'::bytea || uuid_send(event.session_id), '\x00'::bytea) || timestamptz_send(event.at)
		|| federated.counted_text(event.actor) || federated.counted_text(event.kind)
		|| federated.counted_text(event.detail::text));
END
$$;
COMMENT ON FUNCTION federated.event_hash(federated.events, bytea) IS
	'Hash of an event: SHA-256 over version, the hash before it, position, id, session, time, actor, kind and detail';

CREATE FUNCTION federated.chain_of(session_id uuid) RETURNS uuid
LANGUAGE plpgsql IMMUTABLE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	RETURN coalesce(session_id, '00000000-0000-0000-0000-000000000000');
END
$$;
COMMENT ON FUNCTION federated.chain_of(uuid) IS 'Key of the chain that the events of a session, or those without one, are in';

CREATE FUNCTION federated.chain_start() RETURNS bytea
LANGUAGE plpgsql IMMUTABLE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	RETURN '\x0000000000000000000000000000000000000000000000000000000000000000'::bytea;
END
$$;
COMMENT ON FUNCTION federated.chain_start() IS 'What stands for the hash before the first event of a chain';

-- The last lock that a transaction takes: see Locks in src/README.md.
CREATE FUNCTION federated.lock_chain(session_id uuid) RETURNS federated.event_chains
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	key CONSTANT uuid := federated.chain_of(session_id);
	head federated.event_chains;
BEGIN
	SELECT * INTO head FROM federated.event_chains c WHERE c.chain = key FOR UPDATE;
	IF NOT FOUND THEN
		INSERT INTO federated.event_chains VALUES (key, 0, federated.chain_start()) ON CONFLICT DO NOTHING;
		SELECT * INTO STRICT head FROM federated.event_chains c WHERE c.chain = key FOR UPDATE;
	END IF;
	RETURN head;
END
$$;
COMMENT ON FUNCTION federated.lock_chain(uuid) IS 'The end of a chain of events, ours until the end of the transaction; a new one is begun';

-- Not a trigger: a restore brings rows and their hashes as they were.
CREATE FUNCTION federated.log_event(session_id uuid, kind text, detail jsonb DEFAULT '{}') RETURNS void
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	actor CONSTANT text := federated.current_actor();
	head CONSTANT federated.event_chains := federated.lock_chain(session_id);
	event federated.events;
BEGIN
	-- Number and time are taken under the lock, so that they ascend with the position.
	event := ROW(nextval('federated.events_id_seq'), session_id, clock_timestamp(), actor, kind, jsonb_strip_nulls(detail),
				 head.position + 1, NULL);
	event.hash := federated.event_hash(event, head.hash);
	INSERT INTO federated.events OVERRIDING SYSTEM VALUE SELECT event.*;
	UPDATE federated.event_chains c SET position = event.position, hash = event.hash WHERE c.chain = head.chain;
	PERFORM federated.queue_webhooks(event);
END
$$;
COMMENT ON FUNCTION federated.log_event(uuid, text, jsonb) IS 'Append one event to its chain in the current transaction';

-- A dump sets the sequences after it has filled the tables. Until then an event
-- of ours would take the number of one that is there, or of one that is still
-- to come and stop the restore.
CREATE FUNCTION federated.restoring() RETURNS boolean
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	RETURN (SELECT coalesce((SELECT max(e.id) FROM federated.events e) > (SELECT q.last_value FROM federated.events_id_seq q), false));
END
$$;
COMMENT ON FUNCTION federated.restoring() IS
	'Whether a dump is being restored into this database; the worker leaves everything alone until it is there';

ALTER TABLE federated.event_chains ENABLE ROW LEVEL SECURITY;
CREATE POLICY read_all ON federated.event_chains FOR SELECT
	TO federated_admin, federated_viewer, federated_auditor USING (true);
GRANT SELECT ON federated.event_chains TO federated_admin, federated_viewer, federated_auditor;
