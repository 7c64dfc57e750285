-- The state machine 3: collecting, freezing, closing -----------------------------------------

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
		jsonb_build_object('round', round.round_no, 'updates', accepted, 'needed', session.config -> 'min_updates',
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
						   'updates', (SELECT count(*) FROM federated.updates u WHERE u.round_id = round.id AND u.state = 'accepted')));
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
				 a.counted_samples::float8 / (sum(a.counted_samples) OVER ())::float8 AS weight
		  FROM federated.updates a JOIN federated.islands i ON i.id = a.island_id
		  WHERE a.round_id = $1.id AND a.state = 'accepted') plan
	WHERE u.id = plan.id
$$;
COMMENT ON FUNCTION federated.plan_weights(federated.rounds) IS
	'Select: every accepted update, in bytewise order of host_id, weighted by its share of the samples that count (FedAvg, McMahan et al. 2017, algorithm 1)';

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
	PERFORM federated.create_states(session, round, base.parameters * 4);
	UPDATE federated.rounds r
	SET result_version_id = result_id, chunk_slices = federated.chunk_size(federated.slice_count(base.parameters * 4))
	WHERE r.id = round.id;
END
$$;
COMMENT ON FUNCTION federated.create_result(federated.sessions, federated.rounds) IS
	'The version and the optimiser''s states that a round makes, with no pages yet';

CREATE FUNCTION federated.mean_metrics(round_id bigint, part text) RETURNS jsonb
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
	SELECT coalesce(jsonb_object_agg(m.key, m.mean), '{}')
	-- exact, so that a metric all Islands agree on stays what it is
	FROM (SELECT metric.key, (sum(metric.value::numeric * u.counted_samples) / sum(u.counted_samples))::float8 AS mean
		  FROM federated.updates u
		  CROSS JOIN LATERAL jsonb_each(u.metrics -> $2) metric
		  WHERE u.round_id = $1 AND u.state = 'accepted'
		  GROUP BY metric.key) m
$$;
COMMENT ON FUNCTION federated.mean_metrics(bigint, text) IS
	'Each metric of a round, averaged over the Islands that reported it, weighted by the samples that count';

CREATE FUNCTION federated.finish_round(round federated.rounds) RETURNS federated.rounds
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	UPDATE federated.rounds r
	SET state = 'closed', closed_at = clock_timestamp(),
		total_samples = (SELECT sum(u.counted_samples) FROM federated.updates u WHERE u.round_id = r.id AND u.state = 'accepted'),
		evaluation = federated.mean_metrics(r.id, 'evaluation'), training = federated.mean_metrics(r.id, 'training'),
		timings = federated.round_timings(r)
	WHERE r.id = round.id AND r.state = 'aggregating'
	RETURNING * INTO round;
	DELETE FROM federated.chunks c WHERE c.round_id = round.id;
	UPDATE federated.model_versions v SET metrics = round.evaluation
	WHERE v.id = round.base_version_id AND round.evaluation <> '{}' AND v.source_id IS NOT NULL;
	RETURN round;
END
$$;
COMMENT ON FUNCTION federated.finish_round(federated.rounds) IS
	'Close a round and give its metrics to the version that was evaluated in it';

-- Of all rounds of the session so far: what it has closed went into the version.
-- An Island's samples count once, as the largest number that it stated.
CREATE FUNCTION federated.provenance_of(session federated.sessions) RETURNS jsonb
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
	SELECT jsonb_build_object(
		'base_version', (SELECT v.version FROM federated.model_versions v WHERE v.id = $1.base_version_id),
		'algorithm', $1.config -> 'algorithm', 'participants', count(*), 'updates', coalesce(sum(i.updates), 0),
		'samples', coalesce(sum(i.samples), 0))
	FROM (SELECT count(*) AS updates, max(u.num_samples) AS samples
		  FROM federated.rounds r JOIN federated.updates u ON u.round_id = r.id AND u.state = 'accepted'
		  WHERE r.session_id = $1.id AND r.kind = 'train' AND r.state = 'closed'
		  GROUP BY u.island_id) i
