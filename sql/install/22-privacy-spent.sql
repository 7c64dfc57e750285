-- Differential privacy: what was spent ----------------------------------------------------------------
-- Epsilon is worked out from the charges whenever somebody asks. Charges that
-- cost the same are counted, so that many rounds are as quick as few.

CREATE TYPE federated.privacy_cost AS (noise_multiplier float8, sampling_rate float8, sampling text, rounds bigint, exact boolean);
COMMENT ON TYPE federated.privacy_cost IS
	'So many rounds with the same noise and the same sampling; exact: whether the exact curve of the Gaussian mechanism holds for them';

-- It is not proved for sums of discrete Gaussians: for noise that Islands add
-- together only Renyi orders count, and for all that is composed with it.
CREATE FUNCTION federated.has_exact_curve(mechanism text) RETURNS boolean
LANGUAGE sql IMMUTABLE
SET search_path = pg_catalog, pg_temp
AS $$ SELECT $1 <> 'distributed' $$;
COMMENT ON FUNCTION federated.has_exact_curve(text) IS 'Whether the exact curve of the Gaussian mechanism holds for noise of a mechanism';

CREATE TYPE federated.spent_privacy AS (rounds bigint, epsilon float8, method text, rdp_order float8);
COMMENT ON TYPE federated.spent_privacy IS 'Rounds that were charged, what they cost together, and how that was worked out';

CREATE FUNCTION federated.compose_privacy(costs federated.privacy_cost[], delta float8) RETURNS federated.spent_privacy
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	answer federated.spent_privacy;
BEGIN
	SELECT coalesce(sum(c.rounds), 0), (federated.privacy_epsilon(
			   coalesce(array_agg(c.noise_multiplier), '{}'), coalesce(array_agg(c.sampling_rate), '{}'),
			   coalesce(array_agg(c.sampling), '{}'), coalesce(array_agg(c.rounds), '{}'), compose_privacy.delta,
			   coalesce(bool_and(c.exact), true))).*
	INTO answer
	FROM (SELECT u.noise_multiplier, u.sampling_rate, u.sampling, sum(u.rounds)::bigint AS rounds, bool_and(u.exact) AS exact
		  FROM unnest(costs) u
		  GROUP BY u.noise_multiplier, u.sampling_rate, u.sampling
		  ORDER BY u.noise_multiplier, u.sampling_rate, u.sampling) c;
	RETURN answer;
END
$$;
COMMENT ON FUNCTION federated.compose_privacy(federated.privacy_cost[], float8) IS
	'What rounds cost together at one delta; nothing for none';

CREATE FUNCTION federated.session_costs(session_id uuid) RETURNS federated.privacy_cost[]
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	RETURN ARRAY(SELECT ROW(c.noise_multiplier, c.sampling_rate, c.sampling, count(*),
							bool_and(federated.has_exact_curve(c.mechanism)))::federated.privacy_cost
				 FROM federated.privacy_charges c WHERE c.session_id = session_costs.session_id
				 GROUP BY c.noise_multiplier, c.sampling_rate, c.sampling);
END
$$;
COMMENT ON FUNCTION federated.session_costs(uuid) IS 'All that a session was charged';

-- The odometer of one participant gains nothing from sampling: it knows whether
-- it was there. It is of the same adjacency as the session's epsilon. A round that the books may have lost may have been with it.
CREATE FUNCTION federated.participant_costs(session_id uuid, island_id bigint, lost boolean) RETURNS federated.privacy_cost[]
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	RETURN ARRAY(SELECT ROW(c.noise_multiplier, 1, federated.counted_sampling(s.config, 1), count(*),
							bool_and(federated.has_exact_curve(c.mechanism)))::federated.privacy_cost
				 FROM federated.privacy_charges c JOIN federated.sessions s ON s.id = c.session_id
				 WHERE c.session_id = participant_costs.session_id
				   AND (c.lost AND participant_costs.lost
						OR EXISTS (SELECT FROM federated.privacy_participants p
								   WHERE p.charge_id = c.id AND p.island_id = participant_costs.island_id))
				 GROUP BY c.noise_multiplier, s.config);
END
$$;
COMMENT ON FUNCTION federated.participant_costs(uuid, bigint, boolean) IS
	'What the rounds that an Island was in cost it; lost: with those that the books may have lost';

CREATE FUNCTION federated.session_delta(session federated.sessions) RETURNS float8
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	RETURN coalesce((SELECT p.delta FROM federated.session_privacy p WHERE p.session_id = session.id),
					federated.planned_delta(session.config, coalesce(federated.privacy_population(session.config),
																	 (session.config -> 'min_participants')::bigint)));
