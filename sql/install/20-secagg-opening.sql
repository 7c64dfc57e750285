-- Secure aggregation: signatures and shares that open the sum, states agree and reveal ----------------------

CREATE FUNCTION @extschema@.federated_secagg_sets(session_id uuid, round integer, attempt integer) RETURNS json
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	own federated.secagg_members := federated.read_attempt(session_id, round, attempt, 'advertise', 'share', 'mask');
BEGIN
	RETURN json_build_object('u2', to_json(federated.shared_set(own.attempt_id)), 'u3', to_json(federated.summed_set(own.attempt_id)));
END
$$;
COMMENT ON FUNCTION @extschema@.federated_secagg_sets(uuid, integer, integer) IS
	'Secure aggregation: who has shared and whose update is summed; 55000 while that is open';

CREATE FUNCTION @extschema@.federated_secagg_agree(session_id uuid, round integer, attempt integer, signature bytea) RETURNS json
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_variable
DECLARE
	me federated.islands := federated.require_island();
	entry record;
	answer json;
	problem text;
BEGIN
	PERFORM federated.require_bytes('signature', signature, 64);
	SELECT * INTO entry FROM federated.enter_attempt(me, session_id, round, attempt);
	IF entry.reason IS NOT NULL THEN
		RETURN federated.reject(entry.held, me.id, entry.reason, entry.detail);
	ELSIF (entry.current).mode = 'semi_honest' THEN
		RETURN federated.reject(entry.held, me.id, 'secagg_bad_message', 'nobody signs in mode semi_honest');
	END IF;
	answer := federated.sent_before(entry.held, me.id, (entry.own).agreement, signature, 'signed otherwise');
	IF answer IS NOT NULL THEN
		RETURN answer;
	END IF;
	problem := coalesce(federated.stage_problem(entry.current, 'agree'),
		CASE WHEN NOT coalesce((entry.own).u = ANY (federated.summed_set((entry.current).id)), false)
			 THEN 'the update of this Island is not summed' END);
	IF problem IS NOT NULL THEN
		RETURN federated.reject(entry.held, me.id, 'secagg_stale', problem);
	ELSIF NOT federated.signature_holds(entry.current, entry.own, 'agree', '', (entry.current).sets, signature) THEN
		RETURN federated.reject(entry.held, me.id, 'secagg_bad_signature', 'the signature is not under the sets of this attempt');
	END IF;
	UPDATE federated.secagg_members m SET agreement = signature, agreed_at = clock_timestamp()
	WHERE m.attempt_id = (entry.current).id AND m.island_id = me.id;
	RETURN federated.secagg_accepted();
END
$$;
COMMENT ON FUNCTION @extschema@.federated_secagg_agree(uuid, integer, integer, bytea) IS
	'Secure aggregation, mode active: the calling Island''s signature under who has shared and whose update is summed';

CREATE FUNCTION @extschema@.federated_secagg_agreements(session_id uuid, round integer, attempt integer) RETURNS json
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	own federated.secagg_members := federated.read_attempt(session_id, round, attempt, 'advertise', 'share', 'mask', 'agree');
BEGIN
	RETURN json_build_object('u2', to_json(federated.shared_set(own.attempt_id)), 'u3', to_json(federated.summed_set(own.attempt_id)),
		'signatures', (SELECT coalesce(json_agg(json_build_object('u', m.u, 'signature', encode(m.agreement, 'hex')) ORDER BY m.u), '[]')
					   FROM federated.secagg_members m WHERE m.attempt_id = own.attempt_id AND m.agreement IS NOT NULL));
END
$$;
COMMENT ON FUNCTION @extschema@.federated_secagg_agreements(uuid, integer, integer) IS
	'Secure aggregation: the sets again, and who has signed them; 55000 before shares may be revealed';

CREATE FUNCTION federated.store_reveal(current federated.secagg_attempts, own federated.secagg_members, reveal bytea) RETURNS text
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	problem text;
BEGIN
	INSERT INTO federated.secagg_reveals (attempt_id, owner, revealer, kind, x, share)
	SELECT current.id, r.owner, own.u, r.kind, own.u, r.share
	FROM federated.secagg_parse_reveal(reveal, own.u, current.n, federated.shared_set(current.id), federated.summed_set(current.id),
									   coalesce(own.complaints, '{}')) r;
	UPDATE federated.secagg_members m SET revealed_at = clock_timestamp(), reveal_digest = sha256(reveal)
	WHERE m.attempt_id = current.id AND m.u = own.u;
	RETURN NULL;
EXCEPTION WHEN invalid_parameter_value THEN
	GET STACKED DIAGNOSTICS problem = MESSAGE_TEXT;
	RETURN problem;
END
$$;
COMMENT ON FUNCTION federated.store_reveal(federated.secagg_attempts, federated.secagg_members, bytea) IS
	'Store the shares of a message, all or none; what is wrong with it, or NULL';

CREATE FUNCTION @extschema@.federated_secagg_reveal(session_id uuid, round integer, attempt integer, reveal bytea) RETURNS json
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	me federated.islands := federated.require_island();
	entry record;
	answer json;
	problem text;
BEGIN
	PERFORM federated.require_argument('reveal', reveal);
	SELECT * INTO entry FROM federated.enter_attempt(me, session_id, round, attempt);
	IF entry.reason IS NOT NULL THEN
		RETURN federated.reject(entry.held, me.id, entry.reason, entry.detail);
	END IF;
	answer := federated.sent_before(entry.held, me.id, (entry.own).reveal_digest, sha256(reveal), 'revealed otherwise');
	IF answer IS NOT NULL THEN
		RETURN answer;
	END IF;
	problem := coalesce(federated.stage_problem(entry.current, 'reveal'),
		CASE WHEN NOT coalesce((entry.own).u = ANY (federated.summed_set((entry.current).id)), false)
			 THEN 'the update of this Island is not summed'
			 WHEN (entry.current).mode = 'active' AND (entry.own).agreement IS NULL
			 THEN 'this Island has not signed the sets in time' END);
	IF problem IS NOT NULL THEN
		RETURN federated.reject(entry.held, me.id, 'secagg_stale', problem);
	END IF;
	problem := federated.store_reveal(entry.current, entry.own, reveal);
	IF problem IS NOT NULL THEN
		RETURN federated.reject(entry.held, me.id, 'secagg_bad_message', problem);
	END IF;
	RETURN federated.secagg_accepted();
END
$$;
COMMENT ON FUNCTION @extschema@.federated_secagg_reveal(uuid, integer, integer, bytea) IS
	'Secure aggregation: the shares that open the sum, of one secret of each Island';

GRANT EXECUTE ON FUNCTION @extschema@.federated_secagg_sets(uuid, integer, integer), @extschema@.federated_secagg_agree(uuid, integer, integer, bytea), @extschema@.federated_secagg_agreements(uuid, integer, integer), @extschema@.federated_secagg_reveal(uuid, integer, integer, bytea)
	TO federated_island;
