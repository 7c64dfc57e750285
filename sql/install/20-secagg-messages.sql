-- Secure aggregation 4: what Islands say to each other through us -----------------------------------
-- Every call may be repeated: the same bytes succeed and change nothing, other
-- bytes are refused, as an answer and not an error (see 19-updates.sql). Binary
-- values come as bytea and go out as hexadecimal digits.

CREATE FUNCTION federated.enter_attempt(me federated.islands, session_id uuid, round integer, attempt integer,
										OUT held federated.rounds, OUT current federated.secagg_attempts,
										OUT own federated.secagg_members, OUT task_state text, OUT reason text, OUT detail text)
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	PERFORM federated.require_read_committed();
	PERFORM federated.require_argument('session_id', session_id);
	PERFORM federated.require_argument('round', round);
	PERFORM federated.require_argument('attempt', attempt);
	SELECT * INTO current FROM federated.secagg_attempts a
	WHERE a.session_id = enter_attempt.session_id AND a.round_no = enter_attempt.round AND a.attempt = enter_attempt.attempt;
	IF FOUND THEN
		held := federated.share_round(current.round_id);
		SELECT * INTO current FROM federated.secagg_attempts a WHERE a.id = current.id FOR SHARE;
		SELECT t.state INTO task_state FROM federated.tasks t WHERE t.round_id = held.id AND t.island_id = me.id;
		-- One message of an Island at a time: a repeated one finds what the first has left.
		SELECT * INTO own FROM federated.secagg_members m WHERE m.attempt_id = current.id AND m.island_id = me.id FOR NO KEY UPDATE;
	END IF;

	IF current.id IS NULL THEN
		reason := 'secagg_stale';
		detail := format('session %s has no attempt %s of round %s', session_id, attempt, round);
	ELSIF task_state IS NULL THEN
		reason := 'not_participant';
		detail := format('this Island has no task in round %s', round);
	ELSIF NOT (SELECT federated.at_home(s) FROM federated.sessions s WHERE s.id = held.session_id) THEN
		reason := 'secagg_stale';
		detail := 'this is a copy of the database that the session runs in';
	END IF;
END
$$;
COMMENT ON FUNCTION federated.enter_attempt(federated.islands, uuid, integer, integer) IS
	'An attempt, kept from changing, and the Island''s place in it; or the reason why it has none';

CREATE FUNCTION federated.stage_problem(current federated.secagg_attempts, wanted text) RETURNS text
LANGUAGE plpgsql IMMUTABLE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	IF current.state = wanted THEN
		RETURN NULL;
	END IF;
	RETURN format('attempt %s of round %s is in state "%s"; this belongs to "%s"', current.attempt, current.round_no, current.state, wanted);
END
$$;
COMMENT ON FUNCTION federated.stage_problem(federated.secagg_attempts, text) IS 'Why a message does not belong to the state of its attempt; NULL when it does';

CREATE FUNCTION federated.secagg_accepted(wake boolean DEFAULT true) RETURNS json
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	PERFORM federated.make_durable();
	IF wake THEN
		PERFORM federated.wake_worker();
	END IF;
	RETURN json_build_object('status', 'accepted');
END
$$;
COMMENT ON FUNCTION federated.secagg_accepted(boolean) IS 'The answer to a message that is stored, durably';

-- Stage advertise

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

-- What one Island reads of the others. Nothing here is secret from a member.
CREATE FUNCTION federated.read_attempt(session_id uuid, round integer, attempt integer, VARIADIC not_before text[]) RETURNS federated.secagg_members
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	me federated.islands := federated.require_island();
	current federated.secagg_attempts;
	own federated.secagg_members;
BEGIN
	SELECT * INTO current FROM federated.secagg_attempts a
	WHERE a.session_id = read_attempt.session_id AND a.round_no = read_attempt.round AND a.attempt = read_attempt.attempt;
	SELECT * INTO own FROM federated.secagg_members m WHERE m.attempt_id = current.id AND m.island_id = me.id;
	IF own.attempt_id IS NULL THEN
		RAISE EXCEPTION USING
			ERRCODE = 'no_data_found',
			MESSAGE = format('Island "%s" is not in attempt %s of round %s of session %s', me.host_id, attempt, round, session_id);
	ELSIF current.state = ANY (not_before || 'aborted'::text) OR own.u IS NULL THEN
		RAISE EXCEPTION USING
			ERRCODE = 'object_not_in_prerequisite_state',
			MESSAGE = format('attempt %s of round %s is in state "%s"', attempt, round, current.state),
			DETAIL = 'What was asked for is not fixed yet, or never will be, or the Island came too late.';
	END IF;
	RETURN own;
