-- Updates and models as f16 and bf16: bytes, lengths, what does not fit, and what is the same update.
SELECT test.workload('narrow', 1, -2.5, 65504) AS workload \gset
SELECT test.accept(:workload, 'abcd');
SELECT test.start('narrow', :workload, 1, '{"min_participants": 4, "update_encoding": "f16", "download_encoding": "bf16"}') AS sid \gset
CALL test.drive(:'sid');
SELECT test.round(:'sid') AS round \gset
SELECT task -> 'config' ->> 'update_encoding' AS update_encoding, task -> 'config' ->> 'download_encoding' AS download_encoding, task ->> 'version_id' AS version
FROM (SELECT test.run_as('regress_a', 'SELECT federated_next_task()')::json AS task) t \gset
\echo :update_encoding :download_encoding

-- The bytes are those of IEEE 754
SELECT e, federated.encode_values(test.f32(1, -2.5, 65504, 0), e, 0) AS bytes, federated.encoded_bytes(3, e) AS three FROM unnest('{f32,f16,bf16}'::text[]) e;
SELECT federated.first_nonfinite('\x003cff7b', 'f16') IS NULL AND federated.first_nonfinite('\x803f7f7f', 'bf16') IS NULL AS finite,
	   federated.first_nonfinite('\x003c007c', 'f16') AS f16, federated.first_nonfinite('\x0100ff7f', 'bf16') AS bf16,
	   federated.first_nonfinite(decode(repeat('ff7b', 262080) || '00fe', 'hex'), 'f16') AS far;
SELECT test.try(current_user, query) FROM unnest(ARRAY['SELECT federated.first_nonfinite(''\x00'', ''f16'')', 'SELECT federated.first_nonfinite(''\x00'', ''f8'')',
	'SELECT federated.encoded_bytes(-1, ''f16'')', 'SELECT federated.encoded_bytes(9223372036854775807, ''f16'')', 'SELECT federated.encode_values(''\x0000'', ''f16'', 0)']) query;

-- A model slice: the same parameters in each encoding, or an error that names the one that does not fit
SET SESSION AUTHORIZATION regress_a;
SELECT e, federated_model_slice(:version, 0, 'vector', e), federated_model_slice(:version, 0, encoding => e) = federated_model_slice(:version, 0, 'vector', e) AS named FROM unnest('{f32,f16,bf16}'::text[]) e;
SELECT federated_model_slice(:version, 0) = federated_model_slice(:version, 0, 'vector', 'f32') AS f32_is_the_default;
RESET SESSION AUTHORIZATION;
SELECT test.try('regress_a', format('SELECT federated_model_slice(%s, %s)', :version, arguments))
FROM unnest(ARRAY['0, ''vector'', ''f8''', '0, ''vector'', NULL', '0, ''frozen'', ''f16''', '0, ''frozen'', ''f32''', '1, ''vector'', ''f16''']) arguments;
SELECT test.workload('too large', 1, 65519.9, -65520, 1e30, 3.4e38) AS large \gset
SELECT federated_find_version(:large) AS large_version \gset
SELECT e, test.try('regress_creator', format('SELECT federated_model_slice(%s, 0, ''vector'', %L)', :large_version, e)) FROM unnest('{f32,f16,bf16}'::text[]) e;

