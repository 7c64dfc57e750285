-- Differential privacy: what is fixed when training starts, and who is drawn -------------------------

CREATE FUNCTION federated.planned_delta(config jsonb, participants bigint) RETURNS float8
LANGUAGE sql IMMUTABLE
SET search_path = pg_catalog, pg_temp
AS $$ SELECT coalesce(($1 -> 'dp_delta')::float8, least(1e-5::float8, 1 / (10 * $2::float8))) $$;
COMMENT ON FUNCTION federated.planned_delta(jsonb, bigint) IS 'Delta of a session with so many participants';

-- Whoever takes part: the number must not depend on what is private.
CREATE FUNCTION federated.planned_divisor(config jsonb, participants bigint) RETURNS float8
LANGUAGE sql IMMUTABLE
SET search_path = pg_catalog, pg_temp
AS $$
	SELECT coalesce(($1 -> 'dp_divisor')::float8,
					CASE $1 ->> 'dp_sampling' WHEN 'poisson' THEN greatest(1, $2 * ($1 -> 'participation_fraction')::numeric)::float8
						 ELSE federated.sample_size($1, $2) END)
$$;
COMMENT ON FUNCTION federated.planned_divisor(jsonb, bigint) IS
	'What each noised sum of a session with so many participants is divided by: the Islands of a round, on average where each is drawn by itself; at least 1';

CREATE FUNCTION federated.planned_count_noise(config jsonb, participants bigint) RETURNS float8
LANGUAGE sql IMMUTABLE
SET search_path = pg_catalog, pg_temp
AS $$
	SELECT CASE WHEN $1 ? 'dp_adaptive_clip' AND federated.is_distributed($1)
		THEN greatest(federated.planned_divisor($1, $2) / 20, ($1 -> 'dp_sigma')::float8)
		WHEN $1 ? 'dp_adaptive_clip' THEN
		coalesce(($1 -> 'dp_adaptive_clip' -> 'count_noise')::float8,
				 -- no more than may be given, which can still be drawn
				 greatest(least(federated.planned_divisor($1, $2) / 20, 1000000), ($1 -> 'dp_sigma')::float8)) END
$$;
COMMENT ON FUNCTION federated.planned_count_noise(jsonb, bigint) IS
	'Standard deviation of the noise on the count of updates within the clip norm: a twentieth of a round''s Islands, at least dp_sigma (Andrew et al. 2021, section 3.1); NULL without adaptive clipping';

-- NULL: it can start. The config was checked when the session was created; how
-- many participants there are shows only now.
CREATE FUNCTION federated.privacy_problem(config jsonb, participants bigint) RETURNS text
LANGUAGE sql IMMUTABLE
SET search_path = pg_catalog, pg_temp
AS $$
	SELECT CASE
		WHEN federated.is_distributed($1) AND $2 < ($1 -> 'min_participants')::bigint
			THEN format('of %s participants, min_participants asks for %s', $2, $1 ->> 'min_participants')
		WHEN federated.is_distributed($1) AND $2 > federated.planned_cohort($1, $2)
			THEN format('of %s participants, secure aggregation takes at most %s', $2, federated.planned_cohort($1, $2))
		WHEN federated.planned_delta($1, $2) * $2 > 1
			THEN format('dp_delta is %s, above 1 / %s participants', $1 ->> 'dp_delta', $2)
		WHEN federated.is_distributed($1)
			THEN (SELECT g.problem FROM federated.distributed_grid($1, federated.planned_divisor($1, $2), federated.planned_cohort($1, $2)) g)
		WHEN $1 ->> 'dp_mode' = 'central'
			 AND federated.grid_bits(federated.update_noise(($1 -> 'dp_sigma')::float8, federated.planned_count_noise($1, $2)),
									 greatest($2, ($1 -> 'max_participants')::bigint)) IS NULL
			THEN format('noise with dp_sigma %s cannot be drawn exactly for up to %s participants', $1 ->> 'dp_sigma',
						greatest($2, ($1 -> 'max_participants')::bigint)) END
$$;
COMMENT ON FUNCTION federated.privacy_problem(jsonb, bigint) IS
	'Why a private session cannot start with so many participants; NULL if it can';

CREATE FUNCTION federated.settle_privacy(session federated.sessions) RETURNS text
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	config CONSTANT jsonb := session.config;
	there CONSTANT bigint := greatest((session.config -> 'min_participants')::bigint,
		(SELECT count(*) FROM federated.participants p WHERE p.session_id = session.id AND p.left_at IS NULL));
	population CONSTANT bigint := coalesce(federated.privacy_population(config), there);
	problem CONSTANT text := coalesce(federated.privacy_problem(config, population), federated.privacy_problem(config, there));
