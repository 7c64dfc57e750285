#!/usr/bin/python3
"""Test postgrest-standin against what PostgREST documents, on the server that libpq's environment names.

Needs a superuser: it makes a database and a few roles named standin_*, and drops them.
"""

import hashlib
import http.client
import json
import pathlib
import socket
import subprocess
import tempfile
import threading
import time
import unittest

import jwt
import psycopg

HERE = pathlib.Path(__file__).resolve().parent
ROLES = "standin_login, standin_user, standin_slow, standin_hidden"
CONFIG = """
    db-uri = "dbname=standin_test user=standin_login"   # the rest is libpq's
    db-schemas = "api"
    db-extra-search-path = "pg_catalog"
    db-pre-request = "behind.before"
    db-pre-config = "behind.config"
    db-max-rows = 4
    db-pool = 2
    db-pool-acquisition-timeout = 1
    jwt-aud = "us"
    server-host = "127.0.0.1"
    server-port = 0
    log-level = "crit"
"""
BYTES = {"Content-Type": "application/octet-stream"}


def token(key=b"0", header=None, algorithm="HS256", **claims):
    """Signed with 32 times the key; a claim of None is left out."""
    claims = {"role": "standin_user", "aud": "us", "exp": int(time.time()) + 60, **claims}
    claims = {name: value for name, value in claims.items() if value is not None}
    secret = None if algorithm == "none" else key * 32
    return jwt.encode(claims, secret, algorithm=algorithm, headers={"kid": "0"} if header is None else header)


class Answer:
    def __init__(self, response):
        self.status, self.reason, self.headers = response.status, response.reason, response.headers
        self.content = response.read()

    @property
    def json(self):
        return json.loads(self.content)

    @property
    def code(self):
        return f"{self.status} {self.json['code']}"


class StandinTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        with psycopg.connect(dbname="postgres", autocommit=True) as connection:
            connection.execute("CREATE DATABASE standin_test")
        cls.database = psycopg.connect(dbname="standin_test", autocommit=True)
        cls.database.execute((HERE / "test_standin.sql").read_text(encoding="utf-8"))
        config = pathlib.Path(cls.enterClassContext(tempfile.TemporaryDirectory())) / "postgrest.conf"
        config.write_text(CONFIG, encoding="utf-8")
        cls.server = subprocess.Popen([HERE / "postgrest-standin", config], stdout=subprocess.PIPE, text=True)
        cls.port = int(cls.server.stdout.readline().rpartition(":")[2])
        cls.wait_for(lambda: cls.ask("GET", "/things").status == 200)

    @classmethod
    def tearDownClass(cls):
        cls.server.terminate()
        cls.server.wait()
        cls.server.stdout.close()
        cls.database.close()
        with psycopg.connect(dbname="postgres", autocommit=True) as connection:
            connection.execute("DROP DATABASE standin_test")
            connection.execute("DROP ROLE " + ROLES)

    @staticmethod
    def wait_for(condition):
        deadline = time.time() + 30
        while not condition():
            if time.time() > deadline:
                raise TimeoutError
            time.sleep(0.05)

    @classmethod
    def ask(cls, method, path, body=None, headers=(), bearer=""):
        """`bearer` None sends no token; a body that is not bytes goes as JSON."""
        connection = http.client.HTTPConnection("127.0.0.1", cls.port, timeout=30)
        given = {} if bearer is None else {"Authorization": "Bearer " + (bearer or token())}
        if body is not None and not isinstance(body, bytes):
            body = json.dumps(body).encode()
        try:
            connection.request(method, path, body, {**given, **dict(headers)})
            return Answer(connection.getresponse())
        finally:
            connection.close()

    # Functions

    def test_arguments(self):
        self.assertEqual(self.ask("POST", "/rpc/add", {"a": 1}).json, 3)
        self.assertEqual(self.ask("GET", "/rpc/add?a=1&b=5").json, 6)
        self.assertEqual(self.ask("POST", "/rpc/add", [{"a": 5}, {"a": 6}]).json, 7)
        self.assertEqual(self.ask("POST", "/rpc/add", b"a=3",
                                  {"Content-Type": "application/x-www-form-urlencoded"}).json, 5)
        self.assertEqual(self.ask("POST", "/rpc/add", {"a": 1, "c": 2}).code, "404 PGRST202")
        self.assertEqual(self.ask("POST", "/rpc/add", {"b": 1}).code, "404 PGRST202")
        self.assertEqual(self.ask("POST", "/rpc/add", {"a": "x"}).code, "400 22P02")
        self.assertEqual(self.ask("POST", "/rpc/add", b"[").code, "400 PGRST102")
        self.assertEqual(self.ask("POST", "/rpc/add", b"x", {"Content-Type": "text/html"}).code, "400 PGRST102")

    def test_whole_body(self):
        self.assertEqual(self.ask("POST", "/rpc/named", {"x": 1}).json, {"x": 1})
        self.assertEqual(self.ask("POST", "/rpc/named", {"y": 1}).json["message"], "caught")
        data = bytes(range(256)) * 4096
        answer = self.ask("POST", "/rpc/take", data, {**BYTES, "X-Note": "é".encode()})
        self.assertEqual(answer.json, {"sha256": hashlib.sha256(data).hexdigest(), "note": "é"})
        self.assertEqual(self.ask("POST", "/rpc/take?x=1", data, BYTES).code, "400 PGRST100")
        self.assertEqual(self.ask("POST", "/rpc/add", data, BYTES).code, "404 PGRST202")

    def test_chunks(self):
        with socket.create_connection(("127.0.0.1", self.port), timeout=30) as connection:
            head = (f"POST /rpc/take HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token()}\r\nConnection: close\r\n"
                    "Content-Type: application/octet-stream\r\nTransfer-Encoding: chunked\r\n\r\n")
            connection.sendall(head.encode() + b"3\r\nabc\r\n2;x=y\r\nde\r\n0\r\n\r\n")
            answer = connection.makefile("rb").read()
        self.assertIn(hashlib.sha256(b"abcde").hexdigest().encode(), answer)

    def test_results(self):
        self.assertEqual(self.ask("POST", "/rpc/nothing").status, 204)
        created = self.ask("POST", "/rpc/created")
        self.assertEqual((created.status, created.headers["Location"], created.json), (201, "/x", {"a": 1}))
        self.assertEqual(self.ask("GET", "/rpc/numbers?n=gt.3&order=n.desc").json,
                         [{"n": 5, "t": "t5"}, {"n": 4, "t": "t4"}])
        counted = self.ask("GET", "/rpc/numbers", headers={"Prefer": "count=exact"})
        self.assertEqual((counted.status, counted.headers["Content-Range"], len(counted.json)), (206, "0-3/5", 4))

    def test_media_types(self):
        accept = {"Accept": "application/octet-stream"}
        answer = self.ask("GET", "/rpc/bytes", headers=accept)
        self.assertEqual((answer.content, answer.headers["Content-Type"]), (b"\0\xff\n", "application/octet-stream"))
        self.assertEqual(self.ask("GET", "/rpc/bytes").json, "\\x00ff0a")
        self.assertEqual(self.ask("GET", "/rpc/add?a=1", headers=accept).code, "406 PGRST107")
        self.assertEqual(self.ask("HEAD", "/rpc/bytes").content, b"")

    def test_methods(self):
        self.assertEqual(self.ask("GET", "/rpc/write").code, "405 25006")
        self.assertEqual(self.ask("PUT", "/rpc/add").code, "405 PGRST101")
        self.assertEqual(self.ask("OPTIONS", "/rpc/write").headers["Allow"], "OPTIONS,POST")
        self.assertEqual(self.ask("OPTIONS", "/rpc/bytes").headers["Allow"], "OPTIONS,GET,HEAD,POST")

    def test_transaction(self):
        answer = self.ask("GET", "/rpc/settings", headers={"Cookie": "c=1; d=2"}).json
        self.assertEqual(json.loads(answer.pop("request.cookies")), {"c": "1", "d": "2"})
        self.assertEqual(answer, {"role": "standin_user", "request.method": "GET", "request.path": "/rpc/settings",
                                  "search_path": '"api", "pg_catalog"', "transaction_read_only": "on"})
        self.assertEqual(self.ask("POST", "/rpc/sleep", {"s": 5}, bearer=token(role="standin_slow")).code, "500 57014")

    # Errors

    def test_statuses(self):
        for code, status in {"P0001": 400, "22023": 400, "42501": 403, "23505": 409, "55000": 500, "40001": 500,
                             "P0002": 500, "53300": 503, "PT418": 418, "42883": 404, "54000": 500}.items():
            answer = self.ask("POST", "/rpc/fail", {"code": code, "message": "m"})
            self.assertEqual(answer.status, status, code)
            self.assertEqual(answer.json, {"code": code, "message": "m", "details": "d", "hint": "h"})
        self.assertEqual(self.ask("POST", "/rpc/fail", {"code": "PT418", "message": "a teapot"}).reason, "a teapot")
        self.assertEqual(self.ask("POST", "/rpc/fail", {"code": "PGRST", "message": "m"}).code, "500 PGRST121")

    def test_response_splitting_is_as_bad_as_there(self):
        answer = self.ask("POST", "/rpc/fail", {"code": "PT404", "message": "m\r\nX-Evil: 1"})
        self.assertEqual(answer.headers["X-Evil"], "1")

    def test_bytes_that_are_no_text(self):
        self.assertEqual(self.ask("GET", "/things", headers={"X-Note": b"\xff"}).status, 500)
        self.assertEqual(self.ask("POST", "/rpc/fail", b'{"code":"P0001","message":"\xff"}').code, "400 PGRST102")
        self.assertEqual(self.ask("POST", "/rpc/fail", {"code": "P0001", "message": "\0"}).code, "400 22P05")

    # Tokens

    def test_tokens(self):
        refused = {
            "401 PGRST302": [None],
            "401 PGRST303": [token(exp=1), token(aud="them"), token(nbf=time.time() // 1 + 90), token(exp="soon"),
                             token(iat=time.time() // 1 + 90)],
            "401 PGRST301": ["a.b", "a.b.c", token(b"1"), token(header={"kid": "1"}), token(algorithm="HS512"),
                             token(algorithm="none")],
            "401 28000": [token(jti="revoked")],
            "401 22023": [token(role="standin_nobody")],
            "403 42501": [token(role="standin_hidden"), token(role="standin_slow")],
        }
        for code, bearers in refused.items():
            for bearer in bearers:
                self.assertEqual(self.ask("GET", "/things", bearer=bearer).code, code)
        for bearer in (token(exp=time.time() // 1 - 20), token(aud=["them", "us"]), token(aud=None, exp=None),
                       token(header={})):
            self.assertEqual(self.ask("GET", "/things", bearer=bearer).status, 200)
        self.assertEqual(self.ask("GET", "/things", bearer=token(jti="revoked")).headers["X-Why"], "revoked")
        self.assertIn("invalid_token", self.ask("GET", "/things", bearer="a.b").headers["WWW-Authenticate"])

    def test_refused_upload_is_answered_at_once(self):
        """Before the body is there, and legibly although it is sent all the same."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=30) as connection:
            connection.sendall(b"POST /rpc/take HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000\r\n\r\n" + b"x" * 1000)
            self.assertTrue(connection.makefile("rb").read().startswith(b"HTTP/1.1 401 "))

    # Views

    def ids(self, query):
        return [row["id"] for row in self.ask("GET", "/things?" + query).json]

    def test_views(self):
        self.assertEqual(self.ids("name=eq.b'x"), [2])
        self.assertEqual(self.ids("id=in.(1,%222%22)&order=id.desc.nullslast&limit=1&offset=1"), [1])
        self.assertEqual(self.ids("id=not.is.null&name=like.b*"), [2])
        self.assertEqual(self.ids("name=is.null"), [3])
        self.assertEqual(self.ids("id=gte.2&id=lt.3"), [2])
        self.assertEqual(self.ask("GET", "/things?id=eq.1&select=n:name,z:doc->k->>z,id::text").json,
                         [{"n": "a", "z": "5", "id": "1"}])
        self.assertEqual(self.ask("GET", "/things", headers={"Range": "1-1"}).json[0]["id"], 2)
        one = {"Accept": "application/vnd.pgrst.object+json"}
        self.assertEqual(self.ask("GET", "/things?id=eq.1", headers=one).json["name"], "a")
        self.assertEqual(self.ask("GET", "/things", headers=one).code, "406 PGRST116")

    def test_bad_queries(self):
        for query, code in {"id=1": "400 PGRST100", "id=no.1": "400 PGRST100", "nope=eq.1": "400 42703",
                            "id=eq.x": "400 22P02", "%22id%22%3B--=eq.1": "400 PGRST100",
                            "select=id%3B--": "400 PGRST100", "limit=-1": "416 PGRST103",
                            "%22a%25s%22=eq.1": "400 42703", "or=(id.eq.1)": "501 PGRST127"}.items():
            self.assertEqual(self.ask("GET", "/things?" + query).code, code, query)
        self.assertEqual(self.ask("GET", "/nope").code, "404 PGRST205")
        self.assertEqual(self.ask("GET", "/a/b/c").code, "404 PGRST125")

    def test_writes_are_the_database_s_to_refuse(self):
        for method in ("POST", "PATCH", "DELETE"):
            self.assertEqual(self.ask(method, "/things", {"id": 9}).code, "403 42501")
        self.assertEqual(self.ask("POST", "/things", {"nope": 9}).code, "400 PGRST204")
        self.database.execute("GRANT INSERT, UPDATE, DELETE ON api.things TO standin_user")
        try:
            self.assertEqual(self.ask("POST", "/things", {"id": 9, "name": "n"}).status, 201)
            self.assertEqual(self.ask("PATCH", "/things?id=eq.9", {"name": "m"}).status, 204)
            self.assertEqual(self.ids("name=eq.m"), [9])
            self.assertEqual(self.ask("DELETE", "/things?id=eq.9").status, 204)
            self.assertEqual(self.ids("id=eq.9"), [])
        finally:
            self.database.execute("REVOKE INSERT, UPDATE, DELETE ON api.things FROM standin_user")

    # The rest

    def test_description_follows_privileges(self):
        mine = self.ask("GET", "/").json
        self.assertEqual(mine["swagger"], "2.0")
        self.assertIn("/things", mine["paths"])
        self.assertNotIn("/things", self.ask("GET", "/", bearer=token(role="standin_slow")).json["paths"])

    def test_reload(self):
        self.assertEqual(self.ask("GET", "/rpc/later").status, 404)
        self.database.execute("CREATE FUNCTION api.later() RETURNS integer LANGUAGE sql STABLE AS 'SELECT 1'")
        self.database.execute("NOTIFY pgrst, 'reload schema'")
        self.wait_for(lambda: self.ask("GET", "/rpc/later").status == 200)
        self.assertEqual(self.ask("GET", "/things", bearer=token(b"1", {"kid": "1"})).status, 401)
        self.database.execute("""UPDATE behind.keys SET set = replace(set, ']', ',{"kty":"oct","alg":"HS256","kid":"1",
                                 "k":"MTExMTExMTExMTExMTExMTExMTExMTExMTExMTExMTE"}]')""")
        self.database.execute("NOTIFY pgrst, 'reload config'")
        self.wait_for(lambda: self.ask("GET", "/things", bearer=token(b"1", {"kid": "1"})).status == 200)
        self.assertEqual(self.ask("GET", "/things").status, 200)

    def test_pool_is_full(self):
        busy = [threading.Thread(target=self.ask, args=["POST", "/rpc/sleep", {"s": 4}]) for _ in range(2)]
        for thread in busy:
            thread.start()
        self.wait_for(lambda: self.database.execute(
            "SELECT count(*) = 2 FROM pg_stat_activity WHERE usename = 'standin_login' AND wait_event = 'PgSleep'").fetchone()[0])
        self.assertEqual(self.ask("GET", "/things").code, "504 PGRST003")
        for thread in busy:
            thread.join()
        self.assertEqual(self.ask("GET", "/things").status, 200)

    def test_lost_connections(self):
        self.database.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'standin_login'")
        self.assertEqual(self.ask("GET", "/things").status, 503)
        self.wait_for(lambda: self.ask("GET", "/things").status == 200)


if __name__ == "__main__":
    unittest.main()
