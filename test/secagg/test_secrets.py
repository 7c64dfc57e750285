#!/usr/bin/python3
"""All that a superuser finds of a round: tables at several moments, the server's files, its log. Needs a fresh server."""

import base64
import contextlib
import os
import time
import unittest

import fsa1
import numpy
import psycopg
from case import Case, player, server
from cluster import Cluster

VALUES = 100000
BOUND = 400  # of chi-square with 255 degrees of freedom: one in 50 million


def forms(secret):
    """How 32 bytes may be written."""
    return secret, secret.hex().encode(), secret.hex().upper().encode(), base64.b64encode(secret).rstrip(b"=")


def found(secrets, data):
    """Names of the secrets that are in the data, in whatever form."""
    wanted = {form: name for name, secret in secrets.items() for form in forms(secret)}
    octets = numpy.frombuffer(data + bytes(3), numpy.uint8)
    # places where the first two, then the first four bytes of one are; only those are looked at one by one
    first = numpy.zeros(65536, bool)
    first[[int.from_bytes(form[:2], "big") for form in wanted]] = True
    places = numpy.flatnonzero(first[octets[:-3].astype(numpy.uint16) << 8 | octets[1:-2]])
    heads = sum(octets[places + n].astype(numpy.uint32) << (24 - 8 * n) for n in range(4))
    places = places[numpy.isin(heads, [int.from_bytes(form[:4], "big") for form in wanted])]
    lengths = {len(form) for form in wanted}
    return {wanted[data[at:at + length]] for at in places.tolist() for length in lengths if data[at:at + length] in wanted}


def page_tables():
    """{(name, size)} of the tables that hold vectors, a block for each row: they alone do not belong to the extension."""
    return set(server().run("SELECT c.oid::regclass::text, pg_relation_size(c.oid) FROM pg_class c WHERE c.relkind = 'r'"
                            " AND c.relnamespace = 'federated'::regnamespace AND NOT EXISTS (SELECT FROM pg_depend d"
                            " WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype = 'e')"))


def dump(without):
    """All rows of all tables of schema federated but of these, as text, by table; binary values in hexadecimal."""
    tables = server().run("SELECT c.oid::regclass::text, pg_relation_size(c.oid) FROM pg_class c WHERE c.relkind IN ('r', 'm', 'p')"
                          " AND c.relnamespace IN ('federated'::regnamespace, 'public'::regnamespace)")
    return {table: "\n".join(row for row, in server().run(f"SELECT whole::text FROM {table} whole"))
            for table, size in tables if (table, size) not in without}


def chi_square(values):
    """The largest over the four bytes of each value, against the uniform distribution."""
    worst = 0
    for shift in 0, 8, 16, 24:
        counts = numpy.bincount(values >> shift & 255, minlength=256)
        expected = len(values) / 256
        worst = max(worst, ((counts - expected) ** 2 / expected).sum())
    return worst


class Round(Case):
    """Five Islands, of which the last drops out after it has shared."""

    NUMBERS, IN = [1, 2, 3, 4, 5], [1, 2, 3, 4]

    def play(self, count=100, moment=lambda name: None):
        self.begin(self.NUMBERS, count, price={"per_round": 1}, max_participants=5)
        self.until("mask")
        self.act(*self.IN)
        moment("mask")
        server().expire(self.session)
        server().drive(self.session)
        self.act(*self.IN)
        moment("agree")
        server().drive(self.session)
        self.act(1, 2)
        moment("half of reveal")
        self.act(3, 4)
        moment("reveal")
        self.assertEqual(server().step(self.session), "secagg_opened")
        moment("sum")
        server().drive(self.session)
        moment("done")
        self.check_sum(self.IN)

    def islands(self):
        return {number: player(number).attempts[self.session, 1, 1] for number in self.NUMBERS}

    def secrets(self):
        """{name: what the server must never have had}: keys of all, and shares of the other secret of each owner."""
        islands, secrets = self.islands(), {}
        for number, island in islands.items():
            secrets |= {f"b of {number}": island.b, f"m_sk of {number}": island.m_sk, f"c_sk of {number}": island.c_sk}
            for owner, other in islands.items():
                if other.u in island.shares:
                    sk, b = island.shares[other.u]
                    secrets[f"share of {owner} that {number} keeps"] = b if owner == 5 else sk
        return secrets

    def shares(self):
        """{name: what the Islands have revealed}."""
        islands = self.islands()
        return {f"share of {owner} that {number} gave": islands[number].shares[other.u][1 if owner in self.IN else 0]
                for number in self.IN for owner, other in islands.items()}


