-- Differential privacy: who may know what ------------------------------------------------------------
-- Of a private session, what a single Island sent is for the administrator and
-- the Island itself: its update's norm, metrics, samples and digest have no
-- noise. Where Islands are drawn (dp_sampling poisson or fixed), privacy gains
-- from nobody knowing who was in a round, so nothing that tells is for anybody
-- else either. The policies are restrictive: they take away from what the others
-- let through.

CREATE FUNCTION federated.tells_update(kind text) RETURNS boolean
LANGUAGE sql IMMUTABLE
SET search_path = pg_catalog, pg_temp
AS $$ SELECT $1 IN ('update_accepted', 'evaluation_accepted') $$;
COMMENT ON FUNCTION federated.tells_update(text) IS 'Whether events of a kind tell of a single update: its samples, its digest';

CREATE FUNCTION federated.tells_cohort(kind text) RETURNS boolean
LANGUAGE sql IMMUTABLE
SET search_path = pg_catalog, pg_temp
AS $$ SELECT $1 IN ('islands_drawn', 'participant_dropped', 'participant_returned', 'update_accepted', 'evaluation_accepted') $$;
COMMENT ON FUNCTION federated.tells_cohort(text) IS 'Whether events of a kind tell who was in a round';

-- Asked once for each query, not for each row; nothing for the administrator.
CREATE FUNCTION federated.secret_sessions(drawn boolean) RETURNS SETOF uuid
LANGUAGE plpgsql STABLE SECURITY DEFINER ROWS 10
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	IF NOT federated.caller_is('federated_admin') THEN
		RETURN QUERY SELECT s.id FROM federated.sessions s
		WHERE federated.is_private(s.config) AND (NOT drawn OR federated.draws_islands(s.config));
	END IF;
END
$$;
COMMENT ON FUNCTION federated.secret_sessions(boolean) IS
	'Private sessions whose single updates the caller may not know; drawn: those of which it may not know who is in a round';

CREATE FUNCTION federated.secret_rounds(drawn boolean) RETURNS SETOF bigint
LANGUAGE plpgsql STABLE SECURITY DEFINER ROWS 100
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	RETURN QUERY SELECT r.id FROM federated.rounds r WHERE r.session_id IN (SELECT federated.secret_sessions(drawn));
END
$$;
COMMENT ON FUNCTION federated.secret_rounds(boolean) IS 'Rounds of those sessions';
GRANT EXECUTE ON FUNCTION federated.tells_update(text), federated.tells_cohort(text), federated.secret_sessions(boolean),
	federated.secret_rounds(boolean)
	TO federated_admin, federated_creator, federated_viewer, federated_auditor, federated_island;

CREATE POLICY private_updates ON federated.events AS RESTRICTIVE FOR SELECT
	USING (NOT (federated.tells_update(kind) AND session_id IN (SELECT federated.secret_sessions(false))));
CREATE POLICY secret_cohorts ON federated.events AS RESTRICTIVE FOR SELECT
	USING (NOT (federated.tells_cohort(kind) AND session_id IN (SELECT federated.secret_sessions(true))));
CREATE POLICY secret_cohorts ON federated.tasks AS RESTRICTIVE FOR SELECT
	USING (island_id = (SELECT federated.caller_island()) OR round_id NOT IN (SELECT federated.secret_rounds(true)));
CREATE POLICY secret_cohorts ON federated.participants AS RESTRICTIVE FOR SELECT
	USING (island_id = (SELECT federated.caller_island()) OR session_id NOT IN (SELECT federated.secret_sessions(true)));
