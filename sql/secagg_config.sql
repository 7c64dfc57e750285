-- Secure aggregation: what a session may ask for, and what Islands it takes.
SELECT test.workload('secagg config', 0) AS workload \gset
CREATE FUNCTION test.secagg(config jsonb) RETURNS text
LANGUAGE sql
AS $$ SELECT test.try(current_user, format('SELECT ''ok'' FROM federated.resolve_config(%L)', '{"secure_aggregation": true}'::jsonb || $1)) $$;

-- The defaults, and nothing of them without it
SELECT jsonb_object_agg(e.key, e.value) FROM jsonb_each(federated.resolve_config('{"secure_aggregation": true}')) e
WHERE e.key ~ '^secagg|^min_|contribution|update_encoding';
SELECT count(*) FROM jsonb_each(federated.resolve_config('{"secure_aggregation": false}')) e WHERE e.key ~ '^secagg';
SELECT test.config(jsonb_build_object(key, default_given)) FROM (VALUES ('secagg_mode', '"active"'::jsonb), ('secagg_range', '1')) v (key, default_given);

-- What would need single updates, or other bytes, is refused with both named
SELECT c, test.secagg(c::jsonb) FROM unnest(ARRAY[
	'{"aggregation": "median"}', '{"contribution": true}', '{"contribution": false}', '{"update_encoding": "f32"}', '{"update_encoding": "uint32"}',
	'{"download_encoding": "f16"}', '{"min_participants": 2}', '{"min_updates": 2}', '{"max_participants": 129}', '{"min_participants": 129}',
	'{"secagg_max_cohort": 129}', '{"secagg_max_cohort": 4, "min_participants": 5}', '{"algorithm": "fed_avgm"}', '{"algorithm": "fed_prox"}']) c;
-- Metrics
SELECT c, test.secagg(c::jsonb) FROM unnest(ARRAY[
	'{"secagg_metric_bounds": {"evaluation": {"accuracy": 1}, "training": {"loss": 10.5}}}', '{"secagg_metric_bounds": {"accuracy": 1}}',
	'{"secagg_metric_bounds": {"evaluation": {"accuracy": 0}}}', '{"secagg_metric_bounds": {"evaluation": {"accuracy": "1"}}}',
	'{"secagg_metric_bounds": {"evaluation": {"Accuracy": 1}}}', '{"secagg_metrics": "visible", "secagg_metric_bounds": {}}',
	'{"target": {"metric": "accuracy", "value": 0.9}}',
	'{"target": {"metric": "accuracy", "value": 0.9}, "secagg_metric_bounds": {"evaluation": {"accuracy": 1}}}',
	'{"target": {"metric": "accuracy", "value": 0.9}, "secagg_metrics": "visible"}', '{"target": {"metric": "accuracy", "value": 0.9}, "secagg_metrics": "none"}',
	'{"patience": 2}', '{"patience": 2, "secagg_metric_bounds": {"evaluation": {"loss": 1}}}']) c;
-- The trainer's own parameters must fit the canonical text
SELECT c, test.secagg(jsonb_build_object('hyperparameters', c::jsonb)) FROM unnest(ARRAY[
	'{"lora": {"rank": 8}, "targets": ["q", "v"]}', '{"Lora": 1}', '{"a": {"1b": 1}}', '{"a": "line\nbreak"}', '{"a": [{"b": "\u007f"}]}', '{"a": 1e-301}']) c;

-- Identities
SELECT test.try('regress_admin', format('SELECT federated_enroll_identity(%L, %s)', host_id, pk))
FROM (VALUES ('island-a', $$sha256('a')$$), ('island-a', $$sha256('a')$$), ('island-a', $$sha256('other')$$), ('island-b', $$sha256('a')$$),
			 ('island-b', $$'\x00'$$), ('island-b', 'NULL'), ('nowhere', $$sha256('n')$$)) v (host_id, pk);
SELECT test.refusal('regress_creator', $$SELECT federated_enroll_identity('island-b', sha256('b'))$$);
SELECT test.try('regress_admin', $$SELECT federated_enroll_identity('island-a', sha256('new'), replace => true)$$);
SELECT e.detail - 'identity_pk' FROM federated.events e WHERE e.kind = 'identity_set' ORDER BY e.id;
SELECT test.run_as('regress_' || x, 'SELECT count(*) FROM federated.island_identities') FROM unnest('{viewer,a,b}'::text[]) x;
SELECT test.outcome('regress_creator', 'SELECT FROM federated.island_identities');

-- The mode, and what is warned of
SET client_min_messages = warning;
\set SHOW_CONTEXT never
SELECT test.accept(:workload, 'abc', 40);
CREATE FUNCTION test.settled(workload bigint, config jsonb) RETURNS text
LANGUAGE sql
AS $$
	SELECT format('%s, cohort %s, at most %s invited', s ->> 'secagg_mode', s -> 'secagg_max_cohort', s -> 'max_participants')
	FROM federated.resolve_config('{"secure_aggregation": true}'::jsonb || $2) r,
		 federated.settle_secagg(r, $2, federated.get_workload($1)) s
$$;
SELECT test.settled(:workload, '{}');
SELECT test.run_as('regress_admin', format('SELECT federated_enroll_identity(%L, sha256(%L))', 'island-' || x, x)) FROM unnest('{b,c}'::text[]) x;
SELECT test.settled(:workload, '{}');
SELECT test.settled(:workload, '{"secagg_mode": "semi_honest", "secagg_sample_cap": 50}');
SELECT test.settled(:workload, '{"min_participants": 4, "max_participants": 6, "secagg_sample_cap": 50}');
SELECT test.settled(:workload, '{"min_participants": 4, "secagg_max_cohort": 128, "secagg_sample_cap": 1000000}');
SELECT test.accept(:workload, 'd', 40);
SELECT test.settled(:workload, '{"secagg_mode": "active", "min_participants": 4, "secagg_sample_cap": 50}');
SELECT test.try(current_user, format('SELECT test.settled(%s, %L)', :workload,
	'{"secagg_weights": "hidden", "price": {"per_thousand_samples": 1, "max_samples": 10}}'));

DELETE FROM federated.island_identities;
DROP FUNCTION test.secagg(jsonb), test.settled(bigint, jsonb);
