-- Rounds and tasks -----------------------------------------------------------------------

CREATE TABLE federated.rounds (
	id				bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
	session_id		uuid NOT NULL REFERENCES federated.sessions,
	round_no		integer NOT NULL,
	kind			text NOT NULL CHECK (kind IN ('train', 'evaluate')),
	state			text NOT NULL DEFAULT 'open' CHECK (state IN ('open', 'aggregating', 'closed', 'abandoned')),
	base_version_id	bigint NOT NULL REFERENCES federated.model_versions,
	result_version_id bigint REFERENCES federated.model_versions,
	relation		name,
	unlogged		boolean NOT NULL DEFAULT false,
	deadline		timestamptz NOT NULL,
	extensions		integer NOT NULL DEFAULT 0,
	opened_at		timestamptz NOT NULL DEFAULT now(),
	frozen_at		timestamptz,
	closed_at		timestamptz,
	total_samples	bigint,
	evaluation		jsonb NOT NULL DEFAULT '{}',
	training		jsonb NOT NULL DEFAULT '{}',
	chunk_slices	integer CHECK (chunk_slices > 0),
	timings			jsonb NOT NULL DEFAULT '{}',
	sampling_rate	float8 NOT NULL DEFAULT 1 CHECK (sampling_rate > 0 AND sampling_rate <= 1),
	UNIQUE (session_id, round_no, kind)
);
CREATE INDEX ON federated.rounds (session_id) WHERE state IN ('open', 'aggregating');
COMMENT ON TABLE federated.rounds IS 'Turns of distribute, train, collect, aggregate; the last of a session only evaluates';
COMMENT ON COLUMN federated.rounds.base_version_id IS 'Version that the Islands receive and evaluate';
COMMENT ON COLUMN federated.rounds.result_version_id IS 'Version that aggregation makes';
COMMENT ON COLUMN federated.rounds.relation IS 'Table in schema federated that holds the pages of its small updates; large ones have their own';
COMMENT ON COLUMN federated.rounds.evaluation IS 'Metrics of the received version on the Islands'' validation data: means weighted by samples';
COMMENT ON COLUMN federated.rounds.chunk_slices IS 'Slices of the result that one transaction makes, fixed when the round is frozen';
COMMENT ON COLUMN federated.rounds.timings IS 'Seconds from opening to the first update (waiting), to the freeze (collecting), from there to the close (closing), and, summed over processes, of aggregating and writing';
COMMENT ON COLUMN federated.rounds.sampling_rate IS 'Probability of a participant to be drawn for it, where that is secret; else 1';
COMMENT ON COLUMN federated.rounds.training IS 'Metrics of the local training: means weighted by samples';

CREATE TABLE federated.tasks (
	round_id	bigint NOT NULL REFERENCES federated.rounds,
	island_id	bigint NOT NULL REFERENCES federated.islands,
	state		text NOT NULL DEFAULT 'assigned' CHECK (state IN ('assigned', 'done', 'declined', 'dropped')),
	reason		text,
	assigned_at	timestamptz NOT NULL DEFAULT now(),
	fetched_at	timestamptz,
	finished_at	timestamptz,
	PRIMARY KEY (round_id, island_id)
);
CREATE INDEX ON federated.tasks (island_id) WHERE state = 'assigned';
COMMENT ON TABLE federated.tasks IS 'Who was chosen for each round, and what came of it';
COMMENT ON COLUMN federated.tasks.reason IS 'Why it was declined or dropped';
COMMENT ON COLUMN federated.tasks.fetched_at IS 'When the Island first received it';

CREATE FUNCTION federated.announce_task(session_id uuid) RETURNS void
LANGUAGE sql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$ SELECT pg_notify('federated_task', $1::text) $$;
COMMENT ON FUNCTION federated.announce_task(uuid) IS 'Wake listening Islands at commit; polling finds the same';

CREATE FUNCTION federated.heartbeat_timeout(session federated.sessions) RETURNS interval
LANGUAGE sql IMMUTABLE
SET search_path = pg_catalog, pg_temp
AS $$ SELECT make_interval(secs => ($1.config -> 'heartbeat_timeout')::float8) $$;
COMMENT ON FUNCTION federated.heartbeat_timeout(federated.sessions) IS 'Silence after which a session drops an Island';

