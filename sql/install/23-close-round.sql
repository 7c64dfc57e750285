-- The state machine 4: closing a round, and a session -----------------------------------------------

CREATE FUNCTION federated.mean_metrics(round_id bigint, part text) RETURNS jsonb
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
	SELECT coalesce(jsonb_object_agg(m.key, m.mean), '{}')
	-- exact, so that a metric all Islands agree on stays what it is
	FROM (SELECT metric.key, (sum(metric.value::numeric * coalesce(u.counted_samples, 1)) / sum(coalesce(u.counted_samples, 1)))::float8 AS mean
		  FROM federated.updates u
		  CROSS JOIN LATERAL jsonb_each(u.metrics -> $2) metric
		  WHERE u.round_id = $1 AND u.state = 'accepted'
		  GROUP BY metric.key) m
$$;
COMMENT ON FUNCTION federated.mean_metrics(bigint, text) IS
	'Each metric of a round, averaged over the Islands that reported it, weighted by the samples that count; equally where nobody knows them';

CREATE FUNCTION federated.round_metrics(round federated.rounds, attempt federated.secagg_attempts, part text) RETURNS jsonb
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	IF attempt.id IS NULL OR (SELECT s.config ->> 'secagg_metrics' FROM federated.sessions s WHERE s.id = round.session_id) = 'visible' THEN
		RETURN federated.mean_metrics(round.id, part);
	END IF;
	RETURN federated.unmasked_metrics(attempt, (SELECT s.config FROM federated.sessions s WHERE s.id = round.session_id), part);
END
$$;
COMMENT ON FUNCTION federated.round_metrics(federated.rounds, federated.secagg_attempts, text) IS
	'Mean metrics of a round: of what Islands said, or out of the sum of what they masked';

CREATE FUNCTION federated.finish_round(round federated.rounds) RETURNS federated.rounds
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	-- Sums and means over those who were drawn would tell who they were.
	secret CONSTANT boolean := round.kind = 'train'
		AND federated.draws_islands((SELECT s.config FROM federated.sessions s WHERE s.id = round.session_id));
	attempt CONSTANT federated.secagg_attempts := federated.live_attempt(round.id);
BEGIN
	UPDATE federated.rounds r
	SET state = 'closed', closed_at = clock_timestamp(),
		total_samples = CASE WHEN NOT secret THEN (SELECT sum(u.counted_samples) FROM federated.updates u
												   WHERE u.round_id = r.id AND u.state = 'accepted') END,
		evaluation = CASE WHEN secret THEN '{}' ELSE federated.round_metrics(r, attempt, 'evaluation') END,
		training = CASE WHEN secret THEN '{}' ELSE federated.round_metrics(r, attempt, 'training') END,
		timings = federated.round_timings(r)
	WHERE r.id = round.id AND r.state = 'aggregating'
	RETURNING * INTO round;
	DELETE FROM federated.chunks c WHERE c.round_id = round.id;
	PERFORM federated.finish_attempt(round);
	UPDATE federated.model_versions v SET metrics = round.evaluation
	WHERE v.id = round.base_version_id AND round.evaluation <> '{}' AND v.source_id IS NOT NULL;
	RETURN round;
END
$$;
COMMENT ON FUNCTION federated.finish_round(federated.rounds) IS
	'Close a round and give its metrics to the version that was evaluated in it';

-- Of all rounds of the session so far: what it has closed went into the version.
-- An Island's samples count once, as the largest number that it stated. Sums over
-- those who were drawn in secret would tell who they were.
CREATE FUNCTION federated.provenance_of(session federated.sessions) RETURNS jsonb
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	made CONSTANT jsonb := jsonb_build_object(
		'base_version', (SELECT v.version FROM federated.model_versions v WHERE v.id = session.base_version_id),
		'algorithm', session.config -> 'algorithm')
		|| CASE WHEN federated.is_private(session.config) THEN jsonb_build_object('privacy', federated.privacy_provenance(session))
				ELSE '{}' END;
BEGIN
	IF federated.draws_islands(session.config) THEN
		RETURN made || jsonb_build_object('participants', (SELECT count(*) FROM federated.participants p WHERE p.session_id = session.id));
	END IF;
	RETURN made || (
		SELECT jsonb_build_object('participants', count(*), 'updates', coalesce(sum(i.updates), 0),
								  'samples', CASE WHEN count(*) = 0 THEN 0 ELSE sum(i.samples) END)
		FROM (SELECT count(*) AS updates, max(u.num_samples) AS samples
			  FROM federated.rounds r JOIN federated.updates u ON u.round_id = r.id AND u.state = 'accepted'
			  WHERE r.session_id = session.id AND r.kind = 'train' AND r.state = 'closed'
			  GROUP BY u.island_id) i);
END
$$;
COMMENT ON FUNCTION federated.provenance_of(federated.sessions) IS
	'What a version is made of when the last closed round of a session makes it; samples are null where nobody knows them, and privacy says what was spent';

CREATE FUNCTION federated.close_round(session federated.sessions, round federated.rounds) RETURNS text
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	closed federated.rounds := federated.finish_round(round);
	next_step text;
BEGIN
	PERFORM federated.store_contributions(closed);
	PERFORM federated.release_fraction(closed);
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
