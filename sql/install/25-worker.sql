-- The worker -----------------------------------------------------------------------------------------

CREATE TABLE federated.worker_runs (
	singleton	boolean PRIMARY KEY DEFAULT true CHECK (singleton),
	seen_at		timestamptz NOT NULL
) WITH (fillfactor = 50);
COMMENT ON TABLE federated.worker_runs IS 'When a worker last ran; what happened while none did is nobody''s fault';

CREATE FUNCTION federated.wake_worker() RETURNS void
LANGUAGE c VOLATILE STRICT AS 'MODULE_PATHNAME', 'federated_wake_worker';
COMMENT ON FUNCTION federated.wake_worker() IS 'Wake this database''s worker when the current transaction commits';

-- Also of sessions that a restore brings: the worker may have looked before.
CREATE FUNCTION federated.notice_session() RETURNS trigger
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	PERFORM federated.wake_worker();
	RETURN NULL;
END
$$;
COMMENT ON FUNCTION federated.notice_session() IS 'Trigger: a session is there, have the worker look';

CREATE TRIGGER notice AFTER INSERT ON federated.sessions
	FOR EACH STATEMENT EXECUTE FUNCTION federated.notice_session();

CREATE FUNCTION federated.launch_worker() RETURNS void
LANGUAGE c VOLATILE STRICT AS 'MODULE_PATHNAME', 'federated_launch_worker';
COMMENT ON FUNCTION federated.launch_worker() IS 'Ask the launcher, at commit, to start this database''s worker';

CREATE FUNCTION federated.worker_restart() RETURNS boolean
LANGUAGE c VOLATILE STRICT AS 'MODULE_PATHNAME', 'federated_worker_restart';
COMMENT ON FUNCTION federated.worker_restart() IS 'Stop this database''s worker and start it anew; false when none runs';
GRANT EXECUTE ON FUNCTION federated.launch_worker(), federated.worker_restart() TO federated_admin;

CREATE FUNCTION federated.worker_status(OUT preloaded boolean, OUT launcher_pid integer, OUT worker_pid integer,
	OUT state text, OUT started_at timestamptz, OUT last_turn timestamptz, OUT turns bigint, OUT last_error text)
LANGUAGE c VOLATILE STRICT AS 'MODULE_PATHNAME', 'federated_worker_status';
COMMENT ON FUNCTION federated.worker_status() IS 'What this database''s worker is doing';
GRANT EXECUTE ON FUNCTION federated.worker_status() TO federated_admin, federated_viewer;

CREATE FUNCTION federated.driven() RETURNS boolean
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$ SELECT w.preloaded AND federated.setting('worker')::boolean FROM federated.worker_status() w $$;
COMMENT ON FUNCTION federated.driven() IS 'Whether a worker is meant to drive the sessions of this database';

CREATE FUNCTION federated.credit_downtime(since timestamptz, at_least interval) RETURNS void
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	session federated.sessions;
	away interval;
BEGIN
	FOR session IN
		SELECT * FROM federated.sessions s
		WHERE s.status IN ('recruiting', 'training') AND federated.at_home(s) FOR NO KEY UPDATE SKIP LOCKED
	LOOP
		-- What began or was resumed meanwhile missed only what came after.
		away := now() - greatest(since, session.silence_from);
		CONTINUE WHEN away <= at_least;
		CONTINUE WHEN EXISTS (SELECT FROM federated.open_round_of(session.id) r
							  WHERE (r.state = 'open' OR federated.awaits_messages(r)) AND NOT federated.lock_round(r.id));
		UPDATE federated.sessions s SET silence_from = now(), recruit_deadline = s.recruit_deadline + away
		WHERE s.id = session.id;
		-- A round that was opened or extended meanwhile gets no more than a full timeout.
		UPDATE federated.rounds r SET deadline = least(r.deadline + away, now() + federated.round_timeout(session))
		WHERE r.session_id = session.id AND r.state = 'open';
		UPDATE federated.secagg_attempts a SET deadline = least(a.deadline + away, now() + federated.stage_timeout(session, a.state))
		WHERE a.session_id = session.id AND a.state IN ('advertise', 'share', 'agree', 'reveal');
		IF away >= interval '1 second' THEN
			PERFORM federated.log_event(session.id, 'downtime_credited',
				jsonb_build_object('seconds', round(extract(epoch FROM away), 3)));
		END IF;
	END LOOP;
END
$$;
COMMENT ON FUNCTION federated.credit_downtime(timestamptz, interval) IS
	'Move open deadlines by the time since which no worker ran, and let silence count anew; nothing for less than at_least, nor for a session that somebody holds';

