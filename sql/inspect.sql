-- Casts and aggregates for looking into updates, and the functions that hand out pages.
\set SHOW_CONTEXT never
SET extra_float_digits = 1;

-- Casts: both ways, any float32 ----------------------------------------------------
SELECT '\x0000803f000020c0'::bytea::real[], '{1,-2.5}'::real[]::bytea, ''::bytea::real[], '{}'::real[]::bytea;
SELECT '\x0000807f000080ffffff7f7f01000000000000800000c07f'::bytea::real[] AS extremes;
SELECT '{Infinity,-Infinity,3.4028235e38,1e-45,-0,NaN}'::real[]::bytea AS extremes;
-- an alignment for every header: short up to 126 bytes, long, compressed, from a table
CREATE TABLE test.vectors (n integer, data bytea);
INSERT INTO test.vectors SELECT n, test.f32(VARIADIC (SELECT array_agg((i * 0.5)::real) FROM generate_series(1, n) i)) FROM unnest('{1,2,30,31,32,33,2016}'::integer[]) n;
INSERT INTO test.vectors SELECT 2016, decode(repeat('00000041', 2016), 'hex');
SELECT n, CASE pg_column_size(data) - octet_length(data) WHEN 1 THEN 'short header' WHEN 4 THEN 'long header' ELSE 'elsewhere or compressed' END AS stored, data::real[]::bytea = data AS same, cardinality(data::real[]) = n AS complete,
	   n < 2016 AND data::real[] = test.floats(data) AS numbers FROM test.vectors ORDER BY n, 2;
-- another lower bound, a slice, a NULL bitmap without NULLs
SELECT '[5:6]={1,2}'::real[]::bytea = '{1,2}'::real[]::bytea AS bounds, ('{1,2,3}'::real[])[2:3]::bytea = '{2,3}'::real[]::bytea AS slice,
	   array_remove('{1,NULL,2}'::real[], NULL)::bytea = '{1,2}'::real[]::bytea AS removed;
SELECT test.try('regress_a', 'SELECT ''\x0102030405''::bytea::real[]');
SELECT test.try('regress_a', 'SELECT ''{1,NULL}''::real[]::bytea');
SELECT test.try('regress_a', 'SELECT ''{{1,2},{3,4}}''::real[]::bytea');
-- only where it is asked for
CREATE TABLE test.numbers (r real[]);
INSERT INTO test.numbers VALUES ('\x0000803f'::bytea);
DROP TABLE test.numbers;

-- Aggregates against plain SQL ---------------------------------------------------------
-- 40 vectors of 3 pages, the last one short; everything is computed once more from unnested numbers
CREATE TABLE test.pages (host integer, weight float8, page_no integer, data bytea) PARTITION BY LIST (host);
ALTER TABLE test.pages ALTER COLUMN data SET STORAGE PLAIN; -- a page to a block: there is something to share out
CREATE TABLE test.pages_1 PARTITION OF test.pages FOR VALUES IN (1, 2, 3) WITH (parallel_workers = 2);
CREATE TABLE test.pages_2 PARTITION OF test.pages DEFAULT WITH (parallel_workers = 2);
INSERT INTO test.pages SELECT v AS host, v % 7 + 0.25 AS weight, p AS page_no,
	   (SELECT array_agg(((hashint4(v * 10000 + p * 2500 + i) % 1000003) / 1000.0)::real ORDER BY i)
		FROM generate_series(1, CASE p WHEN 2 THEN 77 ELSE 2016 END) i)::bytea AS data
FROM generate_series(1, 40) v, generate_series(0, 2) p;
CREATE VIEW test.expected AS
SELECT page_no, array_agg(mean ORDER BY i) AS mean, array_agg(sum ORDER BY i) AS sum, array_agg(plain ORDER BY i) AS plain
FROM (SELECT page_no, i, (sum(weight * x::float8) / sum(weight))::real AS mean, sum(weight * x::float8)::real AS sum, avg(x::float8)::real AS plain
	  FROM test.pages, unnest(data::real[]) WITH ORDINALITY u (x, i) GROUP BY page_no, i) s
