-- Differential privacy: the report ------------------------------------------------------------------------

CREATE FUNCTION federated.outside_epsilon(config jsonb) RETURNS text[]
LANGUAGE sql IMMUTABLE
SET search_path = pg_catalog, pg_temp
AS $$
	SELECT CASE WHEN federated.draws_islands($1)
		THEN ARRAY['who takes part in the session, and how many were drawn for a round',
				   'the metrics of the last evaluation, which are averages without noise',
				   'sample counts that Islands declare', 'timing: when rounds open and close, when an Island was last seen']
		WHEN federated.is_distributed($1)
		THEN array_remove(ARRAY['who took part in each round',
				   CASE $1 ->> 'secagg_metrics' WHEN 'visible' THEN 'the metrics of rounds, which are averages without noise' END,
				   'sample counts that Islands declare for the workload', 'timing: when updates arrive, when rounds open and close'], NULL)
		ELSE ARRAY['who took part in each round', 'the metrics of rounds, which are averages without noise',
				   'sample counts, of each Island and of each round', 'timing: when updates arrive, when rounds open and close'] END
$$;
COMMENT ON FUNCTION federated.outside_epsilon(jsonb) IS 'What a private session makes known beside its models, without noise and outside epsilon';

CREATE FUNCTION federated.coordinator_sees(config jsonb) RETURNS text
LANGUAGE sql IMMUTABLE
SET search_path = pg_catalog, pg_temp
AS $$
	SELECT CASE $1 ->> 'dp_mode'
		WHEN 'central' THEN 'Each update as it was sent: the noise is added afterwards. So do whoever administers the coordinator, '
			'its WAL archives, its standbys and its backups. It protects against those who read models.'
		WHEN 'distributed' THEN 'The sum of each round''s updates with the noise that the Islands added together, and who takes part'
			|| CASE $1 ->> 'secagg_metrics' WHEN 'visible' THEN '; also each Island''s metrics, without any noise.' ELSE '.' END
		ELSE 'Each update with the noise that its Island added, and its metrics and sample counts without any.' END
$$;
COMMENT ON FUNCTION federated.coordinator_sees(jsonb) IS 'What a private session does not hide from the coordinator';

CREATE FUNCTION federated.distributed_trust(config jsonb) RETURNS jsonb
LANGUAGE sql IMMUTABLE
SET search_path = pg_catalog, pg_temp
AS $$
	SELECT CASE WHEN federated.is_distributed($1)
		THEN jsonb_build_object('honest_updates', federated.honest_updates($1), 'max_colluding', $1 -> 'secagg_max_colluding',
								'secagg_mode', $1 -> 'secagg_mode') ELSE '{}' END
$$;
COMMENT ON FUNCTION federated.distributed_trust(jsonb) IS
	'Whom the epsilon of noise that Islands add together relies on: updates of a sum whose noise the coordinator does not know, Islands that may work with it, and against what kind of coordinator; nothing for other noise';

CREATE FUNCTION federated.no_privacy() RETURNS text
LANGUAGE sql IMMUTABLE
SET search_path = pg_catalog, pg_temp
AS $$
	SELECT 'No differential privacy: no noise was added, and models can tell of the data that they were trained on.'
$$;
COMMENT ON FUNCTION federated.no_privacy() IS 'What is said of a session without differential privacy';

-- A test seed makes noise that anybody can take away again.
CREATE FUNCTION federated.privacy_said(config jsonb, epsilon float8, delta float8, rounds bigint, insecure_seed boolean) RETURNS text
LANGUAGE sql IMMUTABLE
SET search_path = pg_catalog, pg_temp
AS $$
	SELECT CASE
		WHEN $5 THEN 'No differential privacy: the noise came from a test seed, and whoever knows it can take the noise away.'
		WHEN $4 = 0 THEN 'Nothing was released yet.'
		ELSE federated.privacy_statement($1, $2, $3, $4) END
$$;
COMMENT ON FUNCTION federated.privacy_said(jsonb, float8, float8, bigint, boolean) IS 'The statement on what a session has spent so far';

