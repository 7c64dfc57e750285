-- Sessions and participants ------------------------------------------------------------

CREATE TABLE federated.sessions (
	id				uuid PRIMARY KEY DEFAULT gen_random_uuid(),
	name			text NOT NULL CHECK (name <> '' AND length(name) <= 200),
	workload_id		bigint NOT NULL REFERENCES federated.workloads,
	status			text NOT NULL DEFAULT 'recruiting'
					CHECK (status IN ('recruiting', 'training', 'paused', 'completed', 'failed', 'cancelled')),
	total_rounds	integer NOT NULL CHECK (total_rounds > 0),
	current_round	integer NOT NULL DEFAULT 0,
	config			jsonb NOT NULL,
	owner_role		text NOT NULL,
	base_version_id	bigint NOT NULL REFERENCES federated.model_versions,
	current_version_id bigint NOT NULL REFERENCES federated.model_versions,
	best_version_id	bigint REFERENCES federated.model_versions,
	result_version_id bigint REFERENCES federated.model_versions,
	best_value		double precision,
	rounds_since_best integer NOT NULL DEFAULT 0,
	stop_reason		text,
	reason			text,
	seed			bigint NOT NULL,
	created_at		timestamptz NOT NULL DEFAULT now(),
	started_at		timestamptz,
	finished_at		timestamptz,
	recruit_deadline timestamptz,
	silence_from	timestamptz NOT NULL DEFAULT now(),
	paused_at		timestamptz,
	paused_from		text CHECK (paused_from IN ('recruiting', 'training')),
	system_identifier bigint NOT NULL,
	database_oid	oid NOT NULL,
	timeline		integer NOT NULL,
	books_checked	text,
	failures		integer NOT NULL DEFAULT 0,
	retry_after		timestamptz,
	last_error		text,
	CHECK ((status = 'paused') = (paused_from IS NOT NULL))
);
CREATE INDEX ON federated.sessions (status) WHERE status IN ('recruiting', 'training');
COMMENT ON TABLE federated.sessions IS 'Training jobs: a base version, so many rounds, a config';
COMMENT ON COLUMN federated.sessions.config IS 'Complete: defaults, the algorithm''s preset and what was given';
COMMENT ON COLUMN federated.sessions.current_version_id IS 'Version that the next round starts from';
COMMENT ON COLUMN federated.sessions.best_version_id IS 'Version with the best evaluation so far';
COMMENT ON COLUMN federated.sessions.stop_reason IS 'Why no further training round is opened, when that is before total_rounds';
COMMENT ON COLUMN federated.sessions.reason IS 'Why it failed, was cancelled or is paused, or why it completed early';
COMMENT ON COLUMN federated.sessions.silence_from IS
	'The silence of an Island counts from here at the earliest: start, resume, or end of a downtime';
COMMENT ON COLUMN federated.sessions.system_identifier IS 'Cluster in which it runs; elsewhere it waits for an operator';
COMMENT ON COLUMN federated.sessions.books_checked IS 'Cluster, database and timeline for which an administrator has last said how many charges of privacy were lost';
COMMENT ON COLUMN federated.sessions.retry_after IS 'After an error, or when the round was busy: not before';

CREATE TABLE federated.participants (
	session_id		uuid NOT NULL REFERENCES federated.sessions,
	island_id		bigint NOT NULL REFERENCES federated.islands,
	status			text NOT NULL DEFAULT 'invited'
					CHECK (status IN ('invited', 'training', 'gradient_sent', 'dropped', 'completed')),
	reason			text,
	left_at			timestamptz,
	total_samples	bigint,
	joined_at		timestamptz NOT NULL DEFAULT now(),
	PRIMARY KEY (session_id, island_id)
);
CREATE INDEX ON federated.participants (island_id);
COMMENT ON TABLE federated.participants IS 'Islands in sessions';
COMMENT ON COLUMN federated.participants.reason IS 'Why it is dropped';
COMMENT ON COLUMN federated.participants.left_at IS 'When it left for good; NULL while it may come back';
COMMENT ON COLUMN federated.participants.total_samples IS 'Size of its data: as declared, otherwise as its last update said';

CREATE FUNCTION federated.cluster_identity(OUT system_identifier bigint, OUT database_oid oid, OUT timeline integer)
LANGUAGE c STABLE STRICT
AS 'MODULE_PATHNAME', 'federated_cluster_identity';
COMMENT ON FUNCTION federated.cluster_identity() IS 'Cluster, database and timeline that this is';

-- A restored dump or a clone must not train on beside the original.
CREATE FUNCTION federated.at_home(session federated.sessions) RETURNS boolean
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	RETURN (SELECT c.system_identifier = $1.system_identifier AND c.database_oid = $1.database_oid
			FROM federated.cluster_identity() c);