GROUP BY page_no;
CREATE VIEW test.given AS
SELECT page_no, federated_mean(data, weight)::real[] AS mean, federated_sum(data, weight)::real[] AS sum, federated_mean(data)::real[] AS plain
FROM test.pages GROUP BY page_no;
-- how far two lists of float32 are apart, relative to the larger number
CREATE FUNCTION test.apart(a real[], b real[]) RETURNS float8
LANGUAGE sql
AS $$ SELECT max(abs(x::float8 - y) / greatest(abs(x), abs(y), 1e-30)) FROM unnest($1, $2) u (x, y) $$;
CREATE VIEW test.compared AS
SELECT page_no, cardinality(g.mean) AS values, test.apart(g.mean, e.mean) < 1e-7 AS mean, test.apart(g.sum, e.sum) < 1e-7 AS sum, test.apart(g.plain, e.plain) < 1e-7 AS plain
FROM test.expected e JOIN test.given g USING (page_no);
SELECT * FROM test.compared ORDER BY page_no;

CREATE TABLE test.pairs (page_no integer, host integer, other integer, a bytea, b bytea) PARTITION BY LIST (page_no);
CREATE TABLE test.pairs_0 PARTITION OF test.pairs FOR VALUES IN (0) WITH (parallel_workers = 2);
CREATE TABLE test.pairs_1 PARTITION OF test.pairs DEFAULT WITH (parallel_workers = 2);
INSERT INTO test.pairs SELECT page_no, p.host, q.host AS other, p.data AS a, q.data AS b FROM test.pages p JOIN test.pages q USING (page_no) WHERE p.host <= 4 AND q.host <= 4;
CREATE VIEW test.angles AS
SELECT g.host, g.other, abs(g.norm / e.norm - 1) < 1e-12 AS norm, abs(g.dot - e.dot) < 1e-12 * e.norm * e.other_norm AS dot,
	   abs(g.cosine - e.dot / (e.norm * e.other_norm)) < 1e-12 AS cosine, g.host <> g.other OR g.cosine = 1 AS one_with_itself
FROM (SELECT host, other, federated_norm(a) AS norm, federated_dot(a, b) AS dot, federated_cosine(a, b) AS cosine FROM test.pairs GROUP BY host, other) g
JOIN (SELECT host, other, sqrt(sum(x::float8 * x)) AS norm, sqrt(sum(y::float8 * y)) AS other_norm, sum(x::float8 * y) AS dot
	  FROM test.pairs, unnest(a::real[], b::real[]) u (x, y) GROUP BY host, other) e USING (host, other);
SELECT count(*), bool_and(norm) AS norm, bool_and(dot) AS dot, bool_and(cosine) AS cosine, bool_and(one_with_itself) AS one_with_itself FROM test.angles;

-- In parts, with states that travel: the results are the same
CREATE TABLE test.whole AS
SELECT federated_mean(data, weight) AS mean, federated_sum(data, weight) AS sum, federated_norm(data) AS norm,
	   federated_dot(data, data) AS dot, federated_cosine(data, data) AS cosine FROM test.pages WHERE page_no < 2;
CREATE VIEW test.alike AS
SELECT test.apart(s.mean::real[], p.mean::real[]) < 1e-7 AS mean, test.apart(s.sum::real[], p.sum::real[]) < 1e-7 AS sum,
	   abs(s.norm / p.norm - 1) < 1e-12 AS norm, abs(s.dot / p.dot - 1) < 1e-12 AS dot, p.cosine
FROM test.whole s, (SELECT federated_mean(data, weight) AS mean, federated_sum(data, weight) AS sum, federated_norm(data) AS norm,
						   federated_dot(data, data) AS dot, federated_cosine(data, data) AS cosine FROM test.pages WHERE page_no < 2) p;
