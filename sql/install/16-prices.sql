-- Prices ---------------------------------------------------------------------------------------
-- What updates are paid is an object in the session's config. Its parts add up,
-- so that each policy is one number: so much for an update, so much for a
-- thousand samples, so much for the round to share.

CREATE FUNCTION federated.check_credits(key text, given jsonb) RETURNS void
LANGUAGE plpgsql IMMUTABLE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	IF given IS NULL THEN
		RETURN;
	END IF;
	IF jsonb_typeof(given) <> 'number' OR NOT given::numeric BETWEEN 0 AND 1000000000
		OR NOT federated.is_exact(given::numeric) THEN
		PERFORM federated.refuse_config(key, given, 'credits, from 0 to 1000000000, at most six digits after the point');
	END IF;
END
$$;
COMMENT ON FUNCTION federated.check_credits(text, jsonb) IS 'Refuse (22023) what is not a number of credits';

CREATE FUNCTION federated.check_price(price jsonb) RETURNS void
LANGUAGE plpgsql IMMUTABLE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	amount text;
	most jsonb := price -> 'max_samples';
BEGIN
	IF price IS NULL THEN
		RETURN;
	END IF;
	IF jsonb_typeof(price) <> 'object'
		OR price - '{per_round,per_thousand_samples,max_samples,contribution_pool,contribution}'::text[] <> '{}' THEN
		PERFORM federated.refuse_config('price', price,
			'an object of per_round, per_thousand_samples with max_samples, contribution_pool with contribution');
	END IF;
	FOREACH amount IN ARRAY '{per_round,per_thousand_samples,contribution_pool}'::text[]
	LOOP
		PERFORM federated.check_credits('price.' || amount, price -> amount);
	END LOOP;
	-- Otherwise nobody could say what a session costs at most.
	IF (price ? 'per_thousand_samples') <> (price ? 'max_samples') THEN
		PERFORM federated.refuse_config('price', price, 'per_thousand_samples and max_samples together, or neither');
	ELSIF most IS NOT NULL AND (jsonb_typeof(most) <> 'number' OR most::numeric <> trunc(most::numeric)
								OR NOT most::numeric BETWEEN 1 AND 1000000000000) THEN
		PERFORM federated.refuse_config('price.max_samples', most, 'a whole number from 1 to 1000000000000');
	ELSIF price ? 'contribution' AND NOT price ? 'contribution_pool' THEN
		PERFORM federated.refuse_config('price', price, 'contribution only with contribution_pool');
	ELSIF coalesce(price -> 'contribution', '"cosine"') NOT IN ('"cosine"', '"norm_share"', '"leave_one_out"') THEN
		PERFORM federated.refuse_config('price.contribution', price -> 'contribution', 'cosine, norm_share, leave_one_out');
	END IF;
END
$$;
COMMENT ON FUNCTION federated.check_price(jsonb) IS 'Refuse (22023) a malformed price';

CREATE FUNCTION federated.price_part(config jsonb, part text) RETURNS numeric
LANGUAGE sql IMMUTABLE
SET search_path = pg_catalog, pg_temp
AS $$ SELECT coalesce(($1 -> 'price' ->> $2)::numeric * 1000000, 0) $$;
COMMENT ON FUNCTION federated.price_part(jsonb, text) IS 'A number of a session''s price in millionths of a credit; 0 when it is not there';

-- Of a part of a millionth nobody has anything.
CREATE FUNCTION federated.update_price(config jsonb, samples bigint) RETURNS numeric
LANGUAGE sql IMMUTABLE
SET search_path = pg_catalog, pg_temp
AS $$
	SELECT federated.price_part($1, 'per_round')
		+ coalesce(div(federated.price_part($1, 'per_thousand_samples')
					   * CASE WHEN $2 IS NOT NULL THEN least($2, ($1 -> 'price' ->> 'max_samples')::numeric::bigint) END, 1000), 0)
$$;
COMMENT ON FUNCTION federated.update_price(jsonb, bigint) IS
	'Millionths of a credit for an update with so many samples (NULL: nobody knows how many), without its share of the pool';

-- The bounds. A round has its Islands when it opens; before that the config
-- says how many they are at most, since who joins does so between rounds.

CREATE FUNCTION federated.round_cost(config jsonb, islands bigint) RETURNS numeric
LANGUAGE sql IMMUTABLE
SET search_path = pg_catalog, pg_temp
AS $$
	SELECT $2 * federated.update_price($1, ($1 -> 'price' ->> 'max_samples')::numeric::bigint)
		+ federated.price_part($1, 'contribution_pool')
