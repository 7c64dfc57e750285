-- Islands --------------------------------------------------------------------------

CREATE TABLE federated.islands (
	id				bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
	host_id			text NOT NULL UNIQUE CHECK (host_id ~ '^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$'),
	role_name		name UNIQUE,
	capabilities	jsonb NOT NULL DEFAULT '{}' CHECK (jsonb_typeof(capabilities) = 'object'),
	account_id		bigint NOT NULL REFERENCES federated.accounts,
	suspended_at	timestamptz,
	suspend_reason	text,
	registered_at	timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE federated.islands IS 'Hosts that own data and train';
COMMENT ON COLUMN federated.islands.role_name IS 'Database role that this Island logs in as; NULL when it only comes over HTTP';
COMMENT ON COLUMN federated.islands.account_id IS 'Account that gets what it earns: its own, or its owner''s, which other Islands may share';
COMMENT ON COLUMN federated.islands.capabilities IS 'What the Island says of itself: tags, numbers, anything a requirement may ask for';

-- Written by every call of every Island: narrow, its changing column unindexed,
-- half-empty pages, so that each write stays on its page.
CREATE TABLE federated.heartbeats (
	island_id	bigint PRIMARY KEY REFERENCES federated.islands ON DELETE CASCADE,
	last_seen	timestamptz NOT NULL
) WITH (fillfactor = 50);
COMMENT ON TABLE federated.heartbeats IS 'When each Island was last heard from';

CREATE TABLE federated.consents (
	island_id	bigint NOT NULL REFERENCES federated.islands ON DELETE CASCADE,
	workload_id	bigint NOT NULL REFERENCES federated.workloads ON DELETE CASCADE,
	num_samples	bigint CHECK (num_samples > 0),
	given_at	timestamptz NOT NULL DEFAULT now(),
	PRIMARY KEY (island_id, workload_id)
);
COMMENT ON TABLE federated.consents IS 'Workloads that an Island''s owner lets it train; only the Island itself writes here';
COMMENT ON COLUMN federated.consents.num_samples IS 'Size of its data for the workload, as declared';

CREATE FUNCTION federated.caller_island() RETURNS bigint
LANGUAGE plpgsql STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	RETURN (SELECT i.id FROM federated.islands i
			WHERE federated.caller_is('federated_island')
			  AND CASE WHEN session_user = 'federated_authenticator' THEN i.host_id = federated.caller_claims() ->> 'host_id'
					   ELSE i.role_name = session_user END);
END
$$;
COMMENT ON FUNCTION federated.caller_island() IS
	'The Island that is calling; NULL when the caller is none';
GRANT EXECUTE ON FUNCTION federated.caller_island()
	TO federated_admin, federated_creator, federated_island, federated_viewer, federated_auditor;

CREATE FUNCTION federated.note_heartbeat(island_id bigint) RETURNS void
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	before timestamptz;
BEGIN
	SELECT h.last_seen INTO before FROM federated.heartbeats h WHERE h.island_id = note_heartbeat.island_id;
	IF before > clock_timestamp() - interval '1 second' THEN
		RETURN;
	END IF;
	INSERT INTO federated.heartbeats VALUES (island_id, clock_timestamp())
	ON CONFLICT ON CONSTRAINT heartbeats_pkey DO UPDATE SET last_seen = excluded.last_seen;
	-- Somebody new, or back after a silence: a session may be waiting for it.
	IF before IS NULL OR before < clock_timestamp() - federated.island_timeout() THEN
		PERFORM federated.wake_worker();
	END IF;
END
$$;
COMMENT ON FUNCTION federated.note_heartbeat(bigint) IS 'Note that an Island was heard from, at most once a second';

CREATE FUNCTION federated.island_timeout() RETURNS interval
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$ SELECT make_interval(secs => federated.setting('island_timeout')::integer) $$;
COMMENT ON FUNCTION federated.island_timeout() IS 'federated.island_timeout as an interval';

CREATE FUNCTION federated.require_island() RETURNS federated.islands
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	me federated.islands;
BEGIN
	SELECT * INTO me FROM federated.islands i WHERE i.id = federated.caller_island();
	IF NOT FOUND THEN
		RAISE EXCEPTION USING
			ERRCODE = 'insufficient_privilege',
			MESSAGE = format('"%s" is not an Island', federated.caller_name()),
			HINT = 'An administrator registers one: federated_register_island(host_id, capabilities, role_name).';
	END IF;
	IF me.suspended_at IS NOT NULL THEN
		RAISE EXCEPTION USING
			ERRCODE = 'insufficient_privilege',
			MESSAGE = format('Island "%s" is suspended', me.host_id),
			DETAIL = me.suspend_reason;
	END IF;
	PERFORM federated.note_heartbeat(me.id);
	RETURN me;
END
$$;
COMMENT ON FUNCTION federated.require_island() IS
	'The calling Island, heard from just now; refuses (42501) everybody else and suspended ones';

CREATE FUNCTION federated.require_capabilities(capabilities jsonb) RETURNS void
LANGUAGE plpgsql IMMUTABLE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	PERFORM federated.require_argument('capabilities', capabilities);
	IF jsonb_typeof(capabilities) <> 'object'
		OR (capabilities ? 'tags' AND (jsonb_typeof(capabilities -> 'tags') <> 'array'
									   OR jsonb_path_exists(capabilities, '$.tags[*] ? (@.type() != "string")')))
		OR pg_column_size(capabilities) > 65536 THEN
		RAISE EXCEPTION USING
			ERRCODE = 'invalid_parameter_value',
			MESSAGE = 'capabilities are not valid',
			DETAIL = 'They must be a JSON object of at most 64 kB; "tags", if given, an array of strings.';
	END IF;
END
$$;
COMMENT ON FUNCTION federated.require_capabilities(jsonb) IS 'Refuse (22023) malformed capabilities';

CREATE FUNCTION @extschema@.federated_register_island(host_id text, capabilities jsonb DEFAULT '{}',
													  role_name name DEFAULT NULL) RETURNS bigint
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	new_id bigint;
BEGIN
	PERFORM federated.require_role('federated_admin', 'register an Island');
	PERFORM federated.require_argument('host_id', host_id);
	PERFORM federated.require_capabilities(capabilities);
	IF host_id !~ '^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$' THEN
		RAISE EXCEPTION USING
			ERRCODE = 'invalid_parameter_value',
			MESSAGE = 'argument "host_id" is not valid',
			DETAIL = format('Given "%s"; allowed are 1 to 100 letters, digits, dots, underscores and hyphens, a letter or digit first.', host_id);
	END IF;
	IF role_name IS NOT NULL AND NOT EXISTS (SELECT FROM pg_roles r WHERE r.rolname = role_name
											 AND pg_has_role(r.oid, 'federated_island', 'MEMBER')) THEN
		RAISE EXCEPTION USING
			ERRCODE = 'invalid_parameter_value',
			MESSAGE = format('role "%s" cannot be an Island', role_name),
			DETAIL = 'It does not exist or is not a member of "federated_island".',
			HINT = format('CREATE ROLE %1$I LOGIN; GRANT federated_island TO %1$I;', role_name);
	END IF;

	INSERT INTO federated.islands (host_id, capabilities, role_name, account_id)
	VALUES (host_id, capabilities, role_name, federated.open_account('island', host_id))
	ON CONFLICT DO NOTHING RETURNING id INTO new_id;
	IF new_id IS NULL THEN
		RAISE EXCEPTION USING
			ERRCODE = 'unique_violation',
			MESSAGE = concat('Island "', host_id, '"', ' or one with role "' || role_name || '"', ' already exists');
	END IF;
	PERFORM federated.log_event(NULL, 'island_registered', jsonb_build_object('host_id', host_id, 'role_name', role_name));
	RETURN new_id;
END
$$;
COMMENT ON FUNCTION @extschema@.federated_register_island(text, jsonb, name) IS
	'Register a host that may train, and the database role it logs in as';
GRANT EXECUTE ON FUNCTION @extschema@.federated_register_island(text, jsonb, name) TO federated_admin;

CREATE FUNCTION federated.get_island(host_id text) RETURNS federated.islands
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	found_row federated.islands;
BEGIN
	PERFORM federated.require_argument('host_id', host_id);
	SELECT * INTO found_row FROM federated.islands i WHERE i.host_id = get_island.host_id;
	IF NOT FOUND THEN
		RAISE EXCEPTION USING
			ERRCODE = 'no_data_found',
			MESSAGE = format('Island "%s" does not exist', host_id);
	END IF;
	RETURN found_row;
END
$$;
COMMENT ON FUNCTION federated.get_island(text) IS 'An Island by host_id, or an error (P0002)';

CREATE FUNCTION @extschema@.federated_suspend_island(host_id text, reason text) RETURNS void
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	island federated.islands;
BEGIN
	PERFORM federated.require_role('federated_admin', 'suspend an Island');
	PERFORM federated.require_argument('reason', reason);
	island := federated.get_island(host_id);
	UPDATE federated.islands i SET suspended_at = now(), suspend_reason = reason
	WHERE i.id = island.id AND i.suspended_at IS NULL;
	IF FOUND THEN
		PERFORM federated.log_event(NULL, 'island_suspended', jsonb_build_object('host_id', host_id, 'reason', reason));
		PERFORM federated.wake_worker();
	END IF;
END
$$;
COMMENT ON FUNCTION @extschema@.federated_suspend_island(text, text) IS
	'Let an Island take no part until it is reinstated; in open rounds it counts as dropped';
GRANT EXECUTE ON FUNCTION @extschema@.federated_suspend_island(text, text) TO federated_admin;

CREATE FUNCTION @extschema@.federated_reinstate_island(host_id text) RETURNS void
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	island federated.islands;
BEGIN
	PERFORM federated.require_role('federated_admin', 'reinstate an Island');
	island := federated.get_island(host_id);
	UPDATE federated.islands i SET suspended_at = NULL, suspend_reason = NULL
	WHERE i.id = island.id AND i.suspended_at IS NOT NULL;
	IF FOUND THEN
		PERFORM federated.log_event(NULL, 'island_reinstated', jsonb_build_object('host_id', host_id));
	END IF;
END
$$;
COMMENT ON FUNCTION @extschema@.federated_reinstate_island(text) IS 'Undo federated_suspend_island()';
GRANT EXECUTE ON FUNCTION @extschema@.federated_reinstate_island(text) TO federated_admin;

CREATE FUNCTION @extschema@.federated_heartbeat(capabilities jsonb DEFAULT NULL) RETURNS json
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	me federated.islands := federated.require_island();
BEGIN
	IF capabilities IS NOT NULL AND capabilities <> me.capabilities THEN
		PERFORM federated.require_capabilities(capabilities);
		UPDATE federated.islands i SET capabilities = federated_heartbeat.capabilities WHERE i.id = me.id;
		PERFORM federated.log_event(NULL, 'island_changed', jsonb_build_object('host_id', me.host_id, 'capabilities', capabilities));
		PERFORM federated.wake_worker();
	ELSE
		-- Losing one in a crash costs nothing: waiting for the disk would.
		PERFORM federated.make_lazy();
	END IF;
	RETURN json_build_object('host_id', me.host_id, 'time', clock_timestamp(),
							 'extension_version', (SELECT extversion FROM pg_extension WHERE extname = 'federated'));
END
$$;
COMMENT ON FUNCTION @extschema@.federated_heartbeat(jsonb) IS
	'Tell that the calling Island is alive, and what it can do';
GRANT EXECUTE ON FUNCTION @extschema@.federated_heartbeat(jsonb) TO federated_island;

CREATE FUNCTION @extschema@.federated_accept_workload(workload_id bigint, num_samples bigint DEFAULT NULL) RETURNS void
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	me federated.islands := federated.require_island();
	workload federated.workloads := federated.get_workload(workload_id);
BEGIN
	IF num_samples <= 0 THEN
		RAISE EXCEPTION USING
			ERRCODE = 'invalid_parameter_value',
			MESSAGE = 'argument "num_samples" is out of range',
			DETAIL = format('Given %s; allowed 1 to 9223372036854775807, or NULL.', num_samples);
	END IF;
	INSERT INTO federated.consents AS c (island_id, workload_id, num_samples)
	VALUES (me.id, workload.id, num_samples)
	ON CONFLICT ON CONSTRAINT consents_pkey DO UPDATE SET num_samples = excluded.num_samples
		WHERE c.num_samples IS DISTINCT FROM excluded.num_samples;
	IF FOUND THEN
		PERFORM federated.log_event(NULL, 'workload_accepted',
			jsonb_build_object('host_id', me.host_id, 'workload', workload.name, 'num_samples', num_samples));
		PERFORM federated.wake_worker();
	END IF;
END
$$;
COMMENT ON FUNCTION @extschema@.federated_accept_workload(bigint, bigint) IS
	'The calling Island agrees to train a workload and declares how many samples it has for it';
GRANT EXECUTE ON FUNCTION @extschema@.federated_accept_workload(bigint, bigint) TO federated_island;

CREATE FUNCTION @extschema@.federated_refuse_workload(workload_id bigint) RETURNS void
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	me federated.islands := federated.require_island();
	workload federated.workloads := federated.get_workload(workload_id);
BEGIN
	DELETE FROM federated.consents c WHERE c.island_id = me.id AND c.workload_id = workload.id;
	IF FOUND THEN
		PERFORM federated.log_event(NULL, 'workload_refused',
			jsonb_build_object('host_id', me.host_id, 'workload', workload.name));
	END IF;
END
$$;
COMMENT ON FUNCTION @extschema@.federated_refuse_workload(bigint) IS
	'The calling Island takes back its consent; it is invited to no further session of the workload';
GRANT EXECUTE ON FUNCTION @extschema@.federated_refuse_workload(bigint) TO federated_island;

-- Eligibility

CREATE FUNCTION federated.unmet_requirement(requirements jsonb, capabilities jsonb) RETURNS text
LANGUAGE plpgsql IMMUTABLE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	missing text;
BEGIN
	SELECT string_agg(tag, ', ' ORDER BY tag) INTO missing
	FROM jsonb_array_elements_text(coalesce(requirements -> 'tags', '[]')) tag
	WHERE NOT coalesce(capabilities -> 'tags', '[]') ? tag;
	IF missing IS NOT NULL THEN
		RETURN format('lacks tags: %s', missing);
	END IF;

	SELECT string_agg(format('%s is %s, needs %s', key, coalesce(capabilities ->> key, 'not stated'), value), '; ' ORDER BY key)
	INTO missing
	FROM jsonb_each(coalesce(requirements -> 'minimum', '{}'))
	WHERE CASE WHEN jsonb_typeof(capabilities -> key) = 'number'
			   THEN (capabilities -> key)::numeric < value::numeric ELSE true END;
	IF missing IS NOT NULL THEN
		RETURN missing;
	END IF;

	IF requirements ? 'predicate'
		AND NOT coalesce(jsonb_path_match(capabilities, (requirements ->> 'predicate')::jsonpath, silent => true), false) THEN
		RETURN format('does not satisfy %s', requirements ->> 'predicate');
	END IF;
	RETURN NULL;
END
$$;
COMMENT ON FUNCTION federated.unmet_requirement(jsonb, jsonb) IS
	'Why capabilities do not meet requirements; NULL when they do';

CREATE FUNCTION federated.eligibility(workload_id bigint, OUT island_id bigint, OUT host_id text, OUT reason text)
RETURNS SETOF record
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
	SELECT i.id, i.host_id,
		   CASE
			   WHEN i.suspended_at IS NOT NULL THEN format('suspended: %s', i.suspend_reason)
			   WHEN c.island_id IS NULL THEN 'has not accepted the workload'
			   WHEN federated.unmet_requirement(w.requirements, i.capabilities) IS NOT NULL
				   THEN federated.unmet_requirement(w.requirements, i.capabilities)
			   WHEN h.last_seen IS NULL THEN 'was never heard from'
			   WHEN h.last_seen < clock_timestamp() - federated.island_timeout()
				   THEN format('was not heard from for %s s',
							   floor(extract(epoch FROM clock_timestamp() - h.last_seen))::bigint)
		   END
	FROM federated.workloads w
	CROSS JOIN federated.islands i
	LEFT JOIN federated.consents c ON c.island_id = i.id AND c.workload_id = w.id
	LEFT JOIN federated.heartbeats h ON h.island_id = i.id
	WHERE w.id = $1
	ORDER BY i.host_id COLLATE "C"
$$;
COMMENT ON FUNCTION federated.eligibility(bigint) IS
	'Every Island, and why it may not take part in sessions of a workload (NULL: it may)';

CREATE FUNCTION @extschema@.federated_eligible_islands(workload_id bigint)
RETURNS TABLE (host_id text, eligible boolean, reason text)
LANGUAGE plpgsql STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	IF NOT federated.caller_is('federated_viewer') THEN
		PERFORM federated.require_role('federated_creator', 'list eligible Islands');
	END IF;
	PERFORM federated.get_workload(workload_id);
	RETURN QUERY SELECT e.host_id, e.reason IS NULL, e.reason FROM federated.eligibility(workload_id) e;
END
$$;
COMMENT ON FUNCTION @extschema@.federated_eligible_islands(bigint) IS
	'Each Island, whether it may take part in a session of the workload, and why not';
GRANT EXECUTE ON FUNCTION @extschema@.federated_eligible_islands(bigint) TO federated_admin, federated_creator, federated_viewer;

ALTER TABLE federated.islands ENABLE ROW LEVEL SECURITY;
ALTER TABLE federated.heartbeats ENABLE ROW LEVEL SECURITY;
ALTER TABLE federated.consents ENABLE ROW LEVEL SECURITY;
CREATE POLICY read_all ON federated.islands FOR SELECT TO federated_admin, federated_viewer, federated_auditor USING (true);
CREATE POLICY read_all ON federated.heartbeats FOR SELECT TO federated_admin, federated_viewer, federated_auditor USING (true);
CREATE POLICY read_all ON federated.consents FOR SELECT TO federated_admin, federated_viewer, federated_auditor USING (true);
CREATE POLICY read_own ON federated.islands FOR SELECT TO federated_island USING (id = (SELECT federated.caller_island()));
CREATE POLICY read_own ON federated.heartbeats FOR SELECT TO federated_island USING (island_id = (SELECT federated.caller_island()));
CREATE POLICY read_own ON federated.consents FOR SELECT TO federated_island USING (island_id = (SELECT federated.caller_island()));
GRANT SELECT ON federated.islands, federated.heartbeats, federated.consents
	TO federated_admin, federated_viewer, federated_auditor, federated_island;
