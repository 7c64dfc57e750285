-- Secure aggregation: what a session may ask for ---------------------------------------------
-- All keys are unset unless secure_aggregation is true; then they are completed
-- here, so that what an Island is told is what holds.

INSERT INTO federated.config_keys (key, type, minimum, exclusive, maximum, choices, default_value, description) VALUES
('secure_aggregation', 'boolean', NULL, false, NULL, NULL, NULL, 'Whether Islands mask their updates, so that the server learns their sum and no single one'),
('secagg_mode', 'text', NULL, false, NULL, '{active,semi_honest}', NULL, 'Secure aggregation: active holds against a server that lies, semi_honest only against one that looks; not given: active if every Island has an identity'),
('secagg_weights', 'text', NULL, false, NULL, '{declared,hidden,unit}', NULL, 'Secure aggregation: whether Islands say how many samples they have, only their sum is seen, or each update counts the same (unit: always and only with dp_sigma); not given: declared'),
('secagg_max_cohort', 'integer', 3, false, 128, NULL, NULL, 'Secure aggregation: most Islands in a round; the fewer, the finer the integers'),
('secagg_sample_cap', 'integer', 1, false, 1000000000, NULL, NULL, 'Secure aggregation: samples from which on an Island weighs no more; best near the largest data size; not given: 10000'),
('secagg_range', 'number', 0.000001, false, 1000000, NULL, NULL, 'Secure aggregation: values of an update are clamped to plus or minus this; not given: 1, and with dp_sigma the clip norm'),
('secagg_metrics', 'text', NULL, false, NULL, '{masked,visible,none}', NULL, 'Secure aggregation: whether metrics are summed under masks, sent openly, or not sent; not given: masked, and none with dp_sigma'),
('secagg_metric_bounds', 'object', NULL, false, NULL, NULL, NULL, 'Secure aggregation: the metrics that are summed, each with the bound of its size: {"evaluation": {"accuracy": 1}, "training": {"loss": 10}}'),
('secagg_max_attempts', 'integer', 1, false, 100, NULL, NULL, 'Secure aggregation: how often a round is tried before the session fails; not given: 3'),
('secagg_advertise_timeout', 'number', 0, true, 31536000, NULL, NULL, 'Secure aggregation: seconds for the keys of a round; not given: 600'),
('secagg_share_timeout', 'number', 0, true, 31536000, NULL, NULL, 'Secure aggregation: seconds for the shares of a round; not given: 600'),
('secagg_agree_timeout', 'number', 0, true, 31536000, NULL, NULL, 'Secure aggregation: seconds for the signatures under the set of a round; not given: 600'),
('secagg_reveal_timeout', 'number', 0, true, 31536000, NULL, NULL, 'Secure aggregation: seconds for the shares that open the sum; then the session fails; not given: 86400');

-- Only sessions with secure aggregation send it.
UPDATE federated.config_keys k SET choices = k.choices || 'uint32'::text,
	description = k.description || '; uint32: masked integers, always and only with secure_aggregation'
WHERE k.key = 'update_encoding';

CREATE FUNCTION federated.uses_secagg(config jsonb) RETURNS boolean
LANGUAGE plpgsql IMMUTABLE
SET search_path = pg_catalog, pg_temp
AS $$ BEGIN RETURN coalesce((config -> 'secure_aggregation')::boolean, false); END $$;
COMMENT ON FUNCTION federated.uses_secagg(jsonb) IS 'Whether a session''s config asks for secure aggregation';

CREATE FUNCTION federated.refuse_under_secagg(key text, given jsonb, allowed text) RETURNS void
LANGUAGE plpgsql IMMUTABLE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	PERFORM federated.refuse_config(key, given, allowed || ' (with secure_aggregation)');
END
$$;
COMMENT ON FUNCTION federated.refuse_under_secagg(text, jsonb, text) IS
	'Refuse (22023) a value that does not go together with secure_aggregation';

