-- Whether the log of events is what was written ----------------------------------------------
-- Hashes are computed anew, event by event. Whoever may change everything can
-- compute them anew as well: what was exported before, the anchors, shows that.

CREATE FUNCTION federated.event_problem(event federated.events, expected bigint, previous bytea, previous_id bigint) RETURNS text
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	IF event.position < expected THEN
		RETURN format('position %s is there twice', event.position);
	ELSIF event.position > expected THEN
		RETURN format('gap: %s of position %s missing', CASE event.position - expected WHEN 1 THEN 'the event' ELSE 'events' END,
					  CASE event.position - expected WHEN 1 THEN expected || ' is'
						   ELSE format('%s to %s are', expected, event.position - 1) END);
	ELSIF event.hash IS DISTINCT FROM federated.event_hash(event, previous) THEN
		RETURN 'hash differs: this event, or the hash before it, is not what was written';
	ELSIF event.id <= previous_id THEN
		RETURN format('wrong order: event %s stands after event %s', event.id, previous_id);
	END IF;
	RETURN NULL;
END
$$;
COMMENT ON FUNCTION federated.event_problem(federated.events, bigint, bytea, bigint) IS
	'What is wrong with an event at a position of its chain; NULL when nothing is';

CREATE FUNCTION federated.chain_end_problem(head federated.event_chains, last_position bigint, last_hash bytea) RETURNS text
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	IF head.chain IS NULL THEN
		RETURN 'head missing: the chain''s row in federated.event_chains is not there';
	ELSIF head.position > last_position THEN
		RETURN format('tail missing: the head says %s, the last event has position %s', head.position, last_position);
	ELSIF head.position < last_position THEN
		RETURN format('events beyond the head: it says %s, the last event has position %s', head.position, last_position);
	ELSIF head.hash IS DISTINCT FROM last_hash THEN
		RETURN 'head differs: its hash is not that of the last event';
	END IF;
	RETURN NULL;
END
$$;
COMMENT ON FUNCTION federated.chain_end_problem(federated.event_chains, bigint, bytea) IS
	'What is wrong between the last event of a chain and its head; NULL when nothing is';

-- One pass over the rows in the order of the chain; all of it in the caller's snapshot.
CREATE FUNCTION federated.verify_chain(session_id uuid, OUT verified bigint, OUT "position" bigint, OUT event_id bigint,
									   OUT problem text)
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	event federated.events;
	previous bytea := federated.chain_start();
	head federated.event_chains;
BEGIN
	verified := 0;
	SELECT * INTO head FROM federated.event_chains c WHERE c.chain = federated.chain_of(session_id);
	FOR event IN
		SELECT e.* FROM federated.events e WHERE e.session_id = verify_chain.session_id
		UNION ALL
		SELECT e.* FROM federated.events e WHERE verify_chain.session_id IS NULL AND e.session_id IS NULL
		ORDER BY position, id
	LOOP
		position := event.position;
		problem := federated.event_problem(event, verified + 1, previous, event_id);
		event_id := event.id;
		IF problem IS NOT NULL THEN
			RETURN;
		END IF;
		verified := verified + 1;
		previous := event.hash;
	END LOOP;
	-- Before the first event of all there is no chain. A session has one from its start.
	IF verified > 0 OR head.chain IS NOT NULL OR session_id IS NOT NULL THEN
		problem := federated.chain_end_problem(head, verified, previous);
	END IF;
	IF problem IS NULL THEN
		position := NULL;
		event_id := NULL;
	END IF;
END
$$;
COMMENT ON FUNCTION federated.verify_chain(uuid) IS
	'Recompute one chain up to its first problem: how many events are right, where the first wrong one is, and what is wrong';

CREATE FUNCTION federated.require_event_reader(action text) RETURNS void
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	IF NOT federated.caller_is('federated_viewer') THEN
		PERFORM federated.require_role('federated_auditor', action);
	END IF;
END
$$;
COMMENT ON FUNCTION federated.require_event_reader(text) IS 'Refuse the call (42501) unless the caller may read all events';

