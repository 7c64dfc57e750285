-- Workloads ---------------------------------------------------------------------

CREATE TABLE federated.workloads (
	id				bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
	name			text NOT NULL UNIQUE CHECK (name <> '' AND length(name) <= 200),
	requirements	jsonb NOT NULL DEFAULT '{}',
	trainable		text,
	price			jsonb,
	owner_role		text NOT NULL,
	created_at		timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE federated.workloads IS 'What is trained: a named model family and what an Island must have to take part';
COMMENT ON COLUMN federated.workloads.requirements IS 'tags, minimum and predicate that an Island''s capabilities must meet';
COMMENT ON COLUMN federated.workloads.trainable IS
	'Regular expression on tensor names; what does not match stays frozen. NULL: every float tensor is trained';
COMMENT ON COLUMN federated.workloads.price IS 'What sessions of it pay unless their config says otherwise; NULL: nothing';

CREATE TABLE federated.tensors (
	workload_id	bigint NOT NULL REFERENCES federated.workloads ON DELETE CASCADE,
	name		text NOT NULL,
	dtype		text NOT NULL,
	shape		bigint[] NOT NULL,
	elements	bigint NOT NULL,
	trainable	boolean NOT NULL,
	PRIMARY KEY (workload_id, name)
);
COMMENT ON TABLE federated.tensors IS
	'Tensor manifest of a workload, fixed by its first model; the flat vector holds the trainable ones in bytewise order of name';

CREATE FUNCTION federated.check_requirements(requirements jsonb) RETURNS void
LANGUAGE plpgsql IMMUTABLE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	item record;
	problem text;
BEGIN
	IF jsonb_typeof(requirements) IS DISTINCT FROM 'object' THEN
		problem := 'They must be a JSON object.';
	ELSE
		FOR item IN SELECT * FROM jsonb_each(requirements)
		LOOP
			IF item.key = 'tags' THEN
				IF jsonb_typeof(item.value) <> 'array'
					OR jsonb_path_exists(item.value, '$[*] ? (@.type() != "string")') THEN
					problem := '"tags" must be an array of strings.';
				END IF;
			ELSIF item.key = 'minimum' THEN
				IF jsonb_typeof(item.value) <> 'object'
					OR jsonb_path_exists(item.value, '$.* ? (@.type() != "number")') THEN
					problem := '"minimum" must be an object of numbers.';
				END IF;
			ELSIF item.key = 'predicate' THEN
				IF jsonb_typeof(item.value) <> 'string' THEN
					problem := '"predicate" must be a string that holds an SQL/JSON path predicate.';
				ELSE
					BEGIN
						PERFORM (item.value #>> '{}')::jsonpath;
					EXCEPTION WHEN syntax_error OR invalid_text_representation THEN
						problem := format('"predicate" is not an SQL/JSON path: %s', SQLERRM);
					END;
				END IF;
			ELSE
				problem := format('"%s" is not known; allowed are tags, minimum, predicate.', item.key);
			END IF;
		END LOOP;
	END IF;

	IF problem IS NOT NULL THEN
		RAISE EXCEPTION USING
			ERRCODE = 'invalid_parameter_value',
			MESSAGE = 'requirements are not valid',
			DETAIL = problem;
	END IF;
END
$$;
COMMENT ON FUNCTION federated.check_requirements(jsonb) IS
	'Refuse (22023) requirements that no Island could be judged by';

CREATE FUNCTION @extschema@.federated_create_workload(name text, requirements jsonb DEFAULT '{}',
													  trainable text DEFAULT NULL) RETURNS bigint
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	new_id bigint;
BEGIN
	PERFORM federated.require_role('federated_creator', 'create a workload');
	PERFORM federated.require_argument('name', name);
	PERFORM federated.require_argument('requirements', requirements);
	PERFORM federated.check_requirements(requirements);
	IF name = '' OR length(name) > 200 THEN
		RAISE EXCEPTION USING
			ERRCODE = 'invalid_parameter_value',
			MESSAGE = 'name of a workload is not valid',
			DETAIL = format('Given %s characters; allowed 1 to 200.', length(name));
	END IF;
	BEGIN
		PERFORM '' ~ trainable;
	EXCEPTION WHEN invalid_regular_expression THEN
		RAISE EXCEPTION USING
			ERRCODE = 'invalid_regular_expression',
			MESSAGE = 'argument "trainable" is not a regular expression',
			DETAIL = format('Given "%s": %s.', trainable, SQLERRM);
	END;

	INSERT INTO federated.workloads (name, requirements, trainable, owner_role)
	VALUES (name, requirements, trainable, federated.caller_name())
	ON CONFLICT DO NOTHING
	RETURNING id INTO new_id;
	IF new_id IS NULL THEN
		RAISE EXCEPTION USING
			ERRCODE = 'unique_violation',
			MESSAGE = format('workload "%s" already exists', name);
	END IF;

	PERFORM federated.log_event(NULL, 'workload_created', jsonb_build_object('workload_id', new_id, 'name', name));
	RETURN new_id;
END
$$;
COMMENT ON FUNCTION @extschema@.federated_create_workload(text, jsonb, text) IS
	'Create a workload. requirements: {"tags":[…], "minimum":{"memory_gb":8}, "predicate":"$.gpu == true"}; trainable: regular expression on tensor names';
GRANT EXECUTE ON FUNCTION @extschema@.federated_create_workload(text, jsonb, text) TO federated_creator;

CREATE FUNCTION federated.get_workload(workload_id bigint) RETURNS federated.workloads
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	found_row federated.workloads;
BEGIN
	PERFORM federated.require_argument('workload_id', workload_id);
	SELECT * INTO found_row FROM federated.workloads w WHERE w.id = workload_id;
	IF NOT FOUND THEN
		RAISE EXCEPTION USING
			ERRCODE = 'no_data_found',
			MESSAGE = format('workload %s does not exist', workload_id);
	END IF;
	RETURN found_row;
END
$$;
COMMENT ON FUNCTION federated.get_workload(bigint) IS 'A workload by id, or an error (P0002)';

ALTER TABLE federated.workloads ENABLE ROW LEVEL SECURITY;
ALTER TABLE federated.tensors ENABLE ROW LEVEL SECURITY;
-- What can be trained, and what it asks for, is public to everybody who has a role here.
CREATE POLICY read_all ON federated.workloads FOR SELECT
	TO federated_admin, federated_creator, federated_viewer, federated_auditor, federated_island USING (true);
CREATE POLICY read_all ON federated.tensors FOR SELECT
	TO federated_admin, federated_creator, federated_viewer, federated_auditor, federated_island USING (true);
GRANT SELECT ON federated.workloads, federated.tensors
	TO federated_admin, federated_creator, federated_viewer, federated_auditor, federated_island;
