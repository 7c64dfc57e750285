-- A session's config: every key, what it allows, and what is made of it.
SELECT test.workload('config', 0) AS workload \gset
CREATE FUNCTION test.config(config jsonb) RETURNS text
LANGUAGE sql
AS $$ SELECT test.try(current_user, format('SELECT ''ok'' FROM federated.resolve_config(%L)', $1)) $$;

SELECT key, type, minimum, exclusive, maximum, choices, default_value FROM federated.config_keys ORDER BY key COLLATE "C";
SELECT name, settings FROM federated.algorithms ORDER BY name;

-- Every key: a value of each other type is refused by name, with what was given and what is allowed
SELECT k.key, v.given, test.config(jsonb_build_object(k.key, v.given))
FROM federated.config_keys k
CROSS JOIN (VALUES ('number', '5'::jsonb), ('boolean', 'true'), ('text', '"x"'), ('object', '{}'), ('array', '[]'), ('null', 'null')) AS v (type, given)
WHERE v.type <> CASE k.type WHEN 'integer' THEN 'number' ELSE k.type END
ORDER BY k.key COLLATE "C", v.type;

-- Every number: what is out of its range, and what is just in it
CREATE VIEW test.edges AS
SELECT k.key, e.ok, to_jsonb(e.given) AS given
FROM federated.config_keys k
CROSS JOIN LATERAL (VALUES
	(NOT k.exclusive, k.minimum),
	(true, k.minimum + 1),
	(true, k.maximum),
	(false, k.minimum - 1),
	(false, k.maximum + 1),
	(k.type = 'number', CASE WHEN k.maximum > k.minimum + 0.5 THEN k.minimum + 0.5 END),
	(false, 1e-301), (false, 1e301), (false, -1e301)) AS e (ok, given)
WHERE k.type IN ('integer', 'number') AND e.given IS NOT NULL;
SELECT key, given, ok, test.config(jsonb_build_object(key, given)) FROM test.edges
WHERE (test.config(jsonb_build_object(key, given)) NOT LIKE format('%%config key "%s" is not valid%%', key)) IS DISTINCT FROM ok
  -- what max_participants and min_participants ask of each other is below
  AND NOT (key = 'max_participants' AND given = '1') AND NOT (key = 'min_participants' AND given = '100000');
SELECT count(*) FILTER (WHERE ok) AS accepted, count(*) FILTER (WHERE NOT ok) AS refused FROM test.edges;
DROP VIEW test.edges;
SELECT test.config(c::jsonb) FROM unnest('{"{\"learning_rate\": 0}","{\"local_epochs\": 0}","{\"local_epochs\": 1.5}","{\"participation_fraction\": 1.01}","{\"seed\": 9223372036854775808}"}'::text[]) c;
-- 2.0 is an integer
SELECT test.config('{"local_epochs": 2.0, "seed": 9223372036854775807}');
SELECT test.config(jsonb_build_object(key, 'something else')) FROM federated.config_keys WHERE choices IS NOT NULL ORDER BY key COLLATE "C";
SELECT test.config(jsonb_build_object(key, to_jsonb(choice))) FROM federated.config_keys, unnest(choices) choice ORDER BY key COLLATE "C", choice;

-- Unknown keys, and what is no object
SELECT c, test.config(c::jsonb) FROM unnest('{"{\"learning_rat\": 1}","{\"\": 1}","{\"Seed\": 1}","[]","1","null",NULL}'::text[]) c;

-- The target
SELECT c, test.config(jsonb_build_object('target', c::jsonb))
FROM unnest(ARRAY['{"metric": "accuracy", "value": 0.9}', '{"metric": "loss", "value": -1e-3, "goal": "min"}', '{"metric": "f1", "value": 0, "goal": "max"}',
	'{}', '{"metric": "accuracy"}', '{"value": 1}', '{"metric": 1, "value": 1}', '{"metric": "a", "value": "1"}', '{"metric": "a", "value": 1, "goal": "up"}',
	'{"metric": "a", "value": 1, "more": 1}', '{"metric": "a", "value": 1e301}', '{"metric": "a", "value": 1e-301}']) c;

-- The best version's metric
SELECT c, test.config(c::jsonb)
FROM unnest(ARRAY['{"best_metric": "f1"}', '{"best_metric": "f1", "best_goal": "min"}', '{"best_metric": ""}', '{"best_goal": "min"}',
	'{"best_metric": "f1", "best_goal": "min", "target": {"metric": "f1", "value": 1, "goal": "max"}}',
	'{"best_metric": "f1", "best_goal": "max", "target": {"metric": "f1", "value": 1, "goal": "max"}}',
	'{"best_metric": "f1", "best_goal": "min", "target": {"metric": "f2", "value": 1, "goal": "max"}}']) c;

-- Keys that depend on each other
SELECT c, test.config(c::jsonb)
FROM unnest(ARRAY['{"max_participants": 1}', '{"max_participants": 1, "min_participants": 1}', '{"min_participants": 3, "max_participants": 2}',
	'{"min_updates": 3, "max_participants": 2}', '{"min_updates": 2, "max_participants": 2}']) c;

-- Defaults, then the preset, then what was given
SELECT jsonb_pretty(federated.resolve_config('{}'));
SELECT r ->> 'algorithm' AS algorithm, r ->> 'proximal_mu' AS mu, r ->> 'aggregation' AS aggregation, r ->> 'server_optimizer' AS server_optimizer
FROM unnest(ARRAY['{"algorithm": "fed_avg"}', '{"algorithm": "fed_prox"}', '{"algorithm": "fed_prox", "proximal_mu": 0.5}', '{"proximal_mu": 0.25}']) c,
	 federated.resolve_config(c::jsonb) r;

-- A session is not made from a bad one
SET SESSION AUTHORIZATION regress_creator;
\set SHOW_CONTEXT never
SELECT federated_start_session('bad', :workload, 1, '{"learning_rate": "fast"}');
\echo :LAST_ERROR_SQLSTATE
SELECT federated_start_session('', :workload, 1);
SELECT federated_start_session(NULL, :workload, 1);
SELECT federated_start_session(repeat('x', 201), :workload, 1);
SELECT federated_start_session('x', :workload, 0);
SELECT federated_start_session('x', :workload, 1000001);
SELECT federated_start_session('x', :workload, NULL);
SELECT federated_start_session('x', NULL, 1);
SELECT federated_start_session('x', 0, 1);
SELECT federated_start_session('x', :workload, 1, NULL);
SELECT federated_create_workload('no model') AS empty \gset
SELECT federated_start_session('x', :empty, 1);
RESET SESSION AUTHORIZATION;
SELECT count(*) FROM federated.sessions WHERE workload_id IN (:workload, :empty);
