-- Secure aggregation: hashes, signatures and messages of the protocol, by the library --------------
-- Formulas and labels stand in src/core/secagg/.

CREATE FUNCTION federated.secagg_base(vector_id bigint) RETURNS bytea
LANGUAGE c STABLE STRICT AS 'MODULE_PATHNAME', 'federated_secagg_base';
COMMENT ON FUNCTION federated.secagg_base(bigint) IS 'Hash of the model that is trained on';

CREATE FUNCTION federated.secagg_c0(session_id uuid, round integer, attempt integer, mode text, weights text, parameters bigint,
									range float8, aux_len integer, sample_cap bigint, max_cohort integer, base bytea, task bytea,
									levels bigint, clip float8, noise_var bigint, aux_noise_var bigint)
RETURNS bytea
LANGUAGE c IMMUTABLE STRICT AS 'MODULE_PATHNAME', 'federated_secagg_c0';
COMMENT ON FUNCTION federated.secagg_c0(uuid, integer, integer, text, text, bigint, float8, integer, bigint, integer, bytea, bytea, bigint, float8,
									bigint, bigint) IS
	'Hash of all that is fixed before anybody advertises; parameters 0: no vector is uploaded; clip and variances 0: Islands add no noise';

CREATE FUNCTION federated.secagg_levels(max_cohort integer) RETURNS bigint
LANGUAGE c IMMUTABLE STRICT AS 'MODULE_PATHNAME', 'federated_secagg_levels';
COMMENT ON FUNCTION federated.secagg_levels(integer) IS 'Integer that the range of an update becomes, so that a sum of so many cannot wrap';

CREATE FUNCTION federated.secagg_weight(samples bigint, sample_cap bigint) RETURNS bigint
LANGUAGE c IMMUTABLE STRICT AS 'MODULE_PATHNAME', 'federated_secagg_weight';
COMMENT ON FUNCTION federated.secagg_weight(bigint, bigint) IS 'Weight of an update of so many samples, 1 to 1048576; with weights "unit" nobody asks for it, and it is 1';

CREATE FUNCTION federated.secagg_threshold(mode text, n integer) RETURNS integer
LANGUAGE c IMMUTABLE STRICT AS 'MODULE_PATHNAME', 'federated_secagg_threshold';
COMMENT ON FUNCTION federated.secagg_threshold(text, integer) IS 'Shares that make a secret, in a roster of n';

CREATE FUNCTION federated.secagg_key_usable(public_key bytea) RETURNS boolean
LANGUAGE c IMMUTABLE STRICT AS 'MODULE_PATHNAME', 'federated_secagg_key_usable';
COMMENT ON FUNCTION federated.secagg_key_usable(bytea) IS 'Whether an X25519 key is not of low order';

CREATE FUNCTION federated.secagg_signed(what text, identity_pk bytea, context bytea, message bytea, signature bytea) RETURNS boolean
LANGUAGE c IMMUTABLE STRICT AS 'MODULE_PATHNAME', 'federated_secagg_signed';
COMMENT ON FUNCTION federated.secagg_signed(text, bytea, bytea, bytea, bytea) IS
	'Whether an Island''s signature holds: adv (context c0), upload and agree (context empty)';

CREATE FUNCTION federated.secagg_ctx(c0 bytea, t integer, max_cohort integer, advs bytea[]) RETURNS bytea
LANGUAGE c IMMUTABLE STRICT AS 'MODULE_PATHNAME', 'federated_secagg_ctx';
COMMENT ON FUNCTION federated.secagg_ctx(bytea, integer, integer, bytea[]) IS
	'Hash of c0 and a roster in the order of u, or an error (22023) if the roster breaks a rule';

CREATE FUNCTION federated.secagg_manifest(ctx bytea, u integer, slices bytea[], aux bytea) RETURNS bytea
LANGUAGE c IMMUTABLE STRICT AS 'MODULE_PATHNAME', 'federated_secagg_manifest';
COMMENT ON FUNCTION federated.secagg_manifest(bytea, integer, bytea[], bytea) IS
	'Hash of what an Island uploads, by the SHA-256 of its slices and its masked aux values';

CREATE FUNCTION federated.secagg_sets(ctx bytea, u2 integer[], u3 integer[]) RETURNS bytea
LANGUAGE c IMMUTABLE STRICT AS 'MODULE_PATHNAME', 'federated_secagg_sets';
COMMENT ON FUNCTION federated.secagg_sets(bytea, integer[], integer[]) IS 'Hash of who shared and whose update is summed';

CREATE FUNCTION federated.secagg_task_text(names text[], types text[], given text[]) RETURNS bytea
LANGUAGE c IMMUTABLE STRICT AS 'MODULE_PATHNAME', 'federated_secagg_task_text';
COMMENT ON FUNCTION federated.secagg_task_text(text[], text[], text[]) IS
	'Canonical task text of so many names with types b, i, f, s and their values; 22023 if a rule of its form is broken';

CREATE FUNCTION federated.secagg_parse_reveal(reveal bytea, revealer integer, n integer, u2 integer[], u3 integer[], without integer[],
											  OUT owner integer, OUT kind text, OUT share bytea)
RETURNS SETOF record
LANGUAGE c IMMUTABLE STRICT AS 'MODULE_PATHNAME', 'federated_secagg_parse_reveal';
COMMENT ON FUNCTION federated.secagg_parse_reveal(bytea, integer, integer, integer[], integer[], integer[]) IS
	'The shares in a message, or an error (22023) unless they are exactly what the sets ask the revealer for';

CREATE FUNCTION federated.secagg_recover(attempt_id bigint, OUT owner integer, OUT shares integer, OUT recovered boolean,
										 OUT deviating integer[])
RETURNS SETOF record
LANGUAGE c STABLE STRICT AS 'MODULE_PATHNAME', 'federated_secagg_recover';
COMMENT ON FUNCTION federated.secagg_recover(bigint) IS
	'Of each Island that shared: how many shares of its secret are there, whether they make what it has committed to, and which of them do not belong to it';

CREATE FUNCTION federated.secagg_unmask_aux(attempt_id bigint, aux_len integer) RETURNS bigint[]
LANGUAGE c STABLE STRICT AS 'MODULE_PATHNAME', 'federated_secagg_unmask_aux';
COMMENT ON FUNCTION federated.secagg_unmask_aux(bigint, integer) IS 'The plain sum of the masked aux values of the updates that are summed';