-- partition by partition: each has its share, whoever is faster
SET enable_partitionwise_aggregate = on;
SET max_parallel_workers_per_gather = 0;
SET enable_hashagg = off;
EXPLAIN (COSTS OFF) SELECT federated_mean(data, weight), federated_cosine(data, data) FROM test.pages;
SELECT * FROM test.alike;
SELECT * FROM test.compared ORDER BY page_no;
SELECT count(*), bool_and(norm AND dot AND cosine AND one_with_itself) AS all_equal FROM test.angles;
RESET enable_partitionwise_aggregate;
RESET max_parallel_workers_per_gather;
-- by several processes
SET parallel_setup_cost = 0;
SET parallel_tuple_cost = 0;
SET min_parallel_table_scan_size = 0;
SET parallel_leader_participation = off;
EXPLAIN (COSTS OFF) SELECT federated_mean(data, weight), federated_cosine(data, data) FROM test.pages;
EXPLAIN (COSTS OFF) SELECT page_no, federated_mean(data, weight) FROM test.pages_2 GROUP BY page_no;
SELECT * FROM test.alike;
SELECT * FROM test.compared ORDER BY page_no;
SELECT count(*), bool_and(norm AND dot AND cosine AND one_with_itself) AS all_equal FROM test.angles;
-- nothing at all, in any process; errors come through, whoever finds them
SELECT federated_mean(data, weight), federated_sum(data, weight), federated_norm(data), federated_dot(data, data), federated_cosine(data, data) FROM test.pages WHERE weight < 0;
\set VERBOSITY terse
SELECT federated_mean(data, weight) FROM test.pages;
SELECT federated_sum(data, 1e305) FROM test.pages WHERE page_no = 0;
\set VERBOSITY default
RESET parallel_setup_cost;
RESET parallel_tuple_cost;
RESET min_parallel_table_scan_size;
RESET parallel_leader_participation;
RESET enable_hashagg;

-- Small things -------------------------------------------------------------------------------
CREATE FUNCTION test.rows(VARIADIC pages text[]) RETURNS SETOF bytea
LANGUAGE sql
AS $$ SELECT p::real[]::bytea FROM unnest($1) WITH ORDINALITY u (p, i) ORDER BY i $$;
-- one row: plain functions
SELECT federated_norm('{3,4}'::real[]::bytea), federated_dot('{1,2}'::real[]::bytea, '{3,4}'::real[]::bytea),
	   federated_cosine('{1,0}'::real[]::bytea, '{1,1}'::real[]::bytea), federated_mean('{1,2}'::real[]::bytea)::real[], federated_sum('{1,2}'::real[]::bytea, -2)::real[];
-- opposite, equal, at right angles; never beyond 1
SELECT federated_cosine('{1,2,3}'::real[]::bytea, '{-2,-4,-6}'::real[]::bytea), federated_cosine('{1,0}'::real[]::bytea, '{0,1}'::real[]::bytea),
	   federated_cosine('{0.1,0.7}'::real[]::bytea, '{0.3,2.1}'::real[]::bytea) BETWEEN 0.999999 AND 1 AS parallel;
-- the angle with nothing is none
SELECT federated_cosine('{0,0}'::real[]::bytea, '{1,1}'::real[]::bytea), federated_cosine('{1,1}'::real[]::bytea, '{0,-0}'::real[]::bytea),
	   federated_dot('{0,0}'::real[]::bytea, '{1,1}'::real[]::bytea), federated_norm('{0,0}'::real[]::bytea);
-- no values at all
SELECT federated_mean(''), federated_sum('', 1), federated_norm(''), federated_dot('', ''), federated_cosine('', '');
-- NULL: not counted
SELECT federated_mean(d)::real[], federated_norm(d) FROM (SELECT test.rows('{2,4}', NULL, '{4,8}') UNION ALL SELECT NULL) r (d);
SELECT federated_mean(d, w)::real[], federated_sum(d, w)::real[] FROM (VALUES ('{2,4}'::real[]::bytea, 1.0), (NULL, 7), ('{8,8}'::real[]::bytea, NULL), ('{4,8}'::real[]::bytea, 3)) r (d, w);
SELECT federated_dot(a, b), federated_cosine(a, b) FROM (VALUES ('{1,2}'::real[]::bytea, '{3,4}'::real[]::bytea), (NULL, '{1}'), ('{1}', NULL)) r (a, b);
SELECT federated_mean(NULL), federated_mean(NULL, 1), federated_sum('{1}'::real[]::bytea, NULL), federated_norm(NULL), federated_dot(NULL, NULL), federated_cosine(NULL, NULL);
-- weights: none in all is no mean, and the sum is 0
SELECT federated_mean(d, w), federated_sum(d, w)::real[] FROM (VALUES ('{2,4}'::real[]::bytea, 1.0), ('{2,4}'::real[]::bytea, -1)) r (d, w);
SELECT federated_mean(d, 0), federated_sum(d, 0)::real[] FROM test.rows('{2,4}', '{4,8}') d;
SELECT federated_mean(d, w)::real[] FROM (VALUES ('{2,4}'::real[]::bytea, 3.0), ('{1,1}'::real[]::bytea, -1)) r (d, w);
-- the ends of float32: no overflow between, none of the small ones lost
SELECT federated_mean(d)::real[] AS mean, federated_norm(d) AS norm, federated_cosine(d, d) AS cosine, federated_dot(d, d) AS dot FROM test.rows('{3.4028235e38,1e-45}', '{3.4028235e38,3e-45}') d;
SELECT federated_mean(d)::real[] AS mean, federated_norm(d) AS norm, federated_cosine(d, d) AS cosine FROM test.rows('{1e-45}', '{1e-45}', '{-1e-45}') d;
SELECT federated_mean(d, 1e-300)::real[] AS mean, federated_mean(d, 1e200)::real[] AS mean FROM test.rows('{1,3.4028235e38}', '{3,3.4028235e38}') d;
-- ties go to the even one
SELECT federated_mean(d)::real[] FROM test.rows('{1,1.0000001}', '{1.0000001,1.0000002}') d;
-- what is large does not swallow what is small before the end
SELECT federated_sum(d, 1)::real[] FROM test.rows('{16777216}', '{1}', '{1}', '{-16777216}') d;
-- in a window the state goes on
SELECT federated_sum(d, 1) OVER (ROWS UNBOUNDED PRECEDING)::real[], federated_mean(d) OVER (ROWS UNBOUNDED PRECEDING)::real[] FROM test.rows('{1}', '{2}', '{6}') d;
SELECT federated_mean(DISTINCT d)::real[], federated_mean(d) FILTER (WHERE d <> '{1}'::real[]::bytea)::real[] FROM test.rows('{1}', '{1}', '{3}') d;

