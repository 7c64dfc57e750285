-- Metrics: figures of the coordinator for Prometheus ----------------------------------------------------

CREATE TYPE federated.measurement AS (name text, kind text, help text, labels jsonb, value double precision);
COMMENT ON TYPE federated.measurement IS 'One sample: name, kind (gauge or counter), what it is, labels, value';

CREATE FUNCTION federated.measure_sessions() RETURNS SETOF federated.measurement
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
	SELECT 'sessions', 'gauge', 'Sessions by status.', jsonb_build_object('status', status), count(s.id)
	FROM unnest('{recruiting,training,paused,completed,failed,cancelled}'::text[]) status
	LEFT JOIN federated.sessions s USING (status) GROUP BY status
	UNION ALL
	SELECT 'failing_sessions', 'gauge', 'Active sessions whose last step raised an error.', '{}', count(*)
	FROM federated.sessions s WHERE s.failures > 0 AND s.status IN ('recruiting', 'training')
	UNION ALL
	SELECT 'participants', 'gauge', 'Participants of active sessions by status.', jsonb_build_object('status', status), count(p.session_id)
	FROM unnest('{invited,training,gradient_sent,dropped,completed}'::text[]) status
	LEFT JOIN (SELECT p.session_id, p.status FROM federated.participants p JOIN federated.sessions s ON s.id = p.session_id
			   WHERE s.status IN ('recruiting', 'training', 'paused')) p USING (status) GROUP BY status
	UNION ALL
	SELECT 'oldest_due_seconds', 'gauge', 'How long the step that is due for longest has waited.', '{}',
		   coalesce(extract(epoch FROM now() - min(d.due_at)), 0)
	FROM federated.due d WHERE d.due_at <= now()
	UNION ALL
	SELECT 'oldest_task_seconds', 'gauge', 'Age of the oldest task that nobody has answered.', '{}',
		   coalesce(extract(epoch FROM now() - min(t.assigned_at)), 0)
	FROM federated.tasks t WHERE t.state = 'assigned'
$$;
COMMENT ON FUNCTION federated.measure_sessions() IS 'Figures of sessions';

CREATE FUNCTION federated.measure_rounds() RETURNS SETOF federated.measurement
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
	SELECT 'rounds_total', 'counter', 'Rounds that have ended.', jsonb_build_object('kind', r.kind, 'state', r.state), count(*)
	FROM federated.rounds r WHERE r.state IN ('closed', 'abandoned') GROUP BY r.kind, r.state
	UNION ALL
	SELECT 'round_seconds_sum', 'counter', 'Seconds that closed training rounds have spent in each phase.',
		   jsonb_build_object('phase', phase.name), coalesce(sum(extract(epoch FROM phase.took)), 0)
	FROM federated.rounds r
	CROSS JOIN LATERAL (VALUES ('collect', r.frozen_at - r.opened_at), ('aggregate', r.closed_at - r.frozen_at)) phase(name, took)
	WHERE r.kind = 'train' AND r.state = 'closed' GROUP BY phase.name
	UNION ALL
	SELECT 'round_seconds_count', 'counter', 'Closed training rounds.', jsonb_build_object('phase', phase), count(*)
	FROM federated.rounds r CROSS JOIN unnest('{collect,aggregate}'::text[]) phase
	WHERE r.kind = 'train' AND r.state = 'closed' GROUP BY phase
	UNION ALL
	SELECT 'updates_total', 'counter', 'Updates that were accepted, given up or lost.', jsonb_build_object('state', u.state), count(*)
	FROM federated.updates u WHERE u.state <> 'uploading' GROUP BY u.state
	UNION ALL
	SELECT 'received_bytes_total', 'counter', 'Bytes of accepted updates.', '{}', coalesce(sum(v.parameters * 4), 0)
	FROM federated.updates u JOIN federated.rounds r ON r.id = u.round_id JOIN federated.model_versions v ON v.id = r.base_version_id
	WHERE u.state = 'accepted' AND r.kind = 'train'
	UNION ALL
	SELECT 'rejections_total', 'counter', 'Updates and slices that were refused, by reason.', jsonb_build_object('reason', j.reason), count(*)
	FROM federated.rejections j GROUP BY j.reason
