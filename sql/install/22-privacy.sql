-- Differential privacy: charging a round, and what its close releases --------------------------------
-- A private round goes open, frozen, charged, aggregated, closed. The charge is a
-- step of its own, committed before anybody makes a page: noise that was written
-- and thrown away has been spent as well.

CREATE FUNCTION federated.adds_noise(config jsonb) RETURNS boolean
LANGUAGE sql IMMUTABLE
SET search_path = pg_catalog, pg_temp
AS $$ SELECT $1 ? 'dp_sigma' AND coalesce($1 ->> 'dp_mode', 'central') = 'central' $$;
COMMENT ON FUNCTION federated.adds_noise(jsonb) IS
	'Whether aggregation clips updates and adds noise to their sum; else there is no differential privacy, or Islands see to it';

CREATE FUNCTION federated.settled_privacy(session_id uuid) RETURNS federated.session_privacy
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	settled federated.session_privacy;
BEGIN
	SELECT * INTO settled FROM federated.session_privacy p WHERE p.session_id = settled_privacy.session_id;
	IF NOT FOUND THEN
		RAISE EXCEPTION USING
			ERRCODE = 'object_not_in_prerequisite_state',
			MESSAGE = format('what the privacy of session %s is measured by is not settled', session_id),
			DETAIL = 'It is when training starts.';
	END IF;
	RETURN settled;
END
$$;
COMMENT ON FUNCTION federated.settled_privacy(uuid) IS
	'What was fixed for the privacy of a session when its training started, or an error (55000)';

-- Andrew et al. 2021, algorithm 1, geometric update: the fewer updates are within
-- the clip norm, the more it grows. Bounded, so that a session whose updates are
-- all zero does not shrink it until it is none.
CREATE FUNCTION federated.adapted_clip_norm(clip_norm float8, released_fraction float8, rule jsonb) RETURNS float8
LANGUAGE sql IMMUTABLE
SET search_path = pg_catalog, pg_temp
AS $$
	SELECT greatest(1e-30, least(1e30,
		$1 * exp(-($3 -> 'learning_rate')::float8 * ($2 - ($3 -> 'quantile')::float8))))
$$;
COMMENT ON FUNCTION federated.adapted_clip_norm(float8, float8, jsonb) IS
	'The clip norm that follows one within which so large a share of the updates was, by dp_adaptive_clip';

-- Only released numbers go into it: what a charge spent, that released nothing, moves nothing.
CREATE FUNCTION federated.next_clip_norm(session federated.sessions) RETURNS float8
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	last federated.privacy_charges;
BEGIN
	SELECT * INTO last FROM federated.privacy_charges c
	WHERE c.session_id = session.id AND c.released_fraction IS NOT NULL ORDER BY c.id DESC LIMIT 1;
	IF last.id IS NULL OR NOT session.config ? 'dp_adaptive_clip' THEN
		RETURN (federated.settled_privacy(session.id)).first_clip_norm;
	END IF;
	RETURN federated.adapted_clip_norm(last.clip_norm, last.released_fraction, session.config -> 'dp_adaptive_clip');
END
$$;
COMMENT ON FUNCTION federated.next_clip_norm(federated.sessions) IS 'The clip norm of a session''s next charge';

-- All numbers of a charge follow from the config, from what was settled and from
-- what was released before; none from this round's updates but the cohort.
CREATE FUNCTION federated.new_charge(session federated.sessions, round federated.rounds) RETURNS federated.privacy_charges
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	settled CONSTANT federated.session_privacy := federated.settled_privacy(session.id);
	charge federated.privacy_charges;
	bits integer;
