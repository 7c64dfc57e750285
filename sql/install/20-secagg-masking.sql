-- Secure aggregation: what comes beside a masked update, state mask ---------------------------------------

CREATE FUNCTION federated.masking_problem(current federated.secagg_attempts, own federated.secagg_members) RETURNS text
LANGUAGE plpgsql IMMUTABLE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	RETURN coalesce(federated.stage_problem(current, 'mask'),
		CASE WHEN own.shared_at IS NULL THEN 'this Island has sent no shares in this attempt' END);
END
$$;
COMMENT ON FUNCTION federated.masking_problem(federated.secagg_attempts, federated.secagg_members) IS 'Why a message of state mask cannot be taken; NULL when it can';

CREATE FUNCTION @extschema@.federated_secagg_aux(session_id uuid, round integer, attempt integer, aux bytea) RETURNS json
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_variable
DECLARE
	me federated.islands := federated.require_island();
	entry record;
	answer json;
	problem text;
	known bytea;
	expected integer;
BEGIN
	PERFORM federated.require_argument('aux', aux);
	SELECT * INTO entry FROM federated.enter_attempt(me, session_id, round, attempt);
	IF entry.reason IS NOT NULL THEN
		RETURN federated.reject(entry.held, me.id, entry.reason, entry.detail);
	END IF;
	SELECT x.aux INTO known FROM federated.secagg_aux x WHERE x.attempt_id = (entry.current).id AND x.u = (entry.own).u;
	answer := federated.sent_before(entry.held, me.id, known, aux, 'sent other aux values');
	IF answer IS NOT NULL THEN
		RETURN answer;
	END IF;
	problem := coalesce(federated.masking_problem(entry.current, entry.own),
		CASE WHEN entry.task_state <> 'assigned' THEN format('this Island is out of round %s', round) END);
	IF problem IS NOT NULL THEN
		RETURN federated.reject(entry.held, me.id, 'secagg_stale', problem);
	END IF;
	expected := 4 * federated.aux_length((SELECT s.config FROM federated.sessions s WHERE s.id = (entry.held).session_id));
	IF expected = 0 THEN
		RETURN federated.reject(entry.held, me.id, 'secagg_bad_message', 'no aux values are sent in this session');
	ELSIF octet_length(aux) <> expected THEN
		RETURN federated.reject(entry.held, me.id, 'secagg_bad_message',
			format('%s bytes of aux values were sent; expected %s', octet_length(aux), expected));
	END IF;
	INSERT INTO federated.secagg_aux VALUES ((entry.current).id, (entry.own).u, aux);
	RETURN federated.secagg_accepted(false);
END
$$;
COMMENT ON FUNCTION @extschema@.federated_secagg_aux(uuid, integer, integer, bytea) IS
	'Secure aggregation: the masked aux values (weight, count, metrics) of the calling Island''s update, before its commit';

CREATE FUNCTION @extschema@.federated_secagg_complain(session_id uuid, round integer, attempt integer, owners integer[]) RETURNS json
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	me federated.islands := federated.require_island();
	entry record;
	wanted integer[];
BEGIN
	PERFORM federated.require_argument('owners', owners);
	SELECT * INTO entry FROM federated.enter_attempt(me, session_id, round, attempt);
	IF entry.reason IS NOT NULL THEN
		RETURN federated.reject(entry.held, me.id, entry.reason, entry.detail);
	END IF;
	wanted := ARRAY(SELECT DISTINCT o FROM unnest(owners) o ORDER BY o);
	IF (entry.own).complaints = wanted THEN
		RETURN federated.secagg_accepted(false);
	ELSIF (entry.own).complaints IS NOT NULL THEN
		RETURN federated.reject(entry.held, me.id, 'secagg_conflict', 'this Island has complained of others in this attempt');
	ELSIF federated.masking_problem(entry.current, entry.own) IS NOT NULL THEN
		RETURN federated.reject(entry.held, me.id, 'secagg_stale', federated.masking_problem(entry.current, entry.own));
	ELSIF cardinality(wanted) = 0 OR NOT wanted <@ federated.shared_set((entry.current).id) OR (entry.own).u = ANY (wanted) THEN
		RETURN federated.reject(entry.held, me.id, 'secagg_bad_message', 'complaints are of others who have shared');
	END IF;
	UPDATE federated.secagg_members m SET complaints = wanted WHERE m.attempt_id = (entry.current).id AND m.island_id = me.id;
	RETURN federated.secagg_accepted();
END
$$;
COMMENT ON FUNCTION @extschema@.federated_secagg_complain(uuid, integer, integer, integer[]) IS
	'Secure aggregation: whose envelopes the calling Island could not open; it will reveal nothing for them';

GRANT EXECUTE ON FUNCTION @extschema@.federated_secagg_aux(uuid, integer, integer, bytea), @extschema@.federated_secagg_complain(uuid, integer, integer, integer[])
	TO federated_island;
