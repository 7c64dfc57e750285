-- Which version is the best, whether to go on, and which versions stay ------------------------------

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
