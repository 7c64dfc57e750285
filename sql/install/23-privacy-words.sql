-- Differential privacy: what it means, in words ---------------------------------------------------------

CREATE FUNCTION federated.short_number(given float8) RETURNS text
LANGUAGE sql IMMUTABLE
SET search_path = pg_catalog, pg_temp
AS $$
	SELECT CASE
		WHEN $1 IS NULL OR $1 = 0 OR $1 IN ('Infinity', '-Infinity', 'NaN') THEN $1::text
		WHEN abs($1) >= 1e6 OR abs($1) < 1e-3 THEN regexp_replace(trim(to_char($1, '9.999EEEE')), '\.?0+e', 'e')
		ELSE trim_scale(round($1::numeric, greatest(0, 3 - floor(log(abs($1)::numeric))::integer)))::text END
$$;
COMMENT ON FUNCTION federated.short_number(float8) IS 'A number with four digits that count, for people';

-- A promise must not be made smaller than it is by how it is printed.
CREATE FUNCTION federated.short_bound(given float8) RETURNS text
LANGUAGE plpgsql IMMUTABLE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	short CONSTANT text := federated.short_number(given);
BEGIN
	IF short IS NULL OR short::float8 >= given THEN
		RETURN short;
	END IF;
	RETURN federated.short_number((short::numeric + 10::numeric ^ (floor(log(short::numeric)) - 3))::float8);
END
$$;
COMMENT ON FUNCTION federated.short_bound(float8) IS 'A positive number with four digits that count, and never less than it is';

CREATE FUNCTION federated.odds_factor(epsilon float8) RETURNS float8
LANGUAGE sql IMMUTABLE
SET search_path = pg_catalog, pg_temp
AS $$ SELECT CASE WHEN $1 > 709 THEN 'Infinity' ELSE exp($1) END $$;
COMMENT ON FUNCTION federated.odds_factor(float8) IS 'e^epsilon: how much the odds of whatever an attacker guesses can change';

CREATE FUNCTION federated.best_posterior(epsilon float8) RETURNS float8
LANGUAGE sql IMMUTABLE
SET search_path = pg_catalog, pg_temp
AS $$ SELECT CASE WHEN $1 > 700 THEN 1 ELSE 1 / (1 + exp(-$1)) END $$;
COMMENT ON FUNCTION federated.best_posterior(float8) IS
	'How sure an attacker can become of something that it held for as likely as not: e^epsilon / (1 + e^epsilon)';

CREATE FUNCTION federated.percent_sure(epsilon float8) RETURNS text
LANGUAGE sql IMMUTABLE
SET search_path = pg_catalog, pg_temp
AS $$
	SELECT CASE WHEN $1 >= 9.2 THEN 'more than 99.99' ELSE trim_scale(ceil(10000 * federated.best_posterior($1)::numeric) / 100)::text END
$$;
COMMENT ON FUNCTION federated.percent_sure(float8) IS 'How sure that is, in percent';

CREATE FUNCTION federated.adjacency(config jsonb) RETURNS text
LANGUAGE sql IMMUTABLE
SET search_path = pg_catalog, pg_temp
AS $$
	SELECT CASE WHEN $1 ->> 'dp_sampling' = 'fixed' THEN 'the replacement of one participant by another'
		WHEN $1 ->> 'dp_mode' = 'local' THEN 'the replacement of one participant''s update by one of zeros'
		WHEN $1 ->> 'dp_mode' = 'distributed' THEN 'what one participant contributes is replaced by zeros, its noise stays'
		ELSE 'the addition or removal of one participant' END
$$;
COMMENT ON FUNCTION federated.adjacency(jsonb) IS 'Between which two worlds a private session bounds the difference';

CREATE FUNCTION federated.privacy_statement(config jsonb, epsilon float8, delta float8, rounds bigint) RETURNS text
LANGUAGE sql IMMUTABLE
SET search_path = pg_catalog, pg_temp
AS $$
	SELECT format('Participant-level (epsilon = %1$s, delta = %2$s) differential privacy over %3$s under %4$s: '
				  'whatever an attacker could learn or decide from the released models, its odds change by at most a factor e^%1$s (= %5$s) '
				  'because of any one participant, except with probability %2$s. It does not hide facts common to many participants, '
				  'and it does not prevent reconstruction when epsilon is large.',
				  federated.short_bound($2), federated.short_bound($3), $4 || CASE $4 WHEN 1 THEN ' round' ELSE ' rounds' END,
				  CASE $1 ->> 'dp_mode' WHEN 'distributed' THEN 'a change by which ' ELSE '' END || federated.adjacency($1),
				  federated.short_bound(federated.odds_factor($2)))
