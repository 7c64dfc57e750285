-- Workloads: their names, requirements and trainable expressions.
SET SESSION AUTHORIZATION regress_creator;
SELECT federated_create_workload('plain') IS NOT NULL AS created;
SELECT federated_create_workload('demanding', '{"tags": ["gpu", "eu"], "minimum": {"memory_gb": 8, "score": 0.5}, "predicate": "$.gpu.count > 1"}', '^lora_') IS NOT NULL AS created;
RESET SESSION AUTHORIZATION;
SELECT name, requirements, trainable, owner_role FROM federated.workloads WHERE name IN ('plain', 'demanding') ORDER BY id;
SELECT actor, kind, detail ->> 'name' AS name FROM federated.events WHERE kind = 'workload_created' AND detail ->> 'name' IN ('plain', 'demanding') ORDER BY id;

-- Names
SELECT test.try('regress_creator', query) FROM unnest(ARRAY[
	'SELECT federated_create_workload(''plain'')', 'SELECT federated_create_workload('''')', 'SELECT federated_create_workload(NULL)',
	'SELECT federated_create_workload(repeat(''x'', 201))', 'SELECT federated_create_workload(repeat(''x'', 200)) IS NOT NULL',
	'SELECT federated_create_workload(''Robert"); DROP TABLE x; --'') IS NOT NULL']) query;

-- Requirements that no Island could be judged by
SELECT r, regexp_replace(test.try('regress_creator', format('SELECT federated_create_workload(''bad'', %L)', r)), '(?<=path: ).*', '...')
FROM unnest(ARRAY['[]', '"x"', 'null', NULL, '{"tag": []}', '{"tags": "gpu"}', '{"tags": [1]}', '{"tags": ["gpu", null]}', '{"minimum": []}', '{"minimum": {"memory_gb": "8"}}',
	'{"minimum": {"memory_gb": null}}', '{"predicate": 1}', '{"predicate": "$.x ="}', '{"predicate": ""}']) r;
SELECT r, test.outcome('regress_creator', format('SELECT federated_create_workload(%L, %L)', 'good ' || n, r))
FROM unnest(ARRAY['{}', '{"tags": []}', '{"minimum": {}}', '{"tags": ["a"], "predicate": "exists($.x)"}']) WITH ORDINALITY AS u (r, n);

-- Which tensors are trained
SELECT test.try('regress_creator', 'SELECT federated_create_workload(''bad'', ''{}'', ''('')');
SELECT test.run_as('regress_creator', 'SELECT federated_create_workload(''lora'', ''{}'', ''lora_[AB]$'')') AS workload \gset
SELECT test.safetensors('{"layer.lora_A":{"dtype":"F32","shape":[1,2],"data_offsets":[8,16]},"layer.lora_B":{"dtype":"F32","shape":[1],"data_offsets":[4,8]},' ||
	'"layer.weight":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},"lora_A.scale":{"dtype":"F32","shape":[],"data_offsets":[16,20]}}', test.f32(1, 2, 3, 4, 5)) AS model \gset
SELECT test.run_as('regress_creator', format('SELECT federated_import_model(%s, %L)', :workload, :'model'));
SELECT name, dtype, shape, elements, trainable FROM federated.tensors WHERE workload_id = :workload ORDER BY name;
-- only these are on the wire, in order of name
SELECT v.parameters, test.floats(test.vector_slice(v.vector_id, 0)) AS vector, test.floats(test.vector_slice(v.frozen_id, 0)) AS frozen
FROM federated.model_versions v WHERE v.workload_id = :workload;
SELECT test.run_as('regress_creator', format('SELECT federated_export_model(%s)', :workload)) = :'model' AS same_file;
-- a model that has nothing to train
SELECT test.run_as('regress_creator', 'SELECT federated_create_workload(''nothing'', ''{}'', ''^nowhere$'')') AS nothing,
	   test.run_as('regress_creator', 'SELECT federated_create_workload(''integers'')') AS integers \gset
SELECT test.try('regress_creator', format('SELECT federated_import_model(%s, %L)', :nothing, :'model'));
SELECT test.try('regress_creator', format('SELECT federated_import_model(%s, %L)', :integers, test.safetensors('{"w":{"dtype":"I32","shape":[1],"data_offsets":[0,4]}}', test.f32(0))));
-- an integer tensor is not trained, whatever the expression says
SELECT test.run_as('regress_creator', 'SELECT federated_create_workload(''all'', ''{}'', ''.'')') AS workload \gset
SELECT test.run_as('regress_creator', format('SELECT federated_import_model(%s, %L)', :workload,
	test.safetensors('{"i":{"dtype":"I32","shape":[1],"data_offsets":[0,4]},"w":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}}', test.f32(0, 1))));
SELECT name, dtype, trainable FROM federated.tensors WHERE workload_id = :workload ORDER BY name;

-- Finding versions
SELECT test.try('regress_viewer', format('SELECT federated_find_version(%s) IS NOT NULL', :workload)), test.try('regress_viewer', format('SELECT federated_find_version(%s, 1) IS NOT NULL', :workload));
SELECT test.try('regress_viewer', format('SELECT federated_find_version(%s, 2)', :workload)), test.try('regress_viewer', format('SELECT federated_find_version(%s)', :nothing));
SELECT test.try('regress_viewer', 'SELECT federated_find_version(NULL)'), test.try('regress_viewer', 'SELECT federated_find_version(0)');
SELECT workload, version, status, current, parameters, owner_role FROM federated.versions WHERE workload_id = :workload;
