-- Requests: what PostgREST asks of us, and how we answer ------------------------------------------------

CREATE FUNCTION federated.postgrest_config() RETURNS void
LANGUAGE sql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
	SELECT set_config('pgrst.jwt_secret', jsonb_build_object('keys', jsonb_agg(jsonb_build_object(
		'kty', 'oct', 'alg', 'HS256', 'use', 'sig', 'kid', s.id::text, 'k', federated.base64url(s.secret)) ORDER BY s.id DESC))::text, true)
	FROM federated.token_secrets s
$$;
COMMENT ON FUNCTION federated.postgrest_config() IS
	'For PostgREST''s db-pre-config: the keys that verify tokens, as a JSON Web Key Set (RFC 7517)';
GRANT EXECUTE ON FUNCTION federated.postgrest_config() TO federated_authenticator;
GRANT USAGE ON SCHEMA federated TO federated_authenticator;

-- Errors. PostgreSQL's codes stay what they are; the status is ours, since
-- PostgREST answers 500 to many that are no fault of the server.

CREATE TYPE federated.failure AS (code text, message text, detail text, hint text);
COMMENT ON TYPE federated.failure IS 'An error that was caught on its way to an HTTP client';

CREATE FUNCTION federated.http_status(code text) RETURNS integer
LANGUAGE sql IMMUTABLE
SET search_path = pg_catalog, pg_temp
AS $$
	SELECT CASE
		WHEN $1 LIKE '28%' THEN 401
		WHEN $1 = '42501' THEN 403
		WHEN $1 = 'P0002' THEN 404
		WHEN $1 = '25006' THEN 405 -- a GET that would write
		WHEN $1 IN ('23505', '25000', '55000', '55006') THEN 409
		WHEN $1 LIKE '54%' THEN 413
		WHEN $1 = '53400' THEN 402 -- federated.credit_limit
		WHEN $1 = '53100' THEN 507
		WHEN $1 LIKE '53%' OR $1 LIKE '57%' OR $1 LIKE '40%' OR $1 = '55P03' THEN 503
		WHEN $1 LIKE '22%' OR $1 LIKE '23%' THEN 400
		ELSE 500
	END
$$;
COMMENT ON FUNCTION federated.http_status(text) IS 'HTTP status of a SQLSTATE; 503 is worth another try';

-- The message is data inside of JSON: as a reason phrase it could forge headers.
CREATE FUNCTION federated.raise_http(failure federated.failure) RETURNS void
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	status CONSTANT integer := federated.http_status(failure.code);
BEGIN
	RAISE EXCEPTION USING
		ERRCODE = 'PGRST',
		MESSAGE = json_build_object('code', failure.code, 'message', failure.message,
									'details', nullif(failure.detail, ''), 'hint', nullif(failure.hint, '')),
		DETAIL = json_build_object('status', status, 'headers', CASE status
			WHEN 401 THEN '{"WWW-Authenticate": "Bearer error=\"invalid_token\""}'::json
			WHEN 503 THEN '{"Retry-After": "1"}'::json
			ELSE '{}'::json END);
END
$$;
COMMENT ON FUNCTION federated.raise_http(federated.failure) IS 'Raise an error so that PostgREST answers with the right status';

CREATE FUNCTION federated.refuse_token(why text) RETURNS void
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$ SELECT federated.raise_http(ROW('28000', 'the token is not accepted', $1, NULL)::federated.failure) $$;
COMMENT ON FUNCTION federated.refuse_token(text) IS 'Answer 401';

CREATE FUNCTION federated.check_token(claims jsonb) RETURNS void
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	known federated.tokens;
BEGIN
	-- A token without these has passed PostgREST, which checks them only if they are there.
	IF NOT coalesce(claims ?& '{exp,aud,jti,sub,role}' AND claims -> 'aud' IN ('"federated"', '["federated"]'), false) THEN
		PERFORM federated.refuse_token('It lacks one of the claims exp, aud, jti, sub, role, or is for somebody else.');
	END IF;
	SELECT * INTO known FROM federated.tokens t WHERE t.jti = federated.caller_jti();
	IF known.jti IS NULL OR (known.subject, known.role::text, known.host_id)
							IS DISTINCT FROM (claims ->> 'sub', claims ->> 'role', claims ->> 'host_id') THEN
		PERFORM federated.refuse_token('It was not issued here.');
	ELSIF known.revoked_at IS NOT NULL THEN
		PERFORM federated.refuse_token('It is revoked or, an invitation, used up.');
	ELSIF known.expires_at <= now() THEN
		PERFORM federated.refuse_token('It has expired.');
	END IF;