-- Refusals -------------------------------------------------------------------------------------
CREATE FUNCTION test.refuse(call text, VARIADIC pages text[]) RETURNS text
LANGUAGE sql
AS $$ SELECT test.try('regress_a', format('SELECT %s FROM unnest(%L::text[]) WITH ORDINALITY u (p, i), LATERAL (SELECT p::real[]::bytea) r (d)', $1, $2)) $$;
SELECT test.refuse('federated_mean(d)', '{1,2}', '{1,2,3}');
SELECT test.refuse('federated_sum(d, 0)', '{1,2}', '{}');
SELECT test.refuse('federated_mean(''\x000000'')', '{1}');
SELECT test.refuse('federated_norm(''\x0000000000'')', '{1}');
SELECT test.refuse('federated_dot(d, ''\x00000000'')', '{1,2}');
SELECT test.refuse('federated_cosine(''\x00000000'', d)', '{1,2}');
SELECT test.refuse('federated_mean(d || d)', (SELECT data::real[]::text FROM test.vectors WHERE n = 2016 LIMIT 1));
SELECT test.refuse('federated_norm(d || d) > 0', (SELECT data::real[]::text FROM test.vectors WHERE n = 2016 LIMIT 1)) AS longer_ones_have_norms;
SELECT test.refuse('federated_mean(d, w)', '{1}') ~ 'column "w" does not exist' AS helper_works;
SELECT w AS weight, test.refuse(format('federated_mean(d, %L)', w), '{1,2}') FROM unnest('{NaN,Infinity,-Infinity}'::float8[]) w;
SELECT x AS value, test.refuse('federated_mean(d)', format('{1,2,%s}', x)), test.refuse('federated_norm(d)', format('{%s}', x)),
	   test.refuse('federated_dot(d, d)', format('{%s}', x)), test.refuse('federated_cosine(''\x00000000'', d)', format('{%s}', x)) FROM unnest('{NaN,Infinity,-Infinity}'::real[]) x;
-- out of float32, out of float64, and a sum of weights that is
SELECT test.refuse('federated_sum(d, 1)', '{1,3e38}', '{1,3e38}');
SELECT test.refuse('federated_mean(d, CASE i WHEN 1 THEN 1 ELSE -0.9999999 END)', '{3e38}', '{-3e38}');
SELECT test.refuse('federated_mean(d, 1e300)', '{3e38}'), test.refuse('federated_mean(d, 1.7e308)', '{1}', '{0}');

