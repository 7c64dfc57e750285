-- When training ends early, and which versions stay.
SELECT test.workload('stopping', 0) AS workload \gset
SELECT test.accept(:workload, 'ab');

CREATE PROCEDURE test.play(session uuid, metric text, metric_values float8[])
LANGUAGE plpgsql
AS $$
DECLARE
	value float8;
	step text;
	metrics jsonb;
BEGIN
	FOREACH value IN ARRAY metric_values
	LOOP
		EXIT WHEN (SELECT s.status <> 'training' FROM federated.sessions s WHERE s.id = session);
		metrics := jsonb_build_object('evaluation', jsonb_build_object(metric, value));
		IF (SELECT r.kind FROM federated.rounds r WHERE r.id = test.round(session)) = 'train' THEN
			PERFORM test.submit('a', session, 1, '{1}', metrics), test.submit('b', session, 3, '{1}', metrics);
		ELSE
			PERFORM test.evaluate('a', session, 1, metrics), test.evaluate('b', session, 3, metrics);
		END IF;
		COMMIT;
		LOOP
			step := federated.advance(session);
			COMMIT;
			EXIT WHEN step IS NULL;
		END LOOP;
	END LOOP;
END
$$;
COMMENT ON PROCEDURE test.play(uuid, text, float8[]) IS
	'Rounds of two Islands that report these values of a metric, each of the version they received';
CREATE FUNCTION test.versions(session uuid) RETURNS TABLE (round integer, weights real[], status text, published boolean, best boolean, result boolean)
LANGUAGE sql
AS $$
	SELECT r.round_no, CASE WHEN v.vector_id IS NOT NULL THEN test.floats(test.vector_slice(v.vector_id, 0)) END, v.status,
		   v.published_at IS NOT NULL, v.id IS NOT DISTINCT FROM s.best_version_id, v.id IS NOT DISTINCT FROM s.result_version_id
	FROM federated.sessions s JOIN federated.rounds r ON r.session_id = s.id JOIN federated.model_versions v ON v.id = r.result_version_id
	WHERE s.id = $1 ORDER BY r.id
$$;

-- The target: the first value belongs to the base version, each further one to the round before
SELECT test.start('target', :workload, 9, '{"target": {"metric": "accuracy", "value": 0.9}}') AS sid \gset
CALL test.drive(:'sid');
CALL test.play(:'sid', 'accuracy', '{0.1, 0.5, 0.9, 0.95}');
SELECT test.status(:'sid'), current_round, best_value FROM federated.sessions WHERE id = :'sid';
SELECT * FROM test.versions(:'sid');

-- A metric to be small; nobody reports another one's value by chance
SELECT test.start('smaller', :workload, 9, '{"target": {"metric": "perplexity", "value": 20, "goal": "min"}}') AS sid \gset
CALL test.drive(:'sid');
CALL test.play(:'sid', 'perplexity', '{90, 40, 20.5, 20, 30}');
SELECT test.status(:'sid'), current_round, best_value FROM federated.sessions WHERE id = :'sid';
SELECT test.start('other metric', :workload, 2, '{"target": {"metric": "f1", "value": 0.1}}') AS sid \gset
CALL test.drive(:'sid');
CALL test.play(:'sid', 'accuracy', '{0.9, 0.9, 0.9}');
SELECT test.status(:'sid'), current_round, best_value FROM federated.sessions WHERE id = :'sid';

-- Patience: two rounds in a row without a better loss
SELECT test.start('patience', :workload, 9, '{"patience": 2}') AS sid \gset
CALL test.drive(:'sid');
CALL test.play(:'sid', 'loss', '{3, 2, 2.5, 1.5, 1.5, 1.6, 1.7, 1}');
SELECT test.status(:'sid'), current_round, best_value FROM federated.sessions WHERE id = :'sid';
SELECT * FROM test.versions(:'sid');

-- keep_versions: best is the default; last; all
SELECT test.start('last', :workload, 3, '{"keep_versions": "last"}') AS sid \gset
CALL test.drive(:'sid');
CALL test.play(:'sid', 'accuracy', '{0.1, 0.9, 0.2, 0.3}');
SELECT * FROM test.versions(:'sid');
SELECT test.start('all', :workload, 3, '{"keep_versions": "all"}') AS sid \gset
CALL test.drive(:'sid');
CALL test.play(:'sid', 'accuracy', '{0.1, 0.9, 0.2, 0.3}');
SELECT * FROM test.versions(:'sid');
-- a version has the metrics that it was evaluated with in the round after
SELECT v.metrics FROM federated.rounds r JOIN federated.model_versions v ON v.id = r.result_version_id WHERE r.session_id = :'sid' ORDER BY r.id;

