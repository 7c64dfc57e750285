-- Model files in and out: every dtype, hostile files, and the slice by slice way.
\set SHOW_CONTEXT never

-- Round trip, byte for byte ----------------------------------------------------------
-- All dtypes, in an order that is not that of the names, with metadata and padding
-- of the header. F64, F16 and BF16 values that float32 or back would not restore.
SELECT test.safetensors(
	'{"__metadata__":{"format":"pt","note":"keep \"me\""},' ||
	'"z.f32":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},"b.f64":{"dtype":"F64","shape":[2],"data_offsets":[8,24]},' ||
	'"f16":{"dtype":"F16","shape":[3],"data_offsets":[24,30]},"bf16":{"dtype":"BF16","shape":[3],"data_offsets":[30,36]},' ||
	'"i64":{"dtype":"I64","shape":[1],"data_offsets":[36,44]},"i32":{"dtype":"I32","shape":[1,1],"data_offsets":[44,48]},' ||
	'"i16":{"dtype":"I16","shape":[1],"data_offsets":[48,50]},"i8":{"dtype":"I8","shape":[1],"data_offsets":[50,51]},' ||
	'"u64":{"dtype":"U64","shape":[1],"data_offsets":[51,59]},"u32":{"dtype":"U32","shape":[1],"data_offsets":[59,63]},' ||
	'"u16":{"dtype":"U16","shape":[1],"data_offsets":[63,65]},"u8":{"dtype":"U8","shape":[2],"data_offsets":[65,67]},' ||
	'"bool":{"dtype":"BOOL","shape":[2],"data_offsets":[67,69]},"f8a":{"dtype":"F8_E4M3","shape":[1],"data_offsets":[69,70]},' ||
	'"f8b":{"dtype":"F8_E5M2","shape":[1],"data_offsets":[70,71]},"empty":{"dtype":"F32","shape":[0,7],"data_offsets":[71,71]},' ||
	'"scalar":{"dtype":"F32","shape":[],"data_offsets":[71,75]}}   ',
	test.f32(1.5, '-0')
	|| test.swap(float8send(1e-9 + 1)) || test.swap(float8send(-1.0 / 3))				-- not representable as float32
	|| '\x01000084ff7b'																	-- f16: smallest subnormal, -2^-18..., largest
	|| '\x0100803f7f7f'																	-- bf16: smallest subnormal, 1, largest
	|| '\x0102030405060708' || '\x11121314' || '\x2122' || '\x31' || '\xf1f2f3f4f5f6f7f8' || '\x41424344' || '\x5152' || '\x0009'
	|| '\x0100' || '\x7f' || '\xff' || test.f32(42)) AS model \gset
SELECT test.run_as('regress_creator', 'SELECT federated_create_workload(''all dtypes'')') AS workload \gset
SELECT test.run_as('regress_creator', format('SELECT federated_import_model(%s, %L)', :workload, :'model')) AS version;
SELECT name, dtype, shape, elements, trainable FROM federated.tensors WHERE workload_id = :workload ORDER BY name COLLATE "C";
SELECT test.run_as('regress_creator', format('SELECT federated_export_model(%s)', :workload)) = :'model' AS same_file;
SELECT v.parameters, f.bytes AS frozen_bytes, test.floats(test.vector_slice(v.vector_id, 0)) AS vector
FROM federated.model_versions v JOIN federated.vectors f ON f.id = v.frozen_id WHERE v.workload_id = :workload;
-- a second version of the same shape; the first stays
SELECT test.run_as('regress_creator', format('SELECT federated_import_model(%s, %L)', :workload, overlay(:'model'::bytea PLACING test.f32(7) FROM octet_length(:'model'::bytea) - 3))) AS version;
SELECT v, test.run_as('regress_creator', format('SELECT federated_export_model(%s, %s)', :workload, v)) = :'model' AS same_file FROM generate_series(1, 2) v;

