-- Two versions against each other: every number once more in plain SQL, tensors that
-- begin and end anywhere in a page, and who may ask.
\set SHOW_CONTEXT never
SET extra_float_digits = 1;
CREATE FUNCTION test.layered(seed integer) RETURNS bytea
LANGUAGE sql
AS $$
	-- the file's order is not the vector's; "b" is longer than two pages, "none" is empty, "z" ends on the vector's last value
	WITH tensors AS (
		SELECT name, n, sum(n) OVER (ORDER BY place) - n AS first, place
		FROM (VALUES ('z', 1, 1), ('a', 5, 2), ('c', 2016, 3), ('b', 4100, 4), ('none', 0, 5)) t (name, n, place))
	SELECT test.safetensors(
		(SELECT format('{%s,"frozen":{"dtype":"I8","shape":[2],"data_offsets":[%s,%s]}}',
					   string_agg(format('"%s":{"dtype":"F32","shape":[%s],"data_offsets":[%s,%s]}', name, n, first * 4, (first + n) * 4), ',' ORDER BY place), sum(n) * 4, sum(n) * 4 + 2) FROM tensors),
		(SELECT array_agg((hashint4($1 * 100000 + i) % 1000 / 7.0)::real ORDER BY i)::bytea FROM generate_series(0, 6121) i) || '\x0102')
$$;
SELECT test.run_as('regress_creator', 'SELECT federated_create_workload(''diff'')') AS workload \gset
SELECT test.run_as('regress_creator', format('SELECT federated_import_model(%s, %L)', :workload, test.layered(seed))) FROM generate_series(1, 2) seed;
SELECT federated_find_version(:workload, 1) AS a, federated_find_version(:workload, 2) AS b \gset
CREATE FUNCTION test.diff(role name, a bigint, b bigint) RETURNS text
LANGUAGE sql
AS $$ SELECT test.refusal($1, format('SELECT count(*) FROM federated_diff(%s, %s)', coalesce($2::text, 'NULL'), coalesce($3::text, 'NULL'))) $$;

-- The same numbers from the pages, unnested: a has 5 values, b 4100, c 2016, z 1, in this order
CREATE VIEW test.unnested AS
SELECT v.version, t.name, x, (p.page_no * 2016 + i) AS place
FROM federated.model_versions v CROSS JOIN LATERAL federated_version_pages(v.id) p
CROSS JOIN LATERAL unnest(p.data::real[]) WITH ORDINALITY u (x, i)
JOIN (VALUES ('a', 1, 5), ('b', 6, 4105), ('c', 4106, 6121), ('z', 6122, 6122)) t (name, first, last) ON p.page_no * 2016 + i BETWEEN t.first AND t.last
WHERE v.workload_id = (SELECT id FROM federated.workloads WHERE name = 'diff') AND v.version IN (1, 2);
CREATE VIEW test.expected_diff AS
SELECT name, count(*) AS elements, sqrt(sum(a.x::float8 ^ 2)) AS norm, sqrt(sum(b.x::float8 ^ 2)) AS other_norm, sqrt(sum((a.x::float8 - b.x) ^ 2)) AS difference,
	   sum(a.x::float8 * b.x) / sqrt(sum(a.x::float8 ^ 2) * sum(b.x::float8 ^ 2)) AS cosine, max(abs(a.x::float8 - b.x)) AS largest
FROM (SELECT * FROM test.unnested WHERE version = 1) a JOIN (SELECT * FROM test.unnested WHERE version = 2) b USING (name, place) GROUP BY name;
SELECT d.tensor, d.dtype, d.trainable, d.elements, d.elements = e.elements AS counted, d.same, abs(d.norm / e.norm - 1) < 1e-12 AS norm, abs(d.other_norm / e.other_norm - 1) < 1e-12 AS other_norm,
	   abs(d.norm_difference / e.difference - 1) < 1e-12 AS difference, abs(d.cosine - e.cosine) < 1e-12 AS cosine, d.max_difference = e.largest AS largest
