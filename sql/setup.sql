-- What every other test builds on: the extension, one role of each kind, and
-- the helpers in schema "test". Runs first.
CREATE EXTENSION pgcrypto;
CREATE EXTENSION federated;

-- Whether a worker drives sessions depends on the server; what is printed must not.
SELECT format('ALTER DATABASE %I SET client_min_messages = warning', current_database()) \gexec
SET client_min_messages = warning;

-- Sessions are driven by hand here. advance() does not look at retry_after, a
-- worker does: one that happens to run in this server never finds them due.
CREATE SCHEMA test;
CREATE FUNCTION test.keep_worker_away() RETURNS trigger
LANGUAGE plpgsql
AS $$
BEGIN
	NEW.retry_after := 'infinity';
	RETURN NEW;
END
$$;
CREATE TRIGGER keep_worker_away BEFORE INSERT OR UPDATE ON federated.sessions
	FOR EACH ROW EXECUTE FUNCTION test.keep_worker_away();

-- Roles -----------------------------------------------------------------------
-- Left over from an earlier run, perhaps: roles outlive databases.
DROP ROLE IF EXISTS regress_admin, regress_creator, regress_other, regress_viewer, regress_auditor,
	regress_a, regress_b, regress_c, regress_d, regress_nobody, regress_ghost, regress_half;

CREATE ROLE regress_admin LOGIN IN ROLE federated_admin;
CREATE ROLE regress_creator LOGIN IN ROLE federated_creator;
CREATE ROLE regress_other LOGIN IN ROLE federated_creator;
CREATE ROLE regress_viewer LOGIN IN ROLE federated_viewer;
CREATE ROLE regress_auditor LOGIN IN ROLE federated_auditor;
CREATE ROLE regress_a LOGIN IN ROLE federated_island;
CREATE ROLE regress_b LOGIN IN ROLE federated_island;
CREATE ROLE regress_c LOGIN IN ROLE federated_island;
CREATE ROLE regress_d LOGIN IN ROLE federated_island;
CREATE ROLE regress_nobody LOGIN;
GRANT USAGE ON SCHEMA test TO PUBLIC;

-- Somebody else's statement ------------------------------------------------------

CREATE FUNCTION test.run_as(role name, query text) RETURNS text
LANGUAGE plpgsql
AS $$
DECLARE
	result text;
BEGIN
	EXECUTE format('SET LOCAL SESSION AUTHORIZATION %I', role);
	EXECUTE query INTO result;
	RESET SESSION AUTHORIZATION;
	RETURN result;
END
$$;
COMMENT ON FUNCTION test.run_as(name, text) IS 'The first value that a query returns to a role';

CREATE FUNCTION test.try(role name, query text) RETURNS text
LANGUAGE plpgsql
AS $$
DECLARE
	state text;
	detail text;
	hint text;
BEGIN
	RETURN coalesce(test.run_as(role, query), 'NULL');
EXCEPTION WHEN OTHERS THEN
	GET STACKED DIAGNOSTICS state = RETURNED_SQLSTATE, detail = PG_EXCEPTION_DETAIL, hint = PG_EXCEPTION_HINT;
	RETURN format('%s: %s', state, SQLERRM) || coalesce(' | ' || nullif(detail, ''), '') || coalesce(' | ' || nullif(hint, ''), '');
END
$$;
COMMENT ON FUNCTION test.try(name, text) IS 'The same, or SQLSTATE, message, detail and hint of its error';

CREATE FUNCTION test.outcome(role name, query text) RETURNS text
LANGUAGE sql
AS $$ SELECT CASE WHEN answer ~ '^[0-9A-Z]{5}: ' THEN left(answer, 5) ELSE 'ok' END FROM test.try($1, $2) answer $$;
COMMENT ON FUNCTION test.outcome(name, text) IS 'Only "ok" or the SQLSTATE';

CREATE FUNCTION test.refusal(role name, query text) RETURNS text
LANGUAGE sql
AS $$ SELECT regexp_replace(test.try($1, $2), '(?<=model version )[0-9]+|(?<=[Ss]ession )[-0-9a-f]{36}', 'ID', 'g') $$;
COMMENT ON FUNCTION test.refusal(name, text) IS 'What test.try() says, without ids';

-- Bytes -----------------------------------------------------------------------------

CREATE FUNCTION test.swap(value bytea) RETURNS bytea
LANGUAGE sql IMMUTABLE
AS $$ SELECT string_agg(substr($1, i, 1), '' ORDER BY i DESC) FROM generate_series(1, octet_length($1)) i $$;

CREATE FUNCTION test.f32(VARIADIC numbers real[]) RETURNS bytea
LANGUAGE sql IMMUTABLE
AS $$ SELECT coalesce(string_agg(test.swap(float4send(x)), '' ORDER BY i), '') FROM unnest($1) WITH ORDINALITY AS u (x, i) $$;
COMMENT ON FUNCTION test.f32(real[]) IS 'Numbers as they travel: little-endian float32';

