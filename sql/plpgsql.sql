-- Every PL/pgSQL function, checked statically where plpgsql_check is at hand;
-- the output is the same where it is not.
CREATE TABLE test.findings (function text, finding text);
DO $$
BEGIN
	IF EXISTS (SELECT FROM pg_available_extensions WHERE name = 'plpgsql_check') THEN
		CREATE EXTENSION plpgsql_check;
		INSERT INTO test.findings
		SELECT p.oid::regprocedure, concat_ws(' ', c.level, c.lineno || ':', c.message)
		FROM pg_proc p
		JOIN pg_depend d ON d.objid = p.oid AND d.classid = 'pg_proc'::regclass AND d.deptype = 'e'
		JOIN pg_extension e ON e.oid = d.refobjid AND e.extname = 'federated'
		JOIN pg_language l ON l.oid = p.prolang AND l.lanname = 'plpgsql',
		LATERAL plpgsql_check_function_tb(p.oid, extra_warnings => false, performance_warnings => false) c
		WHERE p.prorettype <> 'trigger'::regtype
		  -- federated.health() has a column "check" on purpose
		  AND c.message <> 'name of parameter "check" is reserved keyword';
		DROP EXTENSION plpgsql_check;
	END IF;
END
$$;
SELECT * FROM test.findings;
DROP TABLE test.findings;