END
$$;
COMMENT ON FUNCTION federated.session_delta(federated.sessions) IS
	'Delta of a private session: as settled, before that as far as can be told';

-- The rounds' parts add up to what the session costs the Island. What the books
-- may have lost is left out: the Island keeps books of its own, and counted it.
CREATE FUNCTION federated.epsilon_of_task(round federated.rounds, session federated.sessions, island_id bigint) RETURNS float8
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	before CONSTANT federated.privacy_cost[] := federated.participant_costs(session.id, island_id, false);
	delta CONSTANT float8 := federated.session_delta(session);
	this federated.privacy_cost;
BEGIN
	IF round.kind <> 'train' OR NOT federated.is_private(session.config) THEN
		RETURN NULL;
	END IF;
	this := ROW((session.config -> 'dp_sigma')::float8, 1, federated.counted_sampling(session.config, 1), 1,
				federated.has_exact_curve(session.config ->> 'dp_mode'));
	RETURN (federated.compose_privacy(before || this, delta)).epsilon - (federated.compose_privacy(before, delta)).epsilon;
END
$$;
COMMENT ON FUNCTION federated.epsilon_of_task(federated.rounds, federated.sessions, bigint) IS
	'How much more an Island will have spent by doing a task; NULL without differential privacy, and for evaluations';

-- Who asks for more than it may see is told nothing.

CREATE FUNCTION federated.spent_by_session(session_id uuid) RETURNS federated.spent_privacy
LANGUAGE plpgsql STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	IF NOT federated.sees_session(session_id) THEN
		RETURN NULL;
	END IF;
	RETURN federated.compose_privacy(federated.session_costs(session_id),
									 (SELECT federated.session_delta(s) FROM federated.sessions s WHERE s.id = session_id));
END
$$;
COMMENT ON FUNCTION federated.spent_by_session(uuid) IS 'What a session has spent, for those who see it; else NULL';

CREATE FUNCTION federated.spent_by_participant(session_id uuid, island_id bigint) RETURNS federated.spent_privacy
LANGUAGE plpgsql STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	IF island_id IS DISTINCT FROM federated.caller_island()
		AND (federated.caller_island() IS NOT NULL OR NOT federated.sees_session(session_id)
			 OR session_id IN (SELECT federated.secret_sessions(true))) THEN
		RETURN NULL;
	END IF;
	RETURN federated.compose_privacy(federated.participant_costs(session_id, island_id, true),
									 (SELECT federated.session_delta(s) FROM federated.sessions s WHERE s.id = session_id));
END
$$;
COMMENT ON FUNCTION federated.spent_by_participant(uuid, bigint) IS
	'What the rounds of a session that an Island was in cost it, for the Island and those who may know who took part; else NULL';

-- Without sampling the sum of 1 / z^2 says all: whose is the largest has spent the most.
CREATE FUNCTION federated.most_spent(session_id uuid) RETURNS float8
LANGUAGE plpgsql STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	most bigint;
BEGIN
	IF NOT federated.sees_session(session_id) OR federated.caller_island() IS NOT NULL
		OR session_id IN (SELECT federated.secret_sessions(true)) THEN
		RETURN NULL;
	END IF;
	SELECT p.island_id INTO most
	FROM federated.privacy_participants p JOIN federated.privacy_charges c ON c.id = p.charge_id
	WHERE c.session_id = most_spent.session_id
	GROUP BY p.island_id ORDER BY sum(1 / c.noise_multiplier ^ 2) DESC, p.island_id LIMIT 1;
	RETURN (federated.compose_privacy(federated.participant_costs(session_id, most, true),
									  (SELECT federated.session_delta(s) FROM federated.sessions s WHERE s.id = session_id))).epsilon;
END
$$;
COMMENT ON FUNCTION federated.most_spent(uuid) IS
	'The most that any participant of a session has spent by the rounds that it was in; NULL for who may not know';

CREATE FUNCTION federated.spent_by_workload(workload_id bigint, island_id bigint, delta float8) RETURNS federated.spent_privacy
LANGUAGE plpgsql STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	IF island_id IS DISTINCT FROM federated.caller_island() AND NOT federated.caller_is('federated_admin') THEN
		RETURN NULL;
	END IF;
	RETURN federated.compose_privacy(
		ARRAY(SELECT c FROM federated.participants p
			  JOIN federated.sessions s ON s.id = p.session_id AND s.workload_id = spent_by_workload.workload_id
			  CROSS JOIN LATERAL unnest(federated.participant_costs(p.session_id, p.island_id, true)) c
			  WHERE p.island_id = spent_by_workload.island_id), delta);
