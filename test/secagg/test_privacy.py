#!/usr/bin/python3
"""Distributed differential privacy: Islands add the noise, the server sums, divides and charges. Needs a fresh server."""

import base64
import json
import random
import unittest

import federation
import fsa1
import numpy
import psycopg
from case import Crashing, model, player, server

STEP_OF_CHARGE = "privacy_charged"


class Private(Crashing):
    Z = 2.0

    def begin(self, numbers, count=10, **config):
        if "dp_adaptive_clip" not in config:
            config.setdefault("dp_clip_norm", 2.5)
        super().begin(numbers, count, **{"dp_sigma": self.Z, **config})
        self.config = server().value("SELECT config FROM federated.sessions WHERE id = %s", self.session)
        self.settled = dict(zip(("delta", "divisor"), server().run(
            "SELECT delta, divisor FROM federated.session_privacy WHERE session_id = %s", self.session)[0]))
        self.grid = fsa1.dp_grid(self.Z, "dp_adaptive_clip" in self.config, self.settled["divisor"], self.config["min_updates"],
                                 self.config["secagg_max_colluding"], self.config["secagg_max_cohort"])

    def charges(self):
        return server().run("SELECT mechanism, noise_multiplier, update_noise_multiplier, clip_norm, grid, noise_variance, divisor, sampling,"
                            " sampling_rate, cohort, count_noise, released_fraction, insecure_seed"
                            " FROM federated.privacy_charges WHERE session_id = %s ORDER BY id", self.session)

    def expected_charge(self, clip, cohort, fraction=None):
        z_update = self.Z if self.grid.sigma_b is None else (1 / (self.Z**-2 - (2 * self.grid.sigma_b)**-2))**0.5
        return ("distributed", self.Z, z_update, clip, clip / self.grid.Q, self.grid.honest * self.grid.noise_var,
                self.settled["divisor"], "none", 1.0, cohort, self.grid.sigma_b, fraction, False)

    def check_charges(self, expected):
        charges = self.charges()
        self.assertEqual(len(charges), len(expected))
        for charge, wanted in zip(charges, expected):
            self.assertAlmostEqual(charge[2], wanted[2], delta=1e-12 * wanted[2])
            self.assertEqual(charge[:2] + charge[3:], wanted[:2] + wanted[3:])

    def play(self, numbers, base, round_no, clip):
        """What a round makes of a model, and the released fraction: by the formulas, of what the Islands have masked."""
        total, aux = numpy.zeros(len(base), numpy.uint32), 0
        adaptive = self.grid.sigma_b is not None
        for number in numbers:
            task = {"round": round_no, "parameters": len(base)}
            params = player(number).attempts[self.session, round_no, 1].params
            vectors, own = fsa1.noised(params, player(number).delta(task), *player(number).noise(task, params))
            total = total + vectors[0]
            aux += int(own[0]) if adaptive else 0
        mean = fsa1.dp_mean(total, clip, self.grid.Q, self.settled["divisor"])
        fraction = fsa1.dp_fraction(aux % 2**32, self.settled["divisor"]) if adaptive else None
        return (base.astype(numpy.float64) + mean).astype(numpy.float32), fraction

    def check_rounds(self, numbers, rounds=1):
        """The model after all rounds, and their charges, to the last bit."""
        self.assertEqual(server().status(self.session), ("completed", None))
        base, clip, expected = self.base, self.document["clip"], []
        for round_no in range(1, rounds + 1):
            base, fraction = self.play(numbers, base, round_no, clip)
            expected.append(self.expected_charge(clip, len(numbers), fraction))
            if fraction is not None:
                adaptive = self.config["dp_adaptive_clip"]
                clip = fsa1.next_clip(clip, fraction, adaptive["quantile"], adaptive["learning_rate"])
        numpy.testing.assert_array_equal(server().weights(self.session), base)
        self.check_charges(expected)
        self.assertGreater(float(numpy.abs(base - self.base).max()), 0)

    def until_round(self, number):
        """Plays until a round is open, or the session has ended."""
        for _ in range(10):
            if server().attempt(self.session)[2] == number or server().status(self.session)[0] != "training":
                return
            self.everybody()

    def spent(self):
        return server().run("SELECT mode, epsilon, delta, method, rounds FROM federated.privacy_spent WHERE session_id = %s", self.session)[0]

    def recovered(self):
        """As after a recovery to an earlier time: the attempt began elsewhere."""
        self.tamper("timeline = timeline + 1")


