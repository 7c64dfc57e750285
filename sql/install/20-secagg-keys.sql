-- Secure aggregation: keys and shares, states advertise and share -------------------------------------

CREATE FUNCTION federated.advertisement_problem(me federated.islands, current federated.secagg_attempts, adv bytea, identity_pk bytea,
												signature bytea, OUT reason text, OUT detail text)
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_variable
DECLARE
	keys CONSTANT bytea[] := ARRAY[substr(adv, 17, 32), substr(adv, 49, 32)];
	config jsonb := (SELECT s.config FROM federated.sessions s WHERE s.id = current.session_id);
	self federated.secagg_members;
BEGIN
	self.identity_pk := identity_pk;
	IF me.id = ANY (current.excluded) THEN
		reason := 'secagg_stale';
		detail := 'this Island is left out of the round: an earlier attempt failed by its shares';
	ELSIF (SELECT count(*) FROM federated.secagg_members m WHERE m.attempt_id = current.id) >= (config -> 'secagg_max_cohort')::integer THEN
		reason := 'secagg_full';
		detail := format('secagg_max_cohort is %s', config -> 'secagg_max_cohort');
	ELSIF current.mode = 'active' AND identity_pk IS DISTINCT FROM
		(SELECT i.identity_pk FROM federated.island_identities i WHERE i.island_id = me.id) THEN
		reason := 'secagg_bad_signature';
		detail := 'this is not the identity key that is enrolled for the Island';
	ELSIF current.mode = 'semi_honest' AND identity_pk IS NOT NULL THEN
		reason := 'secagg_bad_message';
		detail := 'nobody signs in mode semi_honest';
	ELSIF current.mode = 'active' AND substr(adv, 1, 16) <> substr(sha256(identity_pk), 1, 16) THEN
		reason := 'secagg_bad_message';
		detail := 'the pid is not that of the identity key';
	ELSIF NOT federated.signature_holds(current, self, 'adv', current.c0, adv, signature) THEN
		reason := 'secagg_bad_signature';
		detail := 'the signature of the advertisement does not hold';
	ELSIF keys[1] = keys[2] OR EXISTS (SELECT FROM federated.secagg_keys_seen k
									   WHERE k.session_id = current.session_id AND k.key32 = ANY (keys)) THEN
		reason := 'secagg_key_reused';
		detail := 'each attempt needs new keys, and two different ones';
	ELSIF NOT (federated.secagg_key_usable(keys[1]) AND federated.secagg_key_usable(keys[2])) THEN
		reason := 'secagg_bad_message';
		detail := 'a key is of low order';
	ELSIF EXISTS (SELECT FROM federated.secagg_members m WHERE m.attempt_id = current.id AND m.pid = substr(adv, 1, 16)) THEN
		reason := 'secagg_conflict';
		detail := 'another Island has this pid';
	END IF;
END
$$;
COMMENT ON FUNCTION federated.advertisement_problem(federated.islands, federated.secagg_attempts, bytea, bytea, bytea) IS
	'Why an advertisement cannot be taken; NULLs when it can';

CREATE FUNCTION federated.store_advertisement(me federated.islands, current federated.secagg_attempts, adv bytea, identity_pk bytea,
											  signature bytea) RETURNS void
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_variable
BEGIN
	INSERT INTO federated.secagg_members (attempt_id, island_id, pid, adv, identity_pk, signature)
	VALUES (current.id, me.id, substr(adv, 1, 16), adv, identity_pk, signature);
	INSERT INTO federated.secagg_keys_seen VALUES (current.session_id, substr(adv, 17, 32)), (current.session_id, substr(adv, 49, 32));
EXCEPTION WHEN unique_violation THEN
	-- Nothing was there a moment ago: another connection was faster. What it left is judged by a new call.
	RAISE EXCEPTION USING
		ERRCODE = 'serialization_failure',
		MESSAGE = 'another advertisement came at the same moment',
		HINT = 'Send it again.';
END
$$;
COMMENT ON FUNCTION federated.store_advertisement(federated.islands, federated.secagg_attempts, bytea, bytea, bytea) IS
	'Store a checked advertisement, or an error (40001) if pid, keys or Island have got one in the same moment';

CREATE FUNCTION @extschema@.federated_secagg_advertise(session_id uuid, round integer, attempt integer, adv bytea,
													   identity_pk bytea DEFAULT NULL, signature bytea DEFAULT NULL) RETURNS json
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_variable
DECLARE
	me federated.islands := federated.require_island();
	entry record;
	problem record;
BEGIN
	PERFORM federated.require_bytes('adv', adv, 112);
	IF identity_pk IS NOT NULL OR signature IS NOT NULL THEN
		PERFORM federated.require_bytes('identity_pk', identity_pk, 32);
		PERFORM federated.require_bytes('signature', signature, 64);
	END IF;
	SELECT * INTO entry FROM federated.enter_attempt(me, session_id, round, attempt);
	IF entry.reason IS NOT NULL THEN
		RETURN federated.reject(entry.held, me.id, entry.reason, entry.detail);
	ELSIF (entry.own).adv IS NOT NULL THEN
		IF ((entry.own).adv, (entry.own).identity_pk, (entry.own).signature) IS NOT DISTINCT FROM (adv, identity_pk, signature) THEN
			RETURN federated.secagg_accepted(false);
		END IF;
		RETURN federated.reject(entry.held, me.id, 'secagg_conflict', 'this Island has advertised other keys in this attempt');
	ELSIF (entry.current).state <> 'advertise' OR entry.task_state <> 'assigned' THEN
		RETURN federated.reject(entry.held, me.id, 'secagg_stale', coalesce(federated.stage_problem(entry.current, 'advertise'),
			format('this Island is out of round %s', round)));
	END IF;
	SELECT * INTO problem FROM federated.advertisement_problem(me, entry.current, adv, identity_pk, signature);
	IF problem.reason IS NOT NULL THEN
		RETURN federated.reject(entry.held, me.id, problem.reason, problem.detail);
	END IF;
	PERFORM federated.store_advertisement(me, entry.current, adv, identity_pk, signature);
	RETURN federated.secagg_accepted();