-- After a round every tensor has its own dtype still: what was trained has moved,
-- rounded once, and all else is as it was (-0 plus 0 is 0)
SELECT test.run_as('regress_creator', format('SELECT federated_import_model(%s, %L)', :workload, :'model')) AS version;
SELECT test.accept(:workload, 'a');
SELECT test.start('dtypes', :workload, 1, '{"min_participants": 1}') AS sid \gset
CALL test.drive(:'sid');
-- in order of name: b.f64[0,1], bf16[0..2], f16[0..2], scalar, z.f32[0,1]; only the first of each but scalar's moves
SELECT test.submit('a', :'sid', 1, '{1, 0, 0, 1, 0, 0, 1, 0, 0.5, 0.25, 0}');
CALL test.drive(:'sid');
SELECT test.evaluate('a', :'sid', 1);
CALL test.drive(:'sid');
SELECT test.run_as('regress_creator', format('SELECT federated_export_model(%s)', :workload)) AS trained \gset
SELECT m.name, encode(substring(:'model'::bytea FROM h + m.first FOR m.bytes), 'hex') AS before, encode(substring(:'trained'::bytea FROM t + m.first FOR m.bytes), 'hex') AS after
FROM (SELECT octet_length(:'model'::bytea) - 75 + 1 AS h, octet_length(:'trained'::bytea) - 75 + 1 AS t) x,
	 (VALUES ('z.f32', 0, 8), ('b.f64', 8, 16), ('f16', 24, 6), ('bf16', 30, 6), ('integers and all else', 36, 35), ('scalar', 71, 4)) AS m (name, first, bytes);

-- Its header: the file's own metadata, ours added to it, the tensors as they were
CREATE FUNCTION test.header_of(file bytea) RETURNS json
LANGUAGE sql IMMUTABLE
AS $$ SELECT convert_from(substring($1 FROM 9 FOR get_byte($1, 0) + get_byte($1, 1) * 256 + get_byte($1, 2) * 65536), 'UTF8')::json $$;
SELECT key, CASE key WHEN 'federated.session' THEN (value = :'sid')::text WHEN 'federated.digest' THEN (value = encode(v.digest, 'hex'))::text ELSE value END
FROM json_each_text(test.header_of(:'trained'::bytea) -> '__metadata__'), federated.model_versions v WHERE v.id = federated_find_version(:workload) ORDER BY key COLLATE "C";
SELECT test.header_of(:'trained'::bytea)::jsonb - '__metadata__' = test.header_of(:'model'::bytea)::jsonb - '__metadata__' AS same_tensors,
	   octet_length(:'trained'::bytea) - octet_length(federated_model_header(federated_find_version(:workload))) - 8 AS data_bytes,
	   octet_length(federated_model_header(federated_find_version(:workload))) % 8 AS beyond_alignment;
-- imported again it is an import like any other; trained on, it says what it is now and no more what it was
SELECT test.run_as('regress_creator', format('SELECT federated_import_model(%s, %L)', :workload, :'trained')) AS version;
SELECT test.run_as('regress_creator', format('SELECT federated_export_model(%s)', :workload)) = :'trained' AS same_file;
SELECT test.start('dtypes again', :workload, 1, '{"min_participants": 1, "algorithm": "fed_prox"}') AS sid \gset
CALL test.drive(:'sid');
SELECT test.submit('a', :'sid', 5, '{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0}');
CALL test.drive(:'sid');
SELECT key, value FROM json_each_text(test.header_of(federated_export_model(:workload, 6)) -> '__metadata__') WHERE key NOT IN ('federated.session', 'federated.digest') ORDER BY key COLLATE "C";
-- between rounds and published, before and after a later evaluation: the same file
SELECT federated_export_model(:workload, 6) AS before \gset
SELECT test.evaluate('a', :'sid', 1, '{"evaluation": {"loss": 3}}');
CALL test.drive(:'sid');
SELECT federated_export_model(:workload, 6) = :'before'::bytea AS same_file;
-- metadata where there was none, beside tensors and in an empty header; an escaped name of it; white space; keys that look like ours
SELECT h, convert_from(federated.safetensors_describe(convert_to(h, 'UTF8'), 'federated.', '{a,b,c}', ARRAY['1', NULL, E'"ü\n']), 'UTF8') AS described FROM unnest(ARRAY[
	'{}', ' { } ', '{"w":{"dtype":"U8","shape":[0],"data_offsets":[0,0]}}', '{ "w":{}}  ', '{"w":{},"__metadata__":{"k":"v","federated.a":"0","federated.z":"0","federated":"kept"}}',
	'{"\u005f_metadata__": {"k" : "v"}, "w":{}}', '{"__metadata__":{}}', '{"\\__metadata__":{}}']) h;
SELECT test.try(current_user, 'SELECT federated.safetensors_describe(''{"__metadata__":{"k":'', ''p'', ''{}'', ''{}'')'), test.try(current_user, 'SELECT federated.safetensors_describe(''[]'', ''p'', ''{}'', ''{}'')'),
	   test.try(current_user, 'SELECT federated.safetensors_describe(''{"w":1}'', ''p'', ''{}'', ''{}'')'), test.try(current_user, 'SELECT federated.safetensors_describe(''{}'', ''p'', ''{a}'', ''{}'')');

