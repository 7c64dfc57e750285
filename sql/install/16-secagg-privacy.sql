-- Distributed differential privacy: what a session asks for -----------------------------------------
-- secure_aggregation together with dp_sigma. Each Island clips its update, puts it
-- on a grid of integers and adds its part of the noise before it masks it, so that
-- neither the coordinator nor anybody else sees a sum without noise (Kairouz, Liu,
-- Steinke 2021). Formulas stand in src/core/secagg/dp_quantiser.h.

INSERT INTO federated.config_keys (key, type, minimum, exclusive, maximum, choices, default_value, description) VALUES
('secagg_max_colluding', 'integer', 0, false, 42, NULL, NULL, 'Distributed differential privacy: Islands of a round that may tell the coordinator their noise, fewer than a third of min_updates; not given: the most');

CREATE FUNCTION federated.secagg_most_colluding(min_updates integer) RETURNS integer
LANGUAGE c IMMUTABLE STRICT AS 'MODULE_PATHNAME', 'federated_secagg_most_colluding';
COMMENT ON FUNCTION federated.secagg_most_colluding(integer) IS 'The largest secagg_max_colluding, and its default, where a round needs so many updates';

CREATE FUNCTION federated.secagg_dp_grid(noise_multiplier float8, adaptive boolean, divisor float8, min_updates integer,
										 max_colluding integer, max_cohort integer, OUT honest integer, OUT levels bigint,
										 OUT noise_var bigint, OUT aux_noise_var bigint, OUT count_noise float8, OUT problem text)
LANGUAGE c IMMUTABLE STRICT AS 'MODULE_PATHNAME', 'federated_secagg_dp_grid';
COMMENT ON FUNCTION federated.secagg_dp_grid(float8, boolean, float8, integer, integer, integer) IS
	'Noise that each Island adds so that the honest ones together add enough: the integer that the clip norm becomes, and variances in squared steps; problem: why there is none';

CREATE FUNCTION federated.secagg_fraction(aux bigint, divisor float8) RETURNS float8
LANGUAGE c IMMUTABLE STRICT AS 'MODULE_PATHNAME', 'federated_secagg_fraction';
COMMENT ON FUNCTION federated.secagg_fraction(bigint, float8) IS
	'The share of updates that were within the clip norm, with noise, out of the unmasked sum of what Islands said of it';

CREATE FUNCTION federated.is_distributed(config jsonb) RETURNS boolean
LANGUAGE sql IMMUTABLE
SET search_path = pg_catalog, pg_temp
AS $$ SELECT coalesce($1 ? 'dp_sigma' AND $1 -> 'secure_aggregation' = 'true', false) $$;
COMMENT ON FUNCTION federated.is_distributed(jsonb) IS
	'Whether the Islands of a session with this config add its noise together, before they mask their updates';

CREATE FUNCTION federated.honest_updates(config jsonb) RETURNS integer
LANGUAGE sql IMMUTABLE
SET search_path = pg_catalog, pg_temp
AS $$ SELECT greatest(($1 -> 'min_updates')::integer, 3) - ($1 -> 'secagg_max_colluding')::integer $$;
COMMENT ON FUNCTION federated.honest_updates(jsonb) IS
	'h: updates in any sum of a session with distributed noise whose noise the coordinator does not know';

-- What is given

CREATE FUNCTION federated.refuse_distributed(key text, given jsonb, allowed text) RETURNS void
LANGUAGE plpgsql IMMUTABLE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	PERFORM federated.refuse_config(key, given, allowed || ' (with secure_aggregation and dp_sigma)');
END
$$;
COMMENT ON FUNCTION federated.refuse_distributed(text, jsonb, text) IS
	'Refuse (22023) a value that does not go together with distributed differential privacy';