-- The rules of names are those of the canonical task text, where both kinds of
-- objects are flattened into names.
CREATE FUNCTION federated.check_task_names(key text, given jsonb, path text DEFAULT '') RETURNS void
LANGUAGE plpgsql IMMUTABLE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	item record;
BEGIN
	FOR item IN
		SELECT e.key AS name, e.value FROM jsonb_each(CASE jsonb_typeof(given) WHEN 'object' THEN given ELSE '{}' END) e
		UNION ALL
		SELECT (a.place - 1)::text, a.value
		FROM jsonb_array_elements(CASE jsonb_typeof(given) WHEN 'array' THEN given ELSE '[]' END) WITH ORDINALITY a (value, place)
	LOOP
		IF jsonb_typeof(given) = 'object' AND item.name !~ '^[a-z][a-z0-9_]{0,62}$' THEN
			PERFORM federated.refuse_under_secagg(key || path, to_jsonb(item.name),
				'names of lower-case letters, digits and underscores, a letter first, at most 63 characters');
		ELSIF jsonb_typeof(item.value) = 'string' AND item.value #>> '{}' ~ E'[\x01-\x1f\x7f]' THEN
			PERFORM federated.refuse_under_secagg(key || path || '.' || item.name, item.value, 'a string without control characters');
		ELSIF jsonb_typeof(item.value) = 'number' AND NOT federated.fits_double(item.value) THEN
			PERFORM federated.refuse_under_secagg(key || path || '.' || item.name, item.value, 'a number from 1e-300 to 1e300 in size, or 0');
		END IF;
		PERFORM federated.check_task_names(key, item.value, path || '.' || item.name);
	END LOOP;
END
$$;
COMMENT ON FUNCTION federated.check_task_names(text, jsonb, text) IS
	'Refuse (22023) an object that the canonical task text of secure aggregation cannot hold';

CREATE FUNCTION federated.check_metric_bounds(bounds jsonb) RETURNS void
LANGUAGE plpgsql IMMUTABLE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	wanted CONSTANT text := '{"evaluation": {name: bound}, "training": {name: bound}}, bounds above 0 up to 1e9, at most 100';
BEGIN
	IF bounds - '{evaluation,training}'::text[] <> '{}'
		OR jsonb_path_exists(bounds, 'strict $.* ? (@.type() != "object")') THEN
		PERFORM federated.refuse_config('secagg_metric_bounds', bounds, wanted);
	END IF;
	IF EXISTS (SELECT FROM jsonb_each(bounds) part, jsonb_each(part.value) metric
			   WHERE jsonb_typeof(metric.value) <> 'number'
				  OR NOT CASE jsonb_typeof(metric.value) WHEN 'number' THEN metric.value::numeric > 0 AND metric.value::numeric <= 1e9
																		   AND federated.fits_double(metric.value) ELSE false END)
		OR (SELECT count(*) FROM jsonb_each(bounds) part, jsonb_each(part.value)) > 100 THEN
		PERFORM federated.refuse_config('secagg_metric_bounds', bounds, wanted);
	END IF;
	PERFORM federated.check_task_names('secagg_metric_bounds', bounds);
END
$$;
COMMENT ON FUNCTION federated.check_metric_bounds(jsonb) IS 'Refuse (22023) malformed secagg_metric_bounds';

-- What needs single updates, or releases more than one sum, cannot be had.
CREATE FUNCTION federated.check_secagg_company(given jsonb, config jsonb) RETURNS void
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	metric CONSTANT text := coalesce(given ->> 'best_metric', given -> 'target' ->> 'metric');
	watched CONSTANT text[] := CASE WHEN metric IS NULL THEN '{accuracy,loss}' ELSE ARRAY[metric] END;
BEGIN
	IF config ->> 'aggregation' <> 'mean' THEN
		PERFORM federated.refuse_under_secagg('aggregation', config -> 'aggregation', 'mean: other rules compare single updates');
	ELSIF coalesce((given -> 'contribution')::boolean, false) THEN
		PERFORM federated.refuse_under_secagg('contribution', given -> 'contribution', 'false: it measures single updates');
	ELSIF coalesce(given ->> 'update_encoding', 'uint32') <> 'uint32' THEN
		PERFORM federated.refuse_under_secagg('update_encoding', given -> 'update_encoding', 'uint32: masked integers have no narrower form');
	ELSIF config ->> 'download_encoding' <> 'f32' THEN
		PERFORM federated.refuse_under_secagg('download_encoding', config -> 'download_encoding',
			'f32: Islands agree on the hash of the model that they train on');
	ELSIF given ?| '{best_metric,target,patience}' AND (config ->> 'secagg_metrics' = 'none'
		OR config ->> 'secagg_metrics' = 'masked'
		   AND NOT coalesce(config -> 'secagg_metric_bounds' -> 'evaluation', '{}') ?| watched) THEN
		PERFORM federated.refuse_under_secagg(
			CASE WHEN given ? 'best_metric' THEN 'best_metric' WHEN given ? 'target' THEN 'target' ELSE 'patience' END,
			coalesce(given -> 'best_metric', given -> 'target', given -> 'patience'),
			format('metrics of "evaluation" in secagg_metric_bounds; secagg_metrics is %s', config -> 'secagg_metrics'));
	END IF;
