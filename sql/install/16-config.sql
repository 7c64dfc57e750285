-- Session configuration ------------------------------------------------------------
-- The keys are rows, so that the check, the manual and a form that starts a
-- session say the same.

CREATE TABLE federated.config_keys (
	key				text PRIMARY KEY,
	type			text NOT NULL CHECK (type IN ('integer', 'number', 'boolean', 'text', 'object')),
	minimum			numeric,
	exclusive		boolean NOT NULL DEFAULT false,
	maximum			numeric,
	choices			text[],
	default_value	jsonb,
	description		text NOT NULL
);
COMMENT ON TABLE federated.config_keys IS 'Every key that a session''s config may hold';
COMMENT ON COLUMN federated.config_keys.exclusive IS 'Whether the minimum itself is not allowed';
COMMENT ON COLUMN federated.config_keys.default_value IS 'Used when the key is not given and the algorithm does not set it; NULL: stays unset';

INSERT INTO federated.config_keys (key, type, minimum, exclusive, maximum, choices, default_value, description) VALUES
('algorithm', 'text', NULL, false, NULL, NULL, '"fed_avg"', 'Preset of the keys that make up an algorithm'),
('local_epochs', 'integer', 1, false, 10000, NULL, '1', 'Passes over its data that an Island makes per round'),
('learning_rate', 'number', 0, true, 1000, NULL, '0.01', 'Step size of the Island''s optimiser'),
('batch_size', 'integer', 1, false, 1000000, NULL, '32', 'Samples per step of the Island''s optimiser'),
('proximal_mu', 'number', 0, false, 1000000, NULL, NULL, 'FedProx: the Island adds proximal_mu / 2 × ‖w − w_global‖² to its loss'),
('hyperparameters', 'object', NULL, false, NULL, NULL, '{}', 'Anything else for the trainer; handed out as it is'),
('aggregation', 'text', NULL, false, NULL, '{mean,median}', NULL, 'How updates combine'),
('server_optimizer', 'text', NULL, false, NULL, NULL, NULL, 'How the server moves the model'),
('server_learning_rate', 'number', 0, true, 1000, NULL, '1', 'Step size of the server'),
('server_momentum', 'number', 0, false, 1, NULL, '0.9', 'FedAvgM: share of the last rounds'' movement that the server keeps'),
('contribution', 'boolean', NULL, false, NULL, NULL, 'true', 'Whether aggregation also measures how each update relates to what all made together'),
('min_participants', 'integer', 1, false, 100000, NULL, '2', 'Islands that must be there before training starts'),
('max_participants', 'integer', 1, false, 100000, NULL, '100000', 'Most Islands that are invited'),
('allow_join', 'boolean', NULL, false, NULL, NULL, 'false', 'Whether eligible Islands may join between rounds'),
('participation_fraction', 'number', 0, true, 1, NULL, '1', 'Share of the participants that is sampled for each round'),
('seed', 'integer', 0, false, 9223372036854775807, NULL, NULL, 'Seed of the sampling, and for the trainers; drawn and recorded when not given'),
('min_updates', 'integer', 1, false, 100000, NULL, '1', 'Updates that a round needs; with fewer at its deadline it is extended'),
('update_encoding', 'text', NULL, false, NULL, '{f32,f16,bf16}', '"f32"', 'Encoding in which Islands are asked to send their updates'),
('download_encoding', 'text', NULL, false, NULL, '{f32,f16,bf16}', '"f32"', 'Encoding in which Islands are asked to fetch the model'),
('round_timeout', 'number', 0, true, 31536000, NULL, '3600', 'Seconds from the opening of a round to its deadline'),
('max_extensions', 'integer', 0, false, 1000, NULL, '10', 'How often a round with too few updates is extended before the session fails'),
('heartbeat_timeout', 'number', 0, true, 31536000, NULL, '60', 'Seconds of silence after which an Island that has a task is dropped from the round'),
('recruit_timeout', 'number', 0, false, 31536000, NULL, '0', 'Seconds to wait for min_participants before the session fails; 0 waits forever'),
('price', 'object', NULL, false, NULL, NULL, NULL, 'What updates are paid, in credits: {"per_round", "per_thousand_samples", "max_samples", "contribution_pool", "contribution"}; otherwise the workload''s price'),
('budget', 'number', 0, true, 1000000000, NULL, NULL, 'Most credits that the session may cost; otherwise all that it can cost is reserved'),
('target', 'object', NULL, false, NULL, NULL, NULL, 'Ends the session early: {"metric", "value", "goal": "max" | "min"}'),
('patience', 'integer', 1, false, 100000, NULL, NULL, 'Ends the session after so many rounds in which the metric did not improve'),
('best_metric', 'text', NULL, false, NULL, NULL, NULL, 'Metric of the evaluation by which the best version is told, for keep_versions and patience; not given: the target''s, otherwise accuracy, otherwise loss'),
('best_goal', 'text', NULL, false, NULL, '{max,min}', NULL, 'Whether more or less of best_metric is better; not given: the target''s for the same metric, otherwise less if its name holds loss, error or perplexity'),
('keep_versions', 'text', NULL, false, NULL, '{all,best,last}', '"best"', 'Versions between rounds that stay: all; the best and the last; or only the last'),
('keep_every', 'integer', 1, false, 1000000, NULL, NULL, 'Besides those, the version of every so many rounds stays');

