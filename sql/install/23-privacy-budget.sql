-- Differential privacy: the budget --------------------------------------------------------------------
-- Asked under the session's lock, before a round opens and again when it is
-- charged, so that two drivers cannot both spend the rest.

CREATE FUNCTION federated.spent_with_next(session federated.sessions, sampling_rate float8) RETURNS federated.spent_privacy
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	next federated.privacy_cost;
BEGIN
	next := ROW((session.config -> 'dp_sigma')::float8, sampling_rate,
				federated.counted_sampling(session.config, sampling_rate), 1, federated.has_exact_curve(session.config ->> 'dp_mode'));
	RETURN federated.compose_privacy(federated.session_costs(session.id) || next, federated.session_delta(session));
END
$$;
COMMENT ON FUNCTION federated.spent_with_next(federated.sessions, float8) IS
	'What a session will have spent after one more charge, with participants drawn at this rate';

CREATE FUNCTION federated.budget_problem(session federated.sessions, sampling_rate float8) RETURNS text
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	budget CONSTANT float8 := session.config -> 'epsilon_budget';
	after_next federated.spent_privacy;
BEGIN
	IF budget IS NULL THEN
		RETURN NULL;
	END IF;
	after_next := federated.spent_with_next(session, sampling_rate);
	IF after_next.epsilon <= budget THEN
		RETURN NULL;
	END IF;
	RETURN format('epsilon_budget is %s: %s is spent, another round would make it %s', session.config ->> 'epsilon_budget',
				  round((federated.compose_privacy(federated.session_costs(session.id), federated.session_delta(session))).epsilon::numeric, 4),
				  round(after_next.epsilon::numeric, 4));
END
$$;
COMMENT ON FUNCTION federated.budget_problem(federated.sessions, float8) IS
	'Why a session may not spend another round, with participants drawn at this rate; NULL if it may';

-- A round that was charged and then lost its updates costs twice.
CREATE FUNCTION federated.end_spent(session federated.sessions, why text) RETURNS text
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	IF session.current_version_id = session.base_version_id THEN
		PERFORM federated.end_session(session.id, 'failed', why);
		RETURN 'session_failed';
	END IF;
	UPDATE federated.sessions s SET stop_reason = why WHERE s.id = session.id RETURNING * INTO session;
	RETURN federated.complete_session(session);
END
$$;
COMMENT ON FUNCTION federated.end_spent(federated.sessions, text) IS
	'End a session whose open round may not be charged: the last version is published; without one it fails';

CREATE FUNCTION federated.check_first_round(session federated.sessions) RETURNS void
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	needed CONSTANT float8 := (federated.spent_with_next(session,
		federated.drawn_rate(session.config, (session.config -> 'max_participants')::bigint))).epsilon;
BEGIN
	IF (session.config -> 'epsilon_budget')::float8 < needed THEN
		PERFORM federated.refuse_private('epsilon_budget', session.config -> 'epsilon_budget',
			format('the first round alone spends %s at delta %s', round(needed::numeric, 4), federated.session_delta(session)));
	END IF;
END
$$;
COMMENT ON FUNCTION federated.check_first_round(federated.sessions) IS
	'Refuse (22023) a budget that does not allow a single round';