BEGIN
	IF NOT federated.is_private(config) OR problem IS NOT NULL
		-- when charges of rounds that were lost came before
		OR EXISTS (SELECT FROM federated.session_privacy p WHERE p.session_id = session.id) THEN
		RETURN problem;
	END IF;
	INSERT INTO federated.session_privacy (session_id, participants, delta, divisor, first_clip_norm, count_noise)
	VALUES (session.id, population, federated.planned_delta(config, population), federated.planned_divisor(config, there),
			coalesce(config -> 'dp_clip_norm', config -> 'dp_adaptive_clip' -> 'initial')::float8,
			federated.planned_count_noise(config, there));
	PERFORM federated.log_event(session.id, 'privacy_settled',
		(SELECT to_jsonb(p) - '{session_id,settled_at}'::text[] FROM federated.session_privacy p WHERE p.session_id = session.id));
	RETURN NULL;
END
$$;
COMMENT ON FUNCTION federated.settle_privacy(federated.sessions) IS
	'Fix what depends on the number of participants as training starts; says why it cannot start, otherwise NULL';

-- Who is in a round of training, where privacy gains from nobody knowing it:
-- drawn anew each time from the operating system's random source, by nothing
-- that is stored or could be worked out again.

CREATE FUNCTION federated.random_number() RETURNS numeric
LANGUAGE sql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
	SELECT ('x' || encode(bytes, 'hex'))::bit(32)::bigint::numeric * 4294967296 + ('x' || encode(substr(bytes, 5), 'hex'))::bit(32)::bigint
	FROM federated.random_bytes(8) bytes
$$;
COMMENT ON FUNCTION federated.random_number() IS 'A fresh 64-bit number from the operating system''s random source';

CREATE FUNCTION federated.present_participants(session federated.sessions) RETURNS SETOF bigint
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
	SELECT p.island_id FROM federated.participants p
	WHERE p.session_id = $1.id AND p.left_at IS NULL AND federated.is_alive($1, p.island_id)
$$;
COMMENT ON FUNCTION federated.present_participants(federated.sessions) IS 'Participants that are there';

CREATE FUNCTION federated.draw_each(present bigint[], rate numeric) RETURNS SETOF bigint
LANGUAGE sql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
	-- Exact: a whole number below 2^64 against the rate times 2^64, in decimal.
	SELECT p FROM unnest($1) p WHERE federated.random_number() < $2 * 18446744073709551616
$$;
COMMENT ON FUNCTION federated.draw_each(bigint[], numeric) IS
	'Poisson sampling: each participant independently, with probability rate; perhaps nobody';

CREATE FUNCTION federated.draw_some(present bigint[], wanted bigint) RETURNS SETOF bigint
LANGUAGE sql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
	SELECT d.island_id FROM (SELECT p AS island_id, federated.random_bytes(16) AS lot FROM unnest($1) p OFFSET 0) d
	ORDER BY d.lot LIMIT $2
$$;
COMMENT ON FUNCTION federated.draw_some(bigint[], bigint) IS
	'Sampling without replacement: so many of the participants, each set of them as likely';

CREATE FUNCTION federated.choose_participants(session federated.sessions, round_no integer, present bigint[]) RETURNS SETOF bigint
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	-- An evaluation alone makes no model, so nothing is gained by drawing for it.
	sampling CONSTANT text := CASE WHEN federated.trains_next(session) THEN session.config ->> 'dp_sampling' END;
BEGIN
	IF sampling = 'poisson' THEN
		RETURN QUERY SELECT federated.draw_each(present, (session.config -> 'participation_fraction')::numeric);
	ELSIF sampling = 'fixed' THEN
		RETURN QUERY SELECT federated.draw_some(present, federated.sample_size(session.config, cardinality(present)));
	ELSE
		RETURN QUERY SELECT federated.sample_participants(session, round_no);
	END IF;
END
$$;
COMMENT ON FUNCTION federated.choose_participants(federated.sessions, integer, bigint[]) IS
	'Islands of the next round, by the sampling of the session''s config; asked again, others may be drawn';

CREATE FUNCTION federated.drawn_rate(config jsonb, present bigint) RETURNS float8
LANGUAGE sql IMMUTABLE
SET search_path = pg_catalog, pg_temp
AS $$
	SELECT CASE $1 ->> 'dp_sampling' WHEN 'poisson' THEN ($1 -> 'participation_fraction')::float8
		WHEN 'fixed' THEN federated.sample_size($1, greatest($2, 1)) / greatest($2, 1)::float8 ELSE 1 END
$$;
COMMENT ON FUNCTION federated.drawn_rate(jsonb, bigint) IS
	'Probability that one of so many participants is drawn; 1 where nothing may be gained from it';

-- Replacing a participant changes the sum by twice as much as removing one, also
-- where everybody is drawn: the accountant halves the noise of fixed sampling.
CREATE FUNCTION federated.counted_sampling(config jsonb, rate float8) RETURNS text
LANGUAGE sql IMMUTABLE
SET search_path = pg_catalog, pg_temp
AS $$
	SELECT CASE WHEN $1 ->> 'dp_sampling' = 'fixed' OR $2 < 1 THEN $1 ->> 'dp_sampling' ELSE 'none' END
$$;
COMMENT ON FUNCTION federated.counted_sampling(jsonb, float8) IS
	'As which sampling the accountant counts a round whose Islands were drawn at this rate: by the adjacency of the session, whatever the rate';