BEGIN
	charge.session_id := session.id;
	charge.round_id := round.id;
	charge.round_no := round.round_no;
	charge.version_id := round.result_version_id;
	charge.mechanism := session.config ->> 'dp_mode';
	charge.noise_multiplier := (session.config -> 'dp_sigma')::float8;
	charge.count_noise := settled.count_noise;
	charge.update_noise_multiplier := federated.update_noise(charge.noise_multiplier, charge.count_noise);
	charge.clip_norm := federated.next_clip_norm(session);
	charge.divisor := settled.divisor;
	charge.delta := settled.delta;
	IF charge.mechanism = 'distributed' THEN
		-- What the honest Islands of any sum add together; who takes part is known.
		SELECT charge.clip_norm / g.levels, g.honest * g.noise_var INTO charge.grid, charge.noise_variance
		FROM federated.settled_grid(session) g;
		charge.sampling_rate := 1;
		charge.sampling := 'none';
		charge.insecure_seed := false;
		RETURN charge;
	END IF;
	-- An Island that adds its own noise adds up nobody else's values.
	bits := federated.grid_bits(charge.update_noise_multiplier,
		CASE charge.mechanism WHEN 'local' THEN 1
			 ELSE greatest(settled.participants, (session.config -> 'max_participants')::bigint) END);
	IF bits IS NULL THEN
		RAISE EXCEPTION USING
			ERRCODE = 'object_not_in_prerequisite_state',
			MESSAGE = format('the noise of round %s cannot be drawn', round.round_no),
			DETAIL = format('dp_sigma is %s and the noise of the count of clipped updates %s; the count must spend less than the round, and the rest fit a grid.',
							charge.noise_multiplier, coalesce(charge.count_noise::text, 'none'));
	END IF;
	charge.grid := charge.clip_norm / 2.0::float8 ^ bits;
	charge.noise_variance := ceil((charge.update_noise_multiplier * 2.0::float8 ^ bits) ^ 2)::bigint;
	-- What is made again of the same Islands was not drawn again.
	charge.sampling_rate := CASE WHEN EXISTS (SELECT FROM federated.privacy_charges c WHERE c.round_id = round.id) THEN 1
								 ELSE round.sampling_rate END;
	charge.sampling := federated.counted_sampling(session.config, charge.sampling_rate);
	charge.insecure_seed := charge.mechanism = 'central' AND federated.setting('dp_test_seed') <> '';
	RETURN charge;
END
$$;
COMMENT ON FUNCTION federated.new_charge(federated.sessions, federated.rounds) IS
	'What a frozen round would be charged, without its cohort';

CREATE FUNCTION federated.is_charged(round federated.rounds) RETURNS boolean
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$ SELECT EXISTS (SELECT FROM federated.privacy_charges c WHERE c.version_id = $1.result_version_id) $$;
COMMENT ON FUNCTION federated.is_charged(federated.rounds) IS
	'Whether what a round makes since it was last frozen has been charged';

-- The caller holds the session's row, so nobody else charges; the unique key on
-- the version would stop them, too.
CREATE FUNCTION federated.charge_privacy(session federated.sessions, round federated.rounds) RETURNS text
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	charge federated.privacy_charges;
	problem text;
BEGIN
	IF federated.is_charged(round) THEN
		RETURN NULL;
	END IF;
	charge := federated.new_charge(session, round);
	problem := federated.budget_problem(session, charge.sampling_rate);
	IF problem IS NOT NULL THEN
		RETURN federated.end_spent(session, problem);
	END IF;
	INSERT INTO federated.privacy_charges (session_id, round_id, round_no, version_id, mechanism, noise_multiplier,
		update_noise_multiplier, clip_norm, grid, noise_variance, divisor, sampling, sampling_rate, cohort, delta, count_noise,
		insecure_seed)
	VALUES (charge.session_id, charge.round_id, charge.round_no, charge.version_id, charge.mechanism, charge.noise_multiplier,
		charge.update_noise_multiplier, charge.clip_norm, charge.grid, charge.noise_variance, charge.divisor, charge.sampling,
		charge.sampling_rate,
		(SELECT count(*) FROM federated.updates u WHERE u.round_id = round.id AND u.position IS NOT NULL),
		charge.delta, charge.count_noise, charge.insecure_seed)
	RETURNING * INTO charge;
	INSERT INTO federated.privacy_participants
	SELECT charge.id, u.island_id FROM federated.updates u WHERE u.round_id = round.id AND u.position IS NOT NULL;
	-- Not who, nor how many: in some sessions that is for the administrator alone.
	PERFORM federated.log_event(session.id, 'privacy_charged',
		jsonb_build_object('round', charge.round_no, 'charge', charge.id, 'mechanism', charge.mechanism,
						   'noise_multiplier', charge.noise_multiplier, 'clip_norm', charge.clip_norm, 'sampling', charge.sampling,
						   'sampling_rate', charge.sampling_rate, 'delta', charge.delta, 'insecure_seed', charge.insecure_seed,
						   'epsilon', round((federated.compose_privacy(federated.session_costs(session.id), charge.delta)).epsilon::numeric, 6)));
	PERFORM federated.make_durable();
	RETURN 'privacy_charged';
