-- Differential privacy: what a session may ask for, and what is refused, with the reason.
SELECT test.workload('privacy config', 0) AS workload \gset
CREATE FUNCTION test.private_config(config jsonb) RETURNS text
LANGUAGE sql
AS $$ SELECT test.try(current_user, format('SELECT ''ok'' FROM federated.resolve_config(%L)', '{"dp_sigma": 1}'::jsonb || $1)) $$;

-- What dp_sigma alone makes of a config
SELECT key, value FROM jsonb_each(federated.resolve_config('{"dp_sigma": 1}')) r
WHERE r.value IS DISTINCT FROM federated.resolve_config('{}') -> r.key ORDER BY key COLLATE "C";
SELECT key, value FROM jsonb_each(federated.resolve_config('{"dp_sigma": 1, "dp_mode": "local"}')) r WHERE key LIKE 'dp%' ORDER BY key COLLATE "C";
SELECT federated.resolve_config('{"dp_sigma": 1, "dp_adaptive_clip": {}}') -> 'dp_adaptive_clip' AS adaptive,
	   federated.resolve_config('{"dp_sigma": 1, "dp_adaptive_clip": {"quantile": 0.8, "count_noise": 3}}') -> 'dp_adaptive_clip' AS partly,
	   federated.resolve_config('{"dp_sigma": 1, "dp_adaptive_clip": {}}') ? 'dp_clip_norm' AS clip_norm;
SELECT federated.resolve_config('{"dp_sigma": 1, "dp_sampling": "poisson", "participation_fraction": 0.1}') -> 'min_updates' AS min_updates;
-- A session without it has none of the keys
SELECT count(*) FROM jsonb_object_keys(federated.resolve_config('{}')) k WHERE k LIKE 'dp%' OR k = 'epsilon_budget';

-- No key means anything without dp_sigma
SELECT k.key, test.try(current_user, format('SELECT federated.resolve_config(%L)', jsonb_build_object(k.key,
	CASE k.type WHEN 'text' THEN to_jsonb(k.choices[1]) WHEN 'object' THEN '{}' ELSE to_jsonb(k.minimum + 0.5 + 0.5 * (k.type = 'integer')::integer) END)))
FROM federated.config_keys k WHERE k.key LIKE 'dp%' AND k.key <> 'dp_sigma' OR k.key = 'epsilon_budget' ORDER BY k.key COLLATE "C";

-- What has no bound, has no noise, or tells who was drawn
SELECT c, test.private_config(c::jsonb)
FROM unnest(ARRAY['{"aggregation": "median"}', '{"aggregation": "median", "dp_mode": "local"}', '{"server_optimizer": "fed_avgm"}', '{"algorithm": "fed_prox"}',
	'{"contribution": true}', '{"contribution": false}', '{"target": {"metric": "accuracy", "value": 0.9}}', '{"patience": 3}', '{"best_metric": "f1"}',
	'{"best_metric": "f1", "best_goal": "max"}', '{"keep_versions": "best"}', '{"keep_versions": "all"}', '{"keep_every": 2}',
	'{"dp_mode": "local", "contribution": true}', '{"dp_mode": "local", "dp_weighting": "samples"}', '{"dp_mode": "local", "dp_divisor": 3}',
	'{"dp_mode": "local", "dp_sampling": "poisson"}', '{"dp_mode": "local", "dp_sampling": "none"}', '{"dp_mode": "local", "dp_adaptive_clip": {}}',
	'{"dp_weighting": "samples"}', '{"dp_sample_cap": 100}', '{"dp_weighting": "uniform", "dp_sample_cap": 100}', '{"dp_weighting": "samples", "dp_sample_cap": 100}',
	'{"dp_sampling": "poisson", "participation_fraction": 0.5}', '{"dp_sampling": "poisson", "min_updates": 1}', '{"dp_sampling": "fixed", "min_updates": 2}']) c;
-- A server optimizer is refused until somebody has said that it reads only the noised mean
BEGIN;
UPDATE federated.server_optimizers SET private = false WHERE name = 'fed_avgm';
SELECT test.private_config('{"algorithm": "fed_avgm"}'), test.private_config('{"algorithm": "fed_avgm", "dp_mode": "local"}');
ROLLBACK;

