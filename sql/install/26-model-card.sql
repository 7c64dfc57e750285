-- Model cards: what is known of a version, for people, as Markdown --------------------------------
-- Written from the rows each time it is asked for. Names and reasons are
-- somebody's text: no character of them means anything in Markdown or HTML.

CREATE FUNCTION federated.markdown(given text) RETURNS text
LANGUAGE sql IMMUTABLE
SET search_path = pg_catalog, pg_temp
AS $$
	-- What means something within a line, or makes a link of an address; it never begins a line.
	SELECT replace(replace(regexp_replace(regexp_replace($1, '[[:cntrl:][:space:]]+', ' ', 'g'),
										  '([]!#$*.:@>[\\^_`{|}~])', '\\\1', 'g'), '&', '&amp;'), '<', '&lt;')
$$;
COMMENT ON FUNCTION federated.markdown(text) IS 'Text of users on one line of Markdown, as nothing but text';

CREATE FUNCTION federated.metrics_text(metrics jsonb) RETURNS text
LANGUAGE sql IMMUTABLE
SET search_path = pg_catalog, pg_temp
AS $$
	SELECT string_agg(format('%s %s', federated.markdown(m.key), m.value), ', ' ORDER BY m.key COLLATE "C")
	FROM jsonb_each_text($1) m
$$;
COMMENT ON FUNCTION federated.metrics_text(jsonb) IS 'Metrics as names and values in Markdown; NULL if there are none';