-- States: out of reach, and checked ---------------------------------------------------------------
SELECT p.oid::regprocedure AS granted_to_somebody FROM pg_proc p
WHERE p.pronamespace = 'federated'::regnamespace AND 'internal'::regtype = ANY (p.proargtypes) AND array_length(p.proacl, 1) > 1;
SELECT federated.sums_deserial('\x00', NULL::internal);
SELECT federated.sums_deserial('\x00', NULL);
SELECT federated.norm_final('\x00'::bytea);
-- a superuser can put together an aggregate that confuses kinds, or one whose states travel as other bytes
CREATE AGGREGATE test.confused(bytea) (SFUNC = federated.norm_accum, STYPE = internal, FINALFUNC = federated.mean_final);
SELECT test.confused(data) FROM test.vectors;
CREATE FUNCTION test.forge(internal) RETURNS bytea LANGUAGE internal IMMUTABLE STRICT PARALLEL SAFE AS 'byteain';
CREATE AGGREGATE test.forged(bytea) (SFUNC = federated.norm_accum, STYPE = internal, FINALFUNC = federated.norm_final, PARALLEL = SAFE,
	COMBINEFUNC = federated.sums_combine, SERIALFUNC = test.forge, DESERIALFUNC = federated.sums_deserial);
SET parallel_setup_cost = 0;
SET min_parallel_table_scan_size = 0;
SET parallel_leader_participation = off;
SELECT test.forged(data) FROM test.pages;
RESET parallel_setup_cost;
RESET min_parallel_table_scan_size;
RESET parallel_leader_participation;
DROP AGGREGATE test.forged(bytea), test.confused(bytea);
DROP FUNCTION test.forge(internal);
DROP VIEW test.alike, test.angles, test.compared, test.given, test.expected;
DROP TABLE test.pages, test.pairs, test.whole, test.vectors;

-- Updates -----------------------------------------------------------------------------------------
-- 4,033 values: three pages, the last of one value. Island c sends the opposite of what a and b send.
SELECT test.wake('abc');
SELECT test.workload('inspect', VARIADIC array_fill(0.25::real, '{4033}')) AS workload \gset
SELECT test.accept(:workload, 'abc');
SELECT test.start('inspect', :workload, 2, '{"min_participants": 3}') AS sid \gset
SELECT test.try('regress_admin', format('SELECT count(*) FROM federated_update_pages(%L)', :'sid')) = format('P0002: session %s has no round yet', :'sid') AS no_round_yet;
CALL test.drive(:'sid');
SELECT count(*) AS none_yet FROM federated_update_pages(:'sid');
-- numbers whose sums are exact, in whatever order
CREATE FUNCTION test.delta(x real, y real) RETURNS real[]
LANGUAGE sql
AS $$ SELECT array_agg(x * (i % 11 - 5) + y * (i % 3 - 1) ORDER BY i) FROM generate_series(1, 4033) i $$;
CREATE FUNCTION test.delta_of(host_id text) RETURNS real[]
LANGUAGE sql
AS $$ SELECT CASE host_id WHEN 'island-a' THEN test.delta(1, 1) WHEN 'island-b' THEN test.delta(1, -0.5) ELSE test.delta(-1, -0.25) END $$;
SELECT test.submit('a', :'sid', 100, test.delta_of('island-a')), test.submit('b', :'sid', 200, test.delta_of('island-b')),
	   test.submit('c', :'sid', 100, test.delta_of('island-c'));
SELECT host_id, num_samples, weight, page_no, octet_length(data), substr(data, 1, 8)::real[] AS first, substr(data, octet_length(data) - 3)::real[] AS last
FROM federated_update_pages(:'sid') ORDER BY host_id, page_no;
SELECT host_id, string_agg(data, '' ORDER BY page_no)::real[] = test.delta_of(host_id) AS what_was_sent
FROM federated_update_pages(:'sid', 1) GROUP BY host_id ORDER BY 1;

-- Which Island's update points the other way? As in the manual
WITH p AS (SELECT * FROM federated_update_pages(:'sid')),
     m AS (SELECT page_no, federated_mean(data, weight) AS data FROM p GROUP BY page_no)
SELECT host_id, federated_norm(p.data), federated_cosine(p.data, m.data)
FROM p JOIN m USING (page_no) GROUP BY host_id ORDER BY 3;
-- the mean is what the round will add
SELECT federated_mean(data, weight) = (test.delta(0.5, -0.0625))[1:2016]::bytea AS mean FROM federated_update_pages(:'sid') WHERE page_no = 0;