-- Hostile files ----------------------------------------------------------------------------
SELECT test.run_as('regress_creator', 'SELECT federated_create_workload(''hostile'')') AS workload \gset
CREATE FUNCTION test.import(workload bigint, model bytea) RETURNS text
LANGUAGE sql
AS $$
	-- what the JSON parser says differs between its versions
	SELECT regexp_replace(regexp_replace(test.try('regress_creator', format('SELECT federated_import_model(%s, %L)', $1, $2)),
		'^22023: the model is not a valid safetensors file: ', ''), '(?<=is not valid JSON: )(?!a colon|a comma|a name).*', '...')
$$;
CREATE FUNCTION test.header(header text, bytes integer DEFAULT 8) RETURNS bytea
LANGUAGE sql
AS $$ SELECT test.safetensors($1, decode(repeat('00', $2), 'hex')) $$;
-- cut short
SELECT length, test.import(:workload, substring(test.model(1, 2) FOR length)) FROM unnest('{0,7,8,30,61,68}'::integer[]) length;
SELECT test.import(:workload, NULL), test.import(:workload, '\xffffffffffffffff00'), test.import(:workload, test.model(1, 2) || '\x00');
-- JSON that is none, or no header
SELECT h, test.import(:workload, test.header(h, 0)) FROM unnest(ARRAY['', ' ', '[]', '{', '{}}', '{"w"}', '{"w":}', '{"w":1}', '{"w":{}}', '{"w":[[[[]]]]}', '{"w":{"dtype":"F32","shape":[[[1]]]}}',
	'{"__metadata__":1}', '{"__metadata__":{"a":1}}', '{"__metadata__":{},"__metadata__":{}}', '{"w\u0000":{"dtype":"F32","shape":[],"data_offsets":[0,4]}}']) h;
-- dtype, shape, offsets
SELECT h, test.import(:workload, test.header(format('{"w":{%s}}', h))) FROM unnest(ARRAY[
	'"dtype":"F31","shape":[2],"data_offsets":[0,8]', '"dtype":1,"shape":[2],"data_offsets":[0,8]', '"shape":[2],"data_offsets":[0,8]',
	'"dtype":"F32","data_offsets":[0,8]', '"dtype":"F32","shape":[2]', '"dtype":"F32","shape":2,"data_offsets":[0,8]',
	'"dtype":"F32","shape":[-2],"data_offsets":[0,8]', '"dtype":"F32","shape":[1.5],"data_offsets":[0,8]', '"dtype":"F32","shape":["2"],"data_offsets":[0,8]',
	'"dtype":"F32","shape":[4611686018427387904,4],"data_offsets":[0,8]', '"dtype":"F32","shape":[9223372036854775808],"data_offsets":[0,8]',
	'"dtype":"F32","shape":[3],"data_offsets":[0,8]', '"dtype":"F32","shape":[2],"data_offsets":[8,0]', '"dtype":"F32","shape":[2],"data_offsets":[0,16]',
	'"dtype":"F32","shape":[2],"data_offsets":[-8,0]', '"dtype":"F32","shape":[2],"data_offsets":[0]', '"dtype":"F32","shape":[2],"data_offsets":[0,8,16]',
	'"dtype":"F32","shape":[2],"data_offsets":[0,8],"more":1', '"dtype":"F32","dtype":"F32","shape":[2],"data_offsets":[0,8]',
	'"dtype":"F32","shape":[1],"data_offsets":[0,4]', '"dtype":"F32","shape":[1],"data_offsets":[4,8]']) h;
-- overlap, hole, twice the same name, escaped or not
SELECT test.import(:workload, test.header('{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},"b":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}}'));
SELECT test.import(:workload, test.header('{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},"b":{"dtype":"F32","shape":[1],"data_offsets":[8,12]}}', 12));
SELECT test.import(:workload, test.header('{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},"\u0061":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}}'));
-- not UTF-8: in a name, in the metadata
SELECT test.import(:workload, overlay(test.model(1) PLACING '\xff' FROM 11));
SELECT test.import(:workload, overlay(test.safetensors('{"__metadata__":{"a":"X"},"w":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}', test.f32(1)) PLACING '\xc3' FROM 31));
-- deep, long
SELECT test.import(:workload, test.header(format('{"w":%s}', repeat('[', 100000)), 0));
SELECT regexp_replace(test.import(:workload, test.header(format('{"%s":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}', repeat('n', 100000)), 4)), 'n{20,}', 'nnn...', 'g');
-- numbers that no training could start from
SELECT test.import(:workload, test.model(1, 'NaN')), test.import(:workload, test.model('Infinity', 1));
SELECT test.import(:workload, test.safetensors('{"h":{"dtype":"F16","shape":[2],"data_offsets":[0,4]}}', '\x003c007c')) AS f16,
	   test.import(:workload, test.safetensors('{"d":{"dtype":"F64","shape":[1],"data_offsets":[0,8]}}', test.swap(float8send(1e300)))) AS f64;
