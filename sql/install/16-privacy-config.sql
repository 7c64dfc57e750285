-- Differential privacy: what a session asks for -----------------------------------------------------
-- A session is private when its config has dp_sigma. Its other keys have no
-- default in the catalogue, so that a session without privacy has none of them;
-- resolve_privacy() completes them. What depends on the number of participants
-- (dp_delta, dp_divisor, count_noise) is settled when training starts.

INSERT INTO federated.config_keys (key, type, minimum, exclusive, maximum, choices, default_value, description) VALUES
('dp_sigma', 'number', 0, true, 1000, NULL, NULL, 'Differential privacy: the noise multiplier, standard deviation of the noise divided by the clip norm; not given: no differential privacy'),
('dp_mode', 'text', NULL, false, NULL, '{central,local,distributed}', NULL, 'Who clips and adds the noise: the coordinator to the sum (central), each Island to its update (local), or the Islands together under masks (distributed); when not given, distributed with secure_aggregation, otherwise central'),
('dp_clip_norm', 'number', 0, true, 1000000, NULL, NULL, 'L2 norm to which each update is clipped; 1 when not given'),
('dp_adaptive_clip', 'object', NULL, false, NULL, NULL, NULL, 'Lets the clip norm follow a quantile of the updates'' norms: {"initial", "quantile", "learning_rate", "count_noise"}, each of which may be left out'),
('dp_delta', 'number', 0, true, 1, NULL, NULL, 'Delta at which epsilon is stated, at most 1 / participants; the least of 0.00001 and 1 / (10 × participants) when not given'),
('epsilon_budget', 'number', 0, true, 1000000, NULL, NULL, 'Most epsilon that the session may spend; a round that would spend more is not opened'),
('dp_weighting', 'text', NULL, false, NULL, '{uniform,samples}', NULL, 'Whether each update counts the same, or by its samples up to dp_sample_cap; uniform when not given'),
('dp_sample_cap', 'integer', 1, false, 1000000000000, NULL, NULL, 'Samples from which on an update counts fully, with dp_weighting samples'),
('dp_divisor', 'number', 0, true, 1000000000, NULL, NULL, 'What the noised sum is divided by; the Islands that a round is planned with when not given'),
('dp_sampling', 'text', NULL, false, NULL, '{none,poisson,fixed}', NULL, 'How participation_fraction chooses the Islands of a round in a way that privacy gains from: each by itself (poisson), so many of them (fixed), or as ever, which gains nothing (none); none when not given');

CREATE FUNCTION federated.is_private(config jsonb) RETURNS boolean
LANGUAGE sql IMMUTABLE
SET search_path = pg_catalog, pg_temp
AS $$ SELECT $1 ? 'dp_sigma' $$;
COMMENT ON FUNCTION federated.is_private(jsonb) IS 'Whether a session with this config promises differential privacy';

CREATE FUNCTION federated.draws_islands(config jsonb) RETURNS boolean
LANGUAGE sql IMMUTABLE
SET search_path = pg_catalog, pg_temp
AS $$ SELECT coalesce($1 ->> 'dp_sampling', 'none') <> 'none' $$;
COMMENT ON FUNCTION federated.draws_islands(jsonb) IS
	'Whether who is in a round of a session with this config is drawn in secret';

CREATE FUNCTION federated.refuse_private(key text, given jsonb, reason text) RETURNS void
LANGUAGE plpgsql IMMUTABLE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	RAISE EXCEPTION USING
		ERRCODE = 'invalid_parameter_value',
		MESSAGE = format('config key "%s" does not go with differential privacy as it is given', key),
		DETAIL = format('Given %s; %s.', coalesce(left(given::text, 200), 'nothing'), reason);
END
$$;
COMMENT ON FUNCTION federated.refuse_private(text, jsonb, text) IS
	'Refuse (22023) a config value that a private session must not have: its key, what was given, the reason';

CREATE FUNCTION federated.require_private(config jsonb) RETURNS void
LANGUAGE plpgsql IMMUTABLE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	alone text;
BEGIN
	SELECT k INTO alone FROM jsonb_object_keys(config) k WHERE k LIKE 'dp\_%' OR k = 'epsilon_budget'
	ORDER BY k COLLATE "C" LIMIT 1;
	IF FOUND THEN
		RAISE EXCEPTION USING
			ERRCODE = 'invalid_parameter_value',
			MESSAGE = format('config key "%s" needs "dp_sigma"', alone),
			DETAIL = format('Given %s; without dp_sigma there is no differential privacy, and nothing for it to set.',
							left((config -> alone)::text, 200));
	END IF;
END
$$;
COMMENT ON FUNCTION federated.require_private(jsonb) IS
	'Refuse (22023) a key of differential privacy in a config without it';

