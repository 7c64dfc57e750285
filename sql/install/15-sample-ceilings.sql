-- Approved samples ---------------------------------------------------------------------------
-- How many samples it has is an Island's own word, and it weighs and is paid.
-- An administrator may set an end to it.

CREATE TABLE federated.sample_ceilings (
	island_id	bigint NOT NULL REFERENCES federated.islands ON DELETE CASCADE,
	workload_id	bigint REFERENCES federated.workloads ON DELETE CASCADE,
	max_samples	bigint NOT NULL CHECK (max_samples > 0),
	approved_by	text NOT NULL,
	approved_at	timestamptz NOT NULL DEFAULT now(),
	UNIQUE NULLS NOT DISTINCT (island_id, workload_id)
);
COMMENT ON TABLE federated.sample_ceilings IS 'Samples of an update that count, at most; an Island without a row here is taken at its word';
COMMENT ON COLUMN federated.sample_ceilings.workload_id IS 'NULL: for every workload that has no row of its own';

CREATE FUNCTION federated.approved_samples(island_id bigint, workload_id bigint) RETURNS bigint
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	RETURN (SELECT c.max_samples FROM federated.sample_ceilings c
			WHERE c.island_id = $1 AND (c.workload_id = $2 OR c.workload_id IS NULL)
			ORDER BY c.workload_id LIMIT 1); -- NULL sorts last
END
$$;
COMMENT ON FUNCTION federated.approved_samples(bigint, bigint) IS 'Most samples of an Island that count in a workload; NULL: any number';

CREATE FUNCTION federated.counted_samples(island_id bigint, workload_id bigint, num_samples bigint) RETURNS bigint
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	-- least() passes over a NULL: right for the ceiling, wrong for what nobody knows.
	RETURN CASE WHEN num_samples IS NOT NULL THEN least(num_samples, federated.approved_samples($1, $2)) END;
END
$$;
COMMENT ON FUNCTION federated.counted_samples(bigint, bigint, bigint) IS
	'Samples that count of those that an Island reports; NULL when it reports none';

CREATE FUNCTION @extschema@.federated_approve_samples(host_id text, max_samples bigint, workload_id bigint DEFAULT NULL) RETURNS void
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	island federated.islands;
	workload federated.workloads;
BEGIN
	PERFORM federated.require_role('federated_admin', 'approve samples');
	island := federated.get_island(host_id);
	IF workload_id IS NOT NULL THEN
		workload := federated.get_workload(workload_id);
	END IF;
	IF max_samples < 1 THEN
		RAISE EXCEPTION USING
			ERRCODE = 'invalid_parameter_value',
			MESSAGE = 'argument "max_samples" is out of range',
			DETAIL = format('Given %s; allowed 1 to 9223372036854775807, or NULL for no ceiling.', max_samples);
	END IF;

	IF max_samples IS NULL THEN
		DELETE FROM federated.sample_ceilings c WHERE c.island_id = island.id AND c.workload_id IS NOT DISTINCT FROM workload.id;
	ELSE
		INSERT INTO federated.sample_ceilings AS c (island_id, workload_id, max_samples, approved_by)
		VALUES (island.id, workload.id, max_samples, federated.caller_name())
		ON CONFLICT ON CONSTRAINT sample_ceilings_island_id_workload_id_key DO UPDATE
			SET max_samples = excluded.max_samples, approved_by = excluded.approved_by, approved_at = now()
			WHERE c.max_samples <> excluded.max_samples;
	END IF;
	IF FOUND THEN
		PERFORM federated.log_event(NULL, 'samples_approved', jsonb_build_object(
			'host_id', host_id, 'workload', workload.name, 'max_samples', to_jsonb(coalesce(max_samples::text, 'any number'))));
	END IF;
END
$$;
COMMENT ON FUNCTION @extschema@.federated_approve_samples(text, bigint, bigint) IS
	'Let at most so many samples of an Island''s updates weigh and be paid, in one workload or (NULL) in all others; NULL samples: any number';
GRANT EXECUTE ON FUNCTION @extschema@.federated_approve_samples(text, bigint, bigint) TO federated_admin;

ALTER TABLE federated.sample_ceilings ENABLE ROW LEVEL SECURITY;
CREATE POLICY read_all ON federated.sample_ceilings FOR SELECT TO federated_admin, federated_viewer, federated_auditor USING (true);
CREATE POLICY read_own ON federated.sample_ceilings FOR SELECT TO federated_island
	USING (island_id = (SELECT federated.caller_island()));
GRANT SELECT ON federated.sample_ceilings
	TO federated_admin, federated_creator, federated_viewer, federated_auditor, federated_island;
