-- Each setting: name, unit, default, range, and who may change it.
SELECT federated.simd_level() IS NOT NULL AS loaded;
SELECT name, unit, boot_val, min_val, max_val, enumvals, context
FROM pg_settings WHERE name LIKE 'federated.%' ORDER BY name COLLATE "C";
SELECT name AS without_description FROM pg_settings WHERE name LIKE 'federated.%' AND coalesce(short_desc, '') = '';

-- The value in its base unit, also before anything has loaded the library
\c -
SET client_min_messages = warning;
\set SHOW_CONTEXT never
SELECT federated.setting('aggregation_chunk') AS aggregation_chunk, federated.setting('island_timeout') AS island_timeout, federated.setting('max_storage') AS max_storage,
	   federated.setting('request_timeout') AS request_timeout, federated.setting('tablespace') AS tablespace, federated.setting('update_durability') AS update_durability, federated.setting('worker_interval') AS worker_interval;
SET federated.max_storage = '3GB';
SET federated.island_timeout = '2min';
SELECT federated.setting('max_storage') AS megabytes, federated.setting('island_timeout') AS seconds;
RESET federated.max_storage;
RESET federated.island_timeout;
SELECT federated.setting('no_such_thing');
SELECT federated.setting(NULL) IS NULL AS strict;

-- Bad values
SELECT name, value, replace(replace(test.try(current_user, format('SELECT set_config(%L, %L, false)', name, value)), ' s', ''), ' MB', '') AS without_units
FROM (VALUES ('federated.aggregation_chunk', '0'), ('federated.aggregation_chunk', '4097'), ('federated.aggregation_chunk', 'many'),
			 ('federated.island_timeout', '0'), ('federated.island_timeout', '2d'), ('federated.max_storage', '-1'), ('federated.max_storage', '1TBx')) AS v (name, value);
SET federated.update_durability = 'maybe';
SET federated.simd = 'sse9';
SET federated.worker = off;
SET federated.worker_interval = '1s';
SET federated.databases = 'x';
SET federated.no_such_thing = 1;

-- Levels: scalar is everywhere; what the processor lacks is refused
SET federated.simd = 'scalar';
SELECT federated.simd_level();
SET federated.simd = 'auto';
DO $$
DECLARE
	level text;
BEGIN
	FOREACH level IN ARRAY '{scalar,avx2,avx512,neon}'::text[]
	LOOP
		BEGIN
			PERFORM set_config('federated.simd', level, true);
			ASSERT federated.simd_level() = level;
		EXCEPTION WHEN invalid_parameter_value THEN
			ASSERT SQLERRM = format('invalid value for parameter "federated.simd": "%s"', level), SQLERRM;
		END;
	END LOOP;
END
$$;
SELECT federated.simd_level() = federated.simd_level() AS answers;

-- Only superusers change what concerns everybody
SET SESSION AUTHORIZATION regress_admin;
SET federated.max_storage = 1;
SET federated.simd = 'scalar';
SET federated.update_durability = 'unlogged';
RESET SESSION AUTHORIZATION;

-- A quota, a tablespace that is not there
SET federated.tablespace = 'regress_nowhere';
SELECT test.try('regress_creator', $$SELECT federated_import_model(federated_create_workload('nowhere'), '\x00')$$) LIKE '22023:%' AS file_first;
SELECT test.outcome('regress_creator', format('SELECT federated_import_model(federated_create_workload(''nowhere''), %L)', test.model(1)));
RESET federated.tablespace;
SELECT federated.storage_used() >= 0 AS counted, federated.storage_left() = 9223372036854775807 AS no_limit;
SET federated.max_storage = '1GB';
SELECT federated.storage_left() + federated.storage_used() = 1073741824 AS limited;
RESET federated.max_storage;