$$;
COMMENT ON FUNCTION federated.privacy_statement(jsonb, float8, float8, bigint) IS
	'What a session of such a config promises after so many rounds: neither more nor less';

CREATE FUNCTION federated.privacy_warning(epsilon float8, noise_multiplier float8) RETURNS text
LANGUAGE sql IMMUTABLE
SET search_path = pg_catalog, pg_temp
AS $$
	SELECT CASE WHEN $1 > 20 OR $2 < 0.3 THEN 'no meaningful guarantee'
		WHEN $1 > 8 THEN 'weak: formal bound gives little protection' END
$$;
COMMENT ON FUNCTION federated.privacy_warning(float8, float8) IS
	'What must be said of so large an epsilon or of so little noise; NULL if nothing';

CREATE FUNCTION federated.privacy_notices(config jsonb, epsilon float8) RETURNS text[]
LANGUAGE sql IMMUTABLE
SET search_path = pg_catalog, pg_temp
AS $$
	SELECT array_remove(ARRAY[
		CASE WHEN $2 > 2 THEN format('epsilon %s: an attacker that holds something for as likely as not can become %s %% sure of it',
									 federated.short_bound($2), federated.percent_sure($2)) END,
		CASE WHEN $1 ->> 'dp_weighting' = 'uniform' AND $1 ->> 'dp_mode' = 'distributed'
			THEN 'each update counts the same, although FedAvg weighs by samples: nobody is told how many there are'
			WHEN $1 ->> 'dp_weighting' = 'uniform'
			THEN 'each update counts the same, although FedAvg weighs by samples: what one participant changes must have a bound; dp_weighting samples with dp_sample_cap weighs up to a cap' END,
		CASE WHEN $1 ->> 'dp_sampling' = 'none' AND ($1 -> 'participation_fraction')::numeric < 1
			THEN 'privacy gains nothing from participation_fraction, as others may know who takes part'
				 || CASE $1 ->> 'dp_mode' WHEN 'central' THEN '; dp_sampling poisson gains from it' ELSE '' END END,
		CASE WHEN $1 ->> 'dp_sampling' = 'fixed' THEN 'privacy gains much more from dp_sampling poisson than from fixed' END,
		CASE WHEN ($1 -> 'allow_join')::boolean
			THEN 'who joins later counts neither for the divisor nor, unless max_participants is given, for delta' END,
		CASE WHEN $1 ->> 'dp_mode' = 'local' THEN 'each Island adds its own noise: that protects it from the coordinator, too, and costs accuracy' END,
		CASE WHEN $1 ->> 'dp_mode' = 'distributed'
			THEN format('the Islands add the noise together: it protects them from the coordinator, too, as long as it %sworks with %s of a round''s Islands',
						CASE $1 ->> 'secagg_mode' WHEN 'semi_honest' THEN 'keeps to the protocol and ' ELSE '' END,
						CASE ($1 -> 'secagg_max_colluding')::integer WHEN 0 THEN 'none' ELSE format('at most %s', $1 -> 'secagg_max_colluding') END) END,
		CASE WHEN $1 ->> 'dp_mode' = 'distributed' AND $1 ->> 'secagg_metrics' = 'visible'
			THEN 'each Island''s metrics are sent to the coordinator without noise, outside of epsilon' END],
		NULL)
$$;
COMMENT ON FUNCTION federated.privacy_notices(jsonb, float8) IS
	'What somebody who starts a private session with so much epsilon planned should know';