-- none of it has left anything
SELECT count(*) AS versions, (SELECT count(*) FROM federated.tensors WHERE workload_id = :workload) AS tensors FROM federated.model_versions WHERE workload_id = :workload;

-- Another model than the workload's -------------------------------------------------------------
SELECT test.import(:workload, test.model(1, 2));
SELECT test.import(:workload, test.model(1, 2, 3)), test.import(:workload, test.safetensors('{"v":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}', test.f32(1, 2)));
SELECT test.import(:workload, test.safetensors('{"w":{"dtype":"I32","shape":[2],"data_offsets":[0,8]}}', test.f32(1, 2)));
SELECT test.import(:workload, test.safetensors('{"w":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},"x":{"dtype":"F32","shape":[0],"data_offsets":[8,8]}}', test.f32(1, 2)));
SELECT test.import(:workload, test.safetensors('{"w":{"dtype":"F32","shape":[2,1],"data_offsets":[0,8]}}', test.f32(1, 2)));

-- Slice by slice -------------------------------------------------------------------------------------
-- 524,260 trained values in three slices, 8 frozen bytes in one
SELECT decode(repeat('0000803f', 262080), 'hex') AS s0, decode(repeat('00000040', 262080), 'hex') AS s1, decode(repeat('00004040', 100), 'hex') AS s2,
	   '\x0102030405060708'::bytea AS f0,
	   '{"ids":{"dtype":"I64","shape":[1],"data_offsets":[0,8]},"w":{"dtype":"F32","shape":[524260],"data_offsets":[8,2097048]}}' AS header \gset
SELECT test.run_as('regress_creator', 'SELECT federated_create_workload(''sliced'')') AS workload \gset
SET SESSION AUTHORIZATION regress_creator;
SELECT d ->> 'version_id' AS import, d - 'version_id' - 'workload_id' AS document FROM (SELECT federated_begin_import(:workload, convert_to(:'header', 'UTF8'), 2097048)::jsonb AS d) x \gset
SELECT jsonb_pretty(:'document');
SELECT federated_put_model_slice(:import, 'vector', 1, sha256(:'s1'), :'s1');
SELECT federated_put_model_slice(:import, 'frozen', 0, sha256(:'f0'), :'f0');
SELECT federated_put_model_slice(:import, 'frozen', 0, sha256(:'f0'), :'f0');
-- the same file again goes on where it stopped; another one is another import
SELECT (d ->> 'version_id')::bigint = :import AS same, d ->> 'present' AS present FROM federated_begin_import(:workload, convert_to(:'header', 'UTF8'), 2097048) d;
SELECT (d ->> 'version_id')::bigint = :import AS same, d ->> 'present' AS present FROM federated_begin_import(:workload, convert_to(:'header' || ' ', 'UTF8'), 2097048) d;
-- not complete, not readable
RESET SESSION AUTHORIZATION;
CREATE FUNCTION test.creator(query text) RETURNS text
LANGUAGE sql
AS $$ SELECT regexp_replace(test.try('regress_creator', $1), 'version \d+', 'version N') $$;
SELECT test.creator(format('SELECT federated_commit_import(%s)', :import)) AS incomplete, test.creator(format('SELECT federated_model_slice(%s, 0)', :import)) AS unreadable;
SELECT test.creator(format('SELECT federated_export_model(%s)', :workload)) AS none_yet;
-- slices that do not fit
SELECT test.creator(format('SELECT federated_put_model_slice(%s, ''vector'', 0, %L, %L)', :import, sha256(:'s1'), :'s0')) AS wrong_hash;
SELECT test.creator(format('SELECT federated_put_model_slice(%s, ''vector'', 0, %L, %L)', :import, sha256(:'s2'), :'s2')) AS too_short;
SELECT test.creator(format('SELECT federated_put_model_slice(%s, ''vector'', 3, %L, %L)', :import, sha256(:'s2'), :'s2')) AS beyond;
SELECT test.creator(format('SELECT federated_put_model_slice(%s, ''vector'', -1, %L, %L)', :import, sha256(:'s2'), :'s2')) AS before;
SELECT test.creator(format('SELECT federated_put_model_slice(%s, ''vector'', 1, %L, %L)', :import, sha256(:'s0'), :'s0')) AS conflicting;
SELECT test.creator(format('SELECT federated_put_model_slice(%s, ''vector'', 2, %L, %L)', :import, sha256(decode(repeat('0000c07f', 100), 'hex')), decode(repeat('0000c07f', 100), 'hex'))) AS not_a_number;
SELECT test.creator(format('SELECT federated_put_model_slice(%s, ''weights'', 0, %L, %L)', :import, sha256(:'s0'), :'s0')) AS no_section;
SELECT test.creator(format('SELECT federated_put_model_slice(%s, %L, %L, %L, %L)', :import, section, slice, hash, data)) FROM (VALUES
	(NULL, 0, '\x00'::bytea, '\x00'::bytea), ('vector', NULL, '\x00', '\x00'), ('vector', 0, NULL, '\x00'), ('vector', 0, '\x00', NULL)) AS v (section, slice, hash, data);