-- Begin: the encoding is one of three, and makes the length
SELECT test.try('regress_a', format('SELECT federated_begin_update(%s, %L, %L)', :round, sha256(''), e)) FROM unnest('{f8,F16,"",NULL}'::text[]) e;
SELECT test.try('regress_a', format('SELECT federated_submit_update(%s, '''', 10, ''{}'', %L)', :round, e)) FROM unnest('{f8,NULL}'::text[]) e;
CREATE FUNCTION test.narrow(island text, encoding text, delta bytea) RETURNS text
LANGUAGE plpgsql
AS $$
DECLARE
	answer json := test.run_as('regress_' || island, format('SELECT federated_submit_update(%s, %L, 10, ''{}'', %L)',
		(SELECT max(id) FROM federated.rounds), delta, encoding));
BEGIN
	RETURN concat_ws(': ', answer ->> 'status', answer ->> 'reason', answer ->> 'detail');
END
$$;
-- a: wrong lengths. Three attempts, so that one is left
SELECT test.narrow('a', 'f32', '\x000000000000'), test.narrow('a', 'f16', '\x000000000000000000000000'), test.narrow('a', 'bf16', '\x00000000');
-- b: not a number, infinite
SELECT test.narrow('b', 'f16', '\x003c007c0000'), test.narrow('b', 'bf16', '\x803f8000c0ff'), test.narrow('b', 'f16', '\x00fe00000000');
SELECT test.narrow('b', 'f16', '\x003cff7b0100');
-- c: slice by slice. The same bytes mean something else in another encoding: it is another update, until one is accepted
SELECT sha256('\x003c00c00042') AS slice, sha256(sha256('\x003c00c00042')) AS digest \gset
SET SESSION AUTHORIZATION regress_c;
SELECT a ->> 'status' AS status, a ->> 'update_id' AS id FROM federated_begin_update(:round, :'digest', 'bf16') a \gset first_
SELECT federated_put_slice(:first_id, 0, sha256('\x003c00c000420000'), '\x003c00c000420000');
SELECT federated_put_slice(:first_id, 0, :'slice', '\x003c00c00042');
SELECT a ->> 'status' AS status, (a ->> 'update_id')::bigint = :first_id AS same, a -> 'present' AS present FROM federated_begin_update(:round, :'digest', 'bf16') a;
SELECT a ->> 'status' AS status, (a ->> 'update_id')::bigint = :first_id AS same, a -> 'present' AS present FROM federated_begin_update(:round, :'digest', 'f16') a;
SELECT a ->> 'update_id' AS id FROM federated_begin_update(:round, :'digest', 'f16') a \gset second_
SELECT a ->> 'reason' AS reason FROM federated_commit_update(:first_id, :'digest', 10) a;
SELECT federated_put_slice(:second_id, 0, :'slice', '\x003c00c00042');
SELECT a ->> 'status' AS status FROM federated_commit_update(:second_id, :'digest', 10) a;
SELECT e, a ->> 'status' AS status, a ->> 'reason' AS reason FROM unnest('{f16,bf16,f32}'::text[]) e, federated_begin_update(:round, :'digest', e) a;
SELECT a ->> 'status' AS status, a ->> 'reason' AS reason FROM federated_submit_update(:round, '\x003c00c00042', 10, '{}', 'bf16') a;
RESET SESSION AUTHORIZATION;
-- They are stored as they came
SELECT i.host_id, u.state, v.encoding, v.bytes, CASE WHEN federated.vector_complete(v.id) THEN test.vector_slice(v.id, 0) END AS data
FROM federated.updates u JOIN federated.islands i ON i.id = u.island_id JOIN federated.vectors v ON v.id = u.vector_id
WHERE u.round_id = :round ORDER BY i.host_id, u.id;
SELECT i.host_id, r.reason, count(*) FROM federated.rejections r JOIN federated.islands i ON i.id = r.island_id WHERE r.round_id = :round GROUP BY 1, 2 ORDER BY 1, 2;
SELECT test.try(current_user, 'INSERT INTO federated.vectors (relation, bytes, encoding) VALUES (''x'', 0, ''f8'')') LIKE '23514%' AS constrained;
-- When its pages are gone, the same bytes are still the accepted update
SELECT test.run_as('regress_creator', format('SELECT federated_cancel_session(%L)', :'sid'));
SELECT test.narrow('c', 'f16', '\x003c00c00042'), test.narrow('b', 'f16', '\x003cff7b0200') LIKE 'rejected: stale_round%' AS another;

-- More than a slice: 524,160 narrow values to a slice of an update, 262,080 to a slice of a model
SELECT test.run_as('regress_creator', 'SELECT federated_create_workload(''narrow and long'')') AS long \gset
SELECT decode(repeat('00000000', 262080), 'hex') AS zeros, decode(repeat('00000000', 5) || '00008847', 'hex') AS end, decode(repeat('0000', 524160), 'hex') AS narrow_zeros \gset
SET SESSION AUTHORIZATION regress_creator;
SELECT m ->> 'version_id' AS import FROM federated_begin_import(:long, '{"w":{"dtype":"F32","shape":[524166],"data_offsets":[0,2096664]}}', 2096664) m \gset
SELECT federated_put_model_slice(:import, 'vector', 0, sha256(:'zeros'), :'zeros'), federated_put_model_slice(:import, 'vector', 1, sha256(:'zeros'), :'zeros'),
	   federated_put_model_slice(:import, 'vector', 2, sha256(:'end'), :'end');
SELECT federated_commit_import(:import);
SELECT octet_length(federated_model_slice(:import, 1, encoding => 'f16')) AS f16, federated_model_slice(:import, 2, encoding => 'bf16') AS bf16;
RESET SESSION AUTHORIZATION;
SELECT test.try('regress_creator', format('SELECT federated_model_slice(%s, 2, ''vector'', ''f16'')', :import));
SELECT test.accept(:long, 'a');
SELECT test.start('long', :long, 1, '{"min_participants": 1}') AS long_sid \gset
CALL test.drive(:'long_sid');
SELECT test.round(:'long_sid') AS round \gset
SELECT test.narrow('a', 'f16', :'narrow_zeros'::bytea || '\x000000000000007c00000000');
SELECT test.narrow('a', 'f16', :'narrow_zeros'::bytea || '\x0000'), test.narrow('a', 'f16', :'narrow_zeros'::bytea || '\x000000000000000000000000');
SELECT v.encoding, v.bytes, (SELECT count(*) FROM federated.slices s WHERE s.vector_id = v.id) AS slices
FROM federated.updates u JOIN federated.vectors v ON v.id = u.vector_id WHERE u.round_id = :round AND u.state = 'accepted';
SELECT test.run_as('regress_creator', format('SELECT federated_cancel_session(%L)', :'long_sid'));

-- A round of updates in every encoding: their mean is that of the values. 262,085 of them, so that pages and slices
-- of an update and of the result do not end together; the last five differ
SELECT test.run_as('regress_creator', 'SELECT federated_create_workload(''mixed'')') AS mixed \gset
SELECT decode(repeat('0000803f', 262080), 'hex') || test.f32(1, 2, 3, 4, 5) AS model, decode(repeat('0000803e', 262080), 'hex') || test.f32(8, 0, 0, -2, 1) AS f32,
	   decode(repeat('0034', 262080), 'hex') || '\x00000048000000c0003c' AS f16, decode(repeat('803e', 262080), 'hex') || '\x00000000004100c0803f' AS bf16 \gset
SELECT test.run_as('regress_creator', format('SELECT federated_import_model(%s, %L)', :mixed,
	test.safetensors('{"w":{"dtype":"F32","shape":[262085],"data_offsets":[0,1048340]}}', :'model')));
SELECT test.accept(:mixed, 'abc');
SELECT test.start('mixed', :mixed, 1, '{"min_participants": 3}') AS mixed_sid \gset
CALL test.drive(:'mixed_sid');
SELECT test.narrow('a', 'f32', :'f32'), test.narrow('b', 'f16', :'f16'), test.narrow('c', 'bf16', :'bf16');
CALL test.drive(:'mixed_sid');
SELECT test.vector_slice(v.vector_id, 0) = decode(repeat('0000a03f', 262080), 'hex') AS first_slice, test.floats(test.vector_slice(v.vector_id, 1)) AS last
FROM federated.sessions s JOIN federated.model_versions v ON v.id = s.current_version_id WHERE s.id = :'mixed_sid';
SELECT test.run_as('regress_creator', format('SELECT federated_cancel_session(%L)', :'mixed_sid'));
DROP FUNCTION test.narrow;
