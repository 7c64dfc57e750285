"""A server and scripted Islands that speak FSA1 with it, for tests.

Every Island is fsa1.Island, which was written from the protocol's text and shares no code with the server. Steps of
the server are taken by hand, so a test says what happens when."""

import base64
import hashlib
import json
import os
import struct

import fsa1
import numpy
import psycopg

SUPERUSER = os.environ.get("PGUSER", "postgres")


def connect(role):
    return psycopg.connect(user=role, dbname=os.environ.get("PGDATABASE", "postgres"), autocommit=True)


def safetensors(values):
    header = json.dumps({"w": {"dtype": "F32", "shape": [len(values)], "data_offsets": [0, 4 * len(values)]}}).encode()
    return struct.pack("<Q", len(header)) + header + values.astype("<f4").tobytes()


class Player:
    """One Island: its connection, its identity, and what it is doing in each attempt."""

    def __init__(self, number):
        self.number, self.host, self.role = number, f"island-{number}", f"island_{number}"
        self.identity = fsa1.Identity(hashlib.sha256(self.host.encode()).digest())
        self.attempts, self.samples, self.metrics = {}, 100 * number, {}
        self.gave = set()  # (session, base) of what it has revealed
        self.open()

    def open(self):
        self.db = connect(self.role)

    def call(self, function, *arguments):
        row = self.db.execute(f"SELECT {function}({', '.join(['%s'] * len(arguments))})", arguments).fetchone()
        return row[0]

    def task(self, session):
        return self.call("federated_next_task", session)

    def model(self, task):
        parts = [self.call("federated_model_slice", task["version_id"], n) for n in range(task["slices"])]
        return numpy.frombuffer(b"".join(parts), "<f4")

    def delta(self, task):
        """What it has learnt: repeatable, different in each round and for each Island."""
        generator = numpy.random.default_rng([self.number, task["round"]])
        return generator.uniform(-1.5, 1.5, task["parameters"]).astype(numpy.float32)

    def begin(self, task):
        """The Island of a task's attempt, with fresh keys if it is new."""
        document = task["secagg"]
        key = task["session_id"], document["round"], document["attempt"]
        if key not in self.attempts:
            text = base64.b64decode(document["task_text"])
            base = fsa1.base_hash(self.model(task))
            params = fsa1.Params.from_document(task["session_id"], document["round"], document, base, fsa1.sha256(text))
            self.attempts[key] = fsa1.Island(params, self.identity if document["mode"] == "active" else None)
        return self.attempts[key]

    def act(self, task):
        """Does the call that is due; its answer, or None."""
        document = task["secagg"]
        where = task["session_id"], document["round"], document["attempt"]
        island = self.begin(task)
        if document["due"] is None:
            return None
        return getattr(self, document["due"])(task, island, where)

    def advertise(self, task, island, where):
        if (where[0], island.params.base) in self.gave:
            self.call("federated_decline_task", task["round_id"], "already revealed for this session and model")
            return {"status": "declined"}
        self.message = island.advertise()
        return self.call("federated_secagg_advertise", *where, *self.message)

    def share(self, task, island, where):
        def binary(text):
            return None if text is None else bytes.fromhex(text)

        members = self.call("federated_secagg_roster", *where)["members"]
        assert [m["u"] for m in members] == list(range(1, len(members) + 1))
        island.take_roster([(binary(m["adv"]), binary(m["identity_pk"]), binary(m["signature"])) for m in members])
        self.envelopes = island.envelopes()
        return self.call("federated_secagg_share", *where, self.envelopes)

    def noise(self, task, params):
        """Its part of the noise: repeatable, so that the sum is known. Made once for each model, whatever the attempt."""
        generator = numpy.random.default_rng([self.number, task["round"], 7])
        noise = numpy.rint(generator.normal(0, params.noise_var**0.5, task["parameters"])).astype(numpy.int64)
        return noise, round(generator.normal(0, params.aux_noise_var**0.5))

    def plain(self, task, island):
        if island.params.weights == "unit":
            return fsa1.noised(island.params, self.delta(task), *self.noise(task, island.params))
        bounds = task["config"].get("secagg_metric_bounds") or {}
        names = sorted((f"{part}.{name}", bound) for part in bounds for name, bound in bounds[part].items())
        inputs = [self.delta(task)] if task["kind"] == "train" else []
        return island.plain(inputs, self.samples, [self.metrics.get(name) for name, _ in names], [b for _, b in names])

    def upload(self, task, island, where):
        inbox = self.call("federated_secagg_inbox", *where)
        complaints = island.take_inbox(inbox["u2"], {e["owner"]: bytes.fromhex(e["envelope"]) for e in inbox["envelopes"]})
        if complaints:
            self.call("federated_secagg_complain", *where, complaints)
        self.integers = self.plain(task, island)
        uploads, self.aux, self.manifest, self.signature = island.mask(*self.integers)
        if self.aux:
            self.call("federated_secagg_aux", *where, self.aux)
        samples = self.samples if task["secagg"]["weights"] == "declared" else None
        if task["kind"] == "evaluate":
            return self.call("federated_submit_evaluation", task["round_id"], samples, "{}", self.manifest, self.signature)
        answer = self.call("federated_begin_update", task["round_id"], self.manifest, "uint32")
        if answer["status"] != "uploading":
            return answer
        self.update, self.slices = answer["update_id"], uploads[0][1]
        for number, data in enumerate(self.slices):
            if number not in answer["present"]:
                stored = self.call("federated_put_slice", self.update, number, hashlib.sha256(data).digest(), data)
                if stored["status"] != "stored":
                    return stored
        return self.commit(samples)

    def commit(self, samples):
        return self.call("federated_commit_update", self.update, self.manifest, samples, "{}", self.signature)

    def agree(self, task, island, where):
        sets = self.call("federated_secagg_sets", *where)
        return self.call("federated_secagg_agree", *where, island.agree(sets["u2"], sets["u3"]))

    def reveal(self, task, island, where):
        signatures = None
        if task["secagg"]["mode"] == "active":
            told = self.call("federated_secagg_agreements", *where)
            signatures = {s["u"]: bytes.fromhex(s["signature"]) for s in told["signatures"]}
        else:
            sets = self.call("federated_secagg_sets", *where)
            island.agree(sets["u2"], sets["u3"])
        self.revealed = island.reveal(signatures)
        self.gave.add((where[0], island.params.base))
        return self.call("federated_secagg_reveal", *where, self.revealed)