CREATE FUNCTION federated.round_timeout(session federated.sessions) RETURNS interval
LANGUAGE sql IMMUTABLE
SET search_path = pg_catalog, pg_temp
AS $$ SELECT make_interval(secs => ($1.config -> 'round_timeout')::float8) $$;
COMMENT ON FUNCTION federated.round_timeout(federated.sessions) IS 'Time from the opening of a round to its deadline';

CREATE FUNCTION federated.last_sign(session federated.sessions, island_id bigint) RETURNS timestamptz
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	RETURN greatest($1.silence_from, (SELECT h.last_seen FROM federated.heartbeats h WHERE h.island_id = $2));
END
$$;
COMMENT ON FUNCTION federated.last_sign(federated.sessions, bigint) IS
	'From when an Island''s silence counts in a session: nobody is silent while the coordinator was away';

CREATE FUNCTION federated.open_round_of(session_id uuid) RETURNS federated.rounds
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
	SELECT r FROM federated.rounds r WHERE r.session_id = $1 AND r.state IN ('open', 'aggregating')
$$;
COMMENT ON FUNCTION federated.open_round_of(uuid) IS 'The round of a session that is not finished; at most one';

-- Senders share a round until the end of their transactions. Row locks alone
-- would be unfair: a new sender overtakes a worker that waits. So both pass a
-- gate first, in which they queue. Lock order: session, gate, round.

CREATE FUNCTION federated.round_gate(round_id bigint) RETURNS bigint
LANGUAGE sql IMMUTABLE STRICT
SET search_path = pg_catalog, pg_temp
AS $$ SELECT hashtextextended('federated.rounds', $1) $$;
COMMENT ON FUNCTION federated.round_gate(bigint) IS 'Advisory lock in which senders and the worker queue for a round';

CREATE FUNCTION federated.share_round(round_id bigint) RETURNS federated.rounds
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	round federated.rounds;
BEGIN
	PERFORM federated.limit_idle();
	PERFORM pg_advisory_xact_lock_shared(federated.round_gate(round_id));
	SELECT * INTO round FROM federated.rounds r WHERE r.id = share_round.round_id FOR SHARE;
	RETURN round;
END
$$;
COMMENT ON FUNCTION federated.share_round(bigint) IS
	'A round, kept from being frozen until the end of the transaction; NULLs if there is none';

CREATE FUNCTION federated.lock_round(round_id bigint) RETURNS boolean
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	patience text := current_setting('lock_timeout');
BEGIN
	-- The worker waits for the length of a slice, but not for somebody who has
	-- gone idle: other sessions are due.
	IF federated.current_actor() = 'worker' THEN
		PERFORM set_config('lock_timeout', '100ms', true);
	END IF;
	PERFORM pg_advisory_xact_lock(federated.round_gate(round_id));
	PERFORM FROM federated.rounds r WHERE r.id = round_id FOR NO KEY UPDATE;
	PERFORM set_config('lock_timeout', patience, true);
	RETURN true;
EXCEPTION WHEN lock_not_available THEN
	RETURN false;
END
$$;
COMMENT ON FUNCTION federated.lock_round(bigint) IS
	'Lock an open round against everybody who sends to it; false if somebody does not let go';

-- Drop-outs

CREATE FUNCTION federated.drop_participant(session_id uuid, round_id bigint, island_id bigint,
										   task_state text, reason text) RETURNS boolean
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	UPDATE federated.tasks t SET state = task_state, reason = drop_participant.reason, finished_at = now()
	WHERE t.round_id = drop_participant.round_id AND t.island_id = drop_participant.island_id AND t.state = 'assigned';
	IF NOT FOUND THEN
		RETURN false;
	END IF;
	PERFORM federated.mark_dropped(session_id, island_id, reason);
	RETURN true;
END
$$;
COMMENT ON FUNCTION federated.drop_participant(uuid, bigint, bigint, text, text) IS
	'Take an assigned task away (state dropped or declined); false when it was not assigned any more';

CREATE FUNCTION federated.mark_dropped(session_id uuid, island_id bigint, reason text) RETURNS void
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	UPDATE federated.participants p SET status = 'dropped', reason = mark_dropped.reason
	WHERE p.session_id = mark_dropped.session_id AND p.island_id = mark_dropped.island_id AND p.status <> 'dropped';
	IF FOUND THEN
		PERFORM federated.log_event(session_id, 'participant_dropped',
			jsonb_build_object('host_id', (SELECT i.host_id FROM federated.islands i WHERE i.id = island_id), 'reason', reason));
	END IF;