$$;
COMMENT ON FUNCTION federated.provenance_of(federated.sessions) IS
	'What a version is made of when the last closed round of a session makes it; privacy spent will stand here too';

CREATE FUNCTION federated.close_round(session federated.sessions, round federated.rounds) RETURNS text
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	closed federated.rounds := federated.finish_round(round);
	next_step text;
BEGIN
	PERFORM federated.store_contributions(closed);
	UPDATE federated.model_versions v
	SET status = 'ready', digest = federated.vector_digest(v.vector_id), provenance = federated.provenance_of(session)
	WHERE v.id = closed.result_version_id AND v.status = 'building';
	UPDATE federated.sessions s SET current_version_id = closed.result_version_id
	WHERE s.id = session.id RETURNING * INTO session;
	PERFORM federated.pay_round(session, closed);
	PERFORM federated.retire_updates(closed);
	PERFORM federated.retire_states(session.id, closed.id);
	session := federated.judge(session, closed);
	PERFORM federated.retire_versions(session);
	PERFORM federated.log_event(session.id, 'round_closed',
		jsonb_build_object('round', closed.round_no, 'version_id', closed.result_version_id, 'samples', closed.total_samples,
						   'evaluation', closed.evaluation, 'training', closed.training));
	next_step := federated.open_round(session);
	RETURN CASE next_step WHEN 'round_opened' THEN 'round_closed' ELSE next_step END;
END
$$;
COMMENT ON FUNCTION federated.close_round(federated.sessions, federated.rounds) IS
	'In one transaction: version ready, round closed, its updates retired, next round opened';

-- Which metric tells versions apart, and which way is better.
CREATE FUNCTION federated.watched_metric(session federated.sessions, round federated.rounds,
										 OUT metric text, OUT value float8, OUT sign integer)
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	target jsonb := session.config -> 'target';
	goal text := session.config ->> 'best_goal';
BEGIN
	metric := coalesce(session.config ->> 'best_metric', target ->> 'metric',
					   CASE WHEN round.evaluation ? 'accuracy' THEN 'accuracy' ELSE 'loss' END);
	value := (round.evaluation ->> metric)::float8;
	IF metric = target ->> 'metric' THEN
		goal := coalesce(goal, target ->> 'goal');
	END IF;
	sign := federated.metric_sign(metric, goal);
END
$$;
COMMENT ON FUNCTION federated.watched_metric(federated.sessions, federated.rounds) IS
	'best_metric, otherwise the target''s, otherwise accuracy, otherwise loss: its name, its value in a round, and 1 when more is better, else -1';

CREATE FUNCTION federated.metric_sign(metric text, goal text) RETURNS integer
LANGUAGE sql IMMUTABLE
SET search_path = pg_catalog, pg_temp
AS $$
	SELECT CASE coalesce($2, CASE WHEN $1 ~* 'loss|error|perplexity' THEN 'min' ELSE 'max' END) WHEN 'max' THEN 1 ELSE -1 END
$$;
COMMENT ON FUNCTION federated.metric_sign(text, text) IS '1 when more of a metric is better, else -1; by its name when no goal is given';

CREATE FUNCTION federated.target_reached(session federated.sessions, round federated.rounds) RETURNS text
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	target CONSTANT jsonb := session.config -> 'target';
	metric CONSTANT text := target ->> 'metric';
	value CONSTANT float8 := (round.evaluation ->> metric)::float8;
	sign CONSTANT integer := federated.metric_sign(metric, target ->> 'goal');
BEGIN
	IF sign * value >= sign * (target -> 'value')::float8 THEN
		RETURN format('target reached: %s is %s after round %s', metric, value, round.round_no - 1);
	END IF;
	RETURN NULL;