END
$$;
COMMENT ON FUNCTION federated.at_home(federated.sessions) IS
	'Whether this is the cluster and the database that a session runs in';

-- Who sees a session: administrators, viewers, auditors, its creator, its Islands.

CREATE FUNCTION federated.sees_session(session_id uuid) RETURNS boolean
LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
	SELECT federated.caller_is('federated_viewer') OR federated.caller_is('federated_auditor')
		OR EXISTS (SELECT FROM federated.sessions s WHERE s.id = $1 AND s.owner_role = federated.caller_name()
				   AND federated.caller_is('federated_creator'))
		OR EXISTS (SELECT FROM federated.participants p WHERE p.session_id = $1 AND p.island_id = federated.caller_island())
$$;
COMMENT ON FUNCTION federated.sees_session(uuid) IS 'Whether the caller may watch a session';

CREATE FUNCTION federated.sees_version(version_id bigint) RETURNS boolean
LANGUAGE plpgsql STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	RETURN federated.caller_is('federated_admin')
		OR EXISTS (SELECT FROM federated.model_versions v JOIN federated.workloads w ON w.id = v.workload_id
				   WHERE v.id = $1 AND federated.caller_is('federated_creator')
					 AND federated.caller_name() IN (v.owner_role, w.owner_role))
		OR EXISTS (SELECT FROM federated.sessions s
				   JOIN federated.participants p ON p.session_id = s.id
				   WHERE p.island_id = federated.caller_island()
					 AND $1 IN (s.base_version_id, s.current_version_id, s.best_version_id, s.result_version_id));
END
$$;
COMMENT ON FUNCTION federated.sees_version(bigint) IS 'Whether the caller may read the weights of a version';
GRANT EXECUTE ON FUNCTION federated.sees_session(uuid), federated.sees_version(bigint)
	TO federated_admin, federated_creator, federated_island, federated_viewer, federated_auditor;

CREATE FUNCTION federated.get_session(session_id uuid) RETURNS federated.sessions
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	found_row federated.sessions;
BEGIN
	PERFORM federated.require_argument('session_id', session_id);
	SELECT * INTO found_row FROM federated.sessions s WHERE s.id = session_id;
	-- What somebody may not see does not exist for them.
	IF NOT FOUND OR NOT federated.sees_session(session_id) THEN
		RAISE EXCEPTION USING
			ERRCODE = 'no_data_found',
			MESSAGE = format('session %s does not exist', session_id);
	END IF;
	RETURN found_row;
END
$$;
COMMENT ON FUNCTION federated.get_session(uuid) IS 'A session that the caller may see, or an error (P0002)';

CREATE FUNCTION federated.check_session_arguments(name text, total_rounds integer) RETURNS void
LANGUAGE plpgsql IMMUTABLE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	PERFORM federated.require_argument('name', name);
	PERFORM federated.require_argument('total_rounds', total_rounds);
	IF name = '' OR length(name) > 200 THEN
		RAISE EXCEPTION USING
			ERRCODE = 'invalid_parameter_value',
			MESSAGE = 'name of a session is not valid',
			DETAIL = format('Given %s characters; allowed 1 to 200.', length(name));
	END IF;
	IF total_rounds NOT BETWEEN 1 AND 1000000 THEN
		RAISE EXCEPTION USING
			ERRCODE = 'invalid_parameter_value',
			MESSAGE = 'argument "total_rounds" is out of range',
			DETAIL = format('Given %s; allowed 1 to 1000000.', total_rounds);
	END IF;
END
$$;
COMMENT ON FUNCTION federated.check_session_arguments(text, integer) IS 'Refuse (22004, 22023) a bad name or number of rounds';

CREATE FUNCTION @extschema@.federated_start_session(name text, base_workload_id bigint, total_rounds integer,
													config jsonb DEFAULT '{}') RETURNS uuid
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	workload federated.workloads;
	resolved jsonb;
	base_id bigint;
	world record;
	new_session federated.sessions;
