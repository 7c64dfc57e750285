-- Pages of a vector: one row and one heap page each, the payload at a multiple
-- of 64 bytes in the page, never compressed, never moved out.
CREATE EXTENSION pageinspect;
SELECT attname, attnum, attstorage, attalign, atttypid::regtype FROM pg_attribute
WHERE attrelid = 'federated.page_template'::regclass AND attnum > 0 ORDER BY attnum;

-- 131 pages: a full slice, and one value of another
SELECT test.run_as('regress_creator', 'SELECT federated_create_workload(''layout'')') AS workload \gset
SELECT test.run_as('regress_creator', format('SELECT federated_import_model(%s, %L)', :workload,
	test.safetensors('{"w":{"dtype":"F32","shape":[262081],"data_offsets":[0,1048324]}}', decode(repeat('0000803f', 262080) || '00000040', 'hex'))));
SELECT v.relation, v.id AS vector FROM federated.model_versions m JOIN federated.vectors v ON v.id = m.vector_id WHERE m.workload_id = :workload \gset
-- the table may be a little longer than what is in it
CREATE VIEW test.blocks AS SELECT DISTINCT (ctid::text::point)[0]::integer AS block FROM federated.:"relation";
SELECT (SELECT count(*) FROM test.blocks) AS heap_pages, federated.page_storage(1048324) / 8192 AS counted,
	   reltoastrelid = 0 AS no_toast, reloptions FROM pg_class WHERE oid = format('federated.%I', :'relation')::regclass;
SELECT count(*) AS rows, min(octet_length(data)), max(octet_length(data)), count(DISTINCT page_no), max(page_no) FROM federated.:"relation";
SELECT attname, attnum, attstorage FROM pg_attribute WHERE attrelid = format('federated.%I', :'relation')::regclass AND attnum > 0 ORDER BY attnum;
SELECT pg_get_constraintdef(oid) AS key FROM pg_constraint WHERE conrelid = format('federated.%I', :'relation')::regclass AND contype = 'p';

-- vector_id 8, page_no 4, varlena header 4: the payload starts 16 bytes after the tuple's header
SELECT count(*) AS pages, sum(rows) AS rows, array_agg(DISTINCT payload % 64) AS payload_modulo_64, bool_and(first_bytes IN ('\x0000803f', '\x00000040')) AS payload_there
FROM test.blocks,
	 LATERAL (SELECT get_raw_page(format('federated.%I', :'relation'), block) AS raw) page,
	 LATERAL (SELECT count(*) AS rows, min(lp_off + t_hoff + 16) AS payload FROM heap_page_items(raw)) items,
	 LATERAL (SELECT substring(raw FROM payload + 1 FOR 4) AS first_bytes) payload_bytes;
-- the last page is filled up with zeros, which do not count
SELECT substring(data FOR 8) AS begin, data = decode('00000040' || repeat('00', 8060), 'hex') AS filled FROM federated.:"relation" WHERE page_no = 130;
SELECT s.slice_no, octet_length(test.vector_slice(:vector, s.slice_no)) AS bytes, s.sha256 = sha256(test.vector_slice(:vector, s.slice_no)) AS sha256
FROM federated.slices s WHERE s.vector_id = :vector ORDER BY 1;

-- Arithmetic of slices
SELECT bytes, federated.slice_count(bytes) AS slices, federated.slice_length(bytes, 0) AS first, federated.slice_length(bytes, 1) AS second, federated.page_storage(bytes) AS storage
FROM unnest('{0,4,8064,8068,1048320,1048324,2096640}'::bigint[]) bytes;
SELECT federated.slice_count(4::bigint * 70000000000) AS slices_of_70_billion;

-- What would reach outside of a vector is refused
SELECT test.try(current_user, query) FROM unnest(ARRAY[
	format('SELECT federated.read_slice(%L, %s, -1, 4)', :'relation', :vector), format('SELECT federated.read_slice(%L, %s, 0, 1048321)', :'relation', :vector),
	format('SELECT federated.read_slice(%L, %s, 0, -1)', :'relation', :vector), format('SELECT federated.write_slice(%L, %s, 16519105, ''\x00'')', :'relation', :vector)]) query;
SELECT test.outcome(current_user, format('SELECT federated.read_slice(%L, 0, 0, 4)', :'relation')) AS no_such_vector,
	   test.outcome(current_user, format('SELECT federated.read_slice(%L, %s, 2, 4)', :'relation', :vector)) AS no_such_page,
	   test.outcome(current_user, 'SELECT federated.read_slice(''nowhere'', 0, 0, 4)') AS no_such_table;
SELECT federated.first_nonfinite('') IS NULL AS none, federated.first_nonfinite(test.f32(1, 'NaN')) AS nan, federated.first_nonfinite(test.f32('-Infinity', 1)) AS infinity,
	   federated.first_nonfinite(decode(repeat('ffff7f7f', 5000) || 'ffffffff', 'hex')) AS far;
