-- Settings and the machine ----------------------------------------------------

CREATE FUNCTION federated.setting(name text) RETURNS text
LANGUAGE c STABLE STRICT
AS 'MODULE_PATHNAME', 'federated_setting';
COMMENT ON FUNCTION federated.setting(text) IS
	'Value of federated.NAME in its base unit; loads the library if the session has not';

CREATE FUNCTION federated.simd_level() RETURNS text
LANGUAGE c STABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'federated_simd_level';
COMMENT ON FUNCTION federated.simd_level() IS
	'Instruction set that the numeric kernels use in this session: scalar, avx2, avx512 or neon';

-- pgcrypto may live in any schema: resolved here, once, and written out.
DO $do$
DECLARE
	crypto_schema name;
BEGIN
	SELECT n.nspname INTO STRICT crypto_schema
	FROM pg_extension e JOIN pg_namespace n ON n.oid = e.extnamespace
	WHERE e.extname = 'pgcrypto';

	EXECUTE format($body$
		CREATE FUNCTION federated.random_bytes(count integer) RETURNS bytea
		LANGUAGE sql VOLATILE
		SET search_path = pg_catalog, pg_temp
		AS 'SELECT %1$I.gen_random_bytes($1)';

		CREATE FUNCTION federated.sign(message text, secret bytea) RETURNS bytea
		LANGUAGE sql IMMUTABLE
		SET search_path = pg_catalog, pg_temp
		AS 'SELECT %1$I.hmac(convert_to($1, ''UTF8''), $2, ''sha256'')';
	$body$, crypto_schema);
END
$do$;
COMMENT ON FUNCTION federated.random_bytes(integer) IS 'Bytes from the operating system''s random source';
COMMENT ON FUNCTION federated.sign(text, bytea) IS 'HMAC with SHA-256 (RFC 2104)';

CREATE FUNCTION federated.random_seed() RETURNS bigint
LANGUAGE sql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$ SELECT ('x' || encode(federated.random_bytes(8), 'hex'))::bit(64)::bigint & 9223372036854775807 $$;
COMMENT ON FUNCTION federated.random_seed() IS
	'A fresh 63-bit seed from the operating system''s random source';