class Server:
    """The administrator's side."""

    def __init__(self, islands):
        self.open()
        self.run("CREATE EXTENSION IF NOT EXISTS federated CASCADE")
        self.workloads, self.players = 0, {}
        self.admit(range(1, islands + 1), Player)

    def admit(self, numbers, kind):
        for number in numbers:
            self.run(f"CREATE ROLE island_{number} LOGIN IN ROLE federated_island")
            self.run("SELECT federated_register_island(%s, role_name => %s)", f"island-{number}", f"island_{number}")
            self.players[number] = kind(number)

    def open(self):
        self.db = connect(SUPERUSER)
        self.run("SET client_min_messages = error")
        self.run("SET federated.aggregation_chunk = 1")  # a step for each slice

    def reopen(self):
        """All connections anew, to the server that PG* variables name now."""
        for side in [self, *self.players.values()]:
            side.db.close()
            side.open()

    def run(self, query, *arguments):
        cursor = self.db.execute(query, arguments)
        return cursor.fetchall() if cursor.description else None

    def value(self, query, *arguments):
        return self.run(query, *arguments)[0][0]

    def start(self, numbers, values, rounds=1, mode="active", **config):
        """A session on a model of its own, of the Islands with these numbers."""
        self.workloads += 1
        workload = self.value("SELECT federated_create_workload(%s)", f"workload {self.workloads}")
        self.run("SELECT federated_import_model(%s, %s)", workload, safetensors(values))
        self.run("DELETE FROM federated.island_identities")
        for number in numbers:
            player = self.players[number]
            player.call("federated_accept_workload", workload, player.samples)
            if mode == "active":
                self.run("SELECT federated_enroll_identity(%s, %s)", player.host, player.identity.public)
        settings = {"secure_aggregation": True, "min_participants": len(numbers), "heartbeat_timeout": 86400, **config}
        return str(self.value("SELECT federated_start_session('s', %s, %s, %s)", workload, rounds, json.dumps(settings)))

    def step(self, session):
        return self.value("SELECT federated.advance(%s)", session)

    def drive(self, session):
        steps = []
        while (step := self.step(session)) is not None:
            steps.append(step)
            assert len(steps) < 100, steps
        return steps

    def attempt(self, session):
        row = self.run("SELECT a.state, a.attempt, a.round_no FROM federated.secagg_attempts a WHERE a.session_id = %s"
                       " ORDER BY a.id DESC LIMIT 1", session)
        return row[0] if row else None

    def state(self, session):
        return self.attempt(session)[0]

    def status(self, session):
        return tuple(self.run("SELECT s.status, s.reason FROM federated.sessions s WHERE s.id = %s", session)[0])

    def weights(self, session):
        data = self.value(
            "SELECT string_agg(federated.read_slice(v.relation, v.id, n, federated.slice_length(v.bytes, n)), '' ORDER BY n)"
            " FROM federated.sessions s JOIN federated.model_versions m ON m.id = s.current_version_id"
            " JOIN federated.vectors v ON v.id = m.vector_id, generate_series(0, federated.slice_count(v.bytes) - 1) n"
            " WHERE s.id = %s", session)
        return numpy.frombuffer(data, "<f4")

    def everybody(self, session, numbers):
        """Lets Islands do what is due to them, once."""
        answers = {}
        for number in numbers:
            task = self.players[number].task(session)
            if task is not None:
                answers[number] = self.players[number].act(task)
        self.drive(session)
        return answers

    def until(self, session, state, numbers):
        """Plays until the attempt has come to a state; what was answered must be accepted."""
        self.drive(session)
        for _ in range(20):
            if self.attempt(session) is None or self.state(session) == state:
                return
            for answer in self.everybody(session, numbers).values():
                assert answer is None or answer["status"] == "accepted", answer
        raise AssertionError(f"the attempt is in {self.attempt(session)}, not in {state}")

    def expire(self, session):
        """Lets the time of the current stage be over."""
        if self.state(session) == "mask":
            self.run("UPDATE federated.rounds SET deadline = now() - interval '1 second' WHERE session_id = %s AND state = 'open'", session)
        else:
            self.run("UPDATE federated.secagg_attempts SET deadline = now() - interval '1 second' WHERE session_id = %s"
                     " AND state IN ('advertise', 'share', 'agree', 'reveal')", session)

    def expected(self, base, numbers, document, round_no):
        """The model that a round makes of what these Islands have quantised."""
        total, weights = 0, 0
        for number in numbers:
            player = self.players[number]
            w = fsa1.weight(player.samples, document["n_cap"], document["W_cap"])
            task = {"round": round_no, "parameters": len(base)}
            r = document["vectors"][0]["R"]
            total = total + fsa1.signed(fsa1.quantise(player.delta(task), r, document["Q"], w, document["W_cap"])[0]).astype(numpy.int64)
            weights += w
        mean = total.astype(numpy.float64) * (r / document["Q"]) * document["W_cap"] / weights
        return (base.astype(numpy.float64) + mean).astype(numpy.float32)
