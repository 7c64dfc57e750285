-- The state machine 2: aggregating, a chunk at a time -----------------------------------------------
-- Bounded transactions with durable progress, by the worker and as many helpers
-- as there are: whoever gets a chunk's lock computes it. Its rows in
-- federated.slices say that it is done, whoever did it and whoever died.

CREATE TABLE federated.chunks (
	round_id		bigint NOT NULL REFERENCES federated.rounds ON DELETE CASCADE,
	first_slice		integer NOT NULL,
	slices			integer NOT NULL,
	began_at		timestamptz NOT NULL,
	finished_at		timestamptz NOT NULL,
	compute_seconds	float8 NOT NULL,
	write_seconds	float8 NOT NULL,
	pid				integer NOT NULL,
	PRIMARY KEY (round_id, first_slice)
);
COMMENT ON TABLE federated.chunks IS 'Parts of the result of a round that is being aggregated, and how long each took';
COMMENT ON COLUMN federated.chunks.compute_seconds IS 'Reading the updates and computing';
COMMENT ON COLUMN federated.chunks.write_seconds IS 'Writing the result''s pages';
ALTER TABLE federated.chunks ENABLE ROW LEVEL SECURITY;
CREATE POLICY read_visible ON federated.chunks FOR SELECT
	TO federated_admin, federated_creator, federated_viewer, federated_auditor
	USING (EXISTS (SELECT FROM federated.rounds r WHERE r.id = round_id));
GRANT SELECT ON federated.chunks TO federated_admin, federated_creator, federated_viewer, federated_auditor;

CREATE FUNCTION federated.aggregate_slices(round_id bigint, first_slice integer, slice_count integer, OUT slice_no integer,
										   OUT sha256 bytea, OUT compute_seconds float8, OUT write_seconds float8,
										   OUT products float8[])
RETURNS SETOF record
LANGUAGE c VOLATILE STRICT
AS 'MODULE_PATHNAME', 'federated_aggregate_slices';
COMMENT ON FUNCTION federated.aggregate_slices(bigint, integer, integer) IS
	'Compute slices of a round''s result from its frozen set of updates, write their pages, and return their SHA-256 and, if the session''s config asks for it, the products of the updates with what they make together';

CREATE FUNCTION federated.combined_norm(round_id bigint, first_slice integer, slice_count integer) RETURNS float8
LANGUAGE c VOLATILE STRICT
AS 'MODULE_PATHNAME', 'federated_combined_norm';
COMMENT ON FUNCTION federated.combined_norm(bigint, integer, integer) IS
	'L2 norm of what the updates of a frozen round make together, over some of its slices; stores nothing';

CREATE FUNCTION federated.aggregators() RETURNS integer
LANGUAGE c STABLE STRICT AS 'MODULE_PATHNAME', 'federated_aggregators';
COMMENT ON FUNCTION federated.aggregators() IS 'How many processes aggregate a round together, the worker among them';

CREATE FUNCTION federated.start_aggregators(round_id bigint, wanted integer) RETURNS integer
LANGUAGE c VOLATILE STRICT AS 'MODULE_PATHNAME', 'federated_start_aggregators';
COMMENT ON FUNCTION federated.start_aggregators(bigint, integer) IS
	'Start helpers for a round unless the caller''s still run; returns how many';

-- Small enough that everybody has some, and that the last is soon done.
CREATE FUNCTION federated.chunk_size(total integer) RETURNS integer
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
	SELECT least(federated.setting('aggregation_chunk')::integer,
				 CASE federated.aggregators() WHEN 1 THEN $1 ELSE ceil($1 / (4.0 * federated.aggregators()))::integer END)
$$;
COMMENT ON FUNCTION federated.chunk_size(integer) IS 'Slices per chunk of a result of so many slices';

CREATE FUNCTION federated.claim_chunk(round federated.rounds, vector_id bigint, total integer) RETURNS integer
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	first integer;
BEGIN
	FOR first IN
		SELECT c FROM generate_series(0, total - 1, round.chunk_slices) c
		WHERE NOT EXISTS (SELECT FROM federated.slices s WHERE s.vector_id = claim_chunk.vector_id AND s.slice_no = c)
	LOOP
		CONTINUE WHEN NOT pg_try_advisory_xact_lock(hashtextextended('federated.chunks ' || round.id, first));
		-- It may have been finished since the list was made.
		IF NOT EXISTS (SELECT FROM federated.slices s WHERE s.vector_id = claim_chunk.vector_id AND s.slice_no = first) THEN
			RETURN first;
		END IF;
	END LOOP;
	RETURN NULL;
END
$$;
COMMENT ON FUNCTION federated.claim_chunk(federated.rounds, bigint, integer) IS
	'First slice of a chunk that nobody has done or is doing, ours until the end of the transaction; NULL when there is none';

CREATE FUNCTION federated.aggregate_chunk(round_id bigint) RETURNS boolean
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	began CONSTANT timestamptz := clock_timestamp();
	round federated.rounds;
	result federated.model_versions;
	total integer;
	first integer;