CREATE FUNCTION test.floats(data bytea) RETURNS real[]
LANGUAGE sql IMMUTABLE
AS $$
	SELECT array_agg((CASE WHEN get_byte($1, i + 3) >= 128 THEN -1 ELSE 1 END
					  * CASE WHEN e = 0 THEN m * 2::float8 ^ -149 ELSE (m + 8388608) * 2::float8 ^ (e - 150) END)::real ORDER BY i)
	FROM generate_series(0, octet_length($1) - 4, 4) i,
		 LATERAL (SELECT (get_byte($1, i + 3) & 127) * 2 + get_byte($1, i + 2) / 128 AS e,
						 (get_byte($1, i + 2) & 127) * 65536 + get_byte($1, i + 1) * 256 + get_byte($1, i) AS m) bits
$$;
COMMENT ON FUNCTION test.floats(bytea) IS 'Finite little-endian float32 as numbers';

CREATE FUNCTION test.vector_slice(vector_id bigint, slice integer) RETURNS bytea
LANGUAGE sql STABLE
AS $$
	SELECT federated.read_slice(v.relation, v.id, slice, federated.slice_length(v.bytes, slice))
	FROM federated.get_sliced_vector(vector_id, slice) v
$$;
COMMENT ON FUNCTION test.vector_slice(bigint, integer) IS 'One slice of a stored vector';

CREATE FUNCTION test.safetensors(header text, data bytea) RETURNS bytea
LANGUAGE sql IMMUTABLE
AS $$ SELECT test.swap(int8send(octet_length(convert_to($1, 'UTF8')))) || convert_to($1, 'UTF8') || $2 $$;
COMMENT ON FUNCTION test.safetensors(text, bytea) IS 'A model file: length of the header, header, data section';

CREATE FUNCTION test.model(VARIADIC numbers real[]) RETURNS bytea
LANGUAGE sql IMMUTABLE
AS $$
	SELECT test.safetensors(format('{"w":{"dtype":"F32","shape":[%s],"data_offsets":[0,%s]}}',
								   cardinality($1), cardinality($1) * 4), test.f32(VARIADIC $1))
$$;
COMMENT ON FUNCTION test.model(real[]) IS 'A model file with one float32 tensor "w"';

-- A small federation --------------------------------------------------------------------

SELECT test.run_as('regress_admin', format('SELECT federated_register_island(%L, ''{"tags":["cpu"]}'', %L)', 'island-' || x, 'regress_' || x))
	IS NOT NULL AS registered
FROM unnest('{a,b,c,d}'::text[]) x;

CREATE FUNCTION test.workload(name text, VARIADIC numbers real[]) RETURNS bigint
LANGUAGE plpgsql
AS $$
DECLARE
	id bigint := test.run_as('regress_creator', format('SELECT federated_create_workload(%L)', name));
BEGIN
	PERFORM test.run_as('regress_creator', format('SELECT federated_import_model(%s, %L)', id, test.model(VARIADIC numbers)));
	RETURN id;
END
$$;
COMMENT ON FUNCTION test.workload(text, real[]) IS 'A workload with a first model of so many numbers';

CREATE FUNCTION test.accept(workload bigint, islands text, num_samples bigint DEFAULT 100) RETURNS void
LANGUAGE sql
AS $$
	SELECT test.run_as('regress_' || x, format('SELECT federated_accept_workload(%s, %L)', $1, $3))
	FROM regexp_split_to_table($2, '') x
$$;
COMMENT ON FUNCTION test.accept(bigint, text, bigint) IS 'The Islands named by their letters accept a workload';

CREATE FUNCTION test.start(name text, workload bigint, rounds integer, config jsonb DEFAULT '{}') RETURNS uuid
LANGUAGE sql
AS $$
	SELECT test.run_as('regress_creator', format('SELECT federated_start_session(%L, %s, %s, %L)', $1, $2, $3,
		'{"heartbeat_timeout": 86400, "seed": 1}'::jsonb || $4))::uuid
$$;
COMMENT ON FUNCTION test.start(text, bigint, integer, jsonb) IS 'Start a session as regress_creator, seeded and patient with slow machines';

CREATE PROCEDURE test.drive(session uuid)
LANGUAGE plpgsql
AS $$
DECLARE
	step text;
BEGIN
	FOR i IN 1 .. 20
	LOOP
		step := federated.advance(session);
		COMMIT;
		EXIT WHEN step IS NULL;
		RAISE INFO '%', step;
	END LOOP;
END
$$;
COMMENT ON PROCEDURE test.drive(uuid) IS 'Take every step that is due, each in its own transaction';

CREATE FUNCTION test.round(session uuid) RETURNS bigint
LANGUAGE sql
AS $$ SELECT max(r.id) FROM federated.rounds r WHERE r.session_id = $1 $$;
COMMENT ON FUNCTION test.round(uuid) IS 'Id of the newest round of a session';

CREATE FUNCTION test.submit(island text, session uuid, samples bigint, delta real[], metrics jsonb DEFAULT '{}') RETURNS text
LANGUAGE plpgsql
AS $$
DECLARE
	answer json := test.run_as('regress_' || island, format('SELECT federated_submit_update(%s, %L, %s, %L)',
		test.round(session), test.f32(VARIADIC delta), samples, metrics));
