-- What test_standin.py asks for; PostgREST's own documentation says what is right.
CREATE ROLE standin_login LOGIN NOINHERIT;
CREATE ROLE standin_user;
CREATE ROLE standin_slow;
CREATE ROLE standin_hidden;
GRANT standin_user, standin_slow TO standin_login;
ALTER ROLE standin_slow SET statement_timeout = '200ms';

CREATE SCHEMA api;
CREATE SCHEMA behind;
GRANT USAGE ON SCHEMA api, behind TO standin_user, standin_slow;
GRANT USAGE ON SCHEMA behind TO standin_login;

-- The keys verify tokens that the test makes: 32 times "0" and 32 times "1".
CREATE TABLE behind.keys (set text);
INSERT INTO behind.keys VALUES ('{"keys":[{"kty":"oct","alg":"HS256","kid":"0","k":"MDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDA"}]}');
CREATE FUNCTION behind.config() RETURNS void LANGUAGE sql SECURITY DEFINER
AS $$ SELECT set_config('pgrst.jwt_secret', set, true) FROM behind.keys $$;

CREATE FUNCTION behind.before() RETURNS void LANGUAGE plpgsql AS $$
BEGIN
	IF current_setting('request.jwt.claims')::json ->> 'jti' = 'revoked' THEN
		RAISE SQLSTATE 'PGRST' USING
			MESSAGE = '{"code":"28000","message":"it is revoked","details":"why"}',
			DETAIL = '{"status":401,"headers":{"X-Why":"revoked"}}';
	END IF;
END
$$;

CREATE DOMAIN api."application/octet-stream" AS bytea;
CREATE FUNCTION api.add(a integer, b integer DEFAULT 2) RETURNS integer LANGUAGE sql IMMUTABLE AS 'SELECT a + b';
CREATE FUNCTION api.named(x integer) RETURNS json LANGUAGE sql AS 'SELECT json_build_object(''x'', x)';
CREATE FUNCTION api.named(json) RETURNS json LANGUAGE plpgsql AS $$ BEGIN RAISE SQLSTATE '22023' USING MESSAGE = 'caught'; END $$;
CREATE FUNCTION api.take(bytea) RETURNS json LANGUAGE sql
AS $$ SELECT json_build_object('sha256', encode(sha256($1), 'hex'), 'note', current_setting('request.headers')::json ->> 'x-note') $$;
CREATE FUNCTION api.bytes() RETURNS api."application/octet-stream" LANGUAGE sql STABLE AS $$ SELECT '\x00ff0a'::bytea $$;
CREATE FUNCTION api.nothing() RETURNS void LANGUAGE sql AS '';
CREATE FUNCTION api.sleep(s float) RETURNS void LANGUAGE sql AS 'SELECT pg_sleep(s)';
CREATE FUNCTION api.numbers() RETURNS TABLE (n integer, t text) LANGUAGE sql STABLE AS $$ SELECT n, 't' || n FROM generate_series(1, 5) n $$;
CREATE FUNCTION api.settings() RETURNS json LANGUAGE sql STABLE AS $$
	SELECT json_object_agg(name, current_setting(name, true))
	FROM unnest('{role,request.method,request.path,request.cookies,search_path,transaction_read_only}'::text[]) name
$$;
CREATE FUNCTION api.created() RETURNS json LANGUAGE plpgsql AS $$
BEGIN
	PERFORM set_config('response.status', '201', true), set_config('response.headers', '[{"Location":"/x"}]', true);
	RETURN '{"a":1}';
END
$$;
CREATE FUNCTION api.fail(code text, message text) RETURNS void LANGUAGE plpgsql AS $$
BEGIN RAISE EXCEPTION USING ERRCODE = code, MESSAGE = message, DETAIL = 'd', HINT = 'h'; END $$;

CREATE TABLE behind.things (id integer, name text, doc jsonb);
INSERT INTO behind.things VALUES (1, 'a', '{"k":{"z":5}}'), (2, 'b''x', NULL), (3, NULL, '[1]');
CREATE VIEW api.things AS SELECT * FROM behind.things;
GRANT SELECT ON api.things TO standin_user;
CREATE FUNCTION api.write() RETURNS integer LANGUAGE sql VOLATILE SECURITY DEFINER
AS $$ INSERT INTO behind.things VALUES (4, 'new', NULL) RETURNING id $$;