BEGIN
	-- The round stays what it is until the chunk is there.
	SELECT r.* INTO round FROM federated.rounds r JOIN federated.sessions s ON s.id = r.session_id
	WHERE r.id = aggregate_chunk.round_id AND r.state = 'aggregating' AND s.status = 'training' FOR SHARE OF r;
	IF NOT FOUND THEN
		RETURN false;
	END IF;
	result := federated.get_version(round.result_version_id);
	total := federated.slice_count(result.parameters * 4);
	first := federated.claim_chunk(round, result.vector_id, total);
	IF first IS NULL THEN
		RETURN false;
	END IF;

	WITH made AS (
		SELECT * FROM federated.aggregate_slices(round.id, first, least(round.chunk_slices, total - first))
	), stored AS (
		INSERT INTO federated.slices (vector_id, slice_no, sha256, products)
		SELECT result.vector_id, m.slice_no, m.sha256, m.products FROM made m
	)
	INSERT INTO federated.chunks
	SELECT round.id, first, count(*), began, clock_timestamp(), sum(m.compute_seconds), sum(m.write_seconds), pg_backend_pid()
	FROM made m;
	-- It may have been the last one that the worker waits for.
	PERFORM federated.wake_worker();
	RETURN true;
END
$$;
COMMENT ON FUNCTION federated.aggregate_chunk(bigint) IS
	'Make a part of a round''s result that nobody has made or is making; false when there is none';

CREATE FUNCTION federated.aggregate(session federated.sessions, round federated.rounds) RETURNS text
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	result federated.model_versions := federated.get_version(round.result_version_id);
	total CONSTANT integer := federated.slice_count(result.parameters * 4);
	step text;
BEGIN
	IF federated.is_private(session.config) AND NOT federated.is_charged(round) THEN
		RETURN federated.charge_privacy(session, round);
	END IF;
	PERFORM federated.start_aggregators(round.id, ceil(total / round.chunk_slices::float8)::integer - 1);
	IF federated.aggregate_chunk(round.id) THEN
		step := 'slices_aggregated';
	END IF;
	IF federated.vector_complete(result.vector_id) THEN
		IF federated.model_unchanged(session, federated.vector_digest(result.vector_id)) THEN
			RETURN federated.fail_session(session, 'the model did not change');
		END IF;
		RETURN federated.close_round(session, round);
	END IF;
	RETURN step; -- NULL: others are at the rest, and wake the worker
END
$$;
COMMENT ON FUNCTION federated.aggregate(federated.sessions, federated.rounds) IS
	'Make the next part of a round''s result, after it was charged where it is private; after the last, close the round';

CREATE FUNCTION federated.round_timings(round federated.rounds) RETURNS jsonb
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
	SELECT jsonb_build_object(
		'waiting', round(extract(epoch FROM sent.first - $1.opened_at), 6),
		'collecting', round(extract(epoch FROM $1.frozen_at - sent.first), 6),
		'closing', round(extract(epoch FROM clock_timestamp() - $1.frozen_at), 6),
		'aggregating', made.compute, 'writing', made.write, 'processes', made.processes)
	FROM (SELECT coalesce(min(u.began_at), $1.frozen_at) AS first FROM federated.updates u WHERE u.round_id = $1.id) sent,
		 (SELECT round(sum(c.compute_seconds)::numeric, 6) AS compute, round(sum(c.write_seconds)::numeric, 6) AS write,
				 count(DISTINCT c.pid) AS processes FROM federated.chunks c WHERE c.round_id = $1.id) made
$$;
COMMENT ON FUNCTION federated.round_timings(federated.rounds) IS
	'Seconds of each phase of a round that is being closed; aggregating and writing are sums over all processes';

CREATE VIEW federated.aggregation_progress WITH (security_invoker = true) AS
SELECT r.session_id, r.round_no AS round, p.pages_done, p.pages_total, p.updates,
	   p.seconds, p.bytes / nullif(p.seconds, 0) / 1e9 AS gb_per_second,
	   make_interval(secs => p.seconds * (p.pages_total - p.pages_done) / nullif(p.pages_done, 0)) AS eta
FROM federated.rounds r
CROSS JOIN LATERAL (
	SELECT least(130 * coalesce(sum(c.slices), 0), ceil(v.parameters / 2016.0))::bigint AS pages_done,
		   ceil(v.parameters / 2016.0)::bigint AS pages_total, n.updates,
		   8064.0 * 130 * coalesce(sum(c.slices), 0) * n.updates AS bytes,
		   extract(epoch FROM clock_timestamp() - r.frozen_at)::float8 AS seconds
	FROM federated.model_versions v
	CROSS JOIN (SELECT count(*) AS updates FROM federated.updates u WHERE u.round_id = r.id AND u.state = 'accepted') n
	LEFT JOIN federated.chunks c ON c.round_id = r.id
	WHERE v.id = r.base_version_id
	GROUP BY v.id, n.updates) p
WHERE r.state = 'aggregating';
COMMENT ON VIEW federated.aggregation_progress IS 'Rounds whose result is being made: pages done, updates'' bytes read per second, time left';
GRANT SELECT ON federated.aggregation_progress TO federated_admin, federated_creator, federated_viewer, federated_auditor;
