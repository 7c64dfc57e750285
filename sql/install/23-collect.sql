-- The state machine 3: collecting, until a round is frozen ------------------------------------------

CREATE FUNCTION federated.drop_silent_tasks(session federated.sessions, round federated.rounds) RETURNS integer
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	island_id bigint;
	dropped integer := 0;
BEGIN
	FOR island_id IN
		SELECT t.island_id FROM federated.tasks t JOIN federated.islands i ON i.id = t.island_id
		WHERE t.round_id = round.id AND t.state = 'assigned' AND NOT federated.is_alive(session, t.island_id)
		ORDER BY i.host_id COLLATE "C"
	LOOP
		IF federated.drop_participant(session.id, round.id, island_id, 'dropped',
									  federated.absence_reason(session, island_id)) THEN
			dropped := dropped + 1;
		END IF;
	END LOOP;
	RETURN dropped;
END
$$;
COMMENT ON FUNCTION federated.drop_silent_tasks(federated.sessions, federated.rounds) IS
	'Drop participants that have a task and were not heard from';

CREATE FUNCTION federated.collect(session federated.sessions, round federated.rounds) RETURNS text
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	waiting bigint;
	accepted bigint;
	overdue boolean := round.deadline <= now();
BEGIN
	IF federated.drop_silent_tasks(session, round) > 0 THEN
		RETURN federated.after_drop(session, 'participants_dropped');
	END IF;

	SELECT count(*) FILTER (WHERE t.state = 'assigned'), count(*) FILTER (WHERE t.state = 'done')
	INTO waiting, accepted FROM federated.tasks t WHERE t.round_id = round.id;
	IF waiting > 0 AND NOT overdue THEN
		RETURN NULL;
	ELSIF round.kind = 'evaluate' THEN
		RETURN federated.freeze(session, round);
	ELSIF accepted >= (session.config -> 'min_updates')::integer THEN
		RETURN federated.freeze(session, round);
	ELSIF overdue THEN
		RETURN federated.extend_round(session, round, accepted);
	END IF;
	-- Nobody is left to wait for, and too few have answered.
	RETURN federated.after_drop(session, NULL);
END
$$;
COMMENT ON FUNCTION federated.collect(federated.sessions, federated.rounds) IS
	'See whether an open round can be frozen, must be extended, or has lost participants';

CREATE FUNCTION federated.after_drop(session federated.sessions, step text) RETURNS text
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	too_few text := federated.too_few_left(session.id);
BEGIN
	-- Trained is trained: drop-outs while the last version is only evaluated cost nothing.
	IF too_few IS NULL OR (SELECT r.kind = 'evaluate' FROM federated.open_round_of(session.id) r) THEN
		RETURN step;
	END IF;
	PERFORM federated.end_session(session.id, 'failed', too_few);
	RETURN 'session_failed';
END
$$;
COMMENT ON FUNCTION federated.after_drop(federated.sessions, text) IS
	'The more-than-half rule: fail the session, or go on with the step that was taken';

CREATE FUNCTION federated.extend_round(session federated.sessions, round federated.rounds, accepted bigint) RETURNS text
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	island_id bigint;
BEGIN
	IF round.extensions >= (session.config -> 'max_extensions')::integer THEN
		PERFORM federated.end_session(session.id, 'failed',
			format('round %s had %s of %s required updates after %s extensions',
				   round.round_no, accepted, session.config ->> 'min_updates', round.extensions));
		RETURN 'session_failed';
	END IF;
	UPDATE federated.rounds r SET deadline = now() + federated.round_timeout(session), extensions = r.extensions + 1
	WHERE r.id = round.id AND r.state = 'open' RETURNING * INTO round;

	-- What is there stays; who fell out and is back gets its task again.
	FOR island_id IN
		SELECT t.island_id FROM federated.tasks t JOIN federated.participants p ON p.session_id = session.id AND p.island_id = t.island_id
		WHERE t.round_id = round.id AND t.state IN ('dropped', 'declined') AND p.left_at IS NULL
		  AND federated.is_alive(session, t.island_id)
	LOOP
		PERFORM federated.assign_task(round, island_id);
	END LOOP;
	PERFORM federated.log_event(session.id, 'round_extended',
		jsonb_build_object('round', round.round_no, 'updates', CASE WHEN NOT federated.draws_islands(session.config) THEN accepted END,
						   'needed', session.config -> 'min_updates',
						   'deadline', round.deadline));
	PERFORM federated.announce_task(session.id);
	RETURN federated.after_drop(session, 'round_extended');
