-- Roles ----------------------------------------------------------------------
-- Cluster-wide and therefore no members of the extension: created when missing,
-- never dropped. Privileges are granted to them, never to PUBLIC.

DO $$
DECLARE
	role_name text;
BEGIN
	FOREACH role_name IN ARRAY ARRAY['federated_admin', 'federated_creator', 'federated_island',
									 'federated_viewer', 'federated_auditor', 'federated_invited', 'federated_anonymous']
	LOOP
		IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = role_name) THEN
			EXECUTE format('CREATE ROLE %I NOLOGIN', role_name);
		END IF;
	END LOOP;

	-- PostgREST logs in as this role and switches to the token's. NOINHERIT:
	-- on its own it can do nothing.
	IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'federated_authenticator') THEN
		CREATE ROLE federated_authenticator NOLOGIN NOINHERIT;
	END IF;
	-- The headers of a request are parameters, its token among them: not for the log.
	ALTER ROLE federated_authenticator SET log_parameter_max_length = 0;
	ALTER ROLE federated_authenticator SET log_parameter_max_length_on_error = 0;

	GRANT federated_creator, federated_viewer, federated_auditor TO federated_admin;
	GRANT federated_admin, federated_creator, federated_island, federated_viewer, federated_auditor,
		federated_invited, federated_anonymous TO federated_authenticator;
END
$$;

-- federated_invited: a host that holds an invitation and nothing else.
-- federated_anonymous: requests without a token, if an operator lets them in;
-- nothing is granted to it.

GRANT USAGE ON SCHEMA federated
	TO federated_admin, federated_creator, federated_island, federated_viewer, federated_auditor,
	   federated_invited, federated_anonymous;