FROM federated_diff(:a, :b) d LEFT JOIN test.expected_diff e ON e.name = d.tensor ORDER BY d.tensor COLLATE "C";
SELECT tensor, norm, other_norm, norm_difference, cosine, max_difference, same FROM federated_diff(:a, :b) WHERE tensor = 'none';
-- with itself
SELECT tensor, same, norm = other_norm AS equal_norms, norm_difference, cosine, max_difference FROM federated_diff(:a, :a);
-- the other way round
SELECT bool_and(there.norm = back.other_norm AND there.norm_difference = back.norm_difference AND there.cosine IS NOT DISTINCT FROM back.cosine) AS symmetric
FROM federated_diff(:a, :b) there JOIN federated_diff(:b, :a) back USING (tensor) WHERE there.trainable;

-- Small enough to be checked by hand: 3-4-5, opposite directions, a difference that float32 would swallow; frozen bytes that differ
SELECT test.run_as('regress_creator', 'SELECT federated_create_workload(''diff by hand'', ''{}'', ''^t'')') AS hand \gset
CREATE FUNCTION test.small(frozen text, VARIADIC numbers real[]) RETURNS bytea
LANGUAGE sql
AS $$ SELECT test.safetensors('{"f":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},"t1":{"dtype":"F32","shape":[2],"data_offsets":[1,9]},"t2":{"dtype":"F32","shape":[1],"data_offsets":[9,13]}}', decode($1, 'hex') || test.f32(VARIADIC $2)) $$;
SELECT test.run_as('regress_creator', format('SELECT federated_import_model(%s, %L)', :hand, m)) FROM unnest(ARRAY[test.small('07', 3, 4, 16777216), test.small('07', -3, -4, 16777215), test.small('08', 0, 0, -1e-40), test.small('08', 3.4e38, 0, 3.4e38), test.small('08', -3.4e38, 0, -3.4e38)]) m;
SELECT * FROM federated_diff(federated_find_version(:hand, 1), federated_find_version(:hand, 2));
SELECT tensor, same, norm, other_norm, norm_difference, cosine, max_difference FROM federated_diff(federated_find_version(:hand, 1), federated_find_version(:hand, 3));
SELECT tensor, norm_difference BETWEEN 6.79e38 AND 6.81e38 AS beyond_float32, cosine FROM federated_diff(federated_find_version(:hand, 4), federated_find_version(:hand, 5)) WHERE trainable;

-- Trained versions of one import: frozen tensors are the same by construction
SELECT test.wake('ab');
SELECT test.accept(:hand, 'ab');
SELECT test.run_as('regress_creator', format('SELECT federated_rollback(%s, 1)', :hand));
SELECT test.start('diff', :hand, 1) AS sid \gset
CALL test.finish(:'sid', '{0, 1, 0}');
SELECT tensor, trainable, same, norm, other_norm, norm_difference, cosine, max_difference FROM federated_diff(federated_find_version(:hand, 1), federated_find_version(:hand));

-- Who may: those who may read the weights of both
SELECT test.diff('regress_admin', :a, :b), test.diff('regress_creator', :a, :b), test.diff('regress_other', :a, :b), test.diff('regress_viewer', :a, :b);
SELECT test.diff('regress_a', federated_find_version(:hand, 1), federated_find_version(:hand)) AS takes_part, test.diff('regress_a', federated_find_version(:hand, 1), federated_find_version(:hand, 2)) AS only_one, test.diff('regress_c', federated_find_version(:hand, 1), federated_find_version(:hand)) AS no_part;
-- what cannot be compared
SELECT regexp_replace(test.diff('regress_creator', :a, federated_find_version(:hand, 1)), 'versions \d+ and \d+', 'versions A and B');
SELECT test.diff('regress_creator', :a, 0), test.diff('regress_creator', NULL, :a), test.diff('regress_creator', :a, NULL);
SELECT test.run_as('regress_creator', format('SELECT federated_delete_version(%s, 5)', :hand));
SELECT test.diff('regress_creator', federated_find_version(:hand, 4), federated_find_version(:hand, 5));
-- a page that is missing is no zeros
BEGIN;
DO $$
DECLARE
	vector federated.vectors;
BEGIN
	SELECT x.* INTO vector FROM federated.workloads w JOIN federated.model_versions v ON v.workload_id = w.id AND v.version = 2
	JOIN federated.vectors x ON x.id = v.vector_id WHERE w.name = 'diff';
	EXECUTE format('DELETE FROM federated.%I WHERE vector_id = %s AND page_no = 1', vector.relation, vector.id);
END
$$;
SELECT left(test.try(current_user, format('SELECT count(*) FROM federated_diff(%s, %s)', :a, :b)), 5) AS refused;
ROLLBACK;
