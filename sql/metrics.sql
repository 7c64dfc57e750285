-- Figures for Prometheus: the text format, and that they count what there is.
\set SHOW_CONTEXT never
SELECT test.wake('abcd');
SELECT test.workload('metrics', 0) AS workload \gset
SELECT test.accept(:workload, 'ab');
SELECT test.start('metrics', :workload, 1) AS sid \gset
-- one sample, or NULL
CREATE FUNCTION test.sample(name text) RETURNS numeric
LANGUAGE sql
AS $$ SELECT substring(line FROM ' ([^ ]+)$')::numeric FROM regexp_split_to_table(federated.metrics(), E'\n') line
	  WHERE left(line, length(name) + 1) = name || ' ' $$;
CREATE TABLE test.before AS SELECT name, coalesce(test.sample(name), 0) AS value FROM unnest(ARRAY[
	'federated_sessions{status="completed"}', 'federated_rounds_total{kind="train",state="closed"}', 'federated_rounds_total{kind="evaluate",state="closed"}',
	'federated_updates_total{state="accepted"}', 'federated_received_bytes_total', 'federated_rejections_total{reason="non_finite"}',
	'federated_round_seconds_count{phase="collect"}', 'federated_participants{status="training"}']) name;
CALL test.drive(:'sid');
SELECT test.sample('federated_participants{status="invited"}') > 0 AS participants_of_active_sessions;
SELECT test.submit('a', :'sid', 1, '{NaN}') AS refused, test.submit('a', :'sid', 1, '{1}'), test.submit('b', :'sid', 1, '{1}');
CALL test.drive(:'sid');
SELECT test.evaluate('a', :'sid', 1), test.evaluate('b', :'sid', 1);
CALL test.drive(:'sid');
SELECT status FROM federated.sessions WHERE id = :'sid';
SELECT b.name, coalesce(test.sample(b.name), 0) - b.value AS more FROM test.before b ORDER BY b.name COLLATE "C";
SELECT test.sample('federated_islands{state="alive"}') >= 4 AS alive, test.sample('federated_storage_bytes') > 0 AS storage,
	   test.sample('federated_storage_limit_bytes') AS no_limit, test.sample('federated_health{check="storage"}') AS healthy;

-- Each line is a comment or a sample, each family is announced once, before its samples
SELECT line AS malformed FROM regexp_split_to_table(rtrim(federated.metrics(), E'\n'), E'\n') line
WHERE line !~ '^# (HELP federated_[a-z_]+ .+\.|TYPE federated_[a-z_]+ (gauge|counter))$'
  AND line !~ '^federated_[a-z_]+({[a-z_]+="[^"]*"(,[a-z_]+="[^"]*")*})? [0-9.e+-]+$';
SELECT count(*) - count(DISTINCT line) AS announced_twice FROM regexp_split_to_table(federated.metrics(), E'\n') line WHERE line ~ '^# TYPE';
-- What a label may hold is escaped
SELECT federated.metric_line(ROW('x', 'gauge', '', '{"reason": "a \"b\" \\ \n c"}', 0.5));
SELECT role, test.outcome(role, 'SELECT federated.metrics() <> ''''') FROM unnest('{regress_admin,regress_viewer,regress_creator,regress_a,regress_auditor}'::text[]) role;