$$;
COMMENT ON FUNCTION federated.round_cost(jsonb, bigint) IS 'Millionths of a credit that a round with so many Islands costs at most';

CREATE FUNCTION federated.sample_size(config jsonb, participants bigint) RETURNS bigint
LANGUAGE sql IMMUTABLE
SET search_path = pg_catalog, pg_temp
AS $$
	SELECT least($2, greatest(ceil($2 * ($1 -> 'participation_fraction')::numeric), ($1 -> 'min_updates')::numeric))::bigint
$$;
COMMENT ON FUNCTION federated.sample_size(jsonb, bigint) IS 'Islands of a round, of so many participants';

CREATE FUNCTION federated.session_cost(config jsonb, total_rounds integer) RETURNS numeric
LANGUAGE sql IMMUTABLE
SET search_path = pg_catalog, pg_temp
AS $$
	SELECT least($2 * federated.round_cost($1, federated.sample_size($1, ($1 -> 'max_participants')::bigint)),
				 ($1 -> 'budget')::numeric * 1000000)
$$;
COMMENT ON FUNCTION federated.session_cost(jsonb, integer) IS
	'Millionths of a credit that a session reserves when it starts: all that it can cost, or its budget';

CREATE FUNCTION federated.check_budget(given jsonb, config jsonb) RETURNS void
LANGUAGE plpgsql IMMUTABLE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	fewest bigint := federated.sample_size(config, (config -> 'min_participants')::bigint);
	needed numeric := federated.round_cost(config, fewest);
BEGIN
	IF federated.round_cost(config, 1) = 0 THEN
		IF config ? 'budget' THEN
			PERFORM federated.refuse_config('budget', config -> 'budget', 'only with a price');
		END IF;
	ELSIF NOT config ? 'budget' AND NOT given ? 'max_participants' AND federated.round_cost(config, 1) < federated.round_cost(config, 2) THEN
		RAISE EXCEPTION USING
			ERRCODE = 'invalid_parameter_value',
			MESSAGE = 'config key "budget" is missing',
			DETAIL = format('The price is %s: each update costs, and nothing says how many Islands take part.', config -> 'price'),
			HINT = 'Give a budget, or max_participants.';
	ELSIF (config -> 'budget')::numeric * 1000000 < needed THEN
		PERFORM federated.refuse_config('budget', config -> 'budget',
			format('at least %s, which a round of %s Islands can cost', federated.credits(needed), fewest));
	END IF;
END
$$;
COMMENT ON FUNCTION federated.check_budget(jsonb, jsonb) IS
	'Refuse (22023) a priced session whose cost has no end, or whose budget does not pay its first round';

CREATE FUNCTION federated.price_session(config jsonb, given jsonb, workload federated.workloads) RETURNS jsonb
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	IF NOT config ? 'price' AND workload.price IS NOT NULL THEN
		config := config || jsonb_build_object('price', workload.price);
	END IF;
	PERFORM federated.check_private_price(config);
	PERFORM federated.check_budget(given, config);
	IF federated.price_part(config, 'contribution_pool') > 0 AND NOT (config -> 'contribution')::boolean THEN
		PERFORM federated.refuse_config('contribution', config -> 'contribution', 'true, as the price shares a pool by contribution');
	END IF;
	RETURN config;
END
$$;
COMMENT ON FUNCTION federated.price_session(jsonb, jsonb, federated.workloads) IS
	'A session''s config with the price that holds for it: its own, otherwise the workload''s';

CREATE FUNCTION @extschema@.federated_set_price(workload_id bigint, price jsonb) RETURNS void
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	workload federated.workloads;
BEGIN
	PERFORM federated.require_role('federated_creator', 'set a price');
	workload := federated.get_workload(workload_id);
	PERFORM federated.require_owner(workload.owner_role, format('set the price of workload "%s"', workload.name));
	PERFORM federated.check_price(price);
	UPDATE federated.workloads w SET price = federated_set_price.price
	WHERE w.id = workload.id AND w.price IS DISTINCT FROM federated_set_price.price;
	IF FOUND THEN
		PERFORM federated.log_event(NULL, 'price_set',
			jsonb_build_object('workload', workload.name, 'price', coalesce(price, '{}')));
	END IF;
END
$$;
COMMENT ON FUNCTION @extschema@.federated_set_price(bigint, jsonb) IS
	'What sessions of a workload pay that are started from now on and set no price of their own; NULL: nothing';
GRANT EXECUTE ON FUNCTION @extschema@.federated_set_price(bigint, jsonb) TO federated_creator;
