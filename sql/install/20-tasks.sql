-- Tasks: what an Island is asked to do ---------------------------------------------------------

-- How many are in a round; where they are drawn in secret, how many were to be.
CREATE FUNCTION federated.round_size(round federated.rounds, session federated.sessions) RETURNS bigint
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	IF round.kind = 'train' AND federated.draws_islands(session.config) THEN
		RETURN (SELECT floor(count(*) * (session.config -> 'participation_fraction')::numeric)
				FROM federated.participants p WHERE p.session_id = session.id AND p.left_at IS NULL);
	END IF;
	RETURN (SELECT count(*) FROM federated.tasks t WHERE t.round_id = round.id);
END
$$;
COMMENT ON FUNCTION federated.round_size(federated.rounds, federated.sessions) IS 'Islands of a round, as an Island is told';

CREATE FUNCTION federated.task_document(round federated.rounds, session federated.sessions, island_id bigint, secagg json DEFAULT NULL) RETURNS json
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	RETURN (SELECT json_build_object(
		'round_id', $1.id, 'session_id', $2.id, 'session', $2.name, 'round', $1.round_no, 'total_rounds', $2.total_rounds,
		'kind', $1.kind, 'workload', w.name, 'workload_id', w.id, 'version_id', v.id, 'version', v.version,
		'parameters', v.parameters, 'slices', federated.slice_count(v.parameters * 4),
		'model_digest', encode(v.digest, 'hex'),
		'participants', federated.round_size($1, $2), 'epsilon', federated.epsilon_of_task($1, $2, $3),
		'deadline', $1.deadline, 'config', $2.config, 'secagg', $4)
			FROM federated.model_versions v JOIN federated.workloads w ON w.id = v.workload_id
			WHERE v.id = $1.base_version_id);
END
$$;
COMMENT ON FUNCTION federated.task_document(federated.rounds, federated.sessions, bigint, json) IS
	'A task as an Island receives it; secagg: what it needs for secure aggregation';

CREATE FUNCTION federated.note_fetched(round federated.rounds, island_id bigint) RETURNS void
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	IF NOT EXISTS (SELECT FROM federated.tasks t
				   JOIN federated.participants p ON p.session_id = round.session_id AND p.island_id = t.island_id
				   WHERE t.round_id = round.id AND t.island_id = note_fetched.island_id
					 AND (t.fetched_at IS NULL OR p.status = 'invited')) THEN
		RETURN;
	END IF;
	-- Under the round's lock, as everything that touches these rows. While the
	-- worker has it, the round is being closed.
	IF NOT pg_try_advisory_xact_lock_shared(federated.round_gate(round.id)) THEN
		RETURN;
	END IF;
	round := federated.share_round(round.id);
	IF round.state <> 'open' THEN
		RETURN;
	END IF;
	UPDATE federated.tasks t SET fetched_at = clock_timestamp()
	WHERE t.round_id = round.id AND t.island_id = note_fetched.island_id AND t.fetched_at IS NULL;
	UPDATE federated.participants p SET status = 'training', reason = NULL
	WHERE p.session_id = round.session_id AND p.island_id = note_fetched.island_id AND p.status = 'invited';
END
$$;
COMMENT ON FUNCTION federated.note_fetched(federated.rounds, bigint) IS 'Note that an Island has received its task';

CREATE FUNCTION federated.assigned_round(island_id bigint, session_id uuid) RETURNS federated.rounds
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	assigned federated.rounds;
BEGIN
	SELECT r.* INTO assigned
	FROM federated.tasks t
	JOIN federated.rounds r ON r.id = t.round_id
	JOIN federated.sessions s ON s.id = r.session_id
	WHERE t.island_id = assigned_round.island_id AND t.state = 'assigned' AND r.state = 'open' AND s.status = 'training'
	  AND federated.at_home(s)
	  AND (assigned_round.session_id IS NULL OR s.id = assigned_round.session_id)
	ORDER BY r.opened_at, r.id LIMIT 1;
	RETURN assigned;
END
$$;
COMMENT ON FUNCTION federated.assigned_round(bigint, uuid) IS
	'The oldest open round in which an Island has a task; NULLs if there is none';

-- Few attempts are that far at a time.
CREATE FUNCTION federated.owed_round(island_id bigint, session_id uuid) RETURNS federated.rounds
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	owed federated.rounds;
BEGIN
	SELECT r.* INTO owed
	FROM federated.secagg_attempts a
	JOIN federated.tasks t ON t.round_id = a.round_id AND t.island_id = owed_round.island_id
	JOIN federated.rounds r ON r.id = a.round_id
	JOIN federated.sessions s ON s.id = a.session_id
	WHERE a.state IN ('agree', 'reveal') AND r.state = 'aggregating' AND s.status = 'training' AND federated.at_home(s)
	  AND (owed_round.session_id IS NULL OR s.id = owed_round.session_id)
	  AND federated.due_call(a, t.island_id, t.state) IS NOT NULL
	ORDER BY r.frozen_at, r.id LIMIT 1;
	RETURN owed;
