-- Who is calling -------------------------------------------------------------
-- Every SECURITY DEFINER function asks these, and nothing else. A direct
-- connection is its session_user. The role and the claims that PostgREST sets
-- are settings that anybody could set, so they count only when the session was
-- opened by the authenticator.
-- What calls ask all the time is in plpgsql, which keeps its plans: a function
-- in SQL with a search_path of its own is neither inlined nor planned only once.

CREATE FUNCTION federated.caller_role() RETURNS name
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
	SELECT CASE WHEN session_user = 'federated_authenticator'
				THEN current_setting('role')::name
				ELSE session_user END
$$;
COMMENT ON FUNCTION federated.caller_role() IS
	'Database role on whose behalf the current call is made';

CREATE FUNCTION federated.caller_claims() RETURNS jsonb
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
	SELECT CASE WHEN session_user = 'federated_authenticator'
				THEN nullif(current_setting('request.jwt.claims', true), '')::jsonb END
$$;
COMMENT ON FUNCTION federated.caller_claims() IS
	'Claims of the token that PostgREST verified; NULL for a direct connection';

CREATE FUNCTION federated.caller_name() RETURNS text
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
	SELECT coalesce(federated.caller_claims() ->> 'sub', federated.caller_role()::text)
$$;
COMMENT ON FUNCTION federated.caller_name() IS
	'Who is calling, as written into owner columns and events';

CREATE FUNCTION federated.caller_is(wanted name) RETURNS boolean
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	RETURN EXISTS (SELECT FROM pg_roles
				   WHERE rolname = (SELECT federated.caller_role()) -- asked once, not for each role
					 AND pg_has_role(rolname, wanted, 'MEMBER'));
END
$$;
COMMENT ON FUNCTION federated.caller_is(name) IS
	'Whether the caller is a member of the given federated_* role';

CREATE FUNCTION federated.require_role(wanted name, action text) RETURNS void
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	IF NOT federated.caller_is(wanted) THEN
		RAISE EXCEPTION USING
			ERRCODE = 'insufficient_privilege',
			MESSAGE = format('permission denied to %s', action),
			DETAIL = format('Role "%s" is not a member of "%s".', federated.caller_role(), wanted),
			HINT = format('An administrator can GRANT %I TO %I.', wanted, federated.caller_role());
	END IF;
END
$$;
COMMENT ON FUNCTION federated.require_role(name, text) IS
	'Refuse the call (42501) unless the caller is a member of the given role';

CREATE FUNCTION federated.require_owner(owner_role text, action text) RETURNS void
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	IF owner_role IS DISTINCT FROM federated.caller_name() AND NOT federated.caller_is('federated_admin') THEN
		RAISE EXCEPTION USING
			ERRCODE = 'insufficient_privilege',
			MESSAGE = format('permission denied to %s', action),
			DETAIL = format('It belongs to "%s"; the caller is "%s".', owner_role, federated.caller_name());
	END IF;
END
$$;
COMMENT ON FUNCTION federated.require_owner(text, text) IS
	'Refuse the call (42501) unless the caller owns the object or is an administrator';

-- Arguments and transactions -------------------------------------------------

CREATE FUNCTION federated.require_argument(argument text, given anyelement) RETURNS void
LANGUAGE plpgsql IMMUTABLE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	IF given IS NULL THEN
		RAISE EXCEPTION USING
			ERRCODE = 'null_value_not_allowed',
			MESSAGE = format('argument "%s" must not be null', argument);
	END IF;
END
$$;
COMMENT ON FUNCTION federated.require_argument(text, anyelement) IS
	'Refuse a NULL argument (22004) by its name';

CREATE FUNCTION federated.require_read_committed() RETURNS void
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	-- Under an older snapshot an update committed a moment ago would be
	-- acknowledged and then not be in the frozen set.
	IF current_setting('transaction_isolation') NOT IN ('read committed', 'read uncommitted') THEN
		RAISE EXCEPTION USING
			ERRCODE = 'invalid_transaction_state',
			MESSAGE = format('transaction isolation level "%s" is not supported here',
							 current_setting('transaction_isolation')),
			DETAIL = 'The state of a round is only read correctly in READ COMMITTED.',
			HINT = 'SET TRANSACTION ISOLATION LEVEL READ COMMITTED.';
	END IF;
END
$$;
COMMENT ON FUNCTION federated.require_read_committed() IS
	'Refuse any isolation level but READ COMMITTED (25000)';

CREATE FUNCTION federated.limit_idle() RETURNS void
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	PERFORM set_config('idle_in_transaction_session_timeout', '10s', true);
END
$$;
COMMENT ON FUNCTION federated.limit_idle() IS
	'For a person''s transaction with locks that rounds need: whoever goes idle with them holds up everybody, and is ended after 10 s';