END
$$;
COMMENT ON FUNCTION federated.read_attempt(uuid, integer, integer, text[]) IS
	'The calling Island''s place in an attempt that has passed some states, or an error (P0002, 55000)';

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

-- Stage share

CREATE FUNCTION @extschema@.federated_secagg_share(session_id uuid, round integer, attempt integer, envelopes bytea) RETURNS json
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	me federated.islands := federated.require_island();
	entry record;
	problem text;
BEGIN
	PERFORM federated.require_argument('envelopes', envelopes);
	SELECT * INTO entry FROM federated.enter_attempt(me, session_id, round, attempt);
	IF entry.reason IS NOT NULL THEN
		RETURN federated.reject(entry.held, me.id, entry.reason, entry.detail);
	ELSIF (entry.own).shares_digest IS NOT NULL THEN
		IF (entry.own).shares_digest = sha256(envelopes) THEN
			RETURN federated.secagg_accepted(false);
		END IF;
		RETURN federated.reject(entry.held, me.id, 'secagg_conflict', 'this Island has sent other shares in this attempt');
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

CREATE FUNCTION federated.shared_set(attempt_id bigint) RETURNS integer[]
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	RETURN ARRAY(SELECT m.u FROM federated.secagg_members m
				 WHERE m.attempt_id = shared_set.attempt_id AND m.u IS NOT NULL AND m.shared_at IS NOT NULL ORDER BY m.u);
END
$$;
COMMENT ON FUNCTION federated.shared_set(bigint) IS 'U2: who has shared, in the order of u; it is fixed when state share has ended';

CREATE FUNCTION federated.summed_set(attempt_id bigint) RETURNS integer[]
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	RETURN ARRAY(SELECT o.owner FROM federated.secagg_owners o
				 WHERE o.attempt_id = summed_set.attempt_id AND o.disposition = 'b' ORDER BY o.owner);
END
$$;
COMMENT ON FUNCTION federated.summed_set(bigint) IS 'U3: whose update is summed, in the order of u; empty before state mask has ended';

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

-- Stage mask

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
	IF known = aux THEN
		RETURN federated.secagg_accepted(false);
	ELSIF known IS NOT NULL THEN
		RETURN federated.reject(entry.held, me.id, 'secagg_conflict', 'this Island has sent other aux values in this attempt');
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

-- Stage agree

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
	problem text;
BEGIN
	PERFORM federated.require_bytes('signature', signature, 64);
	SELECT * INTO entry FROM federated.enter_attempt(me, session_id, round, attempt);
	IF entry.reason IS NOT NULL THEN
		RETURN federated.reject(entry.held, me.id, entry.reason, entry.detail);
	ELSIF (entry.current).mode = 'semi_honest' THEN
		RETURN federated.reject(entry.held, me.id, 'secagg_bad_message', 'nobody signs in mode semi_honest');
	ELSIF (entry.own).agreement = signature THEN
		RETURN federated.secagg_accepted(false);
	ELSIF (entry.own).agreement IS NOT NULL THEN
		RETURN federated.reject(entry.held, me.id, 'secagg_conflict', 'this Island has signed otherwise in this attempt');
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

-- Stage reveal

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
	problem text;
BEGIN
	PERFORM federated.require_argument('reveal', reveal);
	SELECT * INTO entry FROM federated.enter_attempt(me, session_id, round, attempt);
	IF entry.reason IS NOT NULL THEN
		RETURN federated.reject(entry.held, me.id, entry.reason, entry.detail);
	ELSIF (entry.own).reveal_digest IS NOT NULL THEN
		IF (entry.own).reveal_digest = sha256(reveal) THEN
			RETURN federated.secagg_accepted(false);
		END IF;
		RETURN federated.reject(entry.held, me.id, 'secagg_conflict', 'this Island has revealed otherwise in this attempt');
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

GRANT EXECUTE ON FUNCTION @extschema@.federated_secagg_advertise(uuid, integer, integer, bytea, bytea, bytea),
	@extschema@.federated_secagg_roster(uuid, integer, integer), @extschema@.federated_secagg_share(uuid, integer, integer, bytea),
	@extschema@.federated_secagg_inbox(uuid, integer, integer), @extschema@.federated_secagg_aux(uuid, integer, integer, bytea),
	@extschema@.federated_secagg_complain(uuid, integer, integer, integer[]), @extschema@.federated_secagg_sets(uuid, integer, integer),
	@extschema@.federated_secagg_agree(uuid, integer, integer, bytea), @extschema@.federated_secagg_agreements(uuid, integer, integer),
	@extschema@.federated_secagg_reveal(uuid, integer, integer, bytea) TO federated_island;