-- Numbers of the noise

-- Sums are exact when every integer on the way fits a double: so many updates of
-- at most 2^bits steps each, and the noise. The sampler takes a standard
-- deviation of at most 2^24 steps; below 2^10 the grid would be too coarse.
CREATE FUNCTION federated.grid_bits(noise_multiplier float8, participants bigint) RETURNS integer
LANGUAGE sql IMMUTABLE STRICT
SET search_path = pg_catalog, pg_temp
AS $$
	SELECT max(k) FROM generate_series(-30, 51) k
	WHERE $1 * 2.0::float8 ^ k BETWEEN 1024 AND 16777216
	  AND ($2 + 50 * $1) * 2.0::float8 ^ k < 4503599627370496
$$;
COMMENT ON FUNCTION federated.grid_bits(float8, bigint) IS
	'k, where a clip norm is 2^k steps of the integers that are summed and noised; NULL when no grid fits';

CREATE FUNCTION federated.update_noise(noise_multiplier float8, count_noise float8) RETURNS float8
LANGUAGE sql IMMUTABLE
SET search_path = pg_catalog, pg_temp
AS $$
	SELECT CASE WHEN $2 IS NULL THEN $1 WHEN $1 < 2 * $2 THEN 1 / sqrt(1 / ($1 * $1) - 1 / (4 * $2 * $2)) END
$$;
COMMENT ON FUNCTION federated.update_noise(float8, float8) IS
	'Noise multiplier of the sum of updates beside a noised count, so that both together cost what the total multiplier says (Andrew et al. 2021, theorem 1); NULL when the count alone costs more';

-- Adaptive clipping

CREATE FUNCTION federated.adaptive_rules(OUT part text, OUT minimum numeric, OUT exclusive boolean, OUT maximum numeric,
										 OUT default_value jsonb)
RETURNS SETOF record
LANGUAGE sql IMMUTABLE
SET search_path = pg_catalog, pg_temp
AS $$
	VALUES ('initial', 0, true, 1000000, '0.1'::jsonb), ('quantile', 0.01, false, 0.99, '0.5'),
		   ('learning_rate', 0, true, 10, '0.2'), ('count_noise', 0, true, 1000000, NULL)
$$;
COMMENT ON FUNCTION federated.adaptive_rules() IS 'Parts of dp_adaptive_clip, their ranges and defaults (Andrew et al. 2021)';

CREATE FUNCTION federated.check_adaptive_clip(config jsonb) RETURNS void
LANGUAGE plpgsql IMMUTABLE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	given CONSTANT jsonb := config -> 'dp_adaptive_clip';
	sigma CONSTANT numeric := (config -> 'dp_sigma')::numeric;
	item record;
BEGIN
	FOR item IN
		SELECT g.key, g.value, r.* FROM jsonb_each(given) g LEFT JOIN federated.adaptive_rules() r ON r.part = g.key
		ORDER BY g.key COLLATE "C"
	LOOP
		IF item.part IS NULL THEN
			PERFORM federated.refuse_config('dp_adaptive_clip', given, 'an object of initial, quantile, learning_rate, count_noise');
		ELSIF jsonb_typeof(item.value) <> 'number' OR NOT federated.fits_double(item.value)
			OR item.value::numeric < item.minimum OR item.value::numeric > item.maximum
			OR (item.exclusive AND item.value::numeric = item.minimum) THEN
			PERFORM federated.refuse_config('dp_adaptive_clip', given,
				format('%s %s %s to %s', item.key, CASE WHEN item.exclusive THEN 'above' ELSE 'from' END, item.minimum, item.maximum));
		END IF;
	END LOOP;
	IF config ->> 'dp_mode' = 'local' THEN
		PERFORM federated.refuse_private('dp_adaptive_clip', given, 'with dp_mode local each Island clips before anybody could count norms');
	ELSIF config ? 'dp_clip_norm' THEN
		PERFORM federated.refuse_private('dp_clip_norm', config -> 'dp_clip_norm',
			'dp_adaptive_clip finds the clip norm; where it starts is its part initial');
	ELSIF sigma >= 2 * (given -> 'count_noise')::numeric THEN
		PERFORM federated.refuse_private('dp_adaptive_clip', given,
			format('count_noise must be above half of dp_sigma, which is %s: otherwise counting alone would spend more than the round may', sigma));
	END IF;
END
$$;
COMMENT ON FUNCTION federated.check_adaptive_clip(jsonb) IS 'Refuse (22023) adaptive clipping that is malformed or cannot be';

-- What a private session must not have

