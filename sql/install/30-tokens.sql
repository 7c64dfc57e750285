-- Tokens: who is calling over HTTP -------------------------------------------------------------------
-- HS256 JSON Web Tokens (RFC 7519), signed here. A token is believed when its
-- signature is right, which PostgREST checks, and when the row that was written
-- with it says that it still counts, which federated.pre_request() checks.

CREATE TABLE federated.token_secrets (
	id			bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
	secret		bytea NOT NULL CHECK (octet_length(secret) >= 32),
	created_at	timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE federated.token_secrets IS
	'Keys that sign tokens: the newest signs, all of them verify. Never dumped, readable by nobody';

CREATE TABLE federated.tokens (
	jti			uuid PRIMARY KEY DEFAULT gen_random_uuid(),
	family		uuid NOT NULL,
	subject		text NOT NULL,
	role		name NOT NULL,
	host_id		text,
	secret_id	bigint NOT NULL,
	issued_at	timestamptz NOT NULL DEFAULT date_trunc('second', now()),
	expires_at	timestamptz NOT NULL,
	revoked_at	timestamptz,
	issued_by	text NOT NULL
);
CREATE INDEX ON federated.tokens (family);
CREATE INDEX ON federated.tokens (expires_at);
COMMENT ON TABLE federated.tokens IS 'What was issued, to whom and for how long; the tokens themselves are not kept';
COMMENT ON COLUMN federated.tokens.family IS 'First token of the chain of renewals that this one is of: they are revoked together';
COMMENT ON COLUMN federated.tokens.subject IS 'Who it stands for: owner of what it creates, actor of its events';
COMMENT ON COLUMN federated.tokens.secret_id IS 'Key that it was signed with';

ALTER TABLE federated.token_secrets ENABLE ROW LEVEL SECURITY;
ALTER TABLE federated.tokens ENABLE ROW LEVEL SECURITY;
CREATE POLICY read_all ON federated.tokens FOR SELECT TO federated_admin USING (true);
GRANT SELECT ON federated.tokens TO federated_admin;

CREATE FUNCTION federated.add_token_secret() RETURNS bigint
LANGUAGE sql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$ INSERT INTO federated.token_secrets (secret) VALUES (federated.random_bytes(32)) RETURNING id $$;
COMMENT ON FUNCTION federated.add_token_secret() IS 'A new key, which signs from now on';

SELECT federated.add_token_secret();

CREATE FUNCTION federated.base64url(data bytea) RETURNS text
LANGUAGE sql IMMUTABLE
SET search_path = pg_catalog, pg_temp
AS $$ SELECT translate(encode($1, 'base64'), E'+/=\n', '-_') $$;
COMMENT ON FUNCTION federated.base64url(bytea) IS 'Base64 as tokens have it (RFC 4648, section 5), without padding';

CREATE FUNCTION federated.token_text(token federated.tokens) RETURNS text
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
	SELECT m.text || '.' || federated.base64url(federated.sign(m.text, s.secret))
	FROM federated.token_secrets s
	CROSS JOIN LATERAL (
		SELECT federated.base64url(convert_to(part.header::text, 'UTF8')) || '.'
			|| federated.base64url(convert_to(part.claims::text, 'UTF8'))
		FROM (SELECT jsonb_build_object('alg', 'HS256', 'typ', 'JWT', 'kid', s.id::text) AS header,
					 jsonb_strip_nulls(jsonb_build_object(
						 'iss', 'federated', 'aud', 'federated', 'sub', $1.subject, 'role', $1.role, 'host_id', $1.host_id,
						 'jti', $1.jti, 'iat', extract(epoch FROM $1.issued_at)::bigint,
						 'exp', extract(epoch FROM $1.expires_at)::bigint)) AS claims) part
	) m(text)
	WHERE s.id = $1.secret_id
$$;
COMMENT ON FUNCTION federated.token_text(federated.tokens) IS 'The token that a row stands for, signed';

CREATE FUNCTION federated.token_document(token federated.tokens, key text DEFAULT 'token') RETURNS json
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
	SELECT json_strip_nulls(json_build_object('host_id', $1.host_id, $2, federated.token_text($1),
											  'expires_at', $1.expires_at, 'jti', $1.jti))
$$;
COMMENT ON FUNCTION federated.token_document(federated.tokens, text) IS 'A token that is handed out, and what its holder must know of it';

CREATE FUNCTION federated.require_ttl(ttl interval) RETURNS void
LANGUAGE plpgsql IMMUTABLE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	PERFORM federated.require_argument('ttl', ttl);
	IF ttl < interval '1 second' OR ttl > interval '366 days' THEN
		RAISE EXCEPTION USING
			ERRCODE = 'invalid_parameter_value',
			MESSAGE = 'argument "ttl" is out of range',
			DETAIL = format('Given %s; allowed 1 second to 366 days.', ttl);
	END IF;
END
$$;
COMMENT ON FUNCTION federated.require_ttl(interval) IS 'Refuse (22004, 22023) a lifetime that no token may have';

-- Tokens of one chain have the chain's first jti in common.
CREATE FUNCTION federated.add_token(subject text, role name, host_id text, ttl interval, family uuid DEFAULT NULL)
RETURNS federated.tokens
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	new_jti CONSTANT uuid := gen_random_uuid();
	issued federated.tokens;
BEGIN
	PERFORM federated.require_ttl(ttl);
	INSERT INTO federated.tokens (jti, family, subject, role, host_id, secret_id, expires_at, issued_by)
	VALUES (new_jti, coalesce(family, new_jti), subject, role, host_id, (SELECT max(s.id) FROM federated.token_secrets s),
			date_trunc('second', now()) + ttl, federated.caller_name())
	RETURNING * INTO issued;
	PERFORM federated.log_event(NULL, 'token_issued', jsonb_build_object(
		'jti', issued.jti, 'subject', subject, 'role', role, 'host_id', host_id, 'expires_at', issued.expires_at));
	PERFORM federated.make_durable();
	RETURN issued;
END
$$;
COMMENT ON FUNCTION federated.add_token(text, name, text, interval, uuid) IS 'Write down a token that is about to be handed out';

CREATE FUNCTION federated.issue_token(subject text, role text, ttl interval) RETURNS json
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	host text;
BEGIN
	PERFORM federated.require_role('federated_admin', 'issue a token');
	PERFORM federated.require_argument('subject', subject);
	PERFORM federated.require_argument('role', role);
	IF role <> ALL ('{admin,creator,island,viewer,auditor}') THEN
		RAISE EXCEPTION USING
			ERRCODE = 'invalid_parameter_value',
			MESSAGE = 'argument "role" is not valid',
			DETAIL = format('Given "%s"; allowed: admin, creator, island, viewer, auditor.', role);
	ELSIF subject = '' OR length(subject) > 200 OR subject ~ '[[:cntrl:]]' THEN
		RAISE EXCEPTION USING
			ERRCODE = 'invalid_parameter_value',
			MESSAGE = 'argument "subject" is not valid',
			DETAIL = 'Allowed are 1 to 200 characters, none of them a control character.';
	END IF;
	IF role = 'island' THEN
		host := (federated.get_island(subject)).host_id;
	END IF;
	RETURN federated.token_document(federated.add_token(subject, 'federated_' || role, host, ttl));
END
$$;
COMMENT ON FUNCTION federated.issue_token(text, text, interval) IS 'See federated_issue_token()';
GRANT EXECUTE ON FUNCTION federated.issue_token(text, text, interval) TO federated_admin;

CREATE FUNCTION @extschema@.federated_issue_token(subject text, role text, ttl interval DEFAULT '30 days') RETURNS text
LANGUAGE sql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$ SELECT federated.issue_token($1, $2, $3) ->> 'token' $$;
COMMENT ON FUNCTION @extschema@.federated_issue_token(text, text, interval) IS
	'A token for the HTTP interface. role: admin, creator, viewer, auditor, or island, whose subject is a registered host_id';
GRANT EXECUTE ON FUNCTION @extschema@.federated_issue_token(text, text, interval) TO federated_admin;

CREATE FUNCTION @extschema@.federated_revoke_token(jti uuid) RETURNS void
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	revoked federated.tokens;
BEGIN
	PERFORM federated.require_role('federated_admin', 'revoke a token');
	PERFORM federated.require_argument('jti', jti);
	SELECT * INTO revoked FROM federated.tokens t WHERE t.jti = federated_revoke_token.jti;
	IF NOT FOUND THEN
		RAISE EXCEPTION USING
			ERRCODE = 'no_data_found',
			MESSAGE = format('token %s does not exist', jti);
	END IF;
	-- A renewal that is under way is in the family afterwards, or finds itself revoked.
	PERFORM FROM federated.tokens t WHERE t.family = revoked.family ORDER BY t.jti FOR UPDATE;
	UPDATE federated.tokens t SET revoked_at = now() WHERE t.family = revoked.family AND t.revoked_at IS NULL;
	IF FOUND THEN
		PERFORM federated.log_event(NULL, 'token_revoked', jsonb_build_object('jti', jti, 'subject', revoked.subject));
		PERFORM federated.make_durable();
	END IF;
END
$$;
COMMENT ON FUNCTION @extschema@.federated_revoke_token(uuid) IS
	'From the next request on, neither this token nor one that it was renewed from or to is accepted';
GRANT EXECUTE ON FUNCTION @extschema@.federated_revoke_token(uuid) TO federated_admin;

CREATE FUNCTION @extschema@.federated_rotate_token_secret(keep_old boolean DEFAULT true) RETURNS void
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	new_id bigint;
BEGIN
	PERFORM federated.require_role('federated_admin', 'rotate the token secret');
	PERFORM federated.require_argument('keep_old', keep_old);
	new_id := federated.add_token_secret();
	-- A key is needed for as long as something it signed still counts.
	DELETE FROM federated.token_secrets s
	WHERE s.id <> new_id AND (NOT keep_old OR NOT EXISTS (
		SELECT FROM federated.tokens t WHERE t.secret_id = s.id AND t.revoked_at IS NULL AND t.expires_at > now()));
	PERFORM federated.log_event(NULL, 'token_secret_rotated', jsonb_build_object('secret_id', new_id, 'keep_old', keep_old));
	PERFORM pg_notify('pgrst', 'reload config');
	PERFORM federated.make_durable();
END
$$;
COMMENT ON FUNCTION @extschema@.federated_rotate_token_secret(boolean) IS
	'Sign with a new secret from now on. Tokens that were issued before stay valid to their end, or, with keep_old false, end now';
GRANT EXECUTE ON FUNCTION @extschema@.federated_rotate_token_secret(boolean) TO federated_admin;

CREATE FUNCTION federated.forget_tokens() RETURNS void
LANGUAGE sql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$ DELETE FROM federated.tokens t WHERE t.expires_at < now() - interval '30 days' $$;
COMMENT ON FUNCTION federated.forget_tokens() IS 'Housekeeping: tokens that expired long ago; the events that they were issued stay';

-- The caller's own token

CREATE FUNCTION federated.caller_jti() RETURNS uuid
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
	SELECT CASE WHEN federated.caller_claims() ->> 'jti' ~ '^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$'
				THEN (federated.caller_claims() ->> 'jti')::uuid END
$$;
COMMENT ON FUNCTION federated.caller_jti() IS 'Identifier of the token of the request; NULL when there is none';

CREATE FUNCTION federated.renew_token() RETURNS json
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	own federated.tokens;
BEGIN
	PERFORM federated.require_island();
	SELECT * INTO own FROM federated.tokens t WHERE t.jti = federated.caller_jti() AND t.revoked_at IS NULL FOR SHARE;
	IF NOT FOUND THEN
		RAISE EXCEPTION USING
			ERRCODE = 'invalid_authorization_specification',
			MESSAGE = 'there is no token to renew',
			DETAIL = 'The call was not made with one, or it is revoked.';
	END IF;
	RETURN federated.token_document(
		federated.add_token(own.subject, own.role, own.host_id, own.expires_at - own.issued_at, own.family));
END
$$;
COMMENT ON FUNCTION federated.renew_token() IS
	'Another token like the one that the calling Island came with, with a lifetime that begins now';
GRANT EXECUTE ON FUNCTION federated.renew_token() TO federated_island;

-- Enrolment: an invitation is a token that is good for one call, enroll().

CREATE FUNCTION federated.invite_island(host_id text, ttl interval) RETURNS json
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	PERFORM federated.require_role('federated_admin', 'invite an Island');
	PERFORM federated.require_argument('host_id', host_id);
	IF NOT EXISTS (SELECT FROM federated.islands i WHERE i.host_id = invite_island.host_id) THEN
		PERFORM @extschema@.federated_register_island(host_id);
	END IF;
	RETURN federated.token_document(federated.add_token(host_id, 'federated_invited', host_id, ttl), 'invite');
END
$$;
COMMENT ON FUNCTION federated.invite_island(text, interval) IS 'See federated_invite_island()';
GRANT EXECUTE ON FUNCTION federated.invite_island(text, interval) TO federated_admin;

CREATE FUNCTION @extschema@.federated_invite_island(host_id text, ttl interval DEFAULT '7 days') RETURNS text
LANGUAGE sql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$ SELECT federated.invite_island($1, $2) ->> 'invite' $$;
COMMENT ON FUNCTION @extschema@.federated_invite_island(text, interval) IS
	'An invitation with which "fed island enroll" gets a host its token, once; registers the Island if it is new';
GRANT EXECUTE ON FUNCTION @extschema@.federated_invite_island(text, interval) TO federated_admin;

CREATE FUNCTION federated.enroll(capabilities jsonb) RETURNS json
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	invitation federated.tokens;
	island federated.islands;
	issued federated.tokens;
BEGIN
	IF capabilities IS NOT NULL THEN
		PERFORM federated.require_capabilities(capabilities);
	END IF;
	UPDATE federated.tokens t SET revoked_at = now()
	WHERE t.jti = federated.caller_jti() AND t.role = 'federated_invited' AND t.revoked_at IS NULL AND t.expires_at > now()
	RETURNING * INTO invitation;
	IF NOT FOUND THEN
		RAISE EXCEPTION USING
			ERRCODE = 'invalid_authorization_specification',
			MESSAGE = 'the invitation is not valid',
			DETAIL = 'It was used before, or it is no invitation.',
			HINT = 'An administrator makes a new one: federated_invite_island(host_id).';
	END IF;
	UPDATE federated.islands i SET capabilities = coalesce(enroll.capabilities, i.capabilities)
	WHERE i.host_id = invitation.host_id RETURNING * INTO STRICT island;
	issued := federated.add_token(island.host_id, 'federated_island', island.host_id, interval '90 days', invitation.jti);
	PERFORM federated.log_event(NULL, 'island_enrolled', jsonb_build_object('host_id', island.host_id, 'jti', issued.jti));
	RETURN federated.token_document(issued);
END
$$;
COMMENT ON FUNCTION federated.enroll(jsonb) IS 'Use up the caller''s invitation: the Island''s first token, which it renews by itself';
GRANT EXECUTE ON FUNCTION federated.enroll(jsonb) TO federated_invited;