END
$$;
COMMENT ON FUNCTION federated.owed_round(bigint, uuid) IS
	'The oldest round to which an Island that has handed in its masked update owes a signature or shares; NULLs if there is none';

CREATE FUNCTION @extschema@.federated_next_task(session_id uuid DEFAULT NULL) RETURNS json
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	me federated.islands := federated.require_island();
	round federated.rounds;
	session federated.sessions;
	attempt federated.secagg_attempts;
BEGIN
	PERFORM federated.make_lazy();
	-- What others wait for comes first; it is short.
	round := federated.owed_round(me.id, session_id);
	IF round.id IS NULL THEN
		round := federated.assigned_round(me.id, session_id);
	END IF;
	IF round.id IS NULL THEN
		RETURN NULL;
	END IF;
	SELECT * INTO session FROM federated.sessions s WHERE s.id = round.session_id;
	PERFORM federated.note_fetched(round, me.id);
	attempt := federated.live_attempt(round.id);
	RETURN federated.task_document(round, session, me.id, CASE WHEN attempt.id IS NOT NULL THEN
		federated.secagg_document(attempt, session, round, me.id, (SELECT t.state FROM federated.tasks t
																	WHERE t.round_id = round.id AND t.island_id = me.id)) END);
END
$$;
COMMENT ON FUNCTION @extschema@.federated_next_task(uuid) IS
	'What the calling Island is asked to do, the oldest first; NULL when nothing is. The same task comes until its update is committed. LISTEN federated_task wakes';
GRANT EXECUTE ON FUNCTION @extschema@.federated_next_task(uuid) TO federated_island;

CREATE FUNCTION @extschema@.federated_decline_task(round_id bigint, reason text) RETURNS void
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	me federated.islands := federated.require_island();
	round federated.rounds;
BEGIN
	PERFORM federated.require_read_committed();
	PERFORM federated.require_argument('round_id', round_id);
	PERFORM federated.require_argument('reason', reason);
	round := federated.share_round(round_id);
	IF round.state = 'open'
		AND federated.drop_participant(round.session_id, round.id, me.id, 'declined', left(reason, 1000)) THEN
		PERFORM federated.wake_worker();
	ELSIF NOT EXISTS (SELECT FROM federated.tasks t WHERE t.round_id = federated_decline_task.round_id AND t.island_id = me.id) THEN
		RAISE EXCEPTION USING
			ERRCODE = 'no_data_found',
			MESSAGE = format('Island "%s" has no task in round %s', me.host_id, round_id);
	END IF;
END
$$;
COMMENT ON FUNCTION @extschema@.federated_decline_task(bigint, text) IS
	'The calling Island does not do a task, and says why; it is out of this round and may be in the next';
GRANT EXECUTE ON FUNCTION @extschema@.federated_decline_task(bigint, text) TO federated_island;

CREATE FUNCTION @extschema@.federated_leave(session_id uuid, reason text DEFAULT NULL) RETURNS void
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	me federated.islands := federated.require_island();
	round federated.rounds;
	why text := coalesce(left(reason, 1000), 'left');
BEGIN
	PERFORM federated.require_read_committed();
	PERFORM federated.require_argument('session_id', session_id);
	-- Not while a round is being opened, which would give it a task.
	PERFORM FROM federated.sessions s WHERE s.id = federated_leave.session_id FOR SHARE;
	round := federated.share_round(r.id) FROM federated.open_round_of(session_id) r;
	UPDATE federated.participants p SET left_at = now()
	WHERE p.session_id = federated_leave.session_id AND p.island_id = me.id AND p.left_at IS NULL AND p.status <> 'completed';
	IF NOT FOUND THEN
		IF NOT EXISTS (SELECT FROM federated.participants p
					   WHERE p.session_id = federated_leave.session_id AND p.island_id = me.id) THEN
			RAISE EXCEPTION USING
				ERRCODE = 'no_data_found',
				MESSAGE = format('Island "%s" does not take part in session %s', me.host_id, session_id);
		END IF;
		RETURN;
	END IF;
	-- An update that was accepted stays accepted.
	UPDATE federated.tasks t SET state = 'dropped', reason = why, finished_at = now()
	WHERE t.round_id = round.id AND t.island_id = me.id AND t.state = 'assigned';
	PERFORM federated.mark_dropped(session_id, me.id, why);
	PERFORM federated.wake_worker();
END
$$;
COMMENT ON FUNCTION @extschema@.federated_leave(uuid, text) IS
	'The calling Island leaves a session for good; what it has handed in stays';
GRANT EXECUTE ON FUNCTION @extschema@.federated_leave(uuid, text) TO federated_island;