class Rounds(Private):
    def test_fixed(self):
        for numbers, mode in ([1, 2, 3], "active"), ([1, 2, 3, 4, 5], "semi_honest"):
            with self.subTest(mode):
                self.begin(numbers, 5000, rounds=2, mode=mode, dp_clip_norm=60)
                self.until("done")
                self.check_rounds(numbers, 2)
                self.assertEqual(self.rows("aux"), 0)
                self.assertEqual(server().run("SELECT DISTINCT aux_sum FROM federated.secagg_attempts WHERE session_id = %s", self.session), [([],)])

    def test_adaptive(self):
        """Some are within the first norm and some are not; the second norm follows from the noised fraction alone."""
        for numbers, mode in ([1, 2, 3], "semi_honest"), ([1, 2, 3, 4, 5], "active"):
            with self.subTest(mode):
                self.begin(numbers, rounds=3, mode=mode, dp_adaptive_clip={"initial": 2.5, "quantile": 0.3, "learning_rate": 0.5})
                self.assertEqual((self.document["clip"], self.document["aux_len"]), (2.5, 1))
                self.until("done")
                self.check_rounds(numbers, 3)
                clips = server().run("SELECT DISTINCT clip, range FROM federated.secagg_attempts WHERE session_id = %s", self.session)
                self.assertEqual(len(clips), 3)
                self.assertTrue(all(clip == r for clip, r in clips))

    def test_several_slices(self):
        self.begin([1, 2, 3], 262080 + 17, dp_clip_norm=100)
        self.until("done")
        self.check_rounds([1, 2, 3])

    def test_lost_after_sharing(self):
        """The divisor is that of all who began: it tells nothing of who was lost."""
        self.begin([1, 2, 3, 4, 5])
        self.until("mask")
        self.everybody([1, 2, 3, 4])
        self.expire()
        self.until("done", [1, 2, 3, 4])
        self.assertEqual(self.settled["divisor"], 5)
        self.check_rounds([1, 2, 3, 4])

    def test_no_colluding(self):
        """Where nobody works with the coordinator each Island adds less: what all add is not less."""
        variances = []
        for colluding in 0, 1:
            self.begin([1, 2, 3, 4], min_updates=4, secagg_max_colluding=colluding)
            self.until("done")
            self.check_rounds([1, 2, 3, 4])
            self.assertEqual(self.grid.honest, 4 - colluding)
            variances.append(self.document["noise_var"])
            honest = self.grid.honest * self.document["noise_var"] * (self.document["clip"] / self.document["Q"])**2
            self.assertGreaterEqual(honest, (self.Z * 2.5)**2)
        self.assertLess(*variances)