CREATE FUNCTION federated.check_released_mean(resolved jsonb) RETURNS void
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	IF resolved ->> 'aggregation' <> 'mean' THEN
		PERFORM federated.refuse_private('aggregation', resolved -> 'aggregation',
			'only a mean of clipped updates has a known bound on what one participant changes');
	ELSIF NOT EXISTS (SELECT FROM federated.server_optimizers o WHERE o.name = resolved ->> 'server_optimizer' AND o.private) THEN
		PERFORM federated.refuse_private('server_optimizer', resolved -> 'server_optimizer',
			format('only those that read nothing but the noised mean: %s',
				   (SELECT string_agg(o.name, ', ' ORDER BY o.name) FROM federated.server_optimizers o WHERE o.private)));
	END IF;
END
$$;
COMMENT ON FUNCTION federated.check_released_mean(jsonb) IS
	'Refuse (22023) rules and optimisers that read more of the updates than a noised mean';

CREATE FUNCTION federated.check_central(config jsonb, resolved jsonb) RETURNS void
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	PERFORM federated.check_released_mean(resolved);
	IF config ->> 'dp_weighting' = 'samples' AND NOT config ? 'dp_sample_cap' THEN
		PERFORM federated.refuse_private('dp_weighting', config -> 'dp_weighting',
			'weighting by samples needs dp_sample_cap, so that no weight is above 1');
	ELSIF config ? 'dp_sample_cap' AND config ->> 'dp_weighting' IS DISTINCT FROM 'samples' THEN
		PERFORM federated.refuse_private('dp_sample_cap', config -> 'dp_sample_cap', 'it needs dp_weighting samples');
	ELSIF federated.grid_bits((config -> 'dp_sigma')::float8, (resolved -> 'max_participants')::bigint) IS NULL THEN
		PERFORM federated.refuse_private('dp_sigma', config -> 'dp_sigma',
			format('so little noise cannot be drawn exactly for up to %s participants', resolved -> 'max_participants'));
	END IF;
END
$$;
COMMENT ON FUNCTION federated.check_central(jsonb, jsonb) IS
	'Refuse (22023) what leaves central differential privacy without a bound on what one participant changes';

CREATE FUNCTION federated.check_local(config jsonb) RETURNS void
LANGUAGE plpgsql IMMUTABLE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	key text;
BEGIN
	FOREACH key IN ARRAY '{dp_weighting,dp_sample_cap,dp_divisor}'::text[]
	LOOP
		IF config ? key THEN
			PERFORM federated.refuse_private(key, config -> key, 'it is about the noised sum, and needs dp_mode central');
		END IF;
	END LOOP;
	IF config ->> 'dp_sampling' <> 'none' THEN
		PERFORM federated.refuse_private('dp_sampling', config -> 'dp_sampling',
			'with dp_mode local the coordinator sees each update, so being chosen hides nothing');
	END IF;
END
$$;
COMMENT ON FUNCTION federated.check_local(jsonb) IS 'Refuse (22023) keys that mean nothing when each Island adds its own noise';

-- A metric is not released with noise, so nothing that it decides is private.
CREATE FUNCTION federated.check_unnoised(config jsonb) RETURNS void
LANGUAGE plpgsql IMMUTABLE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	key text;
BEGIN
	FOREACH key IN ARRAY '{target,patience,best_metric,best_goal}'::text[]
	LOOP
		IF config ? key THEN
			PERFORM federated.refuse_private(key, config -> key,
				'metrics have no noise, and what they decide would tell about the data beyond epsilon');
		END IF;
	END LOOP;
	IF config ->> 'keep_versions' = 'best' THEN
		PERFORM federated.refuse_private('keep_versions', config -> 'keep_versions',
			'metrics have no noise, and the choice of the best would tell about the data beyond epsilon; allowed: all, last');
	ELSIF (config -> 'contribution')::boolean THEN
		PERFORM federated.refuse_private('contribution', config -> 'contribution',
			'what each update contributed is measured without noise');
	END IF;
END
$$;
COMMENT ON FUNCTION federated.check_unnoised(jsonb) IS 'Refuse (22023) what would decide or pay by numbers that have no noise';

CREATE FUNCTION federated.check_sampling(config jsonb) RETURNS void
LANGUAGE plpgsql IMMUTABLE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	IF config ->> 'dp_sampling' = 'poisson' AND config ? 'min_updates' THEN
		PERFORM federated.refuse_private('min_updates', config -> 'min_updates',
			'with dp_sampling poisson a round takes who was drawn, be it nobody: to ask more of it would be to draw again');
	END IF;
END
$$;
COMMENT ON FUNCTION federated.check_sampling(jsonb) IS 'Refuse (22023) a round that would be drawn again when too few were drawn';

