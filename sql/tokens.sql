-- Tokens, invitations, and what PostgREST asks of us. Requests are made here as
-- PostgREST makes them: as the authenticator, with role and claims set.
\set SHOW_CONTEXT never
\set VERBOSITY terse
CREATE FUNCTION test.part(token text, place integer) RETURNS jsonb
LANGUAGE sql
AS $$
	SELECT convert_from(decode(translate(p, '-_', '+/') || repeat('=', (4 - length(p) % 4) % 4), 'base64'), 'UTF8')::jsonb
	FROM split_part(token, '.', place) p
$$;
-- the signature, made here once more from the key that PostgREST is given
CREATE FUNCTION test.signed_by(token text, secret_id bigint) RETURNS boolean
LANGUAGE sql
AS $$
	SELECT translate(encode(hmac(convert_to(substring(token FROM '^(.*)\.'), 'UTF8'), s.secret, 'sha256'), 'base64'), E'+/=\n', '-_')
		= split_part(token, '.', 3)
	FROM federated.token_secrets s WHERE s.id = secret_id
$$;
-- One request: role and claims of a token, then federated.pre_request() and the
-- query, all of it undone if something fails.
CREATE FUNCTION test.request(token text, query text, claims jsonb DEFAULT NULL) RETURNS text
LANGUAGE plpgsql
AS $$
DECLARE
	answer text;
BEGIN
	claims := coalesce(claims, test.part(token, 2));
	SET SESSION AUTHORIZATION federated_authenticator;
	PERFORM set_config('role', claims ->> 'role', true), set_config('request.jwt.claims', claims::text, true);
	BEGIN
		PERFORM federated.pre_request();
		EXECUTE query INTO answer;
	EXCEPTION WHEN OTHERS THEN
		answer := CASE SQLSTATE WHEN 'PGRST' THEN concat_ws(' ', 'error', SQLERRM::json ->> 'code', SQLERRM::json ->> 'message', '-', SQLERRM::json ->> 'details')
				  ELSE SQLSTATE || ': ' || SQLERRM END;
	END;
	RESET SESSION AUTHORIZATION;
	RETURN answer;
END
$$;
SELECT federated_register_island('island-token');
SELECT federated_issue_token('alice', 'creator', '1 hour') AS alice, federated_issue_token('island-token', 'island') AS island,
	   federated_issue_token('anne', 'admin') AS anne, (SELECT max(id) FROM federated.token_secrets) AS secret \gset

-- What is in a token
SELECT test.part(:'alice', 1) - 'kid' AS header, test.part(:'alice', 1) ->> 'kid' = :'secret' AS kid,
	   test.part(:'alice', 2) - '{exp,iat,jti}'::text[] AS claims,
	   (test.part(:'alice', 2) -> 'exp')::bigint - (test.part(:'alice', 2) -> 'iat')::bigint AS seconds,
	   test.signed_by(:'alice', :secret) AS signed;
SELECT test.part(:'island', 2) - '{exp,iat,jti}'::text[] AS claims;
SELECT subject, role, host_id, revoked_at IS NULL AS counts, issued_by = current_user AS by_me
FROM federated.tokens WHERE jti = (test.part(:'alice', 2) ->> 'jti')::uuid;
SELECT test.try(current_user, query) FROM unnest(ARRAY[
	$$SELECT federated_issue_token('x', 'postgres')$$, $$SELECT federated_issue_token('x', 'federated_admin')$$, $$SELECT federated_issue_token('x', 'invited')$$,
	$$SELECT federated_issue_token('', 'viewer')$$, $$SELECT federated_issue_token(E'a\nb', 'viewer')$$, $$SELECT federated_issue_token(NULL, 'viewer')$$,
	$$SELECT federated_issue_token('nobody-here', 'island')$$, $$SELECT federated_issue_token('x', 'viewer', '0')$$, $$SELECT federated_issue_token('x', 'viewer', '10 years')$$,
	$$SELECT federated_invite_island('bad name')$$, $$SELECT federated_revoke_token('00000000-0000-0000-0000-000000000000')$$]) query;

-- Who one is
SELECT test.request(:'alice', 'SELECT federated_api.create_workload(''of alice'') ->> ''owner''') AS alice,
	   test.request(:'island', 'SELECT federated_heartbeat() ->> ''host_id''') AS island;
-- A direct connection cannot claim anything
BEGIN;
SELECT set_config('request.jwt.claims', test.part(:'alice', 2)::text, true) IS NOT NULL AS claimed;
SELECT federated.caller_name() = current_user AS still_me;
ROLLBACK;

-- What does not count
SELECT what, test.request(:'alice', 'SELECT 1', claims) FROM (VALUES
	('without exp', test.part(:'alice', 2) - 'exp'), ('without aud', test.part(:'alice', 2) - 'aud'), ('without jti', test.part(:'alice', 2) - 'jti'),
	('without sub', test.part(:'alice', 2) - 'sub'),
	('other aud', test.part(:'alice', 2) || '{"aud": "elsewhere"}'), ('unknown jti', test.part(:'alice', 2) || '{"jti": "00000000-0000-0000-0000-000000000000"}'),
	('jti that is none', test.part(:'alice', 2) || '{"jti": "x"}'), ('jti null', test.part(:'alice', 2) || '{"jti": null}'),
	('other role', test.part(:'alice', 2) || '{"role": "federated_admin"}'), ('other subject', test.part(:'alice', 2) || '{"sub": "bob"}'),
	('a host', test.part(:'alice', 2) || '{"host_id": "island-token"}')) v(what, claims);
