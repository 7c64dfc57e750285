"""HTTP, and the reloads of configuration and schema cache."""

import http.server
import re
import signal
import socket
import sys
import threading
import time
import traceback

import psycopg

from standin import tokens
from standin.answers import Answer, answer
from standin.config import Config, from_database, quote
from standin.database import Pool, connect
from standin.errors import ApiError, phrase
from standin.requests import Request, cookies, query_arguments
from standin.schema import SchemaCache

MAX_BODY = 512 << 20
RETRY_SECONDS = 0.5
LOGGED_FROM = {"crit": 600, "error": 500, "warn": 400, "info": 100, "debug": 100}


class State:
    """What every request looks at; a reload puts a new object into its place."""

    def __init__(self, path):
        self.path = path
        self.config = Config(path)
        self.cache = None
        self.pool = Pool(self.config)
        self.lock = threading.Lock()

    # On connections of their own: the listening one must not miss what is said meanwhile.

    def load_config(self):
        with self.lock, connect(self.config.uri) as connection:
            self.config = Config(self.path, from_database(connection, self.config.pre_config))

    def load_schema(self):
        with self.lock, connect(self.config.uri) as connection:
            self.cache = SchemaCache(connection, self.config.schemas[0])

    def listen(self):
        """Wait for notifications; and all over again whenever the connection is lost."""
        while True:
            self.try_to(self.load_whenever_told)
            time.sleep(RETRY_SECONDS)

    def load_whenever_told(self):
        told = {"": self.load_schema, "reload schema": self.load_schema, "reload config": self.load_config}
        with connect(self.config.uri) as connection:
            connection.execute(f"LISTEN {quote(self.config.channel)}")
            self.load_config()
            self.load_schema()
            for notification in connection.notifies():
                told.get(notification.payload, lambda: None)()

    def in_background(self, action):
        """A signal's handler. A database that is away is looked at again by the listener."""
        return lambda *_: threading.Thread(target=self.try_to, args=[action]).start()

    @staticmethod
    def try_to(action):
        try:
            action()
        except (psycopg.Error, ApiError, OSError) as error:
            log(f"cannot load configuration and schema: {error}")


def log(text):
    print(text, file=sys.stderr, flush=True)


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = 1 << 16
    rbufsize = 1 << 18
    timeout = 300

    def handle_expect_100(self):
        return True  # said when the body is wanted

    def handle_method(self):
        self.body_is_read = False
        try:
            self.send(self.respond())
        except ApiError as error:
            headers = [("Content-Type", "application/json; charset=utf-8"),
                       ("Proxy-Status", f"PostgREST; error={error.code}"), *error.headers]
            self.send(Answer(error.status, headers, error.body, error.reason))
        except UnicodeError:
            self.send_failure()
        except (BrokenPipeError, ConnectionResetError, TimeoutError):
            self.close_connection = True
        except Exception:  # pylint: disable=broad-except
            log(traceback.format_exc())
            self.send_failure()

    do_GET = do_HEAD = do_POST = do_PUT = do_PATCH = do_DELETE = do_OPTIONS = do_TRACE = handle_method

    def respond(self):
        state = self.server.state
        if state.cache is None:
            raise ApiError(503, "PGRST002", "Could not query the database for the schema cache. Retrying.")
        # The library reads headers as Latin-1; PostgREST fails on what is not UTF-8.
        headers = {name.lower(): value.encode("latin-1").decode("utf-8") for name, value in self.headers.items()}
        role, claims = tokens.authenticate(state.config, headers.get("authorization"))
        path, _, query = self.path.partition("?")
        request = Request(self.command, path, query_arguments(query), headers, cookies(headers.pop("cookie", "")),
                          role, claims, role != state.config.anon_role)
        request.body = self.read_body()
        return answer(request, state)

    # Bodies

    def read_body(self):
        if self.headers.get("Expect", "").lower() == "100-continue":
            self.send_response_only(100)
            self.end_headers()
            self.wfile.flush()
        if "Transfer-Encoding" in self.headers:
            body = self.read_chunks()
        else:
            length = self.number(self.headers.get("Content-Length", "0"), 10)
            self.refuse_above(length)
            body = self.read_exactly(length)
        self.body_is_read = True
        return body

    @staticmethod
    def number(text, base):
        if not re.fullmatch("[0-9]{1,12}" if base == 10 else "[0-9A-Fa-f]{1,12}", text):
            raise ApiError(400, "PGRST102", "Empty or invalid json")
        return int(text, base)

    @staticmethod
    def refuse_above(length):
        if length > MAX_BODY:
            raise ApiError(413, "PGRST102", "Request body too large")

    def read_exactly(self, length):
        body = self.rfile.read(length)
        if len(body) < length:
            raise ConnectionResetError
        return body

    def read_chunks(self):
        body = bytearray()
        while size := self.number(self.rfile.readline(1000).split(b";")[0].strip().decode("latin-1"), 16):
            self.refuse_above(len(body) + size)
            body += self.read_exactly(size)
            self.read_exactly(2)
        while self.rfile.readline(1000).strip():
            pass
        return bytes(body)

    # Answers

    def send(self, message):
        """The head is written as it is: what is let through here would be let through there."""
        if not self.body_is_read and self.has_body():
            self.close_connection = True
            message.headers.append(("Connection", "close"))
        status_line = f"HTTP/1.1 {message.status} {message.reason or phrase(message.status)}"
        headers = [("Date", self.date_time_string()), ("Server", "postgrest-standin"), *message.headers]
        if message.status != 204:
            headers.append(("Content-Length", str(len(message.body))))
        head = "\r\n".join([status_line, *(f"{name}: {value}" for name, value in headers), "", ""])
        self.wfile.write(head.encode("utf-8"))
        if self.command != "HEAD" and message.status != 204:
            self.wfile.write(message.body)
        self.wfile.flush()
        self.log_answer(message.status)
        if self.close_connection:
            self.linger()

    def has_body(self):
        return self.headers.get("Content-Length", "0") != "0" or "Transfer-Encoding" in self.headers

    def send_failure(self):
        """What the server under PostgREST says when it threw."""
        self.send(Answer(500, [("Content-Type", "text/plain; charset=utf-8")], b"Something went wrong"))

    def linger(self):
        """Take what a refused client still sends, so that it gets to read why."""
        try:
            self.connection.shutdown(socket.SHUT_WR)
            self.connection.settimeout(2)
            for _ in range(1024):
                if not self.rfile.read1(1 << 16):
                    return
        except OSError:
            return

    def log_answer(self, status):
        if status >= LOGGED_FROM.get(self.server.state.config.log_level, 500):
            log(f'{self.address_string()} "{self.command} {self.path.partition("?")[0]}" {status}')

    def log_message(self, *_):
        return


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 256

    def __init__(self, state):
        self.state = state
        host = {"!4": "", "*": "", "*4": ""}.get(state.config.host, state.config.host)
        super().__init__((host, state.config.port), Handler)

    def handle_error(self, *_):
        """A client that went away is no news."""


def run(path):
    state = State(path)
    server = Server(state)
    signal.signal(signal.SIGUSR1, state.in_background(state.load_schema))
    signal.signal(signal.SIGUSR2, state.in_background(state.load_config))
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    print(f"listening on {server.server_address[0]}:{server.server_address[1]}", flush=True)
    threading.Thread(target=state.listen, daemon=True).start()
    try:
        server.serve_forever()
    except KeyboardInterrupt:
        pass