class Bound(Private):
    """What Islands are told is what they work out for themselves."""

    def test_document_and_text(self):
        for mode, adaptive in ("active", False), ("semi_honest", True):
            with self.subTest(mode):
                clip = {"dp_adaptive_clip": {"initial": 0.5}} if adaptive else {"dp_clip_norm": 0.5}
                self.begin([1, 2, 3, 4], mode=mode, secagg_metrics="visible", **clip)
                text = fsa1.read_task_text(base64.b64decode(self.document["task_text"]))
                private = {name: value for name, value in text.items() if name.startswith(("dp_", "secagg_"))}
                wanted = {"dp_mode": "distributed", "dp_sigma": 2.0, "dp_delta": self.settled["delta"], "dp_divisor": 4.0, "dp_sampling": "none",
                          "dp_weighting": "uniform", "secagg_max_colluding": 0, "secagg_weights": "unit", "secagg_metrics": "visible",
                          "secagg_mode": mode, "secagg_max_cohort": 4, "secagg_max_attempts": 3}
                wanted |= ({"dp_adaptive_clip.initial": 0.5, "dp_adaptive_clip.quantile": 0.5, "dp_adaptive_clip.learning_rate": 0.2}
                           if adaptive else {"dp_clip_norm": 0.5})
                self.assertEqual(private, wanted)
                self.assertEqual(fsa1.task_text(text), base64.b64decode(self.document["task_text"]))
                grid = fsa1.dp_grid(text["dp_sigma"], adaptive, text["dp_divisor"], text["min_updates"], text["secagg_max_colluding"],
                                    text["secagg_max_cohort"])
                told = {name: self.document[name] for name in ("Q", "noise_var", "aux_noise_var", "W_cap", "n_cap", "weights", "clip", "aux_len")}
                self.assertEqual(told, {"Q": grid.Q, "noise_var": grid.noise_var, "aux_noise_var": grid.aux_noise_var, "W_cap": 1, "n_cap": 1,
                                        "weights": "unit", "clip": 0.5, "aux_len": int(adaptive)})
                self.assertEqual(self.document["vectors"], [{"stream": 0, "d": 10, "R": 0.5}])
                island = player(1).begin(player(1).task(self.session))
                self.assertEqual(server().value("SELECT c0 FROM federated.secagg_attempts WHERE session_id = %s", self.session), island.c0)
                server().run("SELECT federated_cancel_session(%s)", self.session)

    def test_grids(self):
        """Some hundred by the server's library and by the formulas."""
        generator, fit = random.Random(3), 0
        for _ in range(600):
            z = 10 ** generator.uniform(-4.5, 3.5)
            adaptive, divisor = generator.random() < 0.5, 10 ** generator.uniform(0, 5)
            updates, n_max = generator.randint(1, 128), generator.randint(2, 130)
            colluding = generator.randint(0, fsa1.max_colluding(updates) + (generator.random() < 0.1))
            given = z, adaptive, divisor, updates, colluding, n_max
            told = server().run("SELECT honest, levels, noise_var, aux_noise_var, count_noise, problem"
                                " FROM federated.secagg_dp_grid(%s, %s, %s, %s, %s, %s)", *given)[0]
            self.assertEqual(server().value("SELECT federated.secagg_most_colluding(%s)", updates), fsa1.max_colluding(updates))
            try:
                grid = fsa1.dp_grid(*given)
            except fsa1.Refused:
                self.assertIsNotNone(told[5], given)
                continue
            fit += 1
            self.assertEqual(told, (grid.honest, grid.Q, grid.noise_var, grid.aux_noise_var, grid.sigma_b, None), given)
        self.assertGreater(fit, 200)
        self.assertLess(fit, 500)

    def test_fractions(self):
        generator = random.Random(4)
        for _ in range(200):
            aux, divisor = generator.randrange(2**32), 10 ** generator.uniform(0, 6)
            self.assertEqual(server().value("SELECT federated.secagg_fraction(%s, %s)", aux, divisor), fsa1.dp_fraction(aux, divisor))


