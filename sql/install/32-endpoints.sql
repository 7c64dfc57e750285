-- Endpoints: how each function of the HTTP interface is made -----------------------------------------------
-- PostgREST offers every function of schema federated_api as /rpc/NAME. All have
-- the same frame: they run with the caller's own rights, answer an error with
-- the right status, and name an argument that is missing or unknown.

CREATE SCHEMA federated_api;
COMMENT ON SCHEMA federated_api IS
	$$Federated training
Sessions, Islands, models and updates of a federated learning coordinator. Every request carries a token: Authorization: Bearer …$$;
GRANT USAGE ON SCHEMA federated_api TO federated_admin, federated_creator, federated_island, federated_viewer,
	federated_auditor, federated_invited, federated_anonymous;

CREATE DOMAIN federated_api."application/octet-stream" AS bytea;
COMMENT ON DOMAIN federated_api."application/octet-stream" IS 'Bytes, answered as they are';
CREATE DOMAIN federated_api."text/plain" AS text;
COMMENT ON DOMAIN federated_api."text/plain" IS 'Text, answered as it is';

CREATE FUNCTION federated.refuse_arguments(endpoint name, given json) RETURNS json
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	allowed text[];
	needed integer;
	problem text;
BEGIN
	SELECT p.proargnames[:p.pronargs], p.pronargs - p.pronargdefaults INTO STRICT allowed, needed
	FROM pg_proc p
	WHERE p.pronamespace = 'federated_api'::regnamespace AND p.proname = endpoint AND p.proargnames IS NOT NULL;

	IF json_typeof(given) IS DISTINCT FROM 'object' THEN
		problem := 'the arguments must be a JSON object';
	ELSE
		problem := coalesce(
			(SELECT format('argument "%s" is not known', key)
			 FROM json_object_keys(given) key WHERE key <> ALL (allowed) ORDER BY key LIMIT 1),
			(SELECT format('argument "%s" is missing', name)
			 FROM unnest(allowed[:needed]) WITH ORDINALITY a(name, place) WHERE given -> name IS NULL ORDER BY place LIMIT 1));
	END IF;
	RAISE EXCEPTION USING
		ERRCODE = 'invalid_parameter_value',
		MESSAGE = coalesce(problem, 'the arguments are not valid'),
		DETAIL = format('Needed: %s; allowed besides: %s.', coalesce(array_to_string(allowed[:needed], ', '), 'none'),
						coalesce(nullif(array_to_string(allowed[needed + 1:], ', '), ''), 'none'));
END
$$;
COMMENT ON FUNCTION federated.refuse_arguments(name, json) IS 'Say (22023) which argument of an endpoint is missing or unknown';

-- roles are the short names of those that may call. Dropped at the end of the
-- installation: it only writes what follows.
CREATE FUNCTION federated.define_endpoint(name text, arguments text, result text, volatility text, roles text[],
										  description text, body text) RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	frame CONSTANT text := $frame$
		CREATE FUNCTION federated_api.%1$I(%2$s) RETURNS %3$s
		LANGUAGE plpgsql %4$s
		SET search_path = pg_catalog, pg_temp
		AS $function$
		#variable_conflict use_variable
		DECLARE
			failure federated.failure;
		BEGIN
			%5$s
		EXCEPTION WHEN query_canceled OR OTHERS THEN -- OTHERS leaves a timeout out
			GET STACKED DIAGNOSTICS failure.code = RETURNED_SQLSTATE, failure.message = MESSAGE_TEXT,
				failure.detail = PG_EXCEPTION_DETAIL, failure.hint = PG_EXCEPTION_HINT;
			PERFORM federated.raise_http(failure);
		END
		$function$
	$frame$;
	role_list text := (SELECT string_agg('federated_' || role, ', ') FROM unnest(roles) role);
BEGIN
	EXECUTE format(frame, name, arguments, result, volatility, body);
	EXECUTE format('COMMENT ON FUNCTION federated_api.%I IS %L', name, description);
	EXECUTE format('GRANT EXECUTE ON FUNCTION federated_api.%I TO %s', name, role_list);

	-- What does not fit the named arguments of a POST arrives here.
	IF arguments NOT IN ('', 'bytea') THEN
		EXECUTE format(frame, name, 'json', 'json', 'STABLE', format('RETURN federated.refuse_arguments(%L, $1);', name));
		EXECUTE format('COMMENT ON FUNCTION federated_api.%I(json) IS %L', name, 'Says which argument is missing or unknown');
		EXECUTE format('GRANT EXECUTE ON FUNCTION federated_api.%I(json) TO %s', name, role_list);
	END IF;
END
$$;

GRANT EXECUTE ON FUNCTION federated.raise_http(federated.failure), federated.refuse_arguments(name, json),
	federated.http_status(text), federated.request_header(text, text), federated.header_number(text, bigint), federated.hex_digest(text, text),
	federated.require_argument(text, anyelement), federated.respond(integer, json), federated.verdict(json)
	TO federated_admin, federated_creator, federated_island, federated_viewer, federated_auditor, federated_invited;