BEGIN
	PERFORM federated.require_role('federated_creator', 'start a session');
	PERFORM federated.check_session_arguments(name, total_rounds);
	PERFORM federated.require_argument('base_workload_id', base_workload_id);
	workload := federated.get_workload(base_workload_id);
	resolved := federated.price_session(federated.resolve_config(config), config, workload);
	resolved := federated.settle_secagg(resolved, config, workload);
	base_id := federated.hold_version(@extschema@.federated_find_version(workload.id));
	resolved := resolved || jsonb_build_object('seed', coalesce((resolved ->> 'seed')::bigint, federated.random_seed()));
	SELECT * INTO world FROM federated.cluster_identity();

	INSERT INTO federated.sessions (name, workload_id, total_rounds, config, owner_role, base_version_id,
									current_version_id, seed, recruit_deadline,
									system_identifier, database_oid, timeline)
	VALUES (name, workload.id, total_rounds, resolved, federated.caller_name(), base_id,
			base_id, (resolved ->> 'seed')::bigint,
			now() + make_interval(secs => nullif((resolved -> 'recruit_timeout')::float8, 0)),
			world.system_identifier, world.database_oid, world.timeline)
	RETURNING * INTO new_session;

	PERFORM federated.log_event(new_session.id, 'session_created',
		jsonb_build_object('name', name, 'workload', workload.name, 'base_version_id', base_id,
						   'total_rounds', total_rounds, 'config', resolved));
	PERFORM federated.check_task_text(new_session) WHERE federated.uses_secagg(resolved);
	PERFORM federated.reserve_credits(new_session);
	PERFORM federated.announce_privacy(new_session);
	IF NOT federated.driven() THEN
		RAISE NOTICE USING
			MESSAGE = 'no worker drives this session',
			DETAIL = 'federated is not in shared_preload_libraries, or federated.worker is off.',
			HINT = 'SELECT * FROM federated.health(); or call federated.advance() yourself.';
	END IF;
	PERFORM federated.make_durable();
	RETURN new_session.id;
END
$$;
COMMENT ON FUNCTION @extschema@.federated_start_session(text, bigint, integer, jsonb) IS
	'Start a federated training session of a workload''s current version; its keys of config are rows of federated.config_keys';
GRANT EXECUTE ON FUNCTION @extschema@.federated_start_session(text, bigint, integer, jsonb) TO federated_creator;

-- Pause, resume, cancel

CREATE FUNCTION federated.require_session_owner(session_id uuid, action text) RETURNS federated.sessions
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	session federated.sessions := federated.get_session(session_id);
BEGIN
	PERFORM federated.require_owner(session.owner_role, format('%s session %s', action, session_id));
	PERFORM federated.require_read_committed();
	RETURN session;
END
$$;
COMMENT ON FUNCTION federated.require_session_owner(uuid, text) IS
	'A session whose state the caller may change, or an error (P0002, 42501)';

CREATE FUNCTION federated.refuse_status(session_id uuid, action text) RETURNS void
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	RAISE EXCEPTION USING
		ERRCODE = 'object_not_in_prerequisite_state',
		MESSAGE = format('session %s cannot be %s', session_id, action),
		DETAIL = format('Its status is "%s".', (SELECT s.status FROM federated.sessions s WHERE s.id = session_id));
END
$$;
COMMENT ON FUNCTION federated.refuse_status(uuid, text) IS 'Refuse (55000) an action that the status does not allow';

CREATE FUNCTION federated.pause_session(session_id uuid, reason text) RETURNS boolean
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	UPDATE federated.sessions s
	SET paused_from = s.status, status = 'paused', paused_at = now(), reason = pause_session.reason
	WHERE s.id = session_id AND s.status IN ('recruiting', 'training');
	IF FOUND THEN
		PERFORM federated.log_event(session_id, 'session_paused', jsonb_build_object('reason', reason));
	END IF;
	RETURN FOUND;
END
$$;
COMMENT ON FUNCTION federated.pause_session(uuid, text) IS 'Pause an active session; false when it is not active';

CREATE FUNCTION @extschema@.federated_pause_session(id uuid, reason text DEFAULT NULL) RETURNS void
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	PERFORM federated.require_session_owner(id, 'pause');
	IF NOT federated.pause_session(id, coalesce(reason, 'paused by ' || federated.caller_name())) THEN
		PERFORM federated.refuse_status(id, 'paused');
	END IF;
END
$$;
COMMENT ON FUNCTION @extschema@.federated_pause_session(uuid, text) IS
	'Pause a session: no step is taken and no deadline passes until it is resumed; updates of the open round are still accepted';
GRANT EXECUTE ON FUNCTION @extschema@.federated_pause_session(uuid, text) TO federated_creator;

CREATE FUNCTION @extschema@.federated_resume_session(id uuid) RETURNS void
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	world record;
	away interval;
	session federated.sessions := federated.require_session_owner(id, 'resume');