class Charges(Private):
    def test_before_the_reveal(self):
        """A transaction of its own, after the set is signed: then, and not before, shares are asked for."""
        for mode in "active", "semi_honest":
            with self.subTest(mode):
                self.begin([1, 2, 3], mode=mode)
                self.until("mask")
                self.act(1, 2, 3)
                self.assertEqual(server().step(self.session), "round_frozen")
                self.check_state("agree")
                if mode == "active":
                    self.assertIsNone(server().step(self.session))
                    self.assertEqual(self.charges(), [])
                    self.act(1, 2, 3)
                self.assertIsNone(player(1).task(self.session))
                self.check_no_reveal()
                self.assertEqual(server().step(self.session), STEP_OF_CHARGE)
                self.check_state("agree")
                self.check_charges([self.expected_charge(2.5, 3)])
                self.assertIsNone(player(1).task(self.session))
                self.check_no_shares()
                self.assertEqual(server().step(self.session), "secagg_reveal_opened")
                self.check_state("reveal")
                charged, opened = (server().value(f"SELECT xmin::text::bigint FROM federated.{row}", self.session) for row in (
                    "privacy_charges WHERE session_id = %s", "secagg_attempts WHERE session_id = %s"))
                self.assertLess(charged, opened)
                self.until("done")
                self.check_rounds([1, 2, 3])
                kinds = [kind for kind, in server().run("SELECT kind FROM federated.events WHERE session_id = %s AND (kind = 'privacy_charged'"
                         " OR detail ->> 'state' = 'reveal') ORDER BY id", self.session)]
                self.assertEqual(kinds, ["privacy_charged", "secagg_stage"])

    def refused(self, query, *arguments):
        before = self.stored()
        with self.assertRaises((psycopg.errors.ObjectNotInPrerequisiteState, psycopg.errors.CheckViolation)) as caught:
            server().run(query, *arguments)
        self.assertEqual(self.stored(), before)
        return str(caught.exception)

    def check_no_reveal(self):
        """Whoever owns the tables cannot open it without its charge."""
        said = self.refused("UPDATE federated.secagg_attempts SET state = 'reveal' WHERE id = %s", self.attempt_id())
        self.assertIn('cannot come to "reveal": it has no charge', said)
        self.check_no_shares()

    def check_no_shares(self):
        self.refused("INSERT INTO federated.secagg_reveals VALUES (%s, 1, 2, 'b', 2, %s)", self.attempt_id(), bytes(32))
        for number in self.numbers:
            answer = player(number).call("federated_secagg_reveal", *self.where(), bytes(114))
            self.check_refused(answer, "secagg_stale")

    def test_charge_of_another_sum(self):
        """A charge with other numbers than the attempt's opens nothing, nor does one that is changed or taken away."""
        self.begin([1, 2, 3])
        self.until("mask")
        self.act(1, 2, 3)
        server().step(self.session)
        self.act(1, 2, 3)
        self.assertEqual(server().step(self.session), STEP_OF_CHARGE)
        charge = server().value("SELECT id FROM federated.privacy_charges WHERE session_id = %s", self.session)
        columns = "clip_norm, grid, noise_variance, noise_multiplier, cohort, mechanism, round_id, lost"
        for change in ("clip_norm = clip_norm / 2", "grid = grid / 2", "noise_variance = 1", "noise_multiplier = 9", "cohort = 2", "cohort = 4",
                       "mechanism = 'central'", "round_id = NULL, lost = true"):
            with self.subTest(change):
                self.refused(f"UPDATE federated.privacy_charges SET {change} WHERE id = %s", charge)
                saved = server().run(f"SELECT {columns} FROM federated.privacy_charges WHERE id = %s", charge)[0]
                server().run("ALTER TABLE federated.privacy_charges DISABLE TRIGGER USER")
                try:
                    server().run(f"UPDATE federated.privacy_charges SET {change} WHERE id = %s", charge)
                    said = self.refused("UPDATE federated.secagg_attempts SET state = 'reveal' WHERE id = %s", self.attempt_id())
                    self.assertIn('cannot come to "reveal"', said)
                finally:
                    server().run(f"UPDATE federated.privacy_charges SET ({columns}) = (%s, %s, %s, %s, %s, %s, %s, %s) WHERE id = %s", *saved, charge)
                    server().run("ALTER TABLE federated.privacy_charges ENABLE TRIGGER USER")
        self.refused("DELETE FROM federated.privacy_charges WHERE id = %s", charge)
        self.until("done")
        self.check_rounds([1, 2, 3])

    def test_given_up_after_the_charge(self):
        """What was charged stays charged. The next attempt masks the same noised values, and is charged anew."""
        self.begin([1, 2, 3, 4])
        self.until("agree")
        self.act(1, 2, 3, 4)
        self.assertEqual(server().step(self.session), STEP_OF_CHARGE)
        first = {number: player(number).integers[0][0] for number in self.numbers}
        self.recovered()
        server().drive(self.session)
        self.check_state("advertise", 2)
        self.assertEqual(len(self.charges()), 1)
        self.until("done")
        self.check_state("done", 2)
        for number in self.numbers:
            numpy.testing.assert_array_equal(player(number).integers[0][0], first[number])
        base, _ = self.play(self.numbers, self.base, 1, 2.5)
        numpy.testing.assert_array_equal(server().weights(self.session), base)
        self.check_charges([self.expected_charge(2.5, 4)] * 2)
        self.assertEqual(self.spent()[0], "distributed")
        self.assertAlmostEqual(self.spent()[1], fsa1.rdp_epsilon([self.Z] * 2, self.settled["delta"]), places=9)

    def test_given_up_before_the_charge(self):
        """Too few have signed: nothing was released, nothing is charged."""
        self.begin([1, 2, 3, 4])
        self.until("agree")
        self.everybody([1, 2])
        self.expire()
        self.check_state("advertise", 2)
        self.assertEqual(self.charges(), [])
        self.assertEqual(self.spent()[1], 0)
        self.until("done")
        self.check_charges([self.expected_charge(2.5, 4)])

    def test_kill(self):
        """The server dies in the step of the charge, after it, and in the one that opens the reveal: one charge."""
        self.begin([1, 2, 3])
        self.until("agree")
        self.act(1, 2, 3)
        self.assertEqual(self.uncommitted_step(), STEP_OF_CHARGE)
        self.assertEqual(self.charges(), [])
        self.check_no_reveal()
        self.assertEqual(server().step(self.session), STEP_OF_CHARGE)
        self.crash_between()
        self.check_charges([self.expected_charge(2.5, 3)])
        self.assertEqual(self.uncommitted_step(), "secagg_reveal_opened")
        self.check_state("agree")
        self.check_no_shares()
        self.until("reveal")
        self.crash_between()
        self.until("done")
        self.check_rounds([1, 2, 3])

    def test_failed_reveal(self):
        """It was opened, and too few have come: some may have been seen. The charge stays."""
        self.begin([1, 2, 3])
        self.until("reveal")
        self.everybody([1])
        self.expire()
        self.check_failed("1 of 3 shares for owner")
        self.check_charges([self.expected_charge(2.5, 3)])


