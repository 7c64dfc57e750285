"""The parts of postgrest-standin: each module is one question that PostgREST answers."""
