-- Two versions of a workload against each other -------------------------------------------------
-- Only trainable tensors can differ within the descendants of one import. Of
-- frozen bytes it is known whether all of them are the same, not which differ.

CREATE FUNCTION federated.compare_vectors(a bigint, b bigint, lengths bigint[],
	OUT tensor integer, OUT norm_a float8, OUT norm_b float8, OUT norm_difference float8, OUT cosine float8,
	OUT max_difference float8)
RETURNS SETOF record
LANGUAGE c STABLE STRICT
AS 'MODULE_PATHNAME', 'federated_compare_vectors';
COMMENT ON FUNCTION federated.compare_vectors(bigint, bigint, bigint[]) IS
	'Two vectors as long as the tensors together, a row for each tensor, from 1';

CREATE FUNCTION federated.require_same_workload(a federated.model_versions, b federated.model_versions) RETURNS void
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	IF a.workload_id <> b.workload_id THEN
		RAISE EXCEPTION USING
			ERRCODE = 'invalid_parameter_value',
			MESSAGE = format('model versions %s and %s have nothing to compare', a.id, b.id),
			DETAIL = format('One is of workload "%s", the other of "%s".',
							(federated.get_workload(a.workload_id)).name, (federated.get_workload(b.workload_id)).name);
	END IF;
END
$$;
COMMENT ON FUNCTION federated.require_same_workload(federated.model_versions, federated.model_versions) IS
	'Refuse (22023) versions of different workloads';

CREATE FUNCTION federated.same_frozen(a federated.model_versions, b federated.model_versions) RETURNS boolean
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
	SELECT coalesce($1.source_id, $1.id) = coalesce($2.source_id, $2.id)
		OR federated.vector_digest(federated.frozen_vector($1)) = federated.vector_digest(federated.frozen_vector($2))
$$;
COMMENT ON FUNCTION federated.same_frozen(federated.model_versions, federated.model_versions) IS
	'Whether two versions have the same frozen bytes: those of one import, or of two with the same';

CREATE FUNCTION @extschema@.federated_diff(version_id bigint, other_version_id bigint)
RETURNS TABLE (tensor text, dtype text, trainable boolean, elements bigint, same boolean, norm float8, other_norm float8,
			   norm_difference float8, cosine float8, max_difference float8)
LANGUAGE plpgsql STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_column
DECLARE
	a federated.model_versions := federated.get_ready_version(federated_diff.version_id);
	b federated.model_versions := federated.get_ready_version(federated_diff.other_version_id);
	frozen_same boolean;
	lengths bigint[];
BEGIN
	PERFORM federated.require_version_reader(a.id);
	PERFORM federated.require_version_reader(b.id);
	PERFORM federated.require_same_workload(a, b);
	frozen_same := federated.same_frozen(a, b);
	SELECT array_agg(t.elements ORDER BY t.name COLLATE "C") INTO lengths
	FROM federated.tensors t WHERE t.workload_id = a.workload_id AND t.trainable;

	RETURN QUERY
	SELECT t.name, t.dtype, t.trainable, t.elements,
		   CASE WHEN t.trainable THEN c.norm_difference = 0 WHEN frozen_same THEN true END,
		   c.norm_a, c.norm_b, c.norm_difference, c.cosine, c.max_difference
	FROM (SELECT x.*, row_number() OVER (PARTITION BY x.trainable ORDER BY x.name COLLATE "C") AS place
		  FROM federated.tensors x WHERE x.workload_id = a.workload_id) t
	LEFT JOIN federated.compare_vectors(a.vector_id, b.vector_id, lengths) c ON t.trainable AND c.tensor = t.place
	ORDER BY t.name COLLATE "C";
END
$$;
COMMENT ON FUNCTION @extschema@.federated_diff(bigint, bigint) IS
	'How far two versions of a workload are apart, tensor by tensor, in float64; frozen tensors have no numbers: same is true when all frozen bytes are equal, else NULL';
GRANT EXECUTE ON FUNCTION @extschema@.federated_diff(bigint, bigint)
	TO federated_admin, federated_creator, federated_island;
