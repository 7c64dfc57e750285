-- The state machine 5: one step, and when it is due -----------------------------------------------

-- Another cluster is another world: a restored dump or a clone must not train
-- on in both. On a new timeline of the same cluster (promotion, recovery) those
-- go on whose books cannot have lost what was spent.
CREATE FUNCTION federated.notice_cluster(session federated.sessions) RETURNS text
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	world record;
BEGIN
	SELECT * INTO world FROM federated.cluster_identity();
	IF NOT federated.at_home(session) THEN
		PERFORM federated.pause_session(session.id, format(
			'this is another cluster or database than the one it ran in (system identifier %s database %s, was %s database %s)',
			world.system_identifier, world.database_oid, session.system_identifier, session.database_oid));
		RETURN 'session_paused';
	ELSIF federated.books_in_doubt(session) THEN
		PERFORM federated.pause_session(session.id, format(
			'a failover or recovery (timeline %s, was %s) may have lost charges of privacy: an administrator must call federated_charge_lost_rounds()',
			world.timeline, session.timeline));
		RETURN 'session_paused';
	ELSIF session.timeline <> world.timeline THEN
		UPDATE federated.sessions s SET timeline = world.timeline, silence_from = now() WHERE s.id = session.id;
		PERFORM federated.log_event(session.id, 'timeline_changed',
			jsonb_build_object('from', session.timeline, 'to', world.timeline));
		RETURN 'timeline_changed';
	END IF;
	RETURN NULL;
END
$$;
COMMENT ON FUNCTION federated.notice_cluster(federated.sessions) IS
	'Pause a session that finds itself in another cluster, or its books in doubt; NULL when it is at home';

CREATE FUNCTION federated.take_step(session federated.sessions) RETURNS text
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	round federated.rounds;
	step text := federated.notice_cluster(session);
BEGIN
	IF step IS NOT NULL THEN
		RETURN step;
	ELSIF session.status = 'recruiting' THEN
		RETURN federated.recruit(session);
	END IF;

	round := federated.open_round_of(session.id);
	IF round.id IS NULL THEN
		RETURN federated.open_round(session);
	ELSIF (round.state = 'open' OR federated.awaits_messages(round)) AND NOT federated.lock_round(round.id) THEN
		UPDATE federated.sessions s SET retry_after = now() + interval '1 second' WHERE s.id = session.id;
		RETURN NULL;
	ELSIF federated.masks_round(session, round.kind) THEN
		RETURN federated.secagg_step(session, round);
	ELSIF federated.reclaim_lost(session, round) THEN
		RETURN 'updates_lost';
	ELSIF round.state = 'open' THEN
		RETURN federated.collect(session, round);
	END IF;
	RETURN federated.aggregate(session, round);
END
$$;
COMMENT ON FUNCTION federated.take_step(federated.sessions) IS
	'The next due step of a session whose row is locked; NULL when nothing is due';

CREATE FUNCTION federated.advance(session_id uuid) RETURNS text
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	session federated.sessions;
	step text;
BEGIN
	PERFORM federated.require_role('federated_admin', 'advance a session');
	PERFORM federated.require_read_committed();
	PERFORM federated.get_session(session_id);
	-- Whoever holds the row is taking the step.
	SELECT * INTO session FROM federated.sessions s WHERE s.id = session_id FOR NO KEY UPDATE SKIP LOCKED;
	IF NOT FOUND OR session.status NOT IN ('recruiting', 'training') THEN
		RETURN NULL;
	END IF;
	step := federated.take_step(session);
	-- Failures are counted in a row.
	UPDATE federated.sessions s SET failures = 0, last_error = NULL
	WHERE step IS NOT NULL AND s.id = session_id AND s.failures > 0;
	RETURN step;
END
$$;
COMMENT ON FUNCTION federated.advance(uuid) IS
	'Take the next due step of a session in the current transaction and say which; NULL when nothing is due';
GRANT EXECUTE ON FUNCTION federated.advance(uuid) TO federated_admin;

-- Unlogged updates are empty after a crash: whoever sent one is asked again.
CREATE FUNCTION federated.reclaim_lost(session federated.sessions, round federated.rounds) RETURNS boolean
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	lost integer := 0;
	victim federated.updates;