-- keep_every: the versions of every second round as well, whatever else stays
SELECT test.start('every', :workload, 5, '{"keep_versions": "last", "keep_every": 2}') AS sid \gset
CALL test.drive(:'sid');
CALL test.play(:'sid', 'accuracy', '{0.1, 0.9, 0.2, 0.3, 0.4, 0.5}');
SELECT round, status, published, best FROM test.versions(:'sid');
SELECT test.start('every and best', :workload, 5, '{"keep_every": 4}') AS sid \gset
CALL test.drive(:'sid');
CALL test.play(:'sid', 'accuracy', '{0.1, 0.2, 0.9, 0.3, 0.4, 0.5}');
SELECT round, status, published, best FROM test.versions(:'sid');

-- best_metric: not the target's, and the other way round
CREATE PROCEDURE test.play_two(session uuid, a float8[], b float8[])
LANGUAGE plpgsql
AS $$
BEGIN
	FOR i IN 1 .. cardinality(a)
	LOOP
		EXIT WHEN (SELECT s.status <> 'training' FROM federated.sessions s WHERE s.id = session);
		IF (SELECT r.kind FROM federated.rounds r WHERE r.id = test.round(session)) = 'train' THEN
			PERFORM test.submit('a', session, 1, '{1}', jsonb_build_object('evaluation', jsonb_build_object('accuracy', a[i], 'f1', b[i])));
			PERFORM test.submit('b', session, 1, '{1}');
		ELSE
			PERFORM test.evaluate('a', session, 1, jsonb_build_object('evaluation', jsonb_build_object('accuracy', a[i], 'f1', b[i])));
			PERFORM test.evaluate('b', session, 1);
		END IF;
		WHILE federated.advance(session) IS NOT NULL LOOP
			COMMIT;
		END LOOP;
		COMMIT;
	END LOOP;
END
$$;
SELECT test.start('two metrics', :workload, 9, '{"best_metric": "f1", "target": {"metric": "accuracy", "value": 0.9}}') AS sid \gset
CALL test.drive(:'sid');
CALL test.play_two(:'sid', '{0.1, 0.2, 0.3, 0.9, 1}', '{0.1, 0.8, 0.2, 0.3, 0.1}');
SELECT test.status(:'sid'), current_round, best_value FROM federated.sessions WHERE id = :'sid';
SELECT round, status, published, best FROM test.versions(:'sid');
-- as little as possible of what is more by its name, and patience with that
SELECT test.start('little', :workload, 9, '{"best_metric": "f1", "best_goal": "min", "patience": 2}') AS sid \gset
CALL test.drive(:'sid');
CALL test.play_two(:'sid', '{0.1, 0.2, 0.3, 0.4, 0.5, 0.6}', '{0.5, 0.4, 0.45, 0.6, 0.1, 0.1}');
SELECT test.status(:'sid'), current_round, best_value FROM federated.sessions WHERE id = :'sid';
SELECT round, status, published, best FROM test.versions(:'sid');
-- the target's own goal is that of its metric as best_metric too
SELECT test.start('same metric', :workload, 2, '{"best_metric": "f1", "target": {"metric": "f1", "value": 0.01, "goal": "min"}}') AS sid \gset
CALL test.drive(:'sid');
CALL test.play_two(:'sid', '{0.1, 0.2, 0.3}', '{0.5, 0.4, 0.45}');
SELECT test.status(:'sid'), current_round, best_value FROM federated.sessions WHERE id = :'sid';
-- a metric that nobody reports: no version is the best, and the target still counts
SELECT test.start('nothing', :workload, 9, '{"best_metric": "nothing", "patience": 1, "target": {"metric": "accuracy", "value": 0.2}}') AS sid \gset
CALL test.drive(:'sid');
CALL test.play_two(:'sid', '{0.1, 0.2, 0.3}', '{0.5, 0.4, 0.45}');
SELECT test.status(:'sid'), current_round, best_value FROM federated.sessions WHERE id = :'sid';

-- Weights that were given up cannot be read; every table they were in goes
SELECT w.name AS workload, v.version FROM federated.model_versions v JOIN federated.workloads w ON w.id = v.workload_id
WHERE v.status = 'retired' AND w.name = 'stopping' ORDER BY v.version LIMIT 1 \gset gone_
SELECT regexp_replace(test.try('regress_creator', format('SELECT federated_export_model(%s, %s)', :workload, :gone_version)), 'version \d+', 'version N');
SELECT min(federated.drop_retired_tables()) AS still_waiting FROM generate_series(1, 3); -- a hundred at a time
SELECT count(*) AS tables_of_nothing
FROM pg_class c
WHERE c.relnamespace = 'federated'::regnamespace AND c.relkind = 'r' AND c.relname ~ '^(round|version)_[0-9]+$'
  AND NOT EXISTS (SELECT FROM federated.vectors v WHERE v.relation = c.relname)
  AND NOT EXISTS (SELECT FROM federated.rounds r WHERE r.relation = c.relname AND r.state IN ('open', 'aggregating'));
SELECT count(*) AS vectors_of_nothing FROM federated.vectors v WHERE to_regclass(format('federated.%I', v.relation)) IS NULL;