CREATE FUNCTION federated.session_privacy_report(session federated.sessions) RETURNS json
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	spent federated.privacy_spent;
	planned federated.spent_privacy;
	trust jsonb;
BEGIN
	SELECT * INTO spent FROM federated.privacy_spent p WHERE p.session_id = session.id;
	IF NOT FOUND THEN
		RETURN json_build_object('mode', 'none', 'statement', federated.no_privacy());
	END IF;
	trust := federated.distributed_trust(session.config);
	planned := federated.planned_privacy(session.config,
		coalesce(spent.participants, federated.privacy_population(session.config), (session.config -> 'min_participants')::bigint),
		session.total_rounds);
	RETURN json_build_object(
		'mode', spent.mode, 'statement', federated.privacy_said(session.config, spent.epsilon, spent.delta, spent.rounds, spent.insecure_seed),
		'warning', federated.privacy_warning(greatest(spent.epsilon, least(planned.epsilon, spent.epsilon_budget)), spent.noise_multiplier),
		'notices', federated.privacy_notices(session.config, greatest(spent.epsilon, least(planned.epsilon, spent.epsilon_budget))),
		'unit', 'participant', 'adjacency', federated.adjacency(session.config),
		'epsilon', spent.epsilon, 'delta', spent.delta, 'rounds', spent.rounds, 'method', spent.method, 'rdp_order', spent.rdp_order,
		'planned_epsilon', planned.epsilon, 'epsilon_budget', spent.epsilon_budget, 'most_by_participant', spent.most_by_participant,
		'noise_multiplier', spent.noise_multiplier, 'clip_norms', spent.clip_norms, 'noise_std_sum', spent.noise_std_sum,
		'noise_std_mean', spent.noise_std_mean, 'divisor', spent.divisor, 'sampling', spent.sampling,
		'sampling_rate', spent.sampling_rate, 'participants', spent.participants, 'insecure_seed', spent.insecure_seed,
		'lost_rounds', spent.lost, 'honest_updates', trust -> 'honest_updates', 'max_colluding', trust -> 'max_colluding',
		'secagg_mode', trust -> 'secagg_mode', 'outside_epsilon', federated.outside_epsilon(session.config),
		'coordinator_sees', federated.coordinator_sees(session.config));
END
$$;
COMMENT ON FUNCTION federated.session_privacy_report(federated.sessions) IS
	'What a session''s document says on differential privacy: what was promised and spent, what that means, and what it leaves open';

CREATE FUNCTION federated.privacy_provenance(session federated.sessions) RETURNS jsonb
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
	SELECT jsonb_build_object(
		'mode', p.mode, 'unit', 'participant', 'adjacency', federated.adjacency($1.config), 'epsilon', p.epsilon, 'delta', p.delta,
		'rounds', p.rounds, 'method', p.method, 'noise_multiplier', p.noise_multiplier, 'clip_norm', p.clip_norms[cardinality(p.clip_norms)],
		'sampling', p.sampling, 'sampling_rate', p.sampling_rate, 'insecure_seed', p.insecure_seed, 'lost_rounds', p.lost,
		'statement', federated.privacy_said($1.config, p.epsilon, p.delta, p.rounds, p.insecure_seed))
		|| federated.distributed_trust($1.config)
	FROM federated.privacy_spent p WHERE p.session_id = $1.id
$$;
COMMENT ON FUNCTION federated.privacy_provenance(federated.sessions) IS
	'What a version says on the differential privacy that it was made with; NULL without any';

-- Before a session is started

CREATE TYPE federated.privacy_plan AS (epsilon float8, method text, rdp_order float8, delta float8, odds_factor float8,
	best_posterior float8, noise_std_sum float8, noise_std_mean float8, statement text, warning text, notices text[]);
COMMENT ON TYPE federated.privacy_plan IS 'What a private session would spend and what that means';

CREATE FUNCTION @extschema@.federated_plan_privacy(config jsonb, participants integer, rounds integer) RETURNS federated.privacy_plan
LANGUAGE plpgsql STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	resolved jsonb;
	planned federated.spent_privacy;
	problem text;
	scale float8;
	plan federated.privacy_plan;