-- Adaptive clipping
SELECT c, test.private_config(jsonb_build_object('dp_adaptive_clip', c::jsonb))
FROM unnest(ARRAY['{"inital": 1}', '{"initial": 0}', '{"initial": "1"}', '{"initial": 1e6}', '{"quantile": 0}', '{"quantile": 1}', '{"quantile": 0.99}',
	'{"learning_rate": 0}', '{"learning_rate": 10.1}', '{"count_noise": 0}', '{"count_noise": 0.5}', '{"count_noise": 0.51}']) c;
SELECT test.private_config('{"dp_adaptive_clip": {}, "dp_clip_norm": 1}');

-- Delta, and noise too little for the grid
SELECT c, test.private_config(c::jsonb)
FROM unnest(ARRAY['{"dp_delta": 0.5}', '{"dp_delta": 0.51}', '{"dp_delta": 0.01, "max_participants": 100}', '{"dp_delta": 0.011, "max_participants": 100}',
	'{"dp_delta": 1, "min_participants": 1}', '{"dp_sigma": 1e-12}', '{"dp_sigma": 1e-12, "max_participants": 3}']) c;
-- The grid: 2^10 to 2^24 steps of noise, and every sum of integers below 2^52
SELECT z, n, federated.grid_bits(z, n) AS bits,
	   round((z * 2 ^ federated.grid_bits(z, n))::numeric, 1) AS noise, (n + 50 * z) * 2 ^ federated.grid_bits(z, n) < 2 ^ 52 AS exact
FROM unnest('{1,0.5,1.1,1000,1e-6,1e-6,1e-12}'::float8[], '{10,10,100000,100000,10,100000,10}'::bigint[]) AS u (z, n);
-- Two releases that together cost what z says: 1 / z^2 = 1 / z_updates^2 + 1 / (2 count_noise)^2
SELECT z, b, round(federated.update_noise(z, b)::numeric, 6) AS updates,
	   round((1 / sqrt(1 / federated.update_noise(z, b) ^ 2 + 1 / (4 * b * b)))::numeric, 6) AS together
FROM unnest('{1,1,2,1,1}'::float8[], '{1,5,1.5,0.5,NULL}'::float8[]) AS u (z, b);

-- A price, also the workload's
SELECT test.outcome('regress_creator', format('SELECT federated_set_price(%s, ''{"per_round": 1}'')', :workload));
SELECT c, test.refusal('regress_creator', format('SELECT federated_start_session(''paid'', %s, 1, %L) IS NOT NULL', :workload,
	'{"dp_sigma": 10, "budget": 100}'::jsonb || c::jsonb))
FROM unnest(ARRAY['{"dp_sampling": "poisson"}', '{"dp_sampling": "fixed"}', '{"price": {"contribution_pool": 5}}', '{}']) c;
SELECT test.run_as('regress_creator', format('SELECT federated_set_price(%s, NULL)', :workload));
SELECT test.run_as('regress_creator', format('SELECT federated_cancel_session(%L)', s.id)) FROM federated.sessions s WHERE s.name = 'paid';

-- What somebody who starts one is told
SET client_min_messages = notice;
\pset format unaligned
\t on
SELECT federated.announce_privacy(jsonb_populate_record(NULL::federated.sessions,
	jsonb_build_object('id', gen_random_uuid(), 'total_rounds', 10, 'config', federated.resolve_config(c::jsonb))))
FROM unnest(ARRAY['{}', '{"dp_sigma": 20}', '{"dp_sigma": 5}', '{"dp_sigma": 1}', '{"dp_sigma": 0.5}', '{"dp_sigma": 0.29, "epsilon_budget": 100}',
	'{"dp_sigma": 20, "dp_mode": "local", "participation_fraction": 0.5}', '{"dp_sigma": 20, "dp_sampling": "fixed", "participation_fraction": 0.5, "allow_join": true}']) c;
SET client_min_messages = warning;