END
$$;
COMMENT ON FUNCTION federated.spent_by_workload(bigint, bigint, float8) IS
	'What all sessions of a workload cost an Island, for the Island and administrators; else NULL';

GRANT EXECUTE ON FUNCTION federated.spent_by_session(uuid), federated.spent_by_participant(uuid, bigint), federated.most_spent(uuid)
	TO federated_admin, federated_creator, federated_viewer, federated_auditor, federated_island;
GRANT EXECUTE ON FUNCTION federated.spent_by_workload(bigint, bigint, float8) TO federated_admin, federated_island;

CREATE VIEW federated.privacy_spent WITH (security_invoker = true) AS
SELECT s.id AS session_id, s.name, s.config ->> 'dp_mode' AS mode, spent.rounds, spent.epsilon, p.delta, spent.method, spent.rdp_order,
	   (s.config -> 'dp_sigma')::float8 AS noise_multiplier, charged.clip_norms, charged.noise_std_sum, charged.noise_std_mean,
	   p.divisor, s.config ->> 'dp_sampling' AS sampling,
	   CASE s.config ->> 'dp_sampling' WHEN 'none' THEN 1 ELSE (s.config -> 'participation_fraction')::float8 END AS sampling_rate,
	   p.participants, federated.most_spent(s.id) AS most_by_participant, (s.config -> 'epsilon_budget')::float8 AS epsilon_budget,
	   coalesce(charged.insecure_seed, false) AS insecure_seed, coalesce(charged.lost, 0) AS lost
FROM federated.sessions s
LEFT JOIN federated.session_privacy p ON p.session_id = s.id
CROSS JOIN LATERAL federated.spent_by_session(s.id) spent
CROSS JOIN LATERAL (
	SELECT array_agg(c.clip_norm ORDER BY c.id) AS clip_norms, bool_or(c.insecure_seed) AS insecure_seed,
		   count(*) FILTER (WHERE c.lost) AS lost,
		   (array_agg(sqrt(c.noise_variance::float8) * c.grid ORDER BY c.id DESC))[1] AS noise_std_sum,
		   (array_agg(sqrt(c.noise_variance::float8) * c.grid / c.divisor ORDER BY c.id DESC))[1] AS noise_std_mean
	FROM federated.privacy_charges c WHERE c.session_id = s.id) charged
WHERE s.config ? 'dp_sigma';
COMMENT ON VIEW federated.privacy_spent IS
	'What each private session has spent, and with which noise; clip_norms: of each charge in turn, noise: of the last';

CREATE VIEW federated.participant_privacy WITH (security_invoker = true) AS
SELECT s.id AS session_id, i.host_id, spent.rounds, spent.epsilon, d.delta, spent.method, spent.rdp_order
FROM federated.participants p
JOIN federated.sessions s ON s.id = p.session_id AND s.config ? 'dp_sigma'
JOIN federated.islands i ON i.id = p.island_id
LEFT JOIN federated.session_privacy d ON d.session_id = s.id
CROSS JOIN LATERAL federated.spent_by_participant(p.session_id, p.island_id) spent;
COMMENT ON VIEW federated.participant_privacy IS
	'What the rounds that each Island was in have cost it, with nothing gained from sampling; an Island sees its own';

-- Delta of the composition: the least of the sessions'.
CREATE VIEW federated.workload_privacy WITH (security_invoker = true) AS
SELECT w.id AS workload_id, w.name AS workload, i.host_id, own.sessions, spent.rounds, spent.epsilon, own.delta, spent.method, spent.rdp_order
FROM (SELECT s.workload_id, p.island_id, count(*) AS sessions, min(d.delta) AS delta
	  FROM federated.participants p JOIN federated.sessions s ON s.id = p.session_id
	  JOIN federated.session_privacy d ON d.session_id = s.id
	  GROUP BY s.workload_id, p.island_id) own
JOIN federated.workloads w ON w.id = own.workload_id
JOIN federated.islands i ON i.id = own.island_id
CROSS JOIN LATERAL federated.spent_by_workload(own.workload_id, own.island_id, own.delta) spent;
COMMENT ON VIEW federated.workload_privacy IS
	'What all private sessions of a workload together have cost each Island; for administrators, and an Island sees its own';

GRANT SELECT ON federated.privacy_spent, federated.participant_privacy
	TO federated_admin, federated_creator, federated_viewer, federated_auditor, federated_island;
GRANT SELECT ON federated.workload_privacy TO federated_admin, federated_island;
