\echo Use "CREATE EXTENSION federated" to load this file. \quit

-- Everything below is qualified or from pg_catalog; nothing that a user put on
-- the search path can get in between.
SET LOCAL search_path TO pg_catalog, pg_temp;

CREATE SCHEMA federated;
COMMENT ON SCHEMA federated IS 'State and internals of the federated learning coordinator';
