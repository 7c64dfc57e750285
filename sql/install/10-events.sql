-- Events: who, when, what, why -------------------------------------------------

CREATE TABLE federated.events (
	id			bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
	session_id	uuid,
	at			timestamptz NOT NULL DEFAULT clock_timestamp(),
	actor		text NOT NULL,
	kind		text NOT NULL,
	detail		jsonb NOT NULL DEFAULT '{}'
);
CREATE INDEX ON federated.events (session_id, id);
COMMENT ON TABLE federated.events IS 'Append-only log of every state change';
COMMENT ON COLUMN federated.events.session_id IS 'Session concerned; NULL for Islands, workloads and imports';
COMMENT ON COLUMN federated.events.actor IS 'Role or token subject that caused it; "worker" when the coordinator did';
COMMENT ON COLUMN federated.events.kind IS 'What happened, for example round_closed';
COMMENT ON COLUMN federated.events.detail IS 'Why, and the numbers';

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
COMMENT ON FUNCTION federated.refuse_event_change() IS 'Trigger: rows of an append-only table are never changed or removed';

CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON federated.events
	FOR EACH STATEMENT EXECUTE FUNCTION federated.refuse_event_change();

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

CREATE FUNCTION federated.log_event(session_id uuid, kind text, detail jsonb DEFAULT '{}') RETURNS void
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	logged federated.events;
BEGIN
	INSERT INTO federated.events (session_id, actor, kind, detail)
	VALUES ($1, federated.current_actor(), $2, jsonb_strip_nulls($3))
	RETURNING * INTO logged;
	PERFORM federated.queue_webhooks(logged);
END
$$;
COMMENT ON FUNCTION federated.log_event(uuid, text, jsonb) IS 'Append one event in the current transaction';

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