END
$$;
COMMENT ON FUNCTION federated.extend_round(federated.sessions, federated.rounds, bigint) IS
	'Give a round that has too few updates more time';

-- No commit gets in: advance() has locked the round. Only statements after the
-- UPDATE read the set, so they see every update that was acknowledged.
CREATE FUNCTION federated.freeze(session federated.sessions, round federated.rounds) RETURNS text
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	straggler bigint;
BEGIN
	UPDATE federated.rounds r SET state = 'aggregating', frozen_at = clock_timestamp()
	WHERE r.id = round.id AND r.state = 'open' RETURNING * INTO round;
	IF NOT FOUND THEN
		RETURN NULL;
	END IF;

	FOR straggler IN
		SELECT t.island_id FROM federated.tasks t JOIN federated.islands i ON i.id = t.island_id
		WHERE t.round_id = round.id AND t.state = 'assigned' ORDER BY i.host_id COLLATE "C"
	LOOP
		PERFORM federated.drop_participant(session.id, round.id, straggler, 'dropped', 'missed the deadline');
	END LOOP;
	PERFORM federated.count_samples(session, round);
	IF round.kind = 'evaluate' THEN
		RETURN federated.close_evaluation(session, round);
	END IF;

	PERFORM federated.plan_weights(round);
	PERFORM federated.create_result(session, round);
	PERFORM federated.log_event(session.id, 'round_frozen',
		jsonb_build_object('round', round.round_no,
						   'updates', CASE WHEN NOT federated.draws_islands(session.config) THEN
								(SELECT count(*) FROM federated.updates u WHERE u.round_id = round.id AND u.state = 'accepted') END));
	RETURN federated.after_drop(session, 'round_frozen');
END
$$;
COMMENT ON FUNCTION federated.freeze(federated.sessions, federated.rounds) IS
	'Close the set of updates of a round and drop whoever missed it';

CREATE FUNCTION federated.plan_weights(round federated.rounds) RETURNS void
LANGUAGE sql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
	UPDATE federated.updates u SET position = plan.position, weight = plan.weight
	FROM (SELECT a.id, row_number() OVER (ORDER BY i.host_id COLLATE "C") AS position,
				 CASE WHEN federated.adds_noise(s.config) THEN federated.bounded_weight(s.config, a.counted_samples)
					  WHEN a.secagg_attempt IS NOT NULL THEN 1
					  ELSE a.counted_samples::float8 / (sum(a.counted_samples) OVER ())::float8 END AS weight
		  FROM federated.updates a JOIN federated.islands i ON i.id = a.island_id
		  JOIN federated.sessions s ON s.id = $1.session_id
		  WHERE a.round_id = $1.id AND a.state = 'accepted') plan
	WHERE u.id = plan.id
$$;
COMMENT ON FUNCTION federated.plan_weights(federated.rounds) IS
	'Select: every accepted update, in bytewise order of host_id, weighted by its share of the samples that count (FedAvg, McMahan et al. 2017, algorithm 1) or, where noise is added, by no more than 1 (DP-FedAvg, McMahan et al. 2018); masked ones carry their weights in them';

CREATE FUNCTION federated.create_result(session federated.sessions, round federated.rounds) RETURNS void
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	base federated.model_versions := federated.get_version(round.base_version_id);
	result_id bigint;
	relation name;
BEGIN
	PERFORM federated.require_storage((1 + federated.state_count(session)) * federated.page_storage(base.parameters * 4));
	result_id := federated.add_version(base.workload_id, base.id, 'building', base.parameters, session.owner_role);
	relation := 'version_' || result_id;
	PERFORM federated.create_page_table(relation);
	UPDATE federated.model_versions v
	SET vector_id = federated.create_vector(relation, base.parameters * 4), session_id = session.id, round_no = round.round_no
	WHERE v.id = result_id;
	PERFORM federated.create_states(session, round, result_id, base.parameters * 4);
	UPDATE federated.rounds r
	SET result_version_id = result_id, chunk_slices = federated.chunk_size(federated.slice_count(base.parameters * 4))
	WHERE r.id = round.id;
END
$$;
COMMENT ON FUNCTION federated.create_result(federated.sessions, federated.rounds) IS
	'The version and the optimiser''s states that a round makes, with no pages yet';