CREATE FUNCTION federated.downtime_uncredited(since timestamptz, at_least interval) RETURNS boolean
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
	SELECT EXISTS (SELECT FROM federated.sessions s
				   WHERE s.status IN ('recruiting', 'training') AND federated.at_home(s)
					 AND now() - greatest($1, s.silence_from) > $2)
$$;
COMMENT ON FUNCTION federated.downtime_uncredited(timestamptz, interval) IS
	'Whether credit_downtime() has left out a session that somebody held';

CREATE FUNCTION federated.worker_last_seen() RETURNS timestamptz
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$ SELECT w.seen_at FROM federated.worker_runs w $$;
COMMENT ON FUNCTION federated.worker_last_seen() IS 'When a worker last ran; NULL: never';

CREATE FUNCTION federated.stamp_worker() RETURNS void
LANGUAGE sql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
	INSERT INTO federated.worker_runs VALUES (true, clock_timestamp())
	ON CONFLICT ON CONSTRAINT worker_runs_pkey DO UPDATE SET seen_at = excluded.seen_at
$$;
COMMENT ON FUNCTION federated.stamp_worker() IS 'Note that a worker runs now';

CREATE FUNCTION federated.worker_seen() RETURNS void
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	before timestamptz := federated.worker_last_seen();
	asleep interval := interval '10 seconds' + make_interval(secs => federated.setting('worker_interval')::float8 / 1000);
BEGIN
	IF before > clock_timestamp() - interval '1 second' OR federated.restoring() THEN
		RETURN;
	ELSIF before IS NULL THEN
		-- its start fell into a restore
		PERFORM federated.worker_start();
		RETURN;
	END IF;
	-- A worker that was stopped, or whose machine slept, was away as well.
	IF before < now() - asleep THEN
		PERFORM federated.credit_downtime(before, asleep);
		IF federated.downtime_uncredited(before, asleep) THEN
			RETURN;
		END IF;
	ELSE
		PERFORM federated.make_lazy();
	END IF;
	PERFORM federated.stamp_worker();
END
$$;
COMMENT ON FUNCTION federated.worker_seen() IS 'What a worker does every turn: note that it runs';

CREATE FUNCTION federated.worker_start() RETURNS void
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	before timestamptz := federated.worker_last_seen();
BEGIN
	IF federated.restoring() THEN
		RETURN;
	END IF;
	PERFORM federated.credit_downtime(before, interval '0');
	IF NOT federated.downtime_uncredited(before, interval '0') THEN
		PERFORM federated.stamp_worker();
	END IF;
	UPDATE federated.sessions s SET retry_after = NULL
	WHERE s.id IN (SELECT w.id FROM federated.sessions w
				   WHERE w.retry_after < 'infinity' AND federated.at_home(w) FOR NO KEY UPDATE SKIP LOCKED);
END
$$;
COMMENT ON FUNCTION federated.worker_start() IS
	'What a worker does first: credit the time in which none ran, and try again at once what had failed';

-- An error of one session stops no other: it waits longer each time.
CREATE FUNCTION federated.record_failure(session_id uuid, sqlstate text, message text) RETURNS void
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	count_now integer;
BEGIN
	UPDATE federated.sessions s
	SET failures = s.failures + 1, last_error = format('%s (SQLSTATE %s)', message, record_failure.sqlstate),
		retry_after = now() + least(interval '5 minutes', interval '1 second' * 2 ^ least(s.failures, 9))
	WHERE s.id = session_id RETURNING failures INTO count_now;
	PERFORM federated.log_event(session_id, 'step_failed',
		jsonb_build_object('sqlstate', record_failure.sqlstate, 'message', message, 'failures', count_now));
	IF count_now >= 10 THEN
		PERFORM federated.pause_session(session_id, format('a step failed %s times: %s', count_now, message));
	END IF;
END
$$;
COMMENT ON FUNCTION federated.record_failure(uuid, text, text) IS
	'Note that a step raised an error: the session is tried again later, and paused after ten times';

CREATE FUNCTION federated.maintain() RETURNS integer
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	-- A table whose rows a restore is still to bring must not go before.
	IF federated.restoring() THEN
		RETURN 1;
	END IF;
	PERFORM federated.forget_tokens();
	PERFORM federated.forget_webhooks();
	RETURN federated.drop_retired_tables();
END
$$;
COMMENT ON FUNCTION federated.maintain() IS 'Housekeeping of a database; returns how many page tables still wait to be dropped';