CREATE FUNCTION federated.check_dp_mode(config jsonb) RETURNS void
LANGUAGE plpgsql IMMUTABLE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	IF federated.is_distributed(config) AND config ->> 'dp_mode' <> 'distributed' THEN
		PERFORM federated.refuse_distributed('dp_mode', config -> 'dp_mode', 'distributed, as Islands add the noise before they mask their updates');
	ELSIF NOT federated.is_distributed(config) AND config ->> 'dp_mode' = 'distributed' THEN
		PERFORM federated.refuse_private('dp_mode', config -> 'dp_mode', 'noise that Islands add together needs secure_aggregation; allowed without: central, local');
	END IF;
END
$$;
COMMENT ON FUNCTION federated.check_dp_mode(jsonb) IS
	'Refuse (22023) another dp_mode than distributed with secure aggregation, and distributed without it';

CREATE FUNCTION federated.distributed_rules(OUT key text, OUT sole jsonb, OUT allowed text) RETURNS SETOF record
LANGUAGE sql IMMUTABLE
SET search_path = pg_catalog, pg_temp
AS $$
	VALUES ('dp_weighting', '"uniform"'::jsonb, 'uniform, as nobody knows what an update would weigh'),
		   ('dp_sample_cap', NULL, 'no value, as each update counts the same'),
		   ('dp_sampling', '"none"', 'none, as Islands know who takes part'),
		   ('secagg_weights', '"unit"', 'unit, as each update counts the same'),
		   ('secagg_sample_cap', NULL, 'no value, as each update counts the same'),
		   ('secagg_range', NULL, 'no value, as the clip norm bounds an update'),
		   ('secagg_metric_bounds', NULL, 'no value, as a sum of metrics would have no noise')
$$;
COMMENT ON FUNCTION federated.distributed_rules() IS
	'Keys that have one value at most with distributed differential privacy: which, and why';

CREATE FUNCTION federated.check_distributed(config jsonb) RETURNS void
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	rule record;
BEGIN
	FOR rule IN
		SELECT r.* FROM federated.distributed_rules() r
		WHERE config ? r.key AND config -> r.key IS DISTINCT FROM r.sole ORDER BY r.key COLLATE "C"
	LOOP
		PERFORM federated.refuse_distributed(rule.key, config -> rule.key, rule.allowed);
	END LOOP;
	IF config ->> 'secagg_metrics' = 'masked' THEN
		PERFORM federated.refuse_distributed('secagg_metrics', config -> 'secagg_metrics',
			'none, or visible outside of epsilon, as an exact sum would have no noise');
	ELSIF config -> 'dp_adaptive_clip' ? 'count_noise' THEN
		PERFORM federated.refuse_distributed('dp_adaptive_clip', config -> 'dp_adaptive_clip',
			'no count_noise, which is a twentieth of dp_divisor, and dp_sigma at least');
	END IF;
END
$$;
COMMENT ON FUNCTION federated.check_distributed(jsonb) IS
	'Refuse (22023) keys that mean nothing, or would release something without noise, when Islands add the noise together';

CREATE FUNCTION federated.check_colluding(config jsonb) RETURNS void
LANGUAGE plpgsql IMMUTABLE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	most CONSTANT integer := federated.secagg_most_colluding((config -> 'min_updates')::integer);
BEGIN
	IF (config -> 'secagg_max_colluding')::integer > most THEN
		PERFORM federated.refuse_distributed('secagg_max_colluding', config -> 'secagg_max_colluding',
			format('0 to %s, fewer than a third of min_updates, which is %s', most, config -> 'min_updates'));
	END IF;
END
$$;
COMMENT ON FUNCTION federated.check_colluding(jsonb) IS 'Refuse (22023) more colluding Islands than a round can stand';

-- What only a session with noise of its Islands may ask for.
CREATE FUNCTION federated.check_unmixed(given jsonb) RETURNS void
LANGUAGE plpgsql IMMUTABLE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	IF given ->> 'secagg_weights' = 'unit' THEN
		PERFORM federated.refuse_config('secagg_weights', given -> 'secagg_weights', 'declared, hidden; unit only with dp_sigma');
	ELSIF given ? 'secagg_max_colluding' THEN
		PERFORM federated.refuse_config('secagg_max_colluding', given -> 'secagg_max_colluding', 'only with dp_sigma');
	END IF;