BEGIN
	SELECT * INTO world FROM federated.cluster_identity();
	-- Another cluster is another world: running the session on in both of them
	-- is an operator's decision.
	IF NOT federated.at_home(session) THEN
		PERFORM federated.require_role('federated_admin', 'resume a session of another cluster');
	END IF;
	PERFORM federated.require_books(session);

	away := now() - session.paused_at;
	UPDATE federated.sessions s
	SET status = s.paused_from, paused_from = NULL, paused_at = NULL, reason = NULL, silence_from = now(),
		recruit_deadline = s.recruit_deadline + away, failures = 0, retry_after = NULL,
		system_identifier = world.system_identifier, database_oid = world.database_oid, timeline = world.timeline,
		books_checked = NULL
	WHERE s.id = federated_resume_session.id AND s.status = 'paused';
	IF NOT FOUND THEN
		PERFORM federated.refuse_status(id, 'resumed');
	END IF;
	PERFORM federated.lock_round(r.id) FROM federated.open_round_of(id) r WHERE r.state = 'open' OR federated.awaits_messages(r);
	UPDATE federated.rounds r SET deadline = now() + federated.round_timeout(session)
	WHERE r.session_id = federated_resume_session.id AND r.state = 'open';
	UPDATE federated.secagg_attempts a SET deadline = now() + federated.stage_timeout(session, a.state)
	WHERE a.session_id = federated_resume_session.id AND a.state IN ('advertise', 'share', 'agree', 'reveal');
	PERFORM federated.log_event(id, 'session_resumed', jsonb_build_object('seconds_paused', extract(epoch FROM away)));
	PERFORM federated.announce_task(id);
	PERFORM federated.wake_worker();
END
$$;
COMMENT ON FUNCTION @extschema@.federated_resume_session(uuid) IS
	'Resume a paused session; the open round gets a full timeout again';
GRANT EXECUTE ON FUNCTION @extschema@.federated_resume_session(uuid) TO federated_creator;

CREATE FUNCTION @extschema@.federated_cancel_session(id uuid, reason text DEFAULT NULL) RETURNS void
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	PERFORM federated.require_session_owner(id, 'cancel');
	IF NOT federated.end_session(id, 'cancelled', coalesce(reason, 'cancelled by ' || federated.caller_name())) THEN
		PERFORM federated.refuse_status(id, 'cancelled');
	END IF;
	PERFORM federated.wake_worker();
END
$$;
COMMENT ON FUNCTION @extschema@.federated_cancel_session(uuid, text) IS
	'End a session without a result; its last version stays';
GRANT EXECUTE ON FUNCTION @extschema@.federated_cancel_session(uuid, text) TO federated_creator;

ALTER TABLE federated.sessions ENABLE ROW LEVEL SECURITY;
ALTER TABLE federated.participants ENABLE ROW LEVEL SECURITY;
ALTER TABLE federated.events ENABLE ROW LEVEL SECURITY;
ALTER TABLE federated.model_versions ENABLE ROW LEVEL SECURITY;
ALTER TABLE federated.workload_heads ENABLE ROW LEVEL SECURITY;
ALTER TABLE federated.head_moves ENABLE ROW LEVEL SECURITY;
CREATE POLICY read_visible ON federated.sessions FOR SELECT
	TO federated_admin, federated_creator, federated_viewer, federated_auditor, federated_island
	USING (federated.sees_session(id));
CREATE POLICY read_visible ON federated.participants FOR SELECT
	TO federated_admin, federated_creator, federated_viewer, federated_auditor USING (federated.sees_session(session_id));
CREATE POLICY read_own ON federated.participants FOR SELECT TO federated_island
	USING (island_id = (SELECT federated.caller_island()));
CREATE POLICY read_all ON federated.events FOR SELECT
	TO federated_admin, federated_viewer, federated_auditor USING (true);
CREATE POLICY read_visible ON federated.events FOR SELECT
	TO federated_creator USING (session_id IS NOT NULL AND federated.sees_session(session_id));
CREATE POLICY read_all ON federated.model_versions FOR SELECT
	TO federated_admin, federated_viewer, federated_auditor, federated_creator USING (true);
CREATE POLICY read_visible ON federated.model_versions FOR SELECT
	TO federated_island USING (federated.sees_version(id));
CREATE POLICY read_all ON federated.workload_heads FOR SELECT
	TO federated_admin, federated_creator, federated_viewer, federated_auditor, federated_island USING (true);
CREATE POLICY read_all ON federated.head_moves FOR SELECT
	TO federated_admin, federated_creator, federated_viewer, federated_auditor USING (true);
GRANT SELECT ON federated.sessions, federated.participants, federated.model_versions, federated.workload_heads
	TO federated_admin, federated_creator, federated_viewer, federated_auditor, federated_island;
GRANT SELECT ON federated.head_moves TO federated_admin, federated_creator, federated_viewer, federated_auditor;
GRANT SELECT ON federated.events TO federated_admin, federated_creator, federated_viewer, federated_auditor;