BEGIN
	RETURN concat_ws(': ', answer ->> 'status', answer ->> 'reason', answer ->> 'detail');
END
$$;
COMMENT ON FUNCTION test.submit(text, uuid, bigint, real[], jsonb) IS 'An Island''s update of the newest round, in one call';

CREATE FUNCTION test.evaluate(island text, session uuid, samples bigint, metrics jsonb DEFAULT '{}') RETURNS text
LANGUAGE plpgsql
AS $$
DECLARE
	answer json := test.run_as('regress_' || island, format('SELECT federated_submit_evaluation(%s, %s, %L)',
		test.round(session), samples, metrics));
BEGIN
	RETURN concat_ws(': ', answer ->> 'status', answer ->> 'reason', answer ->> 'detail');
END
$$;
COMMENT ON FUNCTION test.evaluate(text, uuid, bigint, jsonb) IS 'An Island''s evaluation in the newest round';

CREATE FUNCTION test.status(session uuid) RETURNS text
LANGUAGE sql
AS $$ SELECT concat_ws(': ', s.status, s.reason) FROM federated.sessions s WHERE s.id = $1 $$;

CREATE FUNCTION test.participants(session uuid) RETURNS text
LANGUAGE sql
AS $$
	SELECT string_agg(i.host_id || ' ' || p.status || coalesce(' (' || p.reason || ')', ''), ', ' ORDER BY i.host_id)
	FROM federated.participants p JOIN federated.islands i ON i.id = p.island_id WHERE p.session_id = $1
$$;

CREATE FUNCTION test.tasks(session uuid) RETURNS text
LANGUAGE sql
AS $$
	SELECT string_agg(i.host_id || ' ' || t.state || coalesce(' (' || t.reason || ')', ''), ', ' ORDER BY i.host_id)
	FROM federated.tasks t JOIN federated.islands i ON i.id = t.island_id WHERE t.round_id = test.round($1)
$$;

CREATE FUNCTION test.weights(session uuid) RETURNS real[]
LANGUAGE sql
AS $$
	SELECT test.floats(test.vector_slice(v.vector_id, 0))
	FROM federated.sessions s JOIN federated.model_versions v ON v.id = s.current_version_id WHERE s.id = $1
$$;
COMMENT ON FUNCTION test.weights(uuid) IS 'The first slice of a session''s current version';

CREATE FUNCTION test.pass_deadline(session uuid) RETURNS void
LANGUAGE sql
AS $$ UPDATE federated.rounds SET deadline = now() - interval '1 second' WHERE session_id = $1 AND state = 'open' $$;
COMMENT ON FUNCTION test.pass_deadline(uuid) IS 'Let the open round''s deadline be over';

CREATE FUNCTION test.silence(islands text, session uuid) RETURNS void
LANGUAGE sql
AS $$
	UPDATE federated.sessions SET silence_from = now() - interval '10 days' WHERE id = $2;
	UPDATE federated.heartbeats h SET last_seen = now() - interval '10 days'
	FROM federated.islands i WHERE i.id = h.island_id AND i.host_id = ANY (SELECT 'island-' || x FROM regexp_split_to_table($1, '') x);
$$;
COMMENT ON FUNCTION test.silence(text, uuid) IS 'Let Islands not have been heard from for ten days';

CREATE FUNCTION test.wake(islands text) RETURNS void
LANGUAGE sql
AS $$ SELECT test.run_as('regress_' || x, 'SELECT federated_heartbeat()') FROM regexp_split_to_table($1, '') x $$;
COMMENT ON FUNCTION test.wake(text) IS 'Let Islands be heard from';

CREATE PROCEDURE test.finish(session uuid, delta real[] DEFAULT '{1}')
LANGUAGE plpgsql
AS $$
BEGIN
	WHILE (SELECT s.status IN ('recruiting', 'training') FROM federated.sessions s WHERE s.id = session)
	LOOP
		IF federated.advance(session) IS NULL THEN
			IF (SELECT r.kind FROM federated.rounds r WHERE r.id = test.round(session)) = 'train' THEN
				PERFORM test.submit('a', session, 1, delta), test.submit('b', session, 3, delta);
			ELSE
				PERFORM test.evaluate('a', session, 1, '{"evaluation": {"loss": 0.5}}'), test.evaluate('b', session, 3);
			END IF;
		END IF;
		COMMIT;
	END LOOP;
END
$$;
COMMENT ON PROCEDURE test.finish(uuid, real[]) IS 'The rest of a session of Islands a and b, who send the same delta each round';

-- The helpers themselves
SELECT test.f32(1, -2.5), test.floats(test.f32(1, -2.5, 0, 3.4e38, 1e-40));
SELECT encode(test.model(1), 'escape');
SELECT test.run_as('regress_a', 'SELECT session_user'), session_user = current_user AS back;
SELECT test.try('regress_a', 'SELECT 1/0'), test.outcome('regress_a', 'SELECT 1/0'), test.outcome('regress_a', 'SELECT 1');