class Epsilon(Private):
    def test_by_renyi_orders(self):
        """Never the exact curve, which holds for the sum of one Gaussian and not of several discrete ones."""
        self.begin([1, 2, 3], rounds=3)
        delta = self.settled["delta"]
        for rounds in 1, 2, 3:
            self.until_round(rounds + 1)
            mode, epsilon, spent_delta, method, charged = self.spent()
            self.assertEqual((mode, spent_delta, method, charged), ("distributed", delta, "rdp", rounds))
            self.assertAlmostEqual(epsilon, fsa1.rdp_epsilon([self.Z] * rounds, delta), places=9)
            exact = server().value("SELECT federated_epsilon(%s, 1, %s, %s, 'none')", self.Z, rounds, delta)
            self.assertGreater(epsilon, exact * 1.01)

    def test_budget(self):
        """The round that does not fit is not asked for."""
        delta = 1e-5
        budget = (fsa1.rdp_epsilon([self.Z], delta) + fsa1.rdp_epsilon([self.Z] * 2, delta)) / 2
        self.begin([1, 2, 3], rounds=3, dp_delta=delta, epsilon_budget=budget)
        self.until("done")
        server().drive(self.session)
        status, reason = server().status(self.session)
        self.assertEqual(status, "completed")
        self.assertIn("epsilon_budget is", reason)
        self.assertEqual(server().run("SELECT round_no, state FROM federated.secagg_attempts WHERE session_id = %s", self.session), [(1, "done")])
        # nobody is asked for metrics, which this session has none of
        self.assertEqual(server().run("SELECT kind FROM federated.rounds WHERE session_id = %s", self.session), [("train",)])
        self.assertLessEqual(self.spent()[1], budget)
        base, _ = self.play(self.numbers, self.base, 1, 2.5)
        numpy.testing.assert_array_equal(server().weights(self.session), base)

    def test_budget_of_a_second_attempt(self):
        """The charge of the first is spent. The second comes as far as its signatures, and is never revealed."""
        delta = 1e-5
        budget = (fsa1.rdp_epsilon([self.Z], delta) + fsa1.rdp_epsilon([self.Z] * 2, delta)) / 2
        self.begin([1, 2, 3], dp_delta=delta, epsilon_budget=budget)
        self.until("agree")
        self.act(1, 2, 3)
        self.assertEqual(server().step(self.session), STEP_OF_CHARGE)
        self.recovered()
        server().drive(self.session)
        for _ in range(4):
            self.everybody()
        self.check_failed("epsilon_budget is")
        self.assertEqual(server().run("SELECT attempt, state, aux_sum FROM federated.secagg_attempts WHERE session_id = %s ORDER BY id", self.session),
                         [(1, "aborted", None), (2, "aborted", None)])
        self.assertEqual([event["state"] for event in self.events("secagg_stage")].count("agree"), 2)
        self.assertEqual([event["state"] for event in self.events("secagg_stage")].count("reveal"), 0)
        self.check_charges([self.expected_charge(2.5, 3)])
        self.check_nothing_revealed()


    def test_budget_of_a_later_attempt(self):
        """There is a version of a round before: it is the result, and nothing of the attempt is."""
        delta = 1e-5
        budget = (fsa1.rdp_epsilon([self.Z] * 2, delta) + fsa1.rdp_epsilon([self.Z] * 3, delta)) / 2
        self.begin([1, 2, 3], rounds=3, dp_delta=delta, epsilon_budget=budget)
        self.until_round(2)
        self.until("agree")
        self.act(1, 2, 3)
        self.assertEqual(server().step(self.session), STEP_OF_CHARGE)
        self.recovered()
        server().drive(self.session)
        for _ in range(4):
            self.everybody()
        status, reason = server().status(self.session)
        self.assertEqual(status, "completed")
        self.assertIn("epsilon_budget is", reason)
        self.assertEqual(server().run("SELECT round_no, attempt, state FROM federated.secagg_attempts WHERE session_id = %s ORDER BY id", self.session),
                         [(1, 1, "done"), (2, 1, "aborted"), (2, 2, "aborted")])
        self.check_charges([self.expected_charge(2.5, 3)] * 2)
        base, _ = self.play(self.numbers, self.base, 1, 2.5)
        numpy.testing.assert_array_equal(server().weights(self.session), base)
        self.check_cleared()