$$;
COMMENT ON FUNCTION federated.measure_rounds() IS 'Figures of rounds and updates';

CREATE FUNCTION federated.measure_server() RETURNS SETOF federated.measurement
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
	SELECT 'islands', 'gauge', 'Islands: alive, silent for longer than federated.island_timeout, or suspended.',
		   jsonb_build_object('state', state), count(i.id)
	FROM unnest('{alive,silent,suspended}'::text[]) state
	LEFT JOIN (SELECT i.id, CASE WHEN i.suspended_at IS NOT NULL THEN 'suspended'
								 WHEN h.last_seen > now() - federated.island_timeout() THEN 'alive' ELSE 'silent' END AS state
			   FROM federated.islands i LEFT JOIN federated.heartbeats h ON h.island_id = i.id) i USING (state) GROUP BY state
	UNION ALL
	SELECT 'retired_tables', 'gauge', 'Page tables that wait to be dropped.', '{}', count(*) FROM federated.retired_tables
	UNION ALL
	SELECT 'retired_tables_oldest_seconds', 'gauge', 'How long the oldest of them has waited.', '{}',
		   coalesce(extract(epoch FROM now() - min(t.retired_at)), 0) FROM federated.retired_tables t
	UNION ALL
	SELECT 'storage_bytes', 'gauge', 'Disk space of model versions and updates.', '{}', federated.storage_used()
	UNION ALL
	SELECT 'storage_limit_bytes', 'gauge', 'federated.max_storage; 0 is no limit.', '{}', federated.setting('max_storage')::float8 * 1048576
	UNION ALL
	SELECT 'worker_up', 'gauge', '1 while a worker drives this database.', '{}', (w.worker_pid IS NOT NULL)::integer
	FROM federated.worker_status() w
	UNION ALL
	SELECT 'worker_last_turn_seconds', 'gauge', 'Time since the worker last looked.', '{}', extract(epoch FROM clock_timestamp() - w.last_turn)
	FROM federated.worker_status() w WHERE w.last_turn IS NOT NULL
	UNION ALL
	SELECT 'health', 'gauge', 'Checks of federated.health(): 1 is well.', jsonb_build_object('check', h."check"), h.ok::integer
	FROM federated.health() h
$$;
COMMENT ON FUNCTION federated.measure_server() IS 'Figures of Islands, storage and worker';

-- Backslash, quote and newline are escaped as the text format demands; JSON
-- escapes them in the same way.
CREATE FUNCTION federated.metric_line(measured federated.measurement) RETURNS text
LANGUAGE sql IMMUTABLE
SET search_path = pg_catalog, pg_temp
AS $$
	SELECT format('federated_%s%s %s', $1.name,
		'{' || (SELECT string_agg(format('%s=%s', key, value), ',' ORDER BY key) FROM jsonb_each($1.labels)) || '}', $1.value)
$$;
COMMENT ON FUNCTION federated.metric_line(federated.measurement) IS 'One sample in the text format of Prometheus';

CREATE FUNCTION federated.metrics() RETURNS text
LANGUAGE plpgsql STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	IF NOT federated.caller_is('federated_viewer') THEN
		PERFORM federated.require_role('federated_admin', 'read metrics');
	END IF;
	RETURN (
		SELECT string_agg(family.lines, '' ORDER BY family.name)
		FROM (SELECT m.name, format(E'# HELP federated_%1$s %2$s\n# TYPE federated_%1$s %3$s\n%4$s\n', m.name, min(m.help), min(m.kind),
									string_agg(federated.metric_line(m), E'\n' ORDER BY m.labels)) AS lines
			  FROM (SELECT * FROM federated.measure_sessions()
					UNION ALL SELECT * FROM federated.measure_rounds()
					UNION ALL SELECT * FROM federated.measure_privacy()
					UNION ALL SELECT * FROM federated.measure_webhooks()
					UNION ALL SELECT * FROM federated.measure_server()) m
			  GROUP BY m.name) family);
END
$$;
COMMENT ON FUNCTION federated.metrics() IS 'Figures of the coordinator in the text format of Prometheus';
GRANT EXECUTE ON FUNCTION federated.metrics() TO federated_admin, federated_viewer;
