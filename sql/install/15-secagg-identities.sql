-- Identities: the keys by which Islands know each other -------------------------------------
-- Secure aggregation only: an Island signs its messages with an Ed25519 key, and
-- the others check them against keys that their owners pinned out of band. What
-- stands here is what the server admits, not what an Island trusts.

CREATE TABLE federated.island_identities (
	island_id	bigint PRIMARY KEY REFERENCES federated.islands ON DELETE CASCADE,
	identity_pk	bytea NOT NULL UNIQUE CHECK (octet_length(identity_pk) = 32),
	enrolled_at	timestamptz NOT NULL DEFAULT now(),
	enrolled_by	text NOT NULL
);
COMMENT ON TABLE federated.island_identities IS 'Public identity keys of Islands, for secure aggregation';
COMMENT ON COLUMN federated.island_identities.identity_pk IS 'Ed25519 public key (RFC 8032), 32 bytes; one Island each';
COMMENT ON COLUMN federated.island_identities.enrolled_by IS 'Administrator who entered it';

CREATE FUNCTION federated.require_bytes(argument text, given bytea, expected integer) RETURNS void
LANGUAGE plpgsql IMMUTABLE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	PERFORM federated.require_argument(argument, given);
	IF octet_length(given) <> expected THEN
		RAISE EXCEPTION USING
			ERRCODE = 'invalid_parameter_value',
			MESSAGE = format('argument "%s" has the wrong length', argument),
			DETAIL = format('Given %s bytes; expected %s.', octet_length(given), expected);
	END IF;
END
$$;
COMMENT ON FUNCTION federated.require_bytes(text, bytea, integer) IS 'Refuse (22004, 22023) what is not so many bytes';

CREATE FUNCTION @extschema@.federated_enroll_identity(host_id text, identity_pk bytea, replace boolean DEFAULT false) RETURNS void
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_column
DECLARE
	island federated.islands;
	known bytea;
BEGIN
	PERFORM federated.require_role('federated_admin', 'enroll an identity');
	PERFORM federated.require_bytes('identity_pk', federated_enroll_identity.identity_pk, 32);
	PERFORM federated.require_argument('replace', replace);
	island := federated.get_island(federated_enroll_identity.host_id);
	SELECT i.identity_pk INTO known FROM federated.island_identities i WHERE i.island_id = island.id FOR UPDATE;
	IF known = federated_enroll_identity.identity_pk THEN
		RETURN;
	ELSIF known IS NOT NULL AND NOT replace THEN
		RAISE EXCEPTION USING
			ERRCODE = 'unique_violation',
			MESSAGE = format('Island "%s" has another identity', island.host_id),
			DETAIL = format('Its key is %s.', encode(known, 'hex')),
			HINT = 'If the Island really has a new key, call again with replace => true; its peers must pin the new one too.';
	ELSIF EXISTS (SELECT FROM federated.island_identities i
				  WHERE i.identity_pk = federated_enroll_identity.identity_pk AND i.island_id <> island.id) THEN
		RAISE EXCEPTION USING
			ERRCODE = 'unique_violation',
			MESSAGE = format('Island "%s" cannot have the identity key of another', island.host_id);
	END IF;
	INSERT INTO federated.island_identities (island_id, identity_pk, enrolled_by)
	VALUES (island.id, federated_enroll_identity.identity_pk, federated.caller_name())
	ON CONFLICT ON CONSTRAINT island_identities_pkey DO UPDATE
		SET identity_pk = excluded.identity_pk, enrolled_at = now(), enrolled_by = excluded.enrolled_by;
	PERFORM federated.log_event(NULL, 'identity_set', jsonb_build_object(
		'host_id', island.host_id, 'identity_pk', encode(federated_enroll_identity.identity_pk, 'hex'),
		'replaced', encode(known, 'hex')));
	PERFORM federated.wake_worker();
END
$$;
COMMENT ON FUNCTION @extschema@.federated_enroll_identity(text, bytea, boolean) IS
	'Enter the public identity key of an Island, for secure aggregation; another key than before only with replace';
GRANT EXECUTE ON FUNCTION @extschema@.federated_enroll_identity(text, bytea, boolean) TO federated_admin;

ALTER TABLE federated.island_identities ENABLE ROW LEVEL SECURITY;
CREATE POLICY read_all ON federated.island_identities FOR SELECT
	TO federated_admin, federated_viewer, federated_auditor USING (true);
CREATE POLICY read_own ON federated.island_identities FOR SELECT
	TO federated_island USING (island_id = (SELECT federated.caller_island()));
GRANT SELECT ON federated.island_identities TO federated_admin, federated_viewer, federated_auditor, federated_island;