END
$$;
COMMENT ON FUNCTION federated.check_secagg_company(jsonb, jsonb) IS
	'Refuse (22023) what does not go together with secure aggregation';

CREATE FUNCTION federated.check_secagg_sizes(given jsonb, config jsonb) RETURNS void
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	fewest text;
BEGIN
	FOREACH fewest IN ARRAY '{min_participants,min_updates}'::text[]
	LOOP
		IF (config -> fewest)::integer NOT BETWEEN 3 AND 128 THEN
			PERFORM federated.refuse_under_secagg(fewest, config -> fewest,
				'3 to 128: secure aggregation supports 3 to 128 Islands in this version');
		END IF;
	END LOOP;
	IF given ? 'max_participants' AND (given -> 'max_participants')::integer > 128 THEN
		PERFORM federated.refuse_under_secagg('max_participants', given -> 'max_participants',
			'at most 128: secure aggregation supports 3 to 128 Islands in this version');
	ELSIF (config -> 'secagg_max_cohort')::integer < greatest((config -> 'min_participants')::integer, (config -> 'min_updates')::integer) THEN
		PERFORM federated.refuse_config('secagg_max_cohort', config -> 'secagg_max_cohort',
			format('at least min_participants and min_updates, which are %s and %s', config -> 'min_participants', config -> 'min_updates'));
	END IF;
END
$$;
COMMENT ON FUNCTION federated.check_secagg_sizes(jsonb, jsonb) IS 'Refuse (22023) cohorts that secure aggregation does not support';

CREATE FUNCTION federated.resolve_secagg(given jsonb, config jsonb) RETURNS jsonb
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	alone text;
BEGIN
	IF NOT federated.uses_secagg(config) THEN
		SELECT k INTO alone FROM jsonb_object_keys(given) k WHERE k LIKE 'secagg\_%' ORDER BY k LIMIT 1;
		IF alone IS NOT NULL THEN
			RAISE EXCEPTION USING
				ERRCODE = 'invalid_parameter_value',
				MESSAGE = format('config key "%s" needs secure_aggregation', alone),
				DETAIL = format('Given %s; without secure_aggregation it has no meaning.', left((given -> alone)::text, 200));
		ELSIF config ->> 'update_encoding' = 'uint32' THEN
			RAISE EXCEPTION USING
				ERRCODE = 'invalid_parameter_value',
				MESSAGE = 'update_encoding "uint32" needs secure_aggregation',
				DETAIL = 'Only masked updates are integers.';
		END IF;
		RETURN config;
	END IF;

	config := federated.secagg_defaults(config)
		|| config || '{"contribution": false, "update_encoding": "uint32"}'
		|| jsonb_build_object('min_participants', coalesce(given -> 'min_participants', '3'),
							  'min_updates', coalesce(given -> 'min_updates', '3'));
	IF config ->> 'secagg_metrics' = 'masked' THEN
		config := '{"secagg_metric_bounds": {}}'::jsonb || config;
		PERFORM federated.check_metric_bounds(config -> 'secagg_metric_bounds');
	ELSIF config ? 'secagg_metric_bounds' THEN
		PERFORM federated.refuse_config('secagg_metric_bounds', config -> 'secagg_metric_bounds', 'only with secagg_metrics "masked"');
	END IF;
	PERFORM federated.check_secagg_company(given, config);
	PERFORM federated.check_secagg_sizes(given, config);
	PERFORM federated.check_task_names('hyperparameters', config -> 'hyperparameters');
	RETURN federated.complete_distributed(given, config);
END
$$;
COMMENT ON FUNCTION federated.resolve_secagg(jsonb, jsonb) IS
	'Complete and check the part of a config that is about secure aggregation; what depends on the Islands comes when a session starts';

-- What depends on who can be invited

CREATE FUNCTION federated.secagg_unnamed(workload_id bigint, OUT islands bigint, OUT without text[], OUT samples numeric)
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
	SELECT count(*), array_agg(i.host_id ORDER BY i.host_id COLLATE "C") FILTER (WHERE d.island_id IS NULL), avg(c.num_samples)
	FROM federated.consents c
	JOIN federated.islands i ON i.id = c.island_id AND i.suspended_at IS NULL
	LEFT JOIN federated.island_identities d ON d.island_id = i.id
	WHERE c.workload_id = $1
