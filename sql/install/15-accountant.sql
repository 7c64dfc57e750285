-- What noise costs in privacy ------------------------------------------------------------------------------

CREATE FUNCTION @extschema@.federated_epsilon(noise_multiplier float8, sampling_rate float8 DEFAULT 1, rounds bigint DEFAULT 1,
	delta float8 DEFAULT 1e-5, sampling text DEFAULT 'poisson') RETURNS float8
LANGUAGE c IMMUTABLE PARALLEL SAFE
AS 'MODULE_PATHNAME', 'federated_epsilon';
COMMENT ON FUNCTION @extschema@.federated_epsilon(float8, float8, bigint, float8, text) IS
	'Epsilon of rounds with Gaussian noise on the sum of clipped updates, its standard deviation in units of the clipping norm; sampling is none, poisson or fixed. Noise that Islands add together costs more: see federated_plan_privacy()';
GRANT EXECUTE ON FUNCTION @extschema@.federated_epsilon(float8, float8, bigint, float8, text)
	TO federated_admin, federated_creator, federated_viewer, federated_auditor, federated_island;

CREATE FUNCTION @extschema@.federated_noise_multiplier(target_epsilon float8, sampling_rate float8 DEFAULT 1, rounds bigint DEFAULT 1,
	delta float8 DEFAULT 1e-5, sampling text DEFAULT 'poisson') RETURNS float8
LANGUAGE c IMMUTABLE PARALLEL SAFE
AS 'MODULE_PATHNAME', 'federated_noise_multiplier';
COMMENT ON FUNCTION @extschema@.federated_noise_multiplier(float8, float8, bigint, float8, text) IS
	'The least noise multiplier with which rounds cost no more than an epsilon; 22023 if none from 0.001 to 1000000 does. Too little for noise that Islands add together';
GRANT EXECUTE ON FUNCTION @extschema@.federated_noise_multiplier(float8, float8, bigint, float8, text)
	TO federated_admin, federated_creator, federated_viewer, federated_auditor, federated_island;

-- With exact, the exact curve of the Gaussian mechanism gives epsilon where that is less than what any Renyi
-- order gives. It takes nobody to be sampled, which is a bound for sampled rounds, too.
CREATE FUNCTION federated.privacy_epsilon(noise_multipliers float8[], sampling_rates float8[], samplings text[], rounds bigint[],
	delta float8, exact boolean, OUT epsilon float8, OUT method text, OUT rdp_order float8)
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'federated_privacy_epsilon';
COMMENT ON FUNCTION federated.privacy_epsilon(float8[], float8[], text[], bigint[], float8, boolean) IS
	'Epsilon of rounds of several kinds together, and by what: exact, or rdp with its order; 0 of none';

CREATE FUNCTION federated.discrete_gaussian(variance bigint) RETURNS bigint
LANGUAGE c VOLATILE STRICT
AS 'MODULE_PATHNAME', 'federated_discrete_gaussian';
COMMENT ON FUNCTION federated.discrete_gaussian(bigint) IS
	'One sample of discrete Gaussian noise under a key of its own from the operating system';