CREATE TABLE federated.algorithms (
	name		text PRIMARY KEY,
	settings	jsonb NOT NULL,
	description	text NOT NULL
);
COMMENT ON TABLE federated.algorithms IS 'Presets: the config keys that each algorithm stands for';

INSERT INTO federated.algorithms VALUES
('fed_avg', '{"aggregation": "mean", "server_optimizer": "fed_avg", "proximal_mu": 0}',
 'FedAvg (McMahan et al. 2017): mean of the updates, weighted by samples'),
('fed_prox', '{"aggregation": "mean", "server_optimizer": "fed_avg", "proximal_mu": 0.1}',
 'FedProx (Li et al. 2020): FedAvg whose Islands add a proximal term, for very different data'),
('fed_avgm', '{"aggregation": "mean", "server_optimizer": "fed_avgm", "proximal_mu": 0}',
 'FedAvgM (Hsu et al. 2019): FedAvg whose server moves with momentum');

CREATE TABLE federated.server_optimizers (
	name		text PRIMARY KEY,
	states		text[] NOT NULL,
	private		boolean NOT NULL DEFAULT false,
	description	text NOT NULL
);
COMMENT ON TABLE federated.server_optimizers IS 'Ways in which the server moves the model, by what the round''s updates make together';
COMMENT ON COLUMN federated.server_optimizers.states IS 'Vectors as long as the model that it keeps from round to round';
COMMENT ON COLUMN federated.server_optimizers.private IS 'Whether it works with differential privacy: it reads nothing of the updates but their noised mean';

INSERT INTO federated.server_optimizers VALUES
('fed_avg', '{}', true, 'model += server_learning_rate × update'),
('fed_avgm', '{momentum}', true, 'momentum = server_momentum × momentum + update; model += server_learning_rate × momentum');

UPDATE federated.config_keys
SET choices = (SELECT array_agg(a.name ORDER BY a.name) FROM federated.algorithms a)
WHERE key = 'algorithm';
UPDATE federated.config_keys
SET choices = (SELECT array_agg(o.name ORDER BY o.name) FROM federated.server_optimizers o)
WHERE key = 'server_optimizer';

GRANT SELECT ON federated.config_keys, federated.algorithms, federated.server_optimizers
	TO federated_admin, federated_creator, federated_viewer, federated_auditor, federated_island;

CREATE FUNCTION federated.refuse_config(key text, given jsonb, allowed text) RETURNS void
LANGUAGE plpgsql IMMUTABLE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	RAISE EXCEPTION USING
		ERRCODE = 'invalid_parameter_value',
		MESSAGE = format('config key "%s" is not valid', key),
		DETAIL = format('Given %s; allowed: %s.', left(given::text, 200), allowed);
END
$$;
COMMENT ON FUNCTION federated.refuse_config(text, jsonb, text) IS
	'Refuse (22023) a config value: its key, what was given, what is allowed';

CREATE FUNCTION federated.allowed_config(rule federated.config_keys) RETURNS text
LANGUAGE sql IMMUTABLE
SET search_path = pg_catalog, pg_temp
AS $$
	SELECT CASE
		WHEN $1.choices IS NOT NULL THEN array_to_string($1.choices, ', ')
		WHEN $1.minimum IS NOT NULL
			THEN format('%s %s %s to %s', $1.type, CASE WHEN $1.exclusive THEN 'above' ELSE 'from' END, $1.minimum, $1.maximum)
		ELSE $1.type END
$$;
COMMENT ON FUNCTION federated.allowed_config(federated.config_keys) IS 'What a config key allows, in words';

CREATE FUNCTION federated.fits_double(given jsonb) RETURNS boolean
LANGUAGE sql IMMUTABLE
SET search_path = pg_catalog, pg_temp
AS $$ SELECT given::numeric = 0 OR abs(given::numeric) BETWEEN 1e-300 AND 1e300 $$;
COMMENT ON FUNCTION federated.fits_double(jsonb) IS
	'Whether a JSON number survives as a double precision: a larger or smaller one would be an error later';

CREATE FUNCTION federated.config_value_ok(rule federated.config_keys, given jsonb) RETURNS boolean
LANGUAGE plpgsql IMMUTABLE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	kind text := jsonb_typeof(given);
	number numeric;
