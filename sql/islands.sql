-- Islands: registration, consent, and who is eligible, with the reason when not.
CREATE FUNCTION test.register(VARIADIC arguments text[]) RETURNS text
LANGUAGE sql
AS $$ SELECT test.try('regress_admin', format('SELECT federated_register_island(%s) IS NOT NULL', (SELECT string_agg(quote_nullable(a), ', ' ORDER BY n) FROM unnest($1) WITH ORDINALITY AS u (a, n)))) $$;
SELECT h, test.register(h) FROM unnest(ARRAY['', ' x', '-x', '.x', 'a b', 'a/b', E'a\nb', repeat('x', 101), NULL, repeat('x', 100), 'A.b_c-9', '0']) h;
SELECT test.register('island-a'), test.register('other', '{}', 'regress_a');
SELECT test.register('x1', '{}', 'regress_nobody'), test.register('x2', '{}', 'no such role');
SELECT c, test.register('x3', c) FROM unnest(ARRAY['[]', '1', 'null', NULL, '{"tags": "a"}', '{"tags": [1]}']) AS u (c);
SELECT test.register('x3', jsonb_build_object('x', (SELECT string_agg(md5(i::text), '') FROM generate_series(1, 3000) i))::text);
SELECT actor, detail FROM federated.events WHERE kind = 'island_registered' AND detail ->> 'host_id' IN ('A.b_c-9', 'island-a') ORDER BY id;

-- Nobody is heard from who has not called
SELECT test.run_as('regress_creator', $$SELECT federated_create_workload('eligible', '{"tags": ["gpu", "eu"], "minimum": {"memory_gb": 8, "disk_gb": 100}, "predicate": "$.year >= 2020"}')$$) AS workload \gset
CREATE FUNCTION test.eligible(workload bigint) RETURNS TABLE (host_id text, eligible boolean, reason text)
LANGUAGE sql
AS $$ SELECT e.host_id, e.eligible, regexp_replace(e.reason, '\d\d+ s$', 'N s') FROM federated_eligible_islands($1) e WHERE e.host_id ~ '^(island-[abcd]|0|A.b_c-9)$' $$;
SELECT * FROM test.eligible(:workload);
SELECT test.accept(:workload, 'abcd');
SELECT * FROM test.eligible(:workload);
CREATE FUNCTION test.describe(island text, capabilities text) RETURNS text
LANGUAGE sql
AS $$ SELECT test.run_as('regress_' || $1, format('SELECT federated_heartbeat(%L) ->> ''host_id''', $2)) $$;
SELECT test.describe('a', '{"tags": ["gpu", "eu", "x"], "memory_gb": 8, "disk_gb": 1e3, "year": 2024}'), test.describe('b', '{"tags": ["eu"]}'),
	   test.describe('c', '{"tags": ["gpu", "eu"], "memory_gb": 7.5, "year": 2024}'), test.describe('d', '{"tags": ["gpu", "eu"], "memory_gb": 9, "disk_gb": 100, "year": 2019}');
SELECT * FROM test.eligible(:workload);
-- a number that is none, a predicate that does not apply
SELECT test.describe('c', '{"tags": ["gpu", "eu"], "memory_gb": "lots", "disk_gb": 100, "year": 2024}'), test.describe('d', '{"tags": ["gpu", "eu"], "memory_gb": 9, "disk_gb": 100, "year": "old"}');
SELECT * FROM test.eligible(:workload) WHERE host_id IN ('island-c', 'island-d');
SELECT test.describe('d', '{"tags": ["gpu", "eu"], "memory_gb": 9, "disk_gb": 100, "year": 2020}');
-- silence
UPDATE federated.heartbeats SET last_seen = now() - interval '1 hour' WHERE island_id = (SELECT id FROM federated.islands WHERE host_id = 'island-d');
SELECT * FROM test.eligible(:workload) WHERE host_id = 'island-d';
SET federated.island_timeout = '2h';
SELECT * FROM test.eligible(:workload) WHERE host_id = 'island-d';
RESET federated.island_timeout;
SELECT test.wake('d');
-- suspension, and back
SELECT test.run_as('regress_admin', $$SELECT federated_suspend_island('island-a', 'key lost')$$);
SELECT * FROM test.eligible(:workload) WHERE host_id IN ('island-a', 'island-d');
SELECT test.try('regress_a', call) FROM unnest(ARRAY['SELECT federated_heartbeat()', 'SELECT federated_next_task()', format('SELECT federated_accept_workload(%s)', :workload)]) call;
SELECT test.run_as('regress_admin', $$SELECT federated_suspend_island('island-a', 'again')$$), test.run_as('regress_admin', $$SELECT federated_reinstate_island('island-a')$$),
	   test.run_as('regress_admin', $$SELECT federated_reinstate_island('island-a')$$);
SELECT * FROM test.eligible(:workload) WHERE host_id = 'island-a';
SELECT kind, detail FROM federated.events WHERE kind IN ('island_suspended', 'island_reinstated') AND detail ->> 'host_id' = 'island-a' ORDER BY id DESC LIMIT 2;
SELECT test.try('regress_admin', $$SELECT federated_suspend_island('nowhere', 'x')$$), test.try('regress_admin', $$SELECT federated_suspend_island('island-a', NULL)$$),
	   test.try('regress_admin', $$SELECT federated_reinstate_island('nowhere')$$);

-- Consent is the Island's own
SELECT test.run_as('regress_a', format('SELECT federated_refuse_workload(%s)', :workload)), test.run_as('regress_a', format('SELECT federated_refuse_workload(%s)', :workload));
SELECT * FROM test.eligible(:workload) WHERE host_id = 'island-a';
SELECT n, test.try('regress_a', format('SELECT federated_accept_workload(%s, %L)', :workload, n)) FROM unnest('{0,-1,5,5,6,NULL}'::bigint[]) n;
SELECT test.try('regress_a', 'SELECT federated_accept_workload(0)'), test.try('regress_a', 'SELECT federated_accept_workload(NULL)'), test.try('regress_a', 'SELECT federated_refuse_workload(0)');
SELECT kind, detail FROM federated.events WHERE kind IN ('workload_accepted', 'workload_refused') AND detail ->> 'workload' = 'eligible' AND detail ->> 'host_id' = 'island-a' ORDER BY id;
SELECT c.num_samples FROM federated.consents c JOIN federated.islands i ON i.id = c.island_id WHERE i.host_id = 'island-a' AND c.workload_id = :workload;
SELECT test.try('regress_viewer', format('SELECT count(*) > 3 FROM federated_eligible_islands(%s)', :workload)), test.try('regress_viewer', 'SELECT federated_eligible_islands(0)'), test.try('regress_viewer', 'SELECT federated_eligible_islands(NULL)');

-- The heartbeat
SELECT h ->> 'host_id' AS host_id, (h ->> 'time')::timestamptz > now() - interval '1 min' AS now, h ->> 'extension_version' = (SELECT extversion FROM pg_extension WHERE extname = 'federated') AS version
FROM (SELECT test.run_as('regress_a', 'SELECT federated_heartbeat()')::json AS h) x;
SELECT test.try('regress_a', $$SELECT federated_heartbeat('[]')$$), test.try('regress_a', $$SELECT federated_heartbeat('{"tags": 1}')$$);
SELECT count(*) FROM federated.events WHERE kind = 'island_changed' AND detail ->> 'host_id' = 'island-a';
SELECT test.describe(x, '{"tags": ["cpu"]}') FROM unnest('{a,b,c,d}'::text[]) x;