END
$$;
COMMENT ON FUNCTION federated.check_unmixed(jsonb) IS
	'Refuse (22023) keys of distributed differential privacy in a config without it';

-- What follows

CREATE FUNCTION federated.secagg_defaults(config jsonb) RETURNS jsonb
LANGUAGE sql IMMUTABLE
SET search_path = pg_catalog, pg_temp
AS $$
	SELECT CASE WHEN federated.is_distributed($1) THEN '{"secagg_weights": "unit", "secagg_metrics": "none"}'
		ELSE '{"secagg_weights": "declared", "secagg_sample_cap": 10000, "secagg_range": 1, "secagg_metrics": "masked"}' END::jsonb
		|| '{"secagg_max_attempts": 3, "secagg_advertise_timeout": 600, "secagg_share_timeout": 600,
			 "secagg_agree_timeout": 600, "secagg_reveal_timeout": 86400}'
$$;
COMMENT ON FUNCTION federated.secagg_defaults(jsonb) IS 'What a session with secure aggregation does that its config does not say';

CREATE FUNCTION federated.planned_cohort(config jsonb, participants bigint) RETURNS integer
LANGUAGE sql IMMUTABLE
SET search_path = pg_catalog, pg_temp
AS $$
	SELECT coalesce(($1 -> 'secagg_max_cohort')::integer,
					least(128, greatest($2, ($1 -> 'min_participants')::bigint, ($1 -> 'min_updates')::bigint))::integer)
$$;
COMMENT ON FUNCTION federated.planned_cohort(jsonb, bigint) IS
	'secagg_max_cohort of a session with so many participants, which is settled when it starts';

CREATE FUNCTION federated.distributed_grid(config jsonb, divisor float8, max_cohort integer, OUT honest integer, OUT levels bigint,
										   OUT noise_var bigint, OUT aux_noise_var bigint, OUT count_noise float8, OUT problem text)
LANGUAGE sql IMMUTABLE
SET search_path = pg_catalog, pg_temp
AS $$
	SELECT g.* FROM federated.secagg_dp_grid(($1 -> 'dp_sigma')::float8, $1 ? 'dp_adaptive_clip', $2, ($1 -> 'min_updates')::integer,
											 ($1 -> 'secagg_max_colluding')::integer, $3) g
$$;
COMMENT ON FUNCTION federated.distributed_grid(jsonb, float8, integer) IS 'The grid and the noise of a session with this config; problem: why there is none';

CREATE FUNCTION federated.complete_distributed(given jsonb, config jsonb) RETURNS jsonb
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	IF NOT federated.is_distributed(config) THEN
		PERFORM federated.check_unmixed(given);
		RETURN config;
	END IF;
	config := jsonb_build_object('secagg_max_colluding', federated.secagg_most_colluding((config -> 'min_updates')::integer)) || config;
	PERFORM federated.check_colluding(config);
	PERFORM federated.check_distributed_start(config, (config -> 'min_participants')::bigint);
	RETURN config;
END
$$;
COMMENT ON FUNCTION federated.complete_distributed(jsonb, jsonb) IS
	'Complete and check the part of a config that is about noise of Islands';

CREATE FUNCTION federated.check_distributed_start(config jsonb, participants bigint) RETURNS void
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	problem text;
BEGIN
	IF federated.is_distributed(config) THEN
		PERFORM federated.check_delta(config, participants);
		problem := federated.privacy_problem(config, participants);
		IF problem IS NOT NULL THEN
			PERFORM federated.refuse_private('dp_sigma', config -> 'dp_sigma', problem);
		END IF;
	END IF;
END
$$;
COMMENT ON FUNCTION federated.check_distributed_start(jsonb, bigint) IS
	'Refuse (22023) delta and noise with which a session of so many participants could not start';