class Tables(Round):
    def setUp(self):
        self.dumps, self.pages = {}, {}
        self.old = page_tables()  # of earlier tests
        server().run("SELECT pg_switch_wal()")
        self.began = time.time() - 1

    def look(self, name):
        """What a superuser reads at this moment; the pages of updates as they lie in their tables."""
        self.dumps[name] = dump(self.old)
        for number, relation, vector, length in server().run(
                "SELECT substr(i.host_id, 8)::integer, v.relation, v.id, v.bytes FROM federated.updates u JOIN federated.rounds r ON r.id = u.round_id"
                " JOIN federated.islands i ON i.id = u.island_id JOIN federated.vectors v ON v.id = u.vector_id"
                " WHERE r.session_id = %s AND to_regclass('federated.' || quote_ident(v.relation)) IS NOT NULL", self.session):
            slices = [server().value("SELECT federated.read_slice(%s, %s, %s, federated.slice_length(%s, %s))", relation, vector, n, length, n)
                      for n in range(-(-length // 1048320))]
            self.pages[name, number] = fsa1.unwire(b"".join(slices))

    def recovered(self):
        """{u: (kind, secret)}, out of rows alone."""
        return fsa1.recover(self.c0, "active", [adv for adv, in self.members], [
            fsa1.le32(owner) + bytes([fsa1.B if kind == "b" else fsa1.SK, x]) + share for owner, kind, x, share in self.revealed])

    def test_no_update_can_be_had(self):
        def look(name):
            self.look(name)
            if name == "reveal":
                attempt = self.attempt_id()
                self.members = server().run("SELECT adv FROM federated.secagg_members WHERE attempt_id = %s ORDER BY u", attempt)
                self.revealed = server().run("SELECT owner, kind, x, share FROM federated.secagg_reveals WHERE attempt_id = %s", attempt)
                self.c0, self.ctx = server().run("SELECT c0, ctx FROM federated.secagg_attempts WHERE id = %s", attempt)[0]
                self.owners = dict(server().run("SELECT owner, disposition FROM federated.secagg_owners WHERE attempt_id = %s", attempt))

        self.play(VALUES, look)
        place = {number: island.u for number, island in self.islands().items()}
        opened = self.recovered()
        kinds = {number: opened[u][0] for number, u in place.items()}
        self.assertEqual(kinds, {1: fsa1.B, 2: fsa1.B, 3: fsa1.B, 4: fsa1.B, 5: fsa1.SK})
        self.assertEqual(self.owners, {u: "sk" if number == 5 else "b" for number, u in place.items()})
        moments = {name for name, _ in self.pages}
        self.assertLessEqual({"mask", "agree", "half of reveal", "reveal", "sum"}, moments)
        for (name, number), masked in self.pages.items():
            with self.subTest(f"update of {number} in {name}"):
                island = self.islands()[number]
                own = fsa1.self_key(opened[island.u][1], self.ctx, island.u)
                dropped = fsa1.pair_key(opened[place[5]][1], fsa1.m_pk(island.adv), self.ctx, island.u, place[5])
                left = fsa1.apply(masked, [(own, -1), (dropped, -1 if island.u > place[5] else 1)], fsa1.DELTA)
                self.assertEqual(len(left), VALUES)
                self.assertLess(chi_square(masked), BOUND)
                self.assertLess(chi_square(left), BOUND)
                # with the keys that are on the Island alone nothing is hidden: the measure tells
                plain = fsa1.apply(masked, [(key, -sign) for key, sign in island.mask_keys()], fsa1.DELTA)
                self.assertGreater(chi_square(plain), 10 * BOUND)
                numpy.testing.assert_array_equal(fsa1.signed(plain), self.quantised(number))
        self.check_rows()
        self.check_files()

    def quantised(self, number):
        task = {"round": 1, "parameters": VALUES}
        w = fsa1.weight(player(number).samples, self.document["n_cap"], self.document["W_cap"])
        return fsa1.signed(fsa1.quantise(player(number).delta(task), self.document["vectors"][0]["R"], self.document["Q"], w, self.document["W_cap"])[0])

    def check_rows(self):
        """No key and no reconstructed secret in any column of any table, at any moment."""
        shares = self.shares()
        for name, tables in self.dumps.items():
            text = "\n".join(tables.values()).encode()
            self.assertGreater(len(tables), 40)
            self.assertTrue(any(table.startswith("federated.round_") for table in tables))  # the masked updates, in pages
            self.assertEqual(found(self.secrets(), text), set(), name)
            there = found(shares, text)
            if name in ("reveal", "sum"):
                self.assertEqual(there, set(shares))  # the search finds what is there
            elif name != "half of reveal":
                self.assertEqual(there, set())
        for table in "secagg_reveals", "secagg_envelopes", "secagg_aux":
            self.assertEqual(self.rows(table.removeprefix("secagg_")), 0)

    def check_files(self):
        """Nor in the server's files: pages with dead rows, the write-ahead log, whatever else. Revealed shares are, for a while."""
        server().run("CHECKPOINT")
        seen, secrets, shares = set(), self.secrets(), self.shares()
        cluster = Cluster.of(server())
        for path in (os.path.join(folder, name) for folder, _, names in os.walk(cluster.data) for name in names):
            with contextlib.suppress(FileNotFoundError), open(path, "rb") as file:
                if os.fstat(file.fileno()).st_mtime >= self.began:
                    there = found(secrets | shares, file.read())
                    self.assertLessEqual(there, set(shares), path)
                    seen |= there
        self.assertEqual(seen, set(shares))


class Logs(Round):
    """The log at its most talkative. It must not hold what the server never had, nor what it puts together."""

    def logged(self, **settings):
        """What is logged of a round, with these settings."""
        for name, value in settings.items():
            server().run(f"ALTER SYSTEM SET {name} = {value}")
            self.addCleanup(server().run, f"ALTER SYSTEM RESET {name}")
        self.addCleanup(server().run, "SELECT pg_reload_conf()")
        server().run("SELECT pg_reload_conf()")
        while server().value("SHOW log_min_messages") != "debug5":
            pass
        log = Cluster.of(server()).log
        start = os.path.getsize(log)
        self.play()
        # an error of a call whose arguments are shares
        one = player(1)
        one.db.execute("SET default_transaction_isolation = 'repeatable read'")
        with self.assertRaises(psycopg.errors.InvalidTransactionState):
            one.call("federated_secagg_reveal", *self.where(), one.revealed)
        one.db.execute("RESET default_transaction_isolation")
        with open(log, "rb") as file:
            file.seek(start)
            said = file.read()
        server().run("ALTER SYSTEM SET log_min_messages = warning")
        server().run("SELECT pg_reload_conf()")
        self.assertIn(b"DEBUG:", said)
        self.assertIn(b"STATEMENT:  SELECT federated_secagg_reveal($1", said)
        self.assertEqual(found(self.secrets(), said), set())
        return said

    def test_debug5(self):
        """At every other default: no share is in it."""
        self.assertEqual(server().value("SHOW log_parameter_max_length"), "-1")
        said = self.logged(log_min_messages="debug5")
        self.assertEqual(found(self.shares(), said), set())

    def test_statements_with_parameters(self):
        """As the manual says: who logs statements and their parameters has the shares in the log."""
        said = self.logged(log_min_messages="debug5", log_statement="'all'")
        self.assertEqual(found(self.shares(), said.lower()), set(self.shares()))

    def test_statements_without_parameters(self):
        """As the manual says: log_parameter_max_length = 0 keeps them out."""
        said = self.logged(log_min_messages="debug5", log_statement="'all'", log_parameter_max_length=0)
        self.assertRegex(said, rb"execute \S+: SELECT federated_secagg_reveal\(\$1")
        self.assertEqual(found(self.shares(), said), set())


if __name__ == "__main__":
    unittest.main(verbosity=2)