CREATE FUNCTION @extschema@.federated_verify_events(session_id uuid DEFAULT NULL)
RETURNS TABLE (session uuid, ok boolean, verified bigint, "position" bigint, event_id bigint, problem text)
LANGUAGE plpgsql STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_column
BEGIN
	IF federated_verify_events.session_id IS NOT NULL THEN
		PERFORM federated.get_session(federated_verify_events.session_id);
		RETURN QUERY SELECT federated_verify_events.session_id, v.problem IS NULL, v.*
		FROM federated.verify_chain(federated_verify_events.session_id) v;
		RETURN;
	END IF;
	PERFORM federated.require_event_reader('verify all events');
	-- A session whose events are all gone is here by its own row.
	RETURN QUERY
	SELECT known.session_id, v.problem IS NULL, v.*
	FROM (SELECT NULL::uuid AS session_id
		  UNION SELECT e.session_id FROM federated.events e
		  UNION SELECT nullif(c.chain, federated.chain_of(NULL)) FROM federated.event_chains c
		  UNION SELECT s.id FROM federated.sessions s) known
	CROSS JOIN LATERAL federated.verify_chain(known.session_id) v
	ORDER BY known.session_id NULLS FIRST;
END
$$;
COMMENT ON FUNCTION @extschema@.federated_verify_events(uuid) IS
	'Recompute the hashes of one session''s events, or of all: a row for each chain (session NULL: events without one) with the number of events that are right and the first that is not';
GRANT EXECUTE ON FUNCTION @extschema@.federated_verify_events(uuid)
	TO federated_admin, federated_creator, federated_viewer, federated_auditor;

-- Anchors: the ends of all chains, to be kept where nobody who may write here may write

CREATE FUNCTION federated.anchored_chains(anchors jsonb) RETURNS TABLE (session_id uuid, "position" bigint, hash bytea)
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
	SELECT c.session_id, c."position", decode(c.hash, 'hex')
	FROM jsonb_to_recordset($1 -> 'chains') c(session_id uuid, "position" bigint, hash text)
$$;
COMMENT ON FUNCTION federated.anchored_chains(jsonb) IS 'The chains of an export of federated_event_anchors()';

-- One digest over all, to be printed or sent instead of the whole list.
CREATE FUNCTION federated.anchors_digest(anchors jsonb) RETURNS text
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
	SELECT encode(sha256('\x01'::bytea || string_agg(uuid_send(federated.chain_of(c.session_id)) || int8send(c.position) || c.hash,
													 ''::bytea ORDER BY federated.chain_of(c.session_id))), 'hex')
	FROM federated.anchored_chains($1) c
$$;
COMMENT ON FUNCTION federated.anchors_digest(jsonb) IS
	'SHA-256 over the version (1) and of each chain UUID (zeros without a session), position (8 bytes, big-endian) and hash, in order of UUID';

CREATE FUNCTION @extschema@.federated_event_anchors() RETURNS jsonb
LANGUAGE plpgsql STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	anchors jsonb;
BEGIN
	PERFORM federated.require_event_reader('export anchors of events');
	SELECT jsonb_build_object('version', 1, 'at', clock_timestamp(), 'chains', jsonb_agg(jsonb_build_object(
			   'session_id', nullif(c.chain, federated.chain_of(NULL)), 'position', c.position, 'hash', encode(c.hash, 'hex'))
		   ORDER BY c.chain))
	INTO anchors
	FROM (SELECT * FROM federated.event_chains
		  UNION ALL SELECT federated.chain_of(NULL), 0, federated.chain_start()
		  WHERE NOT EXISTS (SELECT FROM federated.event_chains n WHERE n.chain = federated.chain_of(NULL))) c;
	RETURN anchors || jsonb_build_object('digest', federated.anchors_digest(anchors));
END
$$;
COMMENT ON FUNCTION @extschema@.federated_event_anchors() IS
	'The ends of all chains of events and one digest over them, for federated_check_anchors() later: store them elsewhere';
GRANT EXECUTE ON FUNCTION @extschema@.federated_event_anchors() TO federated_admin, federated_viewer, federated_auditor;