END
$$;
COMMENT ON FUNCTION federated.target_reached(federated.sessions, federated.rounds) IS
	'Why a session stops when the evaluation of a round reaches its target; NULL when it does not';

-- The evaluation in a round is of the version that the round before made.
CREATE FUNCTION federated.judge(session federated.sessions, round federated.rounds) RETURNS federated.sessions
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	watched record;
	better boolean;
	stop text := federated.target_reached(session, round);
	patience integer := (session.config -> 'patience')::integer;
BEGIN
	SELECT * INTO watched FROM federated.watched_metric(session, round);
	IF watched.value IS NOT NULL THEN
		better := session.best_value IS NULL OR watched.sign * watched.value > watched.sign * session.best_value;
	END IF;
	IF NOT better AND session.rounds_since_best + 1 >= patience THEN
		stop := coalesce(stop, format('no better %s than %s for %s rounds', watched.metric, session.best_value, patience));
	END IF;
	IF better IS NULL AND stop IS NULL THEN
		RETURN session;
	END IF;
	UPDATE federated.sessions s
	SET best_version_id = CASE WHEN better THEN round.base_version_id ELSE s.best_version_id END,
		best_value = CASE WHEN better THEN watched.value ELSE s.best_value END,
		rounds_since_best = CASE WHEN better THEN 0 WHEN NOT better THEN s.rounds_since_best + 1 ELSE s.rounds_since_best END,
		stop_reason = coalesce(s.stop_reason, stop)
	WHERE s.id = session.id RETURNING * INTO session;
	RETURN session;
END
$$;
COMMENT ON FUNCTION federated.judge(federated.sessions, federated.rounds) IS
	'Remember the best version; decide by target and patience whether training stops';

CREATE FUNCTION federated.retire_versions(session federated.sessions) RETURNS void
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	version_id bigint;
	keep text := session.config ->> 'keep_versions';
	every integer := (session.config -> 'keep_every')::integer;
BEGIN
	IF keep = 'all' THEN
		RETURN;
	END IF;
	FOR version_id IN
		SELECT v.id FROM federated.model_versions v
		WHERE v.session_id = session.id AND v.status = 'ready' AND v.published_at IS NULL
		  AND v.id <> session.current_version_id
		  AND (keep = 'last' OR v.id IS DISTINCT FROM session.best_version_id)
		  AND (every IS NULL OR v.round_no % every <> 0)
		ORDER BY v.id
	LOOP
		PERFORM federated.retire_version(version_id);
	END LOOP;
END
$$;
COMMENT ON FUNCTION federated.retire_versions(federated.sessions) IS
	'Give up the weights of versions between rounds that keep_versions and keep_every do not keep';

CREATE FUNCTION federated.close_evaluation(session federated.sessions, round federated.rounds) RETURNS text
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	closed federated.rounds := federated.finish_round(round);
BEGIN
	session := federated.judge(session, closed);
	PERFORM federated.retire_versions(session);
	RETURN federated.complete_session(session);
END
$$;
COMMENT ON FUNCTION federated.close_evaluation(federated.sessions, federated.rounds) IS
	'The last evaluation is in: the session is complete';

CREATE FUNCTION federated.complete_session(session federated.sessions) RETURNS text
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	result federated.model_versions;
BEGIN
	UPDATE federated.sessions s SET result_version_id = s.current_version_id WHERE s.id = session.id;
	PERFORM federated.publish_version(session.current_version_id);
	result := federated.get_version(session.current_version_id);
	PERFORM federated.log_event(session.id, 'version_published',
		jsonb_build_object('version_id', result.id, 'version', result.version, 'metrics', result.metrics,
						   'digest', encode(result.digest, 'hex')));
	PERFORM federated.end_session(session.id, 'completed', session.stop_reason);
	RETURN 'session_completed';
END
$$;
COMMENT ON FUNCTION federated.complete_session(federated.sessions) IS 'Publish the last version and complete the session';
