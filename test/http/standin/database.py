"""Connections, and the transaction around each request."""

import collections
import contextlib
import json
import threading

import psycopg

from standin.config import quote_name
from standin.errors import ApiError


class Pool:
    """Up to `size` connections; who gets none in time is answered 504."""

    def __init__(self, config):
        self.uri = config.uri
        self.timeout = config.pool_timeout
        self.free = threading.BoundedSemaphore(config.pool)
        self.idle = collections.deque()

    @contextlib.contextmanager
    def connection(self):
        if not self.free.acquire(timeout=self.timeout):
            raise ApiError(504, "PGRST003", "Timed out acquiring connection from connection pool.")
        try:
            connection = self.take()
            try:
                yield connection
            finally:
                self.give_back(connection)
        finally:
            self.free.release()

    def take(self):
        try:
            return self.idle.pop()
        except IndexError:
            return connect(self.uri)

    def give_back(self, connection):
        idle = psycopg.pq.TransactionStatus.IDLE
        if not connection.closed and connection.info.transaction_status == idle:
            self.idle.append(connection)
            return
        connection.close()
        # The server has probably ended the others too.
        while self.idle:
            self.idle.pop().close()


def connect(uri):
    try:
        return psycopg.connect(uri, autocommit=True, application_name="postgrest-standin")
    except psycopg.OperationalError as error:
        raise ApiError(503, "PGRST000", "Database connection error. Retrying the connection.", str(error)) from None


@contextlib.contextmanager
def transaction(connection, read_only):
    """The transaction of one request, whose first statement is that of `prepare`."""
    connection.execute("BEGIN READ ONLY" if read_only else "BEGIN READ WRITE")
    try:
        yield
        connection.execute("COMMIT")
    except BaseException:
        if not connection.closed:
            with contextlib.suppress(psycopg.Error):
                connection.execute("ROLLBACK")
        raise


def prepare(connection, config, cache, request, function_settings):
    """Settings of the role, the role itself, the request; then the pre-request function."""
    settings = [("search_path", config.search_path), *cache.role_settings.get(request.role, []),
                ("role", request.role),
                ("request.jwt.claims", json.dumps(request.claims)),
                ("request.method", request.method),
                ("request.path", request.path),
                ("request.headers", json.dumps(request.headers)),
                ("request.cookies", json.dumps(request.cookies)),
                *function_settings]
    calls = ", ".join(["set_config(%s, %s, true)"] * len(settings))
    connection.execute("SELECT " + calls, [part for setting in settings for part in setting])
    if config.pre_request:
        connection.execute(f"SELECT {quote_name(config.pre_request)}()")


def fetch_bytes(connection, statement, parameters):
    """The one row that a statement returns, each column as its bytes on the wire; None for NULL."""
    cursor = connection.cursor(binary=True)
    cursor.execute(statement, parameters)
    result = cursor.pgresult
    return [result.get_value(0, column) for column in range(result.nfields)]