CREATE FUNCTION federated.anchors_problem(anchors jsonb) RETURNS text
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	IF jsonb_typeof(anchors) <> 'object' OR anchors -> 'version' IS DISTINCT FROM '1' THEN
		RETURN 'It is not an object of version 1.';
	ELSIF jsonb_typeof(anchors -> 'chains') IS DISTINCT FROM 'array' OR anchors -> 'chains' = '[]' THEN
		RETURN 'It has no array "chains" with anything in it.';
	ELSIF EXISTS (SELECT FROM federated.anchored_chains(anchors) c
				  WHERE c.position IS NULL OR c.position < 0 OR c.hash IS NULL OR octet_length(c.hash) <> 32) THEN
		RETURN 'A chain has no position, or no hash of 64 hexadecimal digits.';
	ELSIF (SELECT count(DISTINCT federated.chain_of(c.session_id)) <> count(*) FROM federated.anchored_chains(anchors) c) THEN
		RETURN 'A chain is there twice.';
	ELSIF anchors ->> 'digest' IS DISTINCT FROM federated.anchors_digest(anchors) THEN
		RETURN format('Its digest is %s, that of its chains %s.', coalesce(left(anchors ->> 'digest', 100), 'missing'), federated.anchors_digest(anchors));
	END IF;
	RETURN NULL;
EXCEPTION WHEN data_exception THEN
	RETURN format('A chain cannot be read: %s.', SQLERRM);
END
$$;
COMMENT ON FUNCTION federated.anchors_problem(jsonb) IS 'Why something is no export of federated_event_anchors(); NULL when it is one';

CREATE FUNCTION federated.anchor_problem(session_id uuid, anchored bigint, anchored_hash bytea, verified bigint) RETURNS text
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	found_hash bytea;
BEGIN
	IF anchored = 0 THEN
		RETURN NULL;
	END IF;
	SELECT e.hash INTO found_hash FROM federated.events e
	WHERE e.session_id = anchor_problem.session_id AND e.position = anchored
	UNION ALL
	SELECT e.hash FROM federated.events e
	WHERE anchor_problem.session_id IS NULL AND e.session_id IS NULL AND e.position = anchored
	LIMIT 1;
	IF found_hash = anchored_hash THEN
		RETURN NULL;
	ELSIF FOUND THEN
		RETURN format('rewritten: the event of position %s has another hash than when it was anchored', anchored);
	ELSIF verified = 0 THEN
		RETURN format('vanished: it had %s events when it was anchored', anchored);
	END IF;
	RETURN format('cut: it had %s events when it was anchored, and has %s', anchored, verified);
END
$$;
COMMENT ON FUNCTION federated.anchor_problem(uuid, bigint, bytea, bigint) IS
	'How a chain differs from its anchor; NULL when it has only grown since';

CREATE FUNCTION @extschema@.federated_check_anchors(anchors jsonb)
RETURNS TABLE (session uuid, ok boolean, verified bigint, "position" bigint, event_id bigint, problem text)
LANGUAGE plpgsql STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_column
DECLARE
	refusal text;
BEGIN
	PERFORM federated.require_event_reader('check anchors of events');
	PERFORM federated.require_argument('anchors', anchors);
	refusal := federated.anchors_problem(anchors);
	IF refusal IS NOT NULL THEN
		RAISE EXCEPTION USING
			ERRCODE = 'invalid_parameter_value',
			MESSAGE = 'argument "anchors" is not what federated_event_anchors() has exported',
			DETAIL = refusal;
	END IF;
	-- An anchor holds only together with the chain that leads up to it.
	RETURN QUERY
	SELECT c.session_id, coalesce(p.problem, v.problem) IS NULL, v.verified,
		   CASE WHEN p.problem IS NULL THEN v.position ELSE c.position END, CASE WHEN p.problem IS NULL THEN v.event_id END,
		   coalesce(p.problem, v.problem)
	FROM federated.anchored_chains(anchors) c
	CROSS JOIN LATERAL federated.verify_chain(c.session_id) v
	CROSS JOIN LATERAL (SELECT federated.anchor_problem(c.session_id, c.position, c.hash, v.verified) AS problem) p
	ORDER BY federated.chain_of(c.session_id);
END
$$;
COMMENT ON FUNCTION @extschema@.federated_check_anchors(jsonb) IS
	'Verify every chain of an export of federated_event_anchors(), and that it still leads through its anchor: a row for each; chains that came later are not looked at';
GRANT EXECUTE ON FUNCTION @extschema@.federated_check_anchors(jsonb) TO federated_admin, federated_viewer, federated_auditor;