-- Every Island adds its share, but only that of h counts. A sum of fewer than t
-- is never opened, whatever min_updates says, so that it may well say t.
CREATE FUNCTION federated.excess_notice(config jsonb, islands bigint) RETURNS text
LANGUAGE plpgsql IMMUTABLE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	-- It starts with no fewer, whoever has accepted by now.
	started CONSTANT bigint := greatest(islands, (config -> 'min_participants')::bigint);
	there CONSTANT integer := least(federated.sample_size(config, started), federated.planned_cohort(config, started));
	honest CONSTANT integer := federated.honest_updates(config);
	threshold integer;
	colluding integer := config -> 'secagg_max_colluding';
BEGIN
	IF NOT federated.is_distributed(config) OR there <= 2 * honest THEN
		RETURN NULL;
	END IF;
	threshold := federated.secagg_threshold(coalesce(config ->> 'secagg_mode', 'active'), there);
	IF threshold <= (config -> 'min_updates')::integer THEN
		RETURN NULL;
	END IF;
	-- As many as may be: so it was not said otherwise.
	IF colluding = federated.secagg_most_colluding((config -> 'min_updates')::integer) THEN
		colluding := federated.secagg_most_colluding(threshold);
	END IF;
	RETURN format('any %s of a round''s %s Islands must add noise enough, so that a sum of all of them has %s times the noise of central mode; '
				  'min_updates %s would make it %s times, and of %s that begin a round no fewer are summed anyway',
				  honest, there, round(sqrt(there / honest::numeric), 2), threshold,
				  round(sqrt(there / (threshold - colluding)::numeric), 2), there);
END
$$;
COMMENT ON FUNCTION federated.excess_notice(jsonb, bigint) IS
	'That so many Islands would add far more noise together than min_updates needs, and which min_updates costs nothing; NULL if they would not';

CREATE FUNCTION federated.planned_privacy(config jsonb, participants bigint, rounds bigint) RETURNS federated.spent_privacy
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	rate CONSTANT float8 := federated.drawn_rate(config, participants);
	cost federated.privacy_cost;
BEGIN
	cost := ROW((config -> 'dp_sigma')::float8, rate, federated.counted_sampling(config, rate), rounds,
				federated.has_exact_curve(config ->> 'dp_mode'));
	RETURN federated.compose_privacy(ARRAY[cost], federated.planned_delta(config, participants));
END
$$;
COMMENT ON FUNCTION federated.planned_privacy(jsonb, bigint, bigint) IS
	'What so many rounds with so many participants would cost';

-- For a session that is being created: the fewest participants it can start with.
CREATE FUNCTION federated.announce_privacy(session federated.sessions) RETURNS void
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	config CONSTANT jsonb := session.config;
	least_there CONSTANT bigint := coalesce(federated.privacy_population(config), (config -> 'min_participants')::bigint);
	admitted CONSTANT bigint := (SELECT CASE config ->> 'secagg_mode' WHEN 'active' THEN u.islands - coalesce(cardinality(u.without), 0)
											 ELSE u.islands END FROM federated.secagg_unnamed(session.workload_id) u);
	planned federated.spent_privacy;
	warning text;
	notice text;
BEGIN
	IF NOT federated.is_private(config) THEN
		RETURN;
	END IF;
	PERFORM federated.check_first_round(session);
	planned := federated.planned_privacy(config, least_there, session.total_rounds);
	planned.epsilon := least(planned.epsilon, (config -> 'epsilon_budget')::float8);
	warning := federated.privacy_warning(planned.epsilon, (config -> 'dp_sigma')::float8);
	IF warning IS NOT NULL THEN
		RAISE WARNING USING
			MESSAGE = format('differential privacy of this session: %s', warning),
			DETAIL = format('Its %s rounds spend epsilon %s with dp_sigma %s.', session.total_rounds,
							federated.short_bound(planned.epsilon), config ->> 'dp_sigma'),
			HINT = 'More noise (dp_sigma), fewer rounds or an epsilon_budget: SELECT * FROM federated_plan_privacy(...).';
	END IF;
	FOREACH notice IN ARRAY array_remove(federated.privacy_notices(config, planned.epsilon) || federated.excess_notice(config, admitted), NULL)
	LOOP
		RAISE NOTICE '%', notice;
	END LOOP;
END
$$;
COMMENT ON FUNCTION federated.announce_privacy(federated.sessions) IS
	'As a session is created: refuse a budget below its first round (22023), and say what its privacy is worth';