BEGIN
	IF rule.type IN ('integer', 'number') THEN
		IF kind <> 'number' THEN
			RETURN false;
		END IF;
		number := given::numeric;
		RETURN (rule.type = 'number' OR number = trunc(number))
			AND number <= rule.maximum
			AND (number > rule.minimum OR (number = rule.minimum AND NOT rule.exclusive))
			AND federated.fits_double(given);
	ELSIF rule.type = 'text' THEN
		RETURN kind = 'string' AND (rule.choices IS NULL OR given #>> '{}' = ANY (rule.choices));
	END IF;
	RETURN kind = rule.type;
END
$$;
COMMENT ON FUNCTION federated.config_value_ok(federated.config_keys, jsonb) IS
	'Whether a value has the type and range of its key';

CREATE FUNCTION federated.check_target(target jsonb) RETURNS void
LANGUAGE plpgsql IMMUTABLE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	IF target IS NULL THEN
		RETURN;
	END IF;
	IF jsonb_typeof(target -> 'metric') IS DISTINCT FROM 'string'
		OR jsonb_typeof(target -> 'value') IS DISTINCT FROM 'number'
		OR NOT federated.fits_double(target -> 'value')
		OR coalesce(target -> 'goal', '"max"') NOT IN ('"max"', '"min"')
		OR target - '{metric,value,goal}'::text[] <> '{}' THEN
		PERFORM federated.refuse_config('target', target,
			'{"metric": name, "value": number, "goal": "max" or "min"}, goal may be left out');
	END IF;
END
$$;
COMMENT ON FUNCTION federated.check_target(jsonb) IS 'Refuse (22023) a malformed target';

CREATE FUNCTION federated.check_best(config jsonb) RETURNS void
LANGUAGE plpgsql IMMUTABLE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	metric CONSTANT text := config ->> 'best_metric';
BEGIN
	IF metric = '' THEN
		PERFORM federated.refuse_config('best_metric', config -> 'best_metric', 'name of a metric');
	ELSIF config ? 'best_goal' AND metric IS NULL THEN
		PERFORM federated.refuse_config('best_goal', config -> 'best_goal', 'only together with best_metric');
	ELSIF metric = config -> 'target' ->> 'metric' AND config ->> 'best_goal' <> config -> 'target' ->> 'goal' THEN
		PERFORM federated.refuse_config('best_goal', config -> 'best_goal',
			format('%s, which is the goal of the target with the same metric', config -> 'target' ->> 'goal'));
	END IF;
END
$$;
COMMENT ON FUNCTION federated.check_best(jsonb) IS 'Refuse (22023) a best_goal without its metric, or against the target''s';

CREATE FUNCTION federated.check_config_keys(config jsonb) RETURNS void
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	item record;
	rule federated.config_keys;
BEGIN
	FOR item IN SELECT * FROM jsonb_each(config)
	LOOP
		SELECT * INTO rule FROM federated.config_keys k WHERE k.key = item.key;
		IF NOT FOUND THEN
			RAISE EXCEPTION USING
				ERRCODE = 'invalid_parameter_value',
				MESSAGE = format('config key "%s" is not known', item.key),
				DETAIL = format('Given %s; allowed keys: %s.', left(item.value::text, 200),
								(SELECT string_agg(k.key, ', ' ORDER BY k.key) FROM federated.config_keys k));
		END IF;
		IF NOT federated.config_value_ok(rule, item.value) THEN
			PERFORM federated.refuse_config(item.key, item.value, federated.allowed_config(rule));
		END IF;
	END LOOP;
END
$$;
COMMENT ON FUNCTION federated.check_config_keys(jsonb) IS 'Refuse (22023) unknown keys and values of a wrong type or range';

CREATE FUNCTION federated.resolve_config(config jsonb) RETURNS jsonb
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	resolved jsonb;
BEGIN
	IF jsonb_typeof(config) IS DISTINCT FROM 'object' THEN
		RAISE EXCEPTION USING
			ERRCODE = 'invalid_parameter_value',
			MESSAGE = 'config must be a JSON object',
			DETAIL = format('Given %s.', coalesce(jsonb_typeof(config), 'null'));
	END IF;
	PERFORM federated.check_config_keys(config);
	PERFORM federated.check_target(config -> 'target');
	PERFORM federated.check_best(config);
	PERFORM federated.check_price(config -> 'price');
	PERFORM federated.check_credits('budget', config -> 'budget');

	SELECT jsonb_object_agg(k.key, k.default_value) INTO resolved
	FROM federated.config_keys k WHERE k.default_value IS NOT NULL;
	resolved := resolved
		|| (SELECT a.settings FROM federated.algorithms a
			WHERE a.name = coalesce(config ->> 'algorithm', resolved ->> 'algorithm'))
		|| config;

	IF (resolved -> 'max_participants')::integer < (resolved -> 'min_participants')::integer THEN
		PERFORM federated.refuse_config('max_participants', resolved -> 'max_participants',
			format('at least min_participants, which is %s', resolved -> 'min_participants'));
	END IF;
	IF (resolved -> 'min_updates')::integer > (resolved -> 'max_participants')::integer THEN
		PERFORM federated.refuse_config('min_updates', resolved -> 'min_updates',
			format('at most max_participants, which is %s', resolved -> 'max_participants'));
	END IF;
	RETURN federated.resolve_secagg(config, federated.resolve_privacy(config, resolved));
END
$$;
COMMENT ON FUNCTION federated.resolve_config(jsonb) IS
	'Check a config and complete it: defaults, then the algorithm''s preset, then what was given, then what privacy asks for';