-- Who may
SELECT role, test.outcome(role, format('SELECT count(*) FROM federated_update_pages(%L)', :'sid')) AS updates,
	   test.outcome(role, format('SELECT count(*) FROM federated_version_pages(%s)', (SELECT current_version_id FROM federated.sessions WHERE id = :'sid'))) AS version,
	   test.outcome(role, 'SELECT federated_norm(''\x'')') AS norm, test.outcome(role, 'SELECT ''\x''::bytea::real[]') AS read, test.outcome(role, 'SELECT ''{}''::real[]::bytea') AS write
FROM unnest('{regress_admin,regress_creator,regress_other,regress_viewer,regress_auditor,regress_a,regress_d,regress_nobody}'::text[]) role;
SELECT test.try('regress_creator', format('SELECT count(*) FROM federated_update_pages(%L)', :'sid'));
-- not even who was granted the function
GRANT EXECUTE ON FUNCTION federated_update_pages(uuid, integer) TO regress_viewer;
SELECT test.try('regress_viewer', format('SELECT count(*) FROM federated_update_pages(%L)', :'sid'));
REVOKE EXECUTE ON FUNCTION federated_update_pages(uuid, integer) FROM regress_viewer;
SELECT test.try('regress_admin', format('SELECT count(*) FROM federated_update_pages(%L, 2)', :'sid')) = format('P0002: session %s has no round 2', :'sid') AS no_such_round,
	   test.try('regress_admin', format('SELECT count(*) FROM federated_update_pages(%L)', '00000000-0000-0000-0000-000000000000')),
	   test.try('regress_admin', 'SELECT count(*) FROM federated_update_pages(NULL)');

-- Paused they stay; frozen, with the weights of the freeze
SELECT test.run_as('regress_creator', format('SELECT federated_pause_session(%L)', :'sid'));
SELECT count(*) FROM federated_update_pages(:'sid');
SELECT test.run_as('regress_creator', format('SELECT federated_resume_session(%L)', :'sid'));
SELECT federated.advance(:'sid');
SELECT r.state FROM federated.rounds r WHERE r.id = test.round(:'sid');
UPDATE federated.updates u SET weight = 0.75 FROM federated.islands i WHERE i.id = u.island_id AND i.host_id = 'island-b' AND u.round_id = test.round(:'sid');
SELECT host_id, weight, count(*) AS pages FROM federated_update_pages(:'sid') GROUP BY 1, 2 ORDER BY 1;
-- a page that has gone is noticed
SELECT v.relation, v.id AS vector FROM federated.updates u JOIN federated.vectors v ON v.id = u.vector_id WHERE u.round_id = test.round(:'sid') ORDER BY u.id LIMIT 1 \gset
BEGIN;
DELETE FROM federated.:"relation" WHERE vector_id = :vector AND page_no = 1;
SELECT test.try('regress_admin', format('SELECT count(*) FROM federated_update_pages(%L)', :'sid')) = format('XX001: pages of vector %s are missing in "%s" | 2 of 3 are there.', :vector, :'relation') AS noticed;
ROLLBACK;
-- closed, gone; the next one is open and empty
CALL test.drive(:'sid');
SELECT test.try('regress_admin', format('SELECT count(*) FROM federated_update_pages(%L, 1)', :'sid')), test.try('regress_admin', format('SELECT count(*) FROM federated_update_pages(%L)', :'sid'));

-- Versions: what slices say, in pages; and how far a round has moved them
SELECT current_version_id AS version, base_version_id AS base FROM federated.sessions WHERE id = :'sid' \gset
SELECT page_no, octet_length(data) AS bytes FROM federated_version_pages(:version) ORDER BY page_no;
SELECT string_agg(data, '' ORDER BY page_no) = federated_model_slice(:version, 0) AS same FROM federated_version_pages(:version);
SELECT v.page_no, (federated_mean(v.data)::real[])[1:3] AS model FROM federated_version_pages(:version) v GROUP BY v.page_no ORDER BY 1;
SELECT federated_norm(step) > 0 AS moved FROM (SELECT federated_sum(data, sign) AS step
	FROM (SELECT page_no, data, 1 AS sign FROM federated_version_pages(:version) UNION ALL SELECT page_no, data, -1 FROM federated_version_pages(:base)) u GROUP BY page_no) d;