SELECT test.try(current_user, 'SELECT federated.first_nonfinite(''\x0000'')');

-- A reader finds pages wherever they are. Two vectors share a table; one's second
-- slice comes first, one of the other's was rolled back before.
SELECT federated.create_page_table('regress_reader'), federated.create_vector('regress_reader', 1048324) AS one,
	   federated.create_vector('regress_reader', 1048324) AS two \gset
CREATE FUNCTION test.pattern(vector integer, slice integer) RETURNS bytea
LANGUAGE sql IMMUTABLE
AS $$
	SELECT substr(string_agg(decode(repeat(lpad(to_hex(vector * 1000000 + slice * 1000 + page), 8, '0'), 2016), 'hex'), '' ORDER BY page),
				  1, CASE slice WHEN 0 THEN 1048320 ELSE 4 END)
	FROM generate_series(1, CASE slice WHEN 0 THEN 130 ELSE 1 END) page
$$;
SELECT federated.write_slice('regress_reader', :one, 1, test.pattern(1, 1));
BEGIN;
SELECT federated.write_slice('regress_reader', :two, 0, test.pattern(3, 0));
ROLLBACK;
DO $$
BEGIN
	PERFORM federated.write_slice('regress_reader', (SELECT max(id) FROM federated.vectors), 0, test.pattern(4, 0));
	RAISE division_by_zero;
EXCEPTION WHEN division_by_zero THEN
	RAISE INFO 'rolled back';
END
$$;
SELECT federated.write_slice('regress_reader', :two, 0, test.pattern(2, 0));
SELECT federated.write_slice('regress_reader', :one, 0, test.pattern(1, 0)), federated.write_slice('regress_reader', :two, 1, test.pattern(2, 1));
CREATE FUNCTION test.same(one bigint, two bigint) RETURNS text
LANGUAGE sql VOLATILE
AS $$
	SELECT string_agg(CASE WHEN federated.read_slice('regress_reader', v, s, CASE s WHEN 0 THEN 1048320 ELSE 4 END) = test.pattern(n, s)
						   THEN 'same' ELSE 'DIFFERENT' END, ' ' ORDER BY v, s)
	FROM (VALUES (one, 1), (two, 2)) vectors (v, n), generate_series(0, 1) s
$$;
-- without noting anything in the pages: HEAP_XMIN_COMMITTED (0x0100) stays unset but in those that only the index could find
SELECT test.same(:one, :two);
SELECT count(*) FILTER (WHERE t_infomask & 256 = 0) > 240 AS left_as_they_were
FROM generate_series(0, pg_relation_size('federated.regress_reader') / 8192 - 1) b,
	 LATERAL heap_page_items(get_raw_page('federated.regress_reader', b::integer));
-- what the own transaction wrote is there, what it rolled back is not
BEGIN;
SELECT federated.create_vector('regress_reader', 8064 * 3) AS own \gset
SELECT federated.write_slice('regress_reader', :own, 0, substr(test.pattern(5, 0), 1, 8064 * 3));
SAVEPOINT before;
SELECT federated.write_slice('regress_reader', :own, 1, test.pattern(5, 1));
ROLLBACK TO before;
SELECT federated.read_slice('regress_reader', :own, 0, 8064 * 3) = substr(test.pattern(5, 0), 1, 8064 * 3) AS own_pages;
SELECT test.try(current_user, format('SELECT federated.read_slice(''regress_reader'', %s, 1, 4)', :own)) LIKE 'XX001: page 130 of vector % is missing%' AS rolled_back;
COMMIT;
-- a row that went is not read, whatever still lies in its block
BEGIN;
DELETE FROM federated.regress_reader WHERE vector_id = :one AND page_no = 64;
SELECT test.try(current_user, format('SELECT federated.read_slice(''regress_reader'', %s, 0, 1048320)', :one)) LIKE 'XX001: page 64 of vector % is missing%' AS missing;
ROLLBACK;
SELECT test.same(:one, :two);
-- vacuumed and frozen
VACUUM (FREEZE) federated.regress_reader;
SELECT test.same(:one, :two);
SELECT federated.retire_page_table('regress_reader');

-- Tables retire whole
SELECT federated.create_page_table('regress_pages'), federated.create_vector('regress_pages', 4) AS vector \gset
SELECT federated.retire_page_table('regress_pages'), federated.retire_page_table('regress_pages');
SELECT count(*) AS vectors FROM federated.vectors WHERE relation = 'regress_pages';
SET application_name = 'pg_dump';
SELECT federated.drop_retired_tables() > 0 AS kept_for_a_dump, to_regclass('federated.regress_pages') IS NULL AS dropped;
RESET application_name;
SELECT count(federated.drop_retired_tables()), to_regclass('federated.regress_pages') IS NULL AS dropped;
DROP VIEW test.blocks;
DROP EXTENSION pageinspect;
