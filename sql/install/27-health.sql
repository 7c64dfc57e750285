-- Health: what is wrong, and what to do -----------------------------------------------------------------

CREATE FUNCTION federated.health() RETURNS TABLE ("check" text, ok boolean, detail text, hint text)
LANGUAGE plpgsql STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	worker record;
	active bigint := (SELECT count(*) FROM federated.sessions s WHERE s.status IN ('recruiting', 'training'));
	waiting bigint := (SELECT count(*) FROM federated.retired_tables t WHERE t.retired_at < now() - interval '1 hour');
	erring bigint := (SELECT count(*) FROM federated.sessions s WHERE s.failures > 0 AND s.status IN ('recruiting', 'training'));
	moved bigint := (SELECT count(*) FROM federated.sessions s WHERE s.status = 'paused' AND NOT federated.at_home(s));
	quota bigint := federated.setting('max_storage')::bigint;
BEGIN
	SELECT * INTO worker FROM federated.worker_status();

	RETURN QUERY SELECT 'preloaded', worker.preloaded,
		CASE WHEN worker.preloaded THEN 'federated is preloaded' ELSE 'federated is not preloaded: no worker drives sessions' END,
		CASE WHEN NOT worker.preloaded THEN 'Add federated to shared_preload_libraries and restart, or call federated.advance() from pg_cron.' END;
	RETURN QUERY SELECT 'launcher', worker.launcher_pid IS NOT NULL,
		CASE WHEN worker.launcher_pid IS NOT NULL THEN format('process %s', worker.launcher_pid) ELSE 'it does not run' END,
		CASE WHEN worker.preloaded AND worker.launcher_pid IS NULL
			 THEN 'It starts by itself within seconds; if not, raise max_worker_processes and see the server log.' END;
	RETURN QUERY SELECT 'worker', worker.worker_pid IS NOT NULL AND worker.state NOT IN ('version_mismatch', 'backoff', 'no_slot'),
		format('state %s%s%s', coalesce(worker.state, 'absent'), ', process ' || worker.worker_pid, ': ' || worker.last_error),
		CASE worker.state
			WHEN 'no_slot' THEN 'Raise max_worker_processes and restart.'
			WHEN 'version_mismatch' THEN 'Restart the server after ALTER EXTENSION federated UPDATE, so that library and extension are of one version.'
			WHEN 'backoff' THEN 'It failed and is started again soon; the server log has the error.'
			ELSE CASE WHEN worker.preloaded AND worker.worker_pid IS NULL
					  THEN 'SELECT federated.launch_worker(); and see that federated.databases is empty or names this database.' END
		END;
	RETURN QUERY SELECT 'automatic', federated.setting('worker')::boolean,
		format('federated.worker is %s', federated.setting('worker')),
		CASE WHEN NOT federated.setting('worker')::boolean THEN 'Set federated.worker = on and reload, or call federated.advance().' END;
	RETURN QUERY SELECT 'sessions', erring = 0, format('%s active, %s with errors', active, erring),
		CASE WHEN erring > 0 THEN 'SELECT id, last_error, retry_after FROM federated.sessions WHERE failures > 0;' END;
	RETURN QUERY SELECT 'cluster', moved = 0 AND NOT federated.restoring(),
		format('%s sessions are paused because they come from another cluster%s', moved,
			   CASE WHEN federated.restoring() THEN '; a dump is being restored' END),
		CASE WHEN federated.restoring()
			 THEN 'Sessions wait until it is there; if it is, set the sequence federated.events_id_seq to the highest id of federated.events.'
			 WHEN moved > 0 THEN 'If the other cluster no longer runs them: SELECT federated_resume_session(id).' END;
	RETURN QUERY SELECT 'storage', quota = 0 OR federated.storage_used() < quota * 1048576 * 0.9,
		format('%s MB of %s', federated.storage_used() / 1048576, CASE WHEN quota = 0 THEN 'any' ELSE quota || ' MB' END),
		CASE WHEN quota > 0 AND federated.storage_used() >= quota * 1048576 * 0.9
			 THEN 'Raise federated.max_storage, or keep fewer versions.' END;
	RETURN QUERY SELECT 'retired tables', waiting = 0, format('%s have waited for more than an hour to be dropped', waiting),
		CASE WHEN waiting > 0 THEN 'Somebody reads them: look for old transactions in pg_stat_activity.' END;
	RETURN QUERY SELECT * FROM federated.check_webhooks();
	RETURN QUERY SELECT 'wal', federated.setting('update_durability') = 'logged' OR NOT pg_is_in_recovery(),
		format('updates are %s, kernels use %s', federated.setting('update_durability'), federated.simd_level()), NULL::text;
END
$$;
COMMENT ON FUNCTION federated.health() IS 'Checks of the coordinator: what is wrong, and what to do about it';
GRANT EXECUTE ON FUNCTION federated.health() TO federated_admin, federated_viewer;