BEGIN
	PERFORM federated.require_argument('config', config), federated.require_argument('participants', participants),
			federated.require_argument('rounds', rounds);
	IF participants NOT BETWEEN 1 AND 100000 OR rounds NOT BETWEEN 1 AND 1000000 THEN
		RAISE EXCEPTION USING
			ERRCODE = 'invalid_parameter_value',
			MESSAGE = 'so many participants or rounds cannot be planned',
			DETAIL = format('Given %s participants and %s rounds; allowed 1 to 100000 and 1 to 1000000.', participants, rounds);
	END IF;
	-- Secure aggregation has a least of its own.
	resolved := federated.resolve_config(
		CASE WHEN federated.is_distributed(config) THEN '{}' ELSE '{"min_participants": 1}' END::jsonb || config);
	IF NOT federated.is_private(resolved) THEN
		RAISE EXCEPTION USING
			ERRCODE = 'invalid_parameter_value',
			MESSAGE = 'config has no dp_sigma',
			DETAIL = 'Without it there is no differential privacy to plan.';
	END IF;
	problem := federated.privacy_problem(resolved, participants);
	IF problem IS NOT NULL THEN
		RAISE EXCEPTION USING
			ERRCODE = 'invalid_parameter_value',
			MESSAGE = 'a session cannot be private in this way',
			DETAIL = problem || '.';
	END IF;
	planned := federated.planned_privacy(resolved, participants, rounds);
	scale := coalesce(resolved -> 'dp_clip_norm', resolved -> 'dp_adaptive_clip' -> 'initial')::float8;
	plan.epsilon := planned.epsilon;
	plan.method := planned.method;
	plan.rdp_order := planned.rdp_order;
	plan.delta := federated.planned_delta(resolved, participants);
	plan.odds_factor := federated.odds_factor(plan.epsilon);
	plan.best_posterior := federated.best_posterior(plan.epsilon);
	plan.noise_std_sum := federated.update_noise((resolved -> 'dp_sigma')::float8, federated.planned_count_noise(resolved, participants)) * scale
		* CASE resolved ->> 'dp_mode' WHEN 'local' THEN sqrt(federated.planned_divisor(resolved, participants)) ELSE 1 END;
	plan.noise_std_mean := plan.noise_std_sum / federated.planned_divisor(resolved, participants);
	plan.statement := federated.privacy_statement(resolved, plan.epsilon, plan.delta, rounds);
	plan.warning := federated.privacy_warning(plan.epsilon, (resolved -> 'dp_sigma')::float8);
	plan.notices := array_remove(federated.privacy_notices(resolved, plan.epsilon) || federated.excess_notice(resolved, participants), NULL);
	RETURN plan;
END
$$;
COMMENT ON FUNCTION @extschema@.federated_plan_privacy(jsonb, integer, integer) IS
	'What a session with this config would spend in so many rounds with so many participants, what that means, and how much noise it is: of the sum, and of each coordinate of the average (in local mode with equal weights, in distributed mode by the Islands that count); with adaptive clipping, in its first round';

CREATE FUNCTION @extschema@.federated_plan_privacy(participants integer, rounds integer, noise_multiplier float8, clip_norm float8 DEFAULT 1,
	sampling_rate float8 DEFAULT 1, sampling text DEFAULT 'poisson', delta float8 DEFAULT NULL)
RETURNS federated.privacy_plan
LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
	SELECT * FROM @extschema@.federated_plan_privacy(
		jsonb_strip_nulls(jsonb_build_object('dp_sigma', $3, 'dp_clip_norm', $4, 'participation_fraction', $5, 'dp_sampling', $6, 'dp_delta', $7)), $1, $2)
$$;
COMMENT ON FUNCTION @extschema@.federated_plan_privacy(integer, integer, float8, float8, float8, text, float8) IS
	'The same for central differential privacy with the numbers one by one: sampling_rate counts with sampling poisson or fixed';
GRANT EXECUTE ON FUNCTION @extschema@.federated_plan_privacy(jsonb, integer, integer),
	@extschema@.federated_plan_privacy(integer, integer, float8, float8, float8, text, float8)
	TO federated_admin, federated_creator, federated_viewer, federated_auditor, federated_island;