class Silence(Private):
    def test_nothing_without_noise(self):
        """No weights, counts or metrics leave an Island, masked or not."""
        for adaptive in False, True:
            with self.subTest(adaptive=adaptive):
                self.begin([1, 2, 3], **({"dp_adaptive_clip": {}} if adaptive else {}))
                self.until("mask")
                one, said = player(1), {}
                self.patched(1, "commit", lambda samples: {"status": "held back"})
                for length in (0, 8, 12) if adaptive else (0, 4, 12):
                    self.check_refused(one.call("federated_secagg_aux", *self.where(), bytes(length)), "secagg_bad_message")
                self.act(1)
                self.assertEqual(len(one.aux), 4 * adaptive)
                say = lambda samples, metrics: one.call("federated_commit_update", one.update, one.manifest, samples, metrics, one.signature)
                before = self.stored()
                self.check_refused(say(100, "{}"), "bad_num_samples")
                self.check_refused(say(None, '{"training": {"loss": 1}}'), "bad_metrics")
                self.assertEqual(self.stored(), before)
                del one.commit
                self.assertEqual(say(None, "{}")["status"], "accepted")
                self.until("done")
                self.check_rounds([1, 2, 3])
                self.assertEqual(server().run("SELECT DISTINCT num_samples, metrics, norm FROM federated.updates u JOIN federated.rounds r"
                                              " ON r.id = u.round_id WHERE r.session_id = %s", self.session), [(None, {}, None)])
                told = server().value("SELECT federated_session(%s)", self.session)
                self.assertEqual([told["rounds"][0]["samples"]] + [p["total_samples"] for p in told["participants"]], [None, 0, 0, 0])

    def test_report(self):
        self.begin([1, 2, 3, 4], min_updates=4, mode="semi_honest", secagg_metrics="visible", rounds=2)
        self.until_round(2)
        told = server().value("SELECT federated_session(%s)", self.session)
        privacy, masked = told["privacy"], told["secure_aggregation"]
        self.assertEqual({name: privacy[name] for name in ("mode", "honest_updates", "max_colluding", "secagg_mode", "method", "divisor", "rounds",
                                                           "clip_norms", "noise_multiplier", "sampling", "insecure_seed")},
                         {"mode": "distributed", "honest_updates": 3, "max_colluding": 1, "secagg_mode": "semi_honest", "method": "rdp",
                          "divisor": 4, "rounds": 1, "clip_norms": [2.5], "noise_multiplier": 2, "sampling": "none", "insecure_seed": False})
        self.assertAlmostEqual(privacy["epsilon"], fsa1.rdp_epsilon([self.Z], self.settled["delta"]), places=9)
        self.assertAlmostEqual(privacy["planned_epsilon"], fsa1.rdp_epsilon([self.Z] * 2, self.settled["delta"]), places=9)
        self.assertEqual(privacy["adjacency"], "what one participant contributes is replaced by zeros, its noise stays")
        self.assertIn("each Island's metrics", privacy["coordinator_sees"])
        self.assertIn("single updates with their part of the noise, to a coordinator that lies", masked["coordinator_learns"])
        # what honest Islands add is what is said of the noise: of the sum, and of a value of the mean
        std = (self.grid.honest * self.grid.noise_var)**0.5 * 2.5 / self.grid.Q
        seen = server().run("SELECT noise_std_sum, noise_std_mean FROM federated.privacy_spent WHERE session_id = %s", self.session)[0]
        for value, wanted in zip(seen, (std, std / 4)):
            self.assertAlmostEqual(value[-1] if isinstance(value, list) else value, wanted, delta=1e-6 * wanted)
        server().run("SELECT federated_cancel_session(%s)", self.session)

    def test_visible_metrics(self):
        """They are sent openly, outside of epsilon; each Island counts the same, as nobody says how many samples it has."""
        self.begin([1, 2, 3], secagg_metrics="visible")
        for number in self.numbers:
            self.patched(number, "commit", lambda samples, p=player(number): p.call(
                "federated_commit_update", p.update, p.manifest, samples, json.dumps({"training": {"loss": p.number}}), p.signature))
        self.until("done")
        self.assertEqual(server().value("SELECT training FROM federated.rounds WHERE session_id = %s AND kind = 'train'", self.session), {"loss": 2})
        for number in self.numbers:
            task = player(number).task(self.session)
            self.assertEqual((task["kind"], task["secagg"]), ("evaluate", None))
            samples = None if number < 3 else 300
            self.assertEqual(player(number).call("federated_submit_evaluation", task["round_id"], samples,
                                                 json.dumps({"evaluation": {"accuracy": number / 4}}))["status"], "accepted")
        server().drive(self.session)
        self.check_rounds([1, 2, 3])
        self.assertEqual(server().value("SELECT evaluation FROM federated.rounds WHERE session_id = %s AND kind = 'evaluate'", self.session),
                         {"accuracy": 0.5})
        self.assertEqual(server().run("SELECT DISTINCT num_samples FROM federated.updates u JOIN federated.rounds r ON r.id = u.round_id"
                                      " WHERE r.session_id = %s", self.session), [(None,)])

    def test_refused_at_creation(self):
        base = model(10)
        for given, words in (({"secagg_metrics": "masked"}, "secagg_metrics"), ({"secagg_max_colluding": 1}, "secagg_max_colluding"),
                             ({"min_updates": 4, "min_participants": 4, "secagg_max_colluding": 2}, "secagg_max_colluding"),
                             ({"dp_sigma": 1e5}, "dp_sigma"), ({"dp_sigma": 1e-4}, "dp_sigma"), ({"dp_mode": "central"}, "dp_mode"),
                             ({"dp_mode": "local"}, "dp_mode"), ({"algorithm": "scaffold"}, "algorithm"), ({"algorithm": "fed_nova"}, "algorithm"),
                             ({"dp_adaptive_clip": {"count_noise": 3}}, "dp_adaptive_clip"), ({"secagg_range": 1}, "secagg_range"),
                             ({"secagg_weights": "hidden"}, "secagg_weights"), ({"contribution": True}, "contribution"),
                             ({"aggregation": "median"}, "aggregation"), ({"dp_sampling": "poisson", "participation_fraction": 0.5}, "dp_sampling")):
            with self.subTest(given=json.dumps(given)):
                with self.assertRaisesRegex(psycopg.errors.InvalidParameterValue, words):
                    server().start([1, 2, 3, 4], base, **{"dp_sigma": 2, **given})
        self.assertEqual(server().value("SELECT count(*) FROM federated.sessions WHERE config ->> 'dp_sigma' IN ('100000', '0.0001')"), 0)


if __name__ == "__main__":
    unittest.main(verbosity=2)