END
$$;
COMMENT ON FUNCTION federated.check_token(jsonb) IS 'Answer 401 unless the token was issued here and still counts';

CREATE FUNCTION federated.pre_request() RETURNS void
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	-- Without a token there is no identity; the role has what the operator gave it.
	IF federated.caller_role() <> 'federated_anonymous' THEN
		PERFORM federated.check_token(federated.caller_claims());
	END IF;
	-- A client that goes away leaves its query running.
	PERFORM set_config('statement_timeout', federated.setting('request_timeout') || 's', true);
END
$$;
COMMENT ON FUNCTION federated.pre_request() IS 'For PostgREST''s db-pre-request: refuses tokens that do not count, bounds the time of the request';
GRANT EXECUTE ON FUNCTION federated.pre_request() TO federated_admin, federated_creator, federated_island,
	federated_viewer, federated_auditor, federated_invited, federated_anonymous;

-- Headers of a request: the arguments of calls whose body is bytes

CREATE FUNCTION federated.request_header(name text, missing text DEFAULT NULL) RETURNS text
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	value text := coalesce(nullif(current_setting('request.headers', true), '')::json ->> lower(name), missing);
BEGIN
	IF value IS NULL THEN
		RAISE EXCEPTION USING
			ERRCODE = 'invalid_parameter_value',
			MESSAGE = format('header "%s" is missing', name);
	END IF;
	RETURN value;
END
$$;
COMMENT ON FUNCTION federated.request_header(text, text) IS
	'A header of the HTTP request; what to take when it is missing, or else an error (22023) that names it';

CREATE FUNCTION federated.header_number(name text, highest bigint DEFAULT 9223372036854775807) RETURNS bigint
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	value text := federated.request_header(name);
BEGIN
	IF value !~ '^[0-9]{1,19}$' OR value::numeric > highest THEN
		RAISE EXCEPTION USING
			ERRCODE = 'invalid_parameter_value',
			MESSAGE = format('header "%s" is not valid', name),
			DETAIL = format('Given "%s"; allowed is a whole number from 0 to %s.', left(value, 100), highest);
	END IF;
	RETURN value::bigint;
END
$$;
COMMENT ON FUNCTION federated.header_number(text, bigint) IS 'A header that is a whole number, or an error (22023) that names it';

CREATE FUNCTION federated.hex_digest(name text, value text) RETURNS bytea
LANGUAGE plpgsql IMMUTABLE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	PERFORM federated.require_argument(name, value);
	IF value !~ '^[0-9A-Fa-f]{64}$' THEN
		RAISE EXCEPTION USING
			ERRCODE = 'invalid_parameter_value',
			MESSAGE = format('"%s" is not a SHA-256', name),
			DETAIL = format('Given "%s"; expected 64 hexadecimal digits.', left(value, 100));
	END IF;
	RETURN decode(value, 'hex');
END
$$;
COMMENT ON FUNCTION federated.hex_digest(text, text) IS 'A SHA-256 in hexadecimal digits, or an error (22004, 22023) that names it';

-- Answers

CREATE FUNCTION federated.respond(status integer, headers json DEFAULT NULL) RETURNS void
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	PERFORM set_config('response.status', status::text, true);
	IF headers IS NOT NULL THEN
		PERFORM set_config('response.headers', headers::text, true);
	END IF;
END
$$;
COMMENT ON FUNCTION federated.respond(integer, json) IS 'Status and headers of the HTTP answer';

-- What an Island sent was refused for what it is. That is an answer and no
-- error, so that the row that says why stays; the status is that of an error.
CREATE FUNCTION federated.verdict(answer json) RETURNS json
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	reason CONSTANT text := answer ->> 'reason';
BEGIN
	IF answer ->> 'status' <> 'rejected' THEN
		RETURN answer;
	END IF;
	PERFORM federated.respond(CASE
		WHEN reason IN ('stale_round', 'conflicting_update', 'too_many_attempts', 'secagg_stale', 'secagg_frozen', 'secagg_conflict', 'secagg_full') THEN 409
		WHEN reason = 'not_participant' THEN 403
		WHEN reason = 'storage_full' THEN 507
		ELSE 400 END);
	RETURN json_build_object('status', 'rejected', 'reason', reason, 'detail', answer ->> 'detail', 'code', reason,
							 'message', 'the update is rejected', 'details', answer ->> 'detail', 'hint', NULL);
END
$$;
COMMENT ON FUNCTION federated.verdict(json) IS 'Answer to a call that sends an update, with its HTTP status';