SELECT federated_issue_token('late', 'viewer', '1 second') AS late \gset
UPDATE federated.tokens SET expires_at = now() WHERE subject = 'late';
SELECT test.request(:'late', 'SELECT 1') AS expired;
-- Without a token there is nothing, unless the operator opens it
SELECT test.request(NULL, 'SELECT count(*) FROM federated_api.sessions', '{"role": "federated_anonymous"}');

-- Renewal and revocation of the chain
SELECT test.request(:'island', 'SELECT federated_api.renew_token() ->> ''token''') AS renewed \gset
SELECT test.part(:'renewed', 2) - '{exp,iat,jti}'::text[] = test.part(:'island', 2) - '{exp,iat,jti}'::text[] AS same,
	   test.part(:'renewed', 2) -> 'jti' <> test.part(:'island', 2) -> 'jti' AS another,
	   test.request(:'island', 'SELECT 1') AS old, test.request(:'renewed', 'SELECT 1') AS new;
SELECT test.request(:'alice', 'SELECT federated.renew_token()') AS not_an_island;
SELECT test.request(:'anne', format('SELECT federated_api.revoke_token(jti => %L)', test.part(:'island', 2) ->> 'jti'));
SELECT test.request(:'island', 'SELECT 1') AS old, test.request(:'renewed', 'SELECT 1') AS new, test.request(:'alice', 'SELECT 1') AS others;

-- An invitation is good for one call
SELECT federated_invite_island('island-invited', '1 day') AS invite \gset
SELECT test.part(:'invite', 2) - '{exp,iat,jti}'::text[] AS claims, EXISTS (SELECT FROM federated.islands WHERE host_id = 'island-invited') AS registered;
SELECT test.request(:'invite', 'SELECT count(*) FROM federated_api.workloads') AS reads_nothing;
SELECT test.request(:'invite', 'SELECT federated_api.enroll(capabilities => ''{"tags": 1}'')') AS bad_capabilities;
SELECT test.request(:'invite', 'SELECT federated_api.enroll(capabilities => ''{"tags": ["x"]}'') ->> ''token''') AS enrolled \gset
SELECT test.part(:'enrolled', 2) - '{exp,iat,jti}'::text[] AS claims;
SELECT test.request(:'invite', 'SELECT federated_api.enroll()') AS again;
SELECT test.request(:'enrolled', 'SELECT federated_api.heartbeat() ->> ''host_id''') AS host,
	   (SELECT capabilities FROM federated.islands WHERE host_id = 'island-invited') AS capabilities;
SELECT federated_suspend_island('island-invited', 'for a test');
SELECT test.request(:'enrolled', 'SELECT federated_api.heartbeat()') AS suspended, test.request(:'enrolled', 'SELECT federated_api.renew_token()') AS suspended;

-- Rotation: what was issued counts to its end, or ends now
SELECT federated_rotate_token_secret();
SELECT max(id) AS rotated FROM federated.token_secrets \gset
SELECT federated_issue_token('bob', 'viewer') AS bob \gset
SELECT test.signed_by(:'bob', :rotated) AS bob_by_the_new_one, test.signed_by(:'alice', :secret) AS the_old_one_is_kept;
BEGIN;
SET LOCAL SESSION AUTHORIZATION federated_authenticator;
SELECT federated.postgrest_config();
SELECT current_setting('pgrst.jwt_secret')::jsonb #>> '{keys,0,kid}' = :'rotated' AS newest_first,
	   jsonb_path_query_array(current_setting('pgrst.jwt_secret')::jsonb, '$.keys[*].alg') AS algorithms,
	   jsonb_path_query_array(current_setting('pgrst.jwt_secret')::jsonb, '$.keys[*].k') <> '[]' AS keys;
ROLLBACK;
SELECT coalesce(current_setting('pgrst.jwt_secret', true), '') AS nothing_stays;
SELECT federated_rotate_token_secret(keep_old => false);
SELECT count(*) AS keys, bool_and(id > :rotated) AS new FROM federated.token_secrets;

-- Nobody reads keys; what was issued is the administrator's to see
SELECT role, test.outcome(role, 'SELECT count(secret) FROM federated.token_secrets') AS secrets, test.outcome(role, 'SELECT count(*) FROM federated.tokens') AS tokens,
	   test.outcome(role, 'SELECT federated.postgrest_config()') AS config, test.outcome(role, 'SELECT federated.sign('''', '''')') AS sign,
	   test.outcome(role, 'SELECT federated.enroll(NULL)') AS enroll
FROM unnest('{regress_admin,regress_creator,regress_a,regress_viewer,regress_auditor}'::text[]) role;
SELECT 'federated.token_secrets'::regclass = ANY (extconfig) AS secrets_are_dumped, 'federated.tokens'::regclass = ANY (extconfig) AS tokens_are_dumped
FROM pg_extension WHERE extname = 'federated';
SELECT kind, count(*) > 0 AS logged, bool_or(detail::text ~ 'eyJ') AS with_token FROM federated.events WHERE kind ~ 'token|enrolled' GROUP BY kind ORDER BY kind;
-- Long expired ones are forgotten
UPDATE federated.tokens SET expires_at = now() - interval '31 days' WHERE subject = 'late';
UPDATE federated.tokens SET expires_at = now() - interval '1 day' WHERE subject = 'anne';
SELECT federated.maintain() >= 0 AS maintained;
SELECT count(*) FILTER (WHERE subject = 'late') AS long_expired, count(*) FILTER (WHERE subject = 'anne') AS expired FROM federated.tokens;