$$;
COMMENT ON FUNCTION federated.secagg_unnamed(bigint) IS
	'Of the Islands that accept a workload: how many, which have no identity, and how many samples they declare on average';

CREATE FUNCTION federated.warn_of_secagg(config jsonb, without text[], samples numeric) RETURNS void
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	mode CONSTANT text := config ->> 'secagg_mode';
	cohort CONSTANT integer := config -> 'secagg_max_cohort';
	levels CONSTANT float8 := floor(2147483647 / cohort);
BEGIN
	IF mode = 'semi_honest' THEN
		RAISE WARNING USING
			MESSAGE = 'this session is semi_honest: it does not protect against a coordinator that lies',
			DETAIL = coalesce('Without an identity: ' || array_to_string(without, ', ') || '.', 'Every Island has an identity.'),
			HINT = 'Islands that have an identity key refuse to take part in it. Enroll all: federated_enroll_identity(host_id, identity_pk).';
	ELSIF without IS NOT NULL THEN
		RAISE WARNING USING
			MESSAGE = 'Islands without an identity are not admitted to this session',
			DETAIL = format('Without an identity: %s.', array_to_string(without, ', '));
	END IF;
	IF mode = 'active' AND ((config -> 'min_participants')::integer = 3 OR cohort = 3) THEN
		RAISE WARNING USING
			MESSAGE = 'a round of 3 Islands does not survive the loss of one',
			DETAIL = 'In mode active, 3 of 3 are needed to the end; 4 to 6 survive one loss.',
			HINT = 'Set min_participants to 4 or more.';
	END IF;
	IF log(2::numeric, levels::numeric) - log(2::numeric, (config -> 'secagg_sample_cap')::numeric / least((config -> 'secagg_sample_cap')::numeric, samples)) < 16 THEN
		RAISE WARNING USING
			MESSAGE = 'updates will be coarse integers',
			DETAIL = format('secagg_max_cohort is %s, secagg_sample_cap %s, and Islands declare %s samples on average: fewer than 16 bits are left of a value.',
							cohort, config -> 'secagg_sample_cap', round(samples)),
			HINT = 'Set secagg_sample_cap near the largest number of samples.';
	END IF;
	IF federated.setting('update_durability') = 'unlogged' THEN
		RAISE WARNING USING
			MESSAGE = 'federated.update_durability = unlogged does not hold for this session',
			DETAIL = 'A masked update that is lost after its set is fixed could never be summed: all are logged.';
	END IF;
END
$$;
COMMENT ON FUNCTION federated.warn_of_secagg(jsonb, text[], numeric) IS 'Say what a session with secure aggregation will not do';

CREATE FUNCTION federated.settle_secagg(config jsonb, given jsonb, workload federated.workloads) RETURNS jsonb
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	invited record;
	cohort integer;
BEGIN
	IF NOT federated.uses_secagg(config) THEN
		RETURN config;
	END IF;
	SELECT * INTO invited FROM federated.secagg_unnamed(workload.id);
	IF NOT config ? 'secagg_mode' THEN
		config := config || jsonb_build_object('secagg_mode', CASE WHEN invited.without IS NULL THEN 'active' ELSE 'semi_honest' END);
	END IF;
	cohort := coalesce((config -> 'secagg_max_cohort')::integer, (given -> 'max_participants')::integer,
					   least(128, greatest(invited.islands, (config -> 'min_participants')::integer, (config -> 'min_updates')::integer)));
	-- Who is invited fits into a round.
	config := config || jsonb_build_object('secagg_max_cohort', cohort,
		'max_participants', least(cohort, (config -> 'max_participants')::integer));
	IF config ->> 'secagg_weights' <> 'declared' AND federated.price_part(config, 'per_thousand_samples') > 0 THEN
		PERFORM federated.refuse_config('price.per_thousand_samples', config -> 'price' -> 'per_thousand_samples',
			format('none, with secagg_weights %s: nobody knows the samples; pay per_round', config -> 'secagg_weights'));
	END IF;
	PERFORM federated.check_distributed_start(config, (config -> 'min_participants')::bigint),
			federated.check_distributed_start(config, cohort);
	PERFORM federated.warn_of_secagg(config, invited.without, invited.samples);
	RETURN config;
END
$$;
COMMENT ON FUNCTION federated.settle_secagg(jsonb, jsonb, federated.workloads) IS
	'What secure aggregation of a session depends on its Islands for: mode, once and for all, and size of the cohort';