END
$$;
COMMENT ON FUNCTION federated.charge_privacy(federated.sessions, federated.rounds) IS
	'Write down what a frozen round spends, durably, before any of its result is made; NULL if that was done. A session whose budget has no room for it ends';

-- Weights. Those that sum up to 1 would not do: a participant would change the
-- others' as well.
CREATE FUNCTION federated.bounded_weight(config jsonb, samples bigint) RETURNS float8
LANGUAGE sql IMMUTABLE
SET search_path = pg_catalog, pg_temp
AS $$
	SELECT CASE $1 ->> 'dp_weighting'
		WHEN 'samples' THEN least($2, ($1 -> 'dp_sample_cap')::bigint)::float8 / ($1 -> 'dp_sample_cap')::float8
		ELSE 1 END
$$;
COMMENT ON FUNCTION federated.bounded_weight(jsonb, bigint) IS
	'Weight of an update in a noised sum, at most 1 whatever the others are: 1, or its samples as a share of dp_sample_cap';

-- What else a close releases: the share of updates within the clip norm (Andrew et
-- al. 2021, algorithm 1). Each counts +1/2 or -1/2, so that one participant changes
-- the count by 1/2, who is absent counting nothing; in whole steps of 2^-bits, and
-- with discrete noise, like the sum.

CREATE FUNCTION federated.count_bits(count_noise float8) RETURNS integer
LANGUAGE sql IMMUTABLE STRICT
SET search_path = pg_catalog, pg_temp
AS $$ SELECT greatest(1, least(30, floor(23.99 - log(2.0, $1::numeric))::integer)) $$;
COMMENT ON FUNCTION federated.count_bits(float8) IS
	'k, where a count is 2^k steps of the integers that are noised: the standard deviation is at most 2^24 steps';

CREATE FUNCTION federated.noised_fraction(within bigint, updates bigint, count_noise float8, divisor float8) RETURNS float8
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	bits CONSTANT integer := federated.count_bits(count_noise);
	steps bigint := (2 * within - updates) * (1::bigint << (bits - 1));
BEGIN
	steps := steps + federated.discrete_gaussian(ceil((count_noise * 2.0::float8 ^ bits) ^ 2)::bigint);
	RETURN greatest(0, least(1, 0.5 + steps / 2.0::float8 ^ bits / divisor));
END
$$;
COMMENT ON FUNCTION federated.noised_fraction(bigint, bigint, float8, float8) IS
	'The share of updates that are within the clip norm, with noise; a new number at every call, so call it once';

CREATE FUNCTION federated.release_fraction(round federated.rounds) RETURNS void
LANGUAGE sql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
	UPDATE federated.privacy_charges c
	SET released_fraction = CASE c.mechanism
			WHEN 'distributed' THEN (SELECT federated.secagg_fraction(a.aux_sum[1], c.divisor) FROM federated.secagg_attempts a
									 WHERE a.round_id = c.round_id AND a.state = 'done')
			ELSE federated.noised_fraction(counted.within, counted.updates, c.count_noise, c.divisor) END
	FROM (SELECT k.id, count(u.id) FILTER (WHERE u.norm <= k.clip_norm) AS within, count(u.id) AS updates
		  FROM federated.privacy_charges k
		  LEFT JOIN federated.updates u ON u.round_id = k.round_id AND u.position IS NOT NULL
		  WHERE k.version_id = $1.result_version_id AND k.count_noise IS NOT NULL AND k.released_fraction IS NULL
		  GROUP BY k.id) counted
	WHERE c.id = counted.id
$$;
COMMENT ON FUNCTION federated.release_fraction(federated.rounds) IS
	'In the transaction that closes a round: release, with noise, how many updates its clip norm left as they were, or what of that was in the sum with the Islands'' noise; the next round''s follows from it';