END
$$;
COMMENT ON FUNCTION federated.mark_dropped(uuid, bigint, text) IS 'Note that a participant is out, with the reason';

-- NULL while at least half of the participants are in.
CREATE FUNCTION federated.too_few_left(session_id uuid) RETURNS text
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
	SELECT format('%s of %s participants have dropped out', count(*) FILTER (WHERE p.status = 'dropped'), count(*))
		-- the reason of a session is for everybody who sees it
		|| CASE WHEN federated.draws_islands((SELECT s.config FROM federated.sessions s WHERE s.id = $1)) THEN ''
			ELSE format(' (%s)', string_agg(format('%s: %s', i.host_id, p.reason), '; ' ORDER BY i.host_id COLLATE "C")
									 FILTER (WHERE p.status = 'dropped')) END
	FROM federated.participants p JOIN federated.islands i ON i.id = p.island_id
	WHERE p.session_id = $1
	HAVING count(*) FILTER (WHERE p.status = 'dropped') * 2 > count(*)
$$;
COMMENT ON FUNCTION federated.too_few_left(uuid) IS
	'Why a session cannot go on: more than half of its participants have dropped out';

-- The end of a session, however it comes. The caller holds the session's row.

CREATE FUNCTION federated.end_session(session_id uuid, final_status text, reason text) RETURNS boolean
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	round federated.rounds;
BEGIN
	UPDATE federated.sessions s
	SET status = final_status, reason = end_session.reason, finished_at = now(), paused_from = NULL, paused_at = NULL,
		retry_after = NULL
	WHERE s.id = session_id AND s.status IN ('recruiting', 'training', 'paused');
	IF NOT FOUND THEN
		RETURN false;
	END IF;

	PERFORM federated.lock_round(r.id) FROM federated.open_round_of(session_id) r
	WHERE r.state = 'open' OR federated.awaits_messages(r);
	UPDATE federated.rounds r SET state = 'abandoned', closed_at = now()
	WHERE r.session_id = end_session.session_id AND r.state IN ('open', 'aggregating')
	RETURNING * INTO round;
	IF FOUND THEN
		-- After the round, as everybody: no gate was passed while its sum is made.
		PERFORM federated.end_attempts(session_id, reason);
		UPDATE federated.tasks t SET state = 'dropped', reason = 'the session ended', finished_at = now()
		WHERE t.round_id = round.id AND t.state = 'assigned';
		PERFORM federated.retire_updates(round);
		IF round.result_version_id IS NOT NULL THEN
			PERFORM federated.retire_version(round.result_version_id, 'abandoned');
		END IF;
	END IF;
	PERFORM federated.retire_states(session_id);
	IF final_status = 'completed' THEN
		UPDATE federated.participants p SET status = 'completed'
		WHERE p.session_id = end_session.session_id AND p.status <> 'dropped';
	END IF;
	PERFORM federated.log_event(session_id, 'session_' || final_status, jsonb_build_object('reason', reason));
	PERFORM federated.refund_credits(session_id);
	PERFORM federated.announce_task(session_id);
	RETURN true;
END
$$;
COMMENT ON FUNCTION federated.end_session(uuid, text, text) IS
	'Complete, fail or cancel a session; false when it had ended before';

ALTER TABLE federated.rounds ENABLE ROW LEVEL SECURITY;
ALTER TABLE federated.tasks ENABLE ROW LEVEL SECURITY;
CREATE POLICY read_visible ON federated.rounds FOR SELECT
	TO federated_admin, federated_creator, federated_viewer, federated_auditor, federated_island
	USING (federated.sees_session(session_id));
CREATE POLICY read_visible ON federated.tasks FOR SELECT
	TO federated_admin, federated_creator, federated_viewer, federated_auditor
	USING (EXISTS (SELECT FROM federated.rounds r WHERE r.id = round_id));
CREATE POLICY read_own ON federated.tasks FOR SELECT TO federated_island
	USING (island_id = (SELECT federated.caller_island()));
GRANT SELECT ON federated.rounds, federated.tasks
	TO federated_admin, federated_creator, federated_viewer, federated_auditor, federated_island;