CREATE FUNCTION federated.card_time(at timestamptz) RETURNS text
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$ SELECT to_char($1 AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI "UTC"') $$;
COMMENT ON FUNCTION federated.card_time(timestamptz) IS 'A time as a model card says it';

CREATE FUNCTION federated.card_facts(version federated.model_versions) RETURNS text
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
	SELECT concat_ws(E'\n',
		format(E'# %s, version %s\n', federated.markdown(w.name), $1.version),
		CASE WHEN $1.source_id IS NULL THEN 'A model that was imported.'
			 ELSE 'A model that was trained where the data is: Islands sent updates of its weights, never their data.' END || E'\n',
		'| | |', '|---|---|',
		format('| Status | %s%s |', $1.status, CASE
			WHEN EXISTS (SELECT FROM federated.workload_heads h WHERE h.version_id = $1.id) THEN ', current'
			WHEN $1.published_at IS NULL AND $1.source_id IS NOT NULL THEN ', made between rounds, not published' ELSE '' END),
		format('| Tags | %s |', coalesce(nullif(federated.markdown(array_to_string(federated.tag_list($1.id), ', ')), ''), 'none')),
		format('| Made | %s |', federated.card_time(coalesce($1.published_at, $1.created_at))),
		format('| Owner | %s |', federated.markdown($1.owner_role)),
		format('| Parameters | %s in %s trainable tensors; %s tensors are frozen |', $1.parameters,
			   count(*) FILTER (WHERE t.trainable), count(*) FILTER (WHERE NOT t.trainable)),
		format('| Digest | %s |', coalesce(format('`%s`', encode($1.digest, 'hex')), 'none yet')))
	FROM federated.workloads w JOIN federated.tensors t ON t.workload_id = w.id
	WHERE w.id = $1.workload_id GROUP BY w.id
$$;
COMMENT ON FUNCTION federated.card_facts(federated.model_versions) IS 'The first part of a model card: name and facts';

CREATE FUNCTION federated.card_lineage(version federated.model_versions) RETURNS text
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
	WITH RECURSIVE line AS (
		SELECT $1.id AS id, $1.parent_id AS parent_id
		UNION ALL
		SELECT v.id, v.parent_id FROM line l JOIN federated.model_versions v ON v.id = l.parent_id
	), descendants AS (
		SELECT v.id FROM federated.model_versions v WHERE v.parent_id = $1.id
		UNION ALL
		SELECT v.id FROM descendants d JOIN federated.model_versions v ON v.parent_id = d.id
	)
	SELECT E'## Lineage\n\n' || string_agg(format('%s. Version %s: %s', place, version, made), E'\n' ORDER BY place)
		|| format(E'\n\nVersions that descend from it: %s.', (SELECT count(*) FROM descendants))
	FROM (SELECT row_number() OVER (ORDER BY v.id) AS place, v.version,
				 CASE WHEN v.source_id IS NULL THEN format('imported %s', federated.card_time(v.created_at))
					  ELSE format('trained from version %s by session %s; rounds: %s, participants: %s', v.provenance ->> 'base_version',
								  v.session_id, v.round_no, v.provenance ->> 'participants') END AS made
		  FROM line JOIN federated.model_versions v ON v.id = line.id
		  WHERE v.published_at IS NOT NULL OR v.id = $1.id) published
$$;
COMMENT ON FUNCTION federated.card_lineage(federated.model_versions) IS
	'The part of a model card on lineage: published versions from the import on';

CREATE FUNCTION federated.card_participants(version federated.model_versions) RETURNS text
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
	SELECT string_agg(federated.markdown(host_id), ', ' ORDER BY host_id COLLATE "C")
	FROM (SELECT DISTINCT i.host_id
		  FROM federated.rounds r
		  JOIN federated.updates u ON u.round_id = r.id AND u.state = 'accepted'
		  JOIN federated.islands i ON i.id = u.island_id
		  WHERE r.session_id = $1.session_id AND r.kind = 'train' AND r.round_no <= $1.round_no) took_part
$$;
COMMENT ON FUNCTION federated.card_participants(federated.model_versions) IS
	'Islands whose updates went into a version, for those who may know them';

CREATE FUNCTION federated.card_rounds(version federated.model_versions) RETURNS text
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
	SELECT E'### Rounds\n\nThe evaluation in a round is of the version that it began with.'
		|| CASE WHEN $1.round_no > 100 THEN ' Only the last 100 rounds are shown.' ELSE '' END
		|| E'\n\n| Round | Updates | Samples | Training | Evaluation |\n|---|---|---|---|---|\n'
		|| string_agg(format('| %s | %s | %s | %s | %s |', r.round_no,
				(SELECT count(*) FROM federated.updates u WHERE u.round_id = r.id AND u.state = 'accepted'), r.total_samples,
				coalesce(federated.metrics_text(r.training), 'none'), coalesce(federated.metrics_text(r.evaluation), 'none')),
				E'\n' ORDER BY r.round_no)
	FROM federated.rounds r
	WHERE r.session_id = $1.session_id AND r.kind = 'train' AND r.state = 'closed'
	  AND r.round_no > $1.round_no - 100 AND r.round_no <= $1.round_no
$$;
COMMENT ON FUNCTION federated.card_rounds(federated.model_versions) IS 'The part of a model card on rounds and their metrics';

CREATE FUNCTION federated.card_training(version federated.model_versions) RETURNS text
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	facts CONSTANT jsonb := version.provenance;
	secret CONSTANT boolean := version.session_id IN (SELECT federated.secret_sessions(true));
	session federated.sessions;
	part text;
BEGIN
	IF version.session_id IS NULL THEN
		RETURN NULL;
	END IF;
	part := format(E'## Training\n\n- Rounds: %s\n- Participants: %s\n- Accepted updates: %s\n- Samples: %s',
				   version.round_no, facts ->> 'participants',
				   coalesce(facts ->> 'updates', 'not told, as Islands were drawn in secret'),
				   coalesce(facts ->> 'samples' || ', of each participant the most that it stated in a round',
							CASE WHEN secret THEN 'not told' ELSE 'not known: Islands do not tell' END));
	IF NOT federated.sees_session(version.session_id) THEN
		RETURN part || E'\n\nSession, participants and rounds are for those who may see the session.';
	END IF;
	SELECT * INTO session FROM federated.sessions s WHERE s.id = version.session_id;
	RETURN concat_ws(E'\n\n', part,
		format('Session "%s" (%s), %s%s.', federated.markdown(session.name), session.id, session.status,
			   coalesce(': ' || federated.markdown(session.reason), '')),
		-- an Island knows of no other
		CASE WHEN federated.caller_island() IS NULL AND NOT secret THEN 'Participants: ' || federated.card_participants(version) END,
		E'```json\n' || jsonb_pretty(session.config) || E'\n```', CASE WHEN NOT secret THEN federated.card_rounds(version) END);
END
$$;
COMMENT ON FUNCTION federated.card_training(federated.model_versions) IS
	'The part of a model card on the session, as far as the caller may see it; NULL for an import';

CREATE FUNCTION federated.card_privacy(version federated.model_versions) RETURNS text
LANGUAGE sql IMMUTABLE
SET search_path = pg_catalog, pg_temp
AS $$
	SELECT E'## Privacy\n\n' || CASE
		WHEN $1.source_id IS NULL THEN 'It was imported: nothing is known here of the data that it was made from.'
		WHEN $1.provenance ? 'privacy' THEN federated.markdown($1.provenance -> 'privacy' ->> 'statement')
			|| E'\n\n```json\n' || jsonb_pretty(($1.provenance -> 'privacy') - 'statement') || E'\n```'
		ELSE 'No differential privacy: no noise was added and updates were not hidden from the coordinator. Weights can tell of the data that they were trained on.' END
$$;
COMMENT ON FUNCTION federated.card_privacy(federated.model_versions) IS
	'The part of a model card on privacy: what was spent, or that nothing was done';

-- A name that could end the code block or mean something to a shell is left out.
CREATE FUNCTION federated.card_use(version federated.model_versions) RETURNS text
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
	SELECT format(E'## Use\n\n```sh\nfed model export %s model.safetensors --version %s\n```\n',
				  CASE WHEN w.name ~ '^[A-Za-z0-9][A-Za-z0-9 ._-]*$' THEN quote_literal(w.name) ELSE 'WORKLOAD' END, $1.version)
		|| E'\nThe digest is the SHA-256 over the SHA-256 of every slice of 1,048,320 bytes of the trainable tensors as float32, '
		|| 'little-endian, in bytewise order of name.'
		|| CASE WHEN NOT EXISTS (SELECT FROM federated.tensors t WHERE t.workload_id = w.id AND t.trainable <> (t.dtype = 'F32'))
			THEN E' This prints it:\n' || $python$
```python
import hashlib, json
with open("model.safetensors", "rb") as file:
    header = json.loads(file.read(int.from_bytes(file.read(8), "little")))
    data = file.read()
header.pop("__metadata__", None)
names = sorted((name for name in header if header[name]["dtype"] == "F32"), key=str.encode)
vector = b"".join(data[slice(*header[name]["data_offsets"])] for name in names)
slices = [vector[at:at + 1048320] for at in range(0, len(vector), 1048320)]
print(hashlib.sha256(b"".join(hashlib.sha256(part).digest() for part in slices)).hexdigest())
```$python$
			ELSE ' The file has other types as well, from which it cannot be told.' END
	FROM federated.workloads w WHERE w.id = $1.workload_id
$$;
COMMENT ON FUNCTION federated.card_use(federated.model_versions) IS 'The part of a model card on how to get and verify the weights';

CREATE FUNCTION @extschema@.federated_model_card(version_id bigint) RETURNS text
LANGUAGE plpgsql STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	version federated.model_versions := federated.get_version(version_id);
BEGIN
	-- who sees its row; of the others, Islands that use it
	IF NOT (federated.caller_is('federated_viewer') OR federated.caller_is('federated_auditor')
			OR federated.caller_is('federated_creator')) THEN
		PERFORM federated.require_version_reader(version_id);
	END IF;
	RETURN concat_ws(E'\n\n', federated.card_facts(version), federated.card_lineage(version), federated.card_training(version),
		E'## Evaluation\n\n' || coalesce('Means over the Islands, weighted by samples: ' || federated.metrics_text(version.metrics),
									   'It was not evaluated.'),
		federated.card_privacy(version), CASE WHEN version.status = 'ready' THEN federated.card_use(version) END) || E'\n';
END
$$;
COMMENT ON FUNCTION @extschema@.federated_model_card(bigint) IS
	'A version''s model card in Markdown: lineage, training, metrics, privacy, how to get and verify it; of its session what the caller may see';
GRANT EXECUTE ON FUNCTION @extschema@.federated_model_card(bigint)
	TO federated_admin, federated_creator, federated_viewer, federated_auditor, federated_island;
