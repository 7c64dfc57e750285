-- Last: dump, privileges, worker --------------------------------------------------------------------------

-- What users have made is data and goes into dumps. worker_runs does not: in a
-- restored database no worker ran. Nor do chunks, which only say how long a part
-- of a result took; and they would have pg_dump put sessions before events, by
-- which federated.restoring() knows a restore.
DO $$
DECLARE
	name text;
BEGIN
	FOREACH name IN ARRAY '{events,event_chains,vectors,slices,retired_tables,workloads,tensors,model_versions,workload_heads,head_moves,
							version_tags,islands,heartbeats,consents,sessions,participants,rounds,tasks,updates,rejections,tokens,
							optimizer_states,accounts,ledger,sample_ceilings,webhooks,webhook_deliveries,
							island_identities,secagg_tasks,
							session_privacy,privacy_charges,privacy_participants}'::text[]
	LOOP
		PERFORM pg_extension_config_dump(format('federated.%I', name), '');
	END LOOP;
	FOREACH name IN ARRAY '{events,vectors,workloads,model_versions,head_moves,islands,rounds,updates,rejections,accounts,ledger,
							webhooks,privacy_charges}'::text[]
	LOOP
		PERFORM pg_extension_config_dump(pg_get_serial_sequence(format('federated.%I', name), 'id'), '');
	END LOOP;
END
$$;

ALTER TABLE federated.page_template ENABLE ROW LEVEL SECURITY;
ALTER TABLE federated.vectors ENABLE ROW LEVEL SECURITY;
ALTER TABLE federated.slices ENABLE ROW LEVEL SECURITY;
ALTER TABLE federated.retired_tables ENABLE ROW LEVEL SECURITY;
ALTER TABLE federated.worker_runs ENABLE ROW LEVEL SECURITY;

-- Nothing is for everybody; each function was granted to the roles that need it.
DO $$
DECLARE
	routine regprocedure;
BEGIN
	FOR routine IN
		SELECT d.objid::regprocedure FROM pg_depend d JOIN pg_extension e ON e.oid = d.refobjid
		WHERE d.classid = 'pg_proc'::regclass AND d.refclassid = 'pg_extension'::regclass AND d.deptype = 'e'
		  AND e.extname = 'federated'
	LOOP
		EXECUTE format('REVOKE ALL ON FUNCTION %s FROM PUBLIC', routine);
	END LOOP;
END
$$;

SELECT federated.launch_worker();
NOTIFY pgrst, 'reload schema';
NOTIFY pgrst, 'reload config';