END
$$;
COMMENT ON FUNCTION @extschema@.federated_secagg_advertise(uuid, integer, integer, bytea, bytea, bytea) IS
	'Secure aggregation: the calling Island''s keys for an attempt, signed by its identity in mode active';

CREATE FUNCTION @extschema@.federated_secagg_roster(session_id uuid, round integer, attempt integer) RETURNS json
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	own federated.secagg_members := federated.read_attempt(session_id, round, attempt, 'advertise');
BEGIN
	RETURN (SELECT json_build_object('members', json_agg(json_build_object(
				'u', m.u, 'adv', encode(m.adv, 'hex'), 'identity_pk', encode(m.identity_pk, 'hex'),
				'signature', encode(m.signature, 'hex')) ORDER BY m.u))
			FROM federated.secagg_members m WHERE m.attempt_id = own.attempt_id AND m.u IS NOT NULL);
END
$$;
COMMENT ON FUNCTION @extschema@.federated_secagg_roster(uuid, integer, integer) IS
	'Secure aggregation: who is in an attempt, in the order of u, with keys and signatures; 55000 while that is open';

CREATE FUNCTION @extschema@.federated_secagg_share(session_id uuid, round integer, attempt integer, envelopes bytea) RETURNS json
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	me federated.islands := federated.require_island();
	entry record;
	answer json;
	problem text;
BEGIN
	PERFORM federated.require_argument('envelopes', envelopes);
	SELECT * INTO entry FROM federated.enter_attempt(me, session_id, round, attempt);
	IF entry.reason IS NOT NULL THEN
		RETURN federated.reject(entry.held, me.id, entry.reason, entry.detail);
	END IF;
	answer := federated.sent_before(entry.held, me.id, (entry.own).shares_digest, sha256(envelopes), 'sent other shares');
	IF answer IS NOT NULL THEN
		RETURN answer;
	END IF;
	problem := coalesce(federated.stage_problem(entry.current, 'share'),
		CASE WHEN (entry.own).u IS NULL THEN 'this Island is not in the roster'
			 WHEN entry.task_state <> 'assigned' THEN format('this Island is out of round %s', round) END);
	IF problem IS NOT NULL THEN
		RETURN federated.reject(entry.held, me.id, 'secagg_stale', problem);
	ELSIF octet_length(envelopes) <> 94 * ((entry.current).n - 1) THEN
		RETURN federated.reject(entry.held, me.id, 'secagg_bad_message',
			format('%s bytes were sent; expected %s envelopes of 94', octet_length(envelopes), (entry.current).n - 1));
	END IF;
	INSERT INTO federated.secagg_envelopes
	SELECT (entry.current).id, (entry.own).u, holder.v, substr(envelopes, 94 * (holder.place - 1)::integer + 1, 94)
	FROM (SELECT v, row_number() OVER (ORDER BY v) AS place
		  FROM generate_series(1, (entry.current).n) v WHERE v <> (entry.own).u) holder;
	UPDATE federated.secagg_members m SET shared_at = clock_timestamp(), shares_digest = sha256(envelopes)
	WHERE m.attempt_id = (entry.current).id AND m.island_id = me.id;
	RETURN federated.secagg_accepted();
END
$$;
COMMENT ON FUNCTION @extschema@.federated_secagg_share(uuid, integer, integer, bytea) IS
	'Secure aggregation: the calling Island''s sealed shares for all others, 94 bytes each, by ascending holder';

CREATE FUNCTION @extschema@.federated_secagg_inbox(session_id uuid, round integer, attempt integer) RETURNS json
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	own federated.secagg_members := federated.read_attempt(session_id, round, attempt, 'advertise', 'share');
BEGIN
	RETURN json_build_object('u2', to_json(federated.shared_set(own.attempt_id)), 'envelopes',
		(SELECT coalesce(json_agg(json_build_object('owner', e.owner, 'envelope', encode(e.envelope, 'hex')) ORDER BY e.owner), '[]')
		 FROM federated.secagg_envelopes e WHERE e.attempt_id = own.attempt_id AND e.holder = own.u));
END
$$;
COMMENT ON FUNCTION @extschema@.federated_secagg_inbox(uuid, integer, integer) IS
	'Secure aggregation: who has shared, and the envelopes for the calling Island; 55000 while that is open';

GRANT EXECUTE ON FUNCTION @extschema@.federated_secagg_advertise(uuid, integer, integer, bytea, bytea, bytea), @extschema@.federated_secagg_roster(uuid, integer, integer), @extschema@.federated_secagg_share(uuid, integer, integer, bytea), @extschema@.federated_secagg_inbox(uuid, integer, integer)
	TO federated_island;