SELECT test.try('regress_other', format('SELECT count(*) FROM federated_version_pages(%s)', :version)) ~ '^42501: permission denied to read model version \d+ ' AS refused,
	   test.try('regress_admin', 'SELECT count(*) FROM federated_version_pages(0)'), test.try('regress_admin', 'SELECT count(*) FROM federated_version_pages(NULL)');
UPDATE federated.model_versions SET status = 'building' WHERE id = :version;
SELECT test.try('regress_admin', format('SELECT count(*) FROM federated_version_pages(%s)', :version)) ~ '^55000: model version \d+ is not ready ' AS not_ready;
UPDATE federated.model_versions SET status = 'ready' WHERE id = :version;

-- Stored in two bytes a value: a page row is two of ours
CREATE TABLE federated.round_0 (LIKE federated.page_template INCLUDING STORAGE);
CREATE FUNCTION test.read(encoding text, bytes bigint, VARIADIC pages bytea[]) RETURNS TABLE (page_no integer, data bytea)
LANGUAGE plpgsql
AS $$
DECLARE
	vector federated.vectors := ROW(1, 'round_0', bytes, encoding);
BEGIN
	TRUNCATE federated.round_0;
	INSERT INTO federated.round_0 SELECT 1, i - 1, p FROM unnest(pages) WITH ORDINALITY u (p, i);
	RETURN QUERY EXECUTE (federated.pages_query(vector)).query;
END
$$;
CREATE FUNCTION test.half_page(first text, last text) RETURNS bytea
LANGUAGE sql
AS $$ SELECT decode(repeat($1, 2016) || repeat($2, 2016), 'hex') $$;
SELECT r.page_no, cardinality(data::real[]), (data::real[])[1] AS first, (data::real[])[cardinality(data::real[])] AS last
FROM test.read('f16', 2 * (4032 + 2017), test.half_page('003c', '00c1'), test.half_page('ff7b', '0100')) r ORDER BY 1;
SELECT r.page_no, cardinality(data::real[]), (data::real[])[1] AS first FROM test.read('bf16', 2 * (4032 + 2016), test.half_page('803f', '20c0'), test.half_page('7f7f', '0100')) r ORDER BY 1;
SELECT r.page_no, cardinality(data::real[]), data::real[] FROM test.read('bf16', 4, test.half_page('803f', '20c0')) r;
SELECT count(*) AS nothing FROM test.read('f32', 0, VARIADIC '{}');
SELECT * FROM test.read('f16', 4, test.half_page('003c', '007c')) r;
SELECT count(*) FROM test.read('f16', 8064, test.half_page('003c', '007c')) r;
SELECT federated.page_values('\x0000803f', 'f64', 0, 1);
SELECT federated.page_values('\x0000803f', 'f32', 1, 1);
SELECT federated.page_values('\x0000803f', 'f32', -1, 1);
SELECT federated.page_values('\x0000803f', 'f32', 2147483647, 2016);
DROP FUNCTION test.read(text, bigint, VARIADIC bytea[]), test.half_page(text, text);
DROP TABLE federated.round_0;
-- sent in two bytes a value, and in four
SELECT test.start('narrow pages', :workload, 1, '{"min_participants": 3, "update_encoding": "f16"}') AS narrow \gset
CALL test.drive(:'narrow');
SELECT x, e, test.run_as('regress_' || x, format('SELECT federated_submit_update(%s, %L, 100, ''{}'', %L)', test.round(:'narrow'),
	federated.encode_values(test.delta_of('island-' || x)::bytea, e, 0), e))::json ->> 'status' AS status FROM (VALUES ('a', 'f16'), ('b', 'bf16'), ('c', 'f32')) v (x, e);
SELECT host_id, count(*) AS pages, string_agg(data, '' ORDER BY page_no)::real[] = test.delta_of(host_id) AS what_was_sent
FROM federated_update_pages(:'narrow') GROUP BY host_id ORDER BY 1;
SELECT test.run_as('regress_creator', format('SELECT federated_cancel_session(%L)', :'narrow'));
SELECT test.run_as('regress_creator', format('SELECT federated_cancel_session(%L)', :'sid'));
SELECT test.try('regress_admin', format('SELECT count(*) FROM federated_update_pages(%L)', :'sid'));
DROP FUNCTION test.delta(real, real), test.delta_of(text), test.refuse(text, VARIADIC text[]), test.rows(VARIADIC text[]), test.apart(real[], real[]);