-- somebody else's
SELECT regexp_replace(test.try('regress_other', format('SELECT federated_put_model_slice(%s, ''vector'', 0, %L, %L)', :import, sha256(:'s0'), :'s0')), 'version \d+', 'version N');
SELECT regexp_replace(test.try('regress_other', format('SELECT federated_commit_import(%s)', :import)), 'version \d+', 'version N');
-- the rest, and the commit, twice
SELECT test.creator(format('SELECT federated_put_model_slice(%s, ''vector'', 0, %L, %L)', :import, sha256(:'s0'), :'s0'));
SELECT test.creator(format('SELECT federated_put_model_slice(%s, ''vector'', 2, %L, %L)', :import, sha256(:'s2'), :'s2'));
SELECT test.creator(format('SELECT federated_commit_import(%s)', :import)) AS version, test.creator(format('SELECT federated_commit_import(%s)', :import)) AS again;
SELECT test.creator(format('SELECT federated_put_model_slice(%s, ''vector'', 2, %L, %L)', :import, sha256(:'s2'), :'s2')) AS too_late;
SELECT test.creator('SELECT federated_commit_import(0)'), test.creator('SELECT federated_commit_import(NULL)'), test.creator(format('SELECT federated_begin_import(%s, NULL, 1)', :workload)),
	   test.creator(format('SELECT federated_begin_import(%s, ''{}'', NULL)', :workload)), test.creator(format('SELECT federated_begin_import(%s, ''{}'', -1)', :workload));
-- What a round made is no import
SELECT test.creator(format('SELECT federated_commit_import(%s)', s.result_version_id)) FROM federated.sessions s WHERE s.id = :'sid';
SELECT count(*) AS events FROM federated.events WHERE kind = 'model_imported' AND (detail ->> 'version_id')::bigint = :import;

-- Out again
SELECT test.run_as('regress_creator', format('SELECT federated_export_model(%s)', :workload)) = test.safetensors(:'header', :'f0'::bytea || :'s0' || :'s1' || :'s2')::text AS same_file;
SET SESSION AUTHORIZATION regress_creator;
SELECT convert_from(federated_model_header(:import), 'UTF8') = :'header' AS header,
	   federated_model_slice(:import, 0) = :'s0' AS s0, federated_model_slice(:import, 1, 'vector') = :'s1' AS s1, federated_model_slice(:import, 2) = :'s2' AS s2,
	   federated_model_slice(:import, 0, 'frozen') = :'f0' AS f0,
	   federated_model(:import) ->> 'digest' = encode(sha256(sha256(:'s0') || sha256(:'s1') || sha256(:'s2')), 'hex') AS digest,
	   federated_model(:import) ->> 'status' AS status;
SELECT federated_model_slice(:import, 3);
SELECT federated_model_slice(:import, -1);
SELECT federated_model_slice(:import, 1, 'frozen');
SELECT federated_model_slice(:import, 0, 'x');
SELECT federated_model_slice(:import, NULL);
SELECT federated_model_slice(NULL, 0);
SELECT federated_model(0);
RESET SESSION AUTHORIZATION;
-- a model without frozen bytes has no frozen slice
SELECT test.creator(format('SELECT federated_model_slice(%s, 0, ''frozen'')', v.id)) FROM federated.model_versions v JOIN federated.workloads w ON w.id = v.workload_id WHERE w.name = 'hostile';