BEGIN
	IF NOT round.unlogged OR federated.page_table_marked(round.relation) THEN
		RETURN false;
	END IF;
	-- No slice is stored and no update committed while they are marked.
	PERFORM FROM federated.rounds r WHERE r.id = round.id FOR NO KEY UPDATE;
	PERFORM federated.mark_page_table(round.relation);
	FOR victim IN
		SELECT u.* FROM federated.updates u
		WHERE u.round_id = round.id AND u.state IN ('uploading', 'accepted') AND u.vector_id IS NOT NULL
	LOOP
		UPDATE federated.updates u SET state = 'lost', position = NULL, weight = NULL WHERE u.id = victim.id;
		UPDATE federated.tasks t SET state = 'assigned', reason = NULL, finished_at = NULL
		WHERE t.round_id = round.id AND t.island_id = victim.island_id AND t.state = 'done';
		UPDATE federated.participants p SET status = 'training'
		WHERE p.session_id = session.id AND p.island_id = victim.island_id AND p.status = 'gradient_sent';
		lost := lost + 1;
	END LOOP;
	IF lost = 0 THEN
		RETURN false;
	END IF;

	-- A result that is half made from updates that are gone cannot be finished.
	IF round.state = 'aggregating' THEN
		UPDATE federated.rounds r SET state = 'open', frozen_at = NULL, result_version_id = NULL WHERE r.id = round.id;
		PERFORM federated.retire_version(round.result_version_id, 'abandoned');
		PERFORM federated.abandon_states(round);
		DELETE FROM federated.chunks c WHERE c.round_id = round.id;
	END IF;
	UPDATE federated.rounds r SET deadline = greatest(r.deadline, now() + federated.round_timeout(session)) WHERE r.id = round.id;
	PERFORM federated.log_event(session.id, 'updates_lost', jsonb_build_object('round', round.round_no, 'updates', lost));
	PERFORM federated.announce_task(session.id);
	RETURN true;
END
$$;
COMMENT ON FUNCTION federated.reclaim_lost(federated.sessions, federated.rounds) IS
	'Mark unlogged updates that a crash has emptied as lost and ask for them again';

-- When each active session has something to do next; NULL: when somebody calls.
CREATE VIEW federated.due AS
SELECT s.id AS session_id,
	   greatest(s.retry_after, CASE
		   WHEN (SELECT federated.restoring()) THEN now() + interval '1 second'
		   WHEN NOT federated.at_home(s) OR s.config ? 'dp_sigma' AND federated.books_in_doubt(s) THEN now()
		   WHEN s.status = 'recruiting' THEN
			   CASE WHEN (s.config -> 'min_participants')::integer <=
						 (SELECT count(*) FROM federated.participants p
						  WHERE p.session_id = s.id AND p.left_at IS NULL AND federated.is_alive(s, p.island_id))
					  OR EXISTS (SELECT FROM federated.eligibility(s.workload_id) e
								 WHERE e.reason IS NULL AND federated.admits(s, e.island_id)
								   AND federated.places_left(s) > 0
								   AND NOT EXISTS (SELECT FROM federated.participants p
												   WHERE p.session_id = s.id AND p.island_id = e.island_id))
					THEN now() ELSE s.recruit_deadline END
		   WHEN r.id IS NULL THEN now()
		   WHEN federated.masks_round(s, r.kind) THEN federated.attempt_due(s, r)
		   WHEN r.state = 'aggregating' THEN now()
		   WHEN r.unlogged AND NOT federated.page_table_marked(r.relation) THEN now()
		   WHEN NOT EXISTS (SELECT FROM federated.tasks t WHERE t.round_id = r.id AND t.state = 'assigned') THEN
			   CASE WHEN r.kind = 'evaluate' OR federated.too_few_left(s.id) IS NOT NULL
					  OR (s.config -> 'min_updates')::integer <=
						 (SELECT count(*) FROM federated.tasks t WHERE t.round_id = r.id AND t.state = 'done')
					THEN now() ELSE r.deadline END
		   ELSE least(r.deadline,
					  (SELECT CASE WHEN bool_or(i.suspended_at IS NOT NULL) THEN now()
								   ELSE min(federated.last_sign(s, t.island_id)) + federated.heartbeat_timeout(s) END
					   FROM federated.tasks t JOIN federated.islands i ON i.id = t.island_id
					   WHERE t.round_id = r.id AND t.state = 'assigned'))
	   END) AS due_at
FROM federated.sessions s
LEFT JOIN federated.rounds r ON r.session_id = s.id AND r.state IN ('open', 'aggregating')
WHERE s.status IN ('recruiting', 'training');
COMMENT ON VIEW federated.due IS 'Active sessions and when their next step is due';

CREATE FUNCTION federated.due_sessions() RETURNS SETOF uuid
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	RETURN QUERY SELECT d.session_id FROM federated.due d WHERE d.due_at <= now() ORDER BY d.due_at;
END
$$;
COMMENT ON FUNCTION federated.due_sessions() IS 'Sessions with a step that is due now';

CREATE FUNCTION federated.next_due() RETURNS timestamptz
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	RETURN (SELECT min(coalesce(d.due_at, 'infinity')) FROM federated.due d);
END
$$;
COMMENT ON FUNCTION federated.next_due() IS
	'When the next step is due; infinity when only a call can bring one; NULL when no session is active';