-- The price may be the workload's.
CREATE FUNCTION federated.check_private_price(config jsonb) RETURNS void
LANGUAGE plpgsql IMMUTABLE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	IF NOT config ? 'dp_sigma' OR federated.round_cost(config, 1) = 0 THEN
		RETURN;
	ELSIF federated.price_part(config, 'contribution_pool') > 0 THEN
		PERFORM federated.refuse_private('price', config -> 'price',
			'contribution_pool is shared by what each update contributed, which is measured without noise');
	ELSIF coalesce(config ->> 'dp_sampling', 'none') <> 'none' THEN
		PERFORM federated.refuse_private('price', config -> 'price',
			'with dp_sampling who was drawn is secret, and payments would tell');
	END IF;
END
$$;
COMMENT ON FUNCTION federated.check_private_price(jsonb) IS
	'Refuse (22023) a price whose payments would tell what a private session keeps secret';

-- Participants that delta must be small against; NULL: known when training starts.
CREATE FUNCTION federated.privacy_population(config jsonb) RETURNS bigint
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
	SELECT ($1 -> 'max_participants')::bigint
	FROM federated.config_keys k WHERE k.key = 'max_participants' AND k.default_value <> $1 -> 'max_participants'
$$;
COMMENT ON FUNCTION federated.privacy_population(jsonb) IS
	'max_participants where it is given: the participants that delta is chosen for; NULL: those who are there when training starts';

CREATE FUNCTION federated.check_delta(config jsonb, participants bigint) RETURNS void
LANGUAGE plpgsql IMMUTABLE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	IF (config -> 'dp_delta')::numeric * participants > 1 OR (config -> 'dp_delta')::numeric = 1 THEN
		PERFORM federated.refuse_private('dp_delta', config -> 'dp_delta',
			format('allowed: at most 1 / %s, one over the participants, as a delta above that permits to publish one of them whole', participants));
	END IF;
END
$$;
COMMENT ON FUNCTION federated.check_delta(jsonb, bigint) IS 'Refuse (22023) a delta above one over the participants';

CREATE FUNCTION federated.complete_privacy(config jsonb, resolved jsonb) RETURNS jsonb
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	mode CONSTANT text := CASE WHEN federated.is_distributed(config) THEN 'distributed' ELSE coalesce(config ->> 'dp_mode', 'central') END;
BEGIN
	resolved := '{"dp_sampling": "none"}' || resolved || jsonb_build_object('dp_mode', mode);
	IF mode <> 'local' THEN
		resolved := '{"dp_weighting": "uniform"}' || resolved;
	END IF;
	IF config ? 'dp_adaptive_clip' THEN
		resolved := jsonb_set(resolved, '{dp_adaptive_clip}',
			(SELECT jsonb_object_agg(r.part, r.default_value) FROM federated.adaptive_rules() r WHERE r.default_value IS NOT NULL)
			|| (config -> 'dp_adaptive_clip'));
	ELSE
		resolved := '{"dp_clip_norm": 1.0}' || resolved;
	END IF;
	IF NOT config ? 'keep_versions' THEN
		resolved := resolved || '{"keep_versions": "last"}';
	END IF;
	IF resolved ->> 'dp_sampling' = 'poisson' THEN
		resolved := resolved || '{"min_updates": 0}';
	END IF;
	RETURN resolved || '{"contribution": false}';
END
$$;
COMMENT ON FUNCTION federated.complete_privacy(jsonb, jsonb) IS
	'The config of a private session with what it did not say: the defaults of privacy, and what is different under it';

CREATE FUNCTION federated.resolve_privacy(config jsonb, resolved jsonb) RETURNS jsonb
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	IF NOT config ? 'dp_sigma' THEN
		PERFORM federated.require_private(config);
		RETURN resolved;
	END IF;
	PERFORM federated.check_dp_mode(config);
	IF config ? 'dp_adaptive_clip' THEN
		PERFORM federated.check_adaptive_clip(config);
	END IF;
	IF federated.is_distributed(config) THEN
		PERFORM federated.check_released_mean(resolved);
		PERFORM federated.check_distributed(config);
	ELSIF config ->> 'dp_mode' = 'local' THEN
		PERFORM federated.check_local(config);
	ELSE
		PERFORM federated.check_central(config, resolved);
	END IF;
	PERFORM federated.check_unnoised(config);
	PERFORM federated.check_sampling(config);
	PERFORM federated.check_delta(config, coalesce(federated.privacy_population(resolved), (resolved -> 'min_participants')::bigint));
	RETURN federated.complete_privacy(config, resolved);
END
$$;
COMMENT ON FUNCTION federated.resolve_privacy(jsonb, jsonb) IS
	'Check what a config says about differential privacy, and complete it';
