#!/usr/bin/python3
"""Tests of fsa1.py, without a server: against test/vectors/secagg_n5.json, and whole sums with drop-outs."""

import json
import pathlib
import unittest
import uuid

import numpy

import fsa1

VECTORS = json.loads((pathlib.Path(__file__).parent.parent / "vectors" / "secagg_n5.json").read_text())


def unhex(text):
    return bytes.fromhex(text)


def vector_params():
    given = VECTORS["params"]
    return fsa1.Params.from_document(given["session"], given["round"], given, unhex(VECTORS["base_hash"]),
                                     unhex(VECTORS["task_sha256"]))


class Transcript(unittest.TestCase):
    """The exchange of five Islands, value by value."""

    @classmethod
    def setUpClass(cls):
        cls.given = {int(u): values for u, values in VECTORS["participants"].items()}
        cls.shares = {(s["owner"], s["holder"]): s for s in VECTORS["shares"]}
        cls.islands = {u: cls.island(u, given) for u, given in cls.given.items()}
        members = [island.advertise() for _, island in sorted(cls.islands.items())]
        sent = {}
        for u, island in cls.islands.items():
            island.take_roster(members)
            assert island.u == u
            value = island.envelopes()
            for i, v in enumerate(island.others):
                sent[u, v] = value[94 * i:94 * (i + 1)]
        cls.sent = sent
        for u, island in cls.islands.items():
            assert island.take_inbox(VECTORS["U2"], {v: sent[v, u] for v in island.others}) == []

    @classmethod
    def island(cls, u, given):
        nonces = {v: unhex(cls.shares[u, v]["envelope"])[:12] for v in cls.given if v != u}
        return fsa1.Island(
            vector_params(), fsa1.Identity(unhex(given["identity_sk"])), nonces=nonces,
            sk_coefficients=[unhex(c) for c in given["shamir_coef_sk"]],
            b_coefficients=[unhex(c) for c in given["shamir_coef_b"]],
            **{name: unhex(given[name]) for name in ("c_sk", "m_sk", "b")})

    def each(self, values=None):
        for u in values or self.given:
            with self.subTest(u=u):
                yield self.islands[u], self.given[u]

    def uploaded(self, island, given):
        vectors, aux = island.plain(given["input"], given["n_samples"], given["metrics"], [1.0])
        return vectors, aux, island.mask(vectors, aux)

    def test_task_text(self):
        text = VECTORS["task_text"].encode()
        self.assertEqual(fsa1.task_text(fsa1.read_task_text(text)), text)
        self.assertEqual(fsa1.sha256(text).hex(), VECTORS["task_sha256"])

    def test_base_c0_and_context(self):
        self.assertEqual(fsa1.base_hash(*VECTORS["base_model"]).hex(), VECTORS["base_hash"])
        self.assertEqual(fsa1.levels(VECTORS["params"]["n_max"]), VECTORS["params"]["Q"])
        for island, _ in self.each():
            self.assertEqual(island.c0.hex(), VECTORS["c0"])
            self.assertEqual(island.ctx.hex(), VECTORS["ctx"])
            self.assertEqual(island.t, VECTORS["t"])

    def test_advertisements(self):
        for island, given in self.each():
            adv, public, signature = island.advertise()
            self.assertEqual(
                [part.hex() for part in (adv, public, signature, island.pid, adv[80:], island.identity.seed)],
                [given[name] for name in ("adv", "identity_pk", "adv_signature", "pid", "b_commit", "identity_sk")])

    def test_shares_and_envelopes(self):
        for (owner, holder), share in self.shares.items():
            sk, b = self.islands[holder].shares[owner]
            self.assertEqual((sk.hex(), b.hex()), (share["sk_share"], share["b_share"]))
            if owner != holder:
                self.assertEqual(self.sent[owner, holder].hex(), share["envelope"])

    def test_keys_of_masks(self):
        for island, given in self.each():
            own, *pairs = [key.hex() for key, _ in island.mask_keys()]
            self.assertEqual(own, given["self_key"])
            self.assertEqual(dict(zip(map(str, island.others), pairs)), given["pair_keys"])

    def test_quantised_and_masked(self):
        for island, given in self.each():
            vectors, aux, _ = self.uploaded(island, given)
            self.assertEqual([fsa1.signed(v).tolist() for v in vectors], given["values"])
            self.assertEqual(fsa1.signed(aux).tolist(), given["aux"])
        for island, given in self.each(VECTORS["U3"]):
            _, _, (uploads, masked_aux, manifest, signature) = self.uploaded(island, given)
            self.assertEqual([[s.hex() for s in slices] for _, slices in uploads], given["masked_slices"])
            self.assertEqual([masked_aux.hex(), manifest.hex(), signature.hex()],
                             [given[name] for name in ("masked_aux", "manifest", "upload_signature")])
            fsa1.verify("upload", island.identity.public, manifest, signature)

    def test_agreement_reveals_and_sum(self):
        u2, u3, expected = VECTORS["U2"], VECTORS["U3"], VECTORS["expected"]
        signatures = {u: self.islands[u].agree(u2, u3) for u in u3}
        for island, given in self.each(u3):
            self.assertEqual(island.sets.hex(), VECTORS["sets_hash"])
            self.assertEqual(signatures[island.u].hex(), given["agree_signature"])
            self.assertEqual(island.reveal(signatures).hex(), given["reveal"])
        one = self.islands[u3[0]]
        secrets = fsa1.recover(one.c0, "active", one.advs, [self.islands[u].reveal(signatures) for u in u3])
        self.assertEqual({str(u): secret.hex() for u, (_, secret) in secrets.items()}, VECTORS["reconstructed"])
        keys = fsa1.sum_keys(one.ctx, one.advs, u3, secrets)
        masked = [self.uploaded(self.islands[u], self.given[u])[2] for u in u3]
        sums = fsa1.apply(fsa1.total(b"".join(slices) for ((_, slices),), _, _, _ in masked), keys, fsa1.DELTA)
        aux = fsa1.apply(fsa1.total(m[1] for m in masked), keys, fsa1.AUX)
        self.assertEqual(fsa1.signed(sums).tolist(), expected["sum_int"][0])
        self.assertEqual(aux.tolist(), expected["aux_sum"])
        p = one.params
        mean = fsa1.mean(sums, 1.0, p.Q, p.W_cap, int(aux[0]))
        self.assertEqual(mean.tolist(), expected["mean"][0])
        accuracy = fsa1.mean(aux[3:4], 1.0, p.Q, p.W_cap, int(aux[4]))[0]
        self.assertEqual(accuracy, expected["metrics"]["accuracy"])
        self.check_error(mean, expected["max_abs_quantisation_error"])

    def check_error(self, mean, given):
        weights = numpy.array([self.given[u]["W"] for u in VECTORS["U3"]], float)
        inputs = numpy.clip([self.given[u]["input"][0] for u in VECTORS["U3"]], -1, 1)
        exact = (weights[:, None] * inputs).sum(0) / weights.sum()
        self.assertAlmostEqual(numpy.abs(mean - exact).max(), given, delta=1e-15)


class Sums(unittest.TestCase):
    """Sums of fresh cohorts are exact, whoever drops out."""

    def check(self, mode, n, silent=(), dropped=()):
        identities = [fsa1.Identity() if mode == "active" else None for _ in range(n)]
        params = fsa1.Params(
            session=uuid.uuid4(), round=1, attempt=1, mode=mode, weights="hidden",
            vectors=[fsa1.Vector(fsa1.DELTA, 50, 0.5), fsa1.Vector(fsa1.CONTROL, 50, 2.0)], aux_len=5,
            slice_values=16, Q=fsa1.levels(n), W_cap=2**20, n_cap=100, n_max=n, clip=0.0, noise_var=0,
            aux_noise_var=0, base=bytes(32), task=bytes(32))
        islands = sorted((fsa1.Island(params, identity) for identity in identities), key=lambda i: i.pid)
        members = [island.advertise() for island in islands]
        envelopes = {}
        for island in islands:
            island.take_roster(members)
            envelopes[island.u] = dict(zip(island.others, (lambda e: [e[i:i + 94] for i in range(0, len(e), 94)])(
                island.envelopes())))
        u2 = [u for u in range(1, n + 1) if u not in silent]
        u3 = [u for u in u2 if u not in dropped]
        rng = numpy.random.default_rng(n)
        plain, uploads = [], []
        for u in u3:
            island = islands[u - 1]
            self.assertEqual(island.take_inbox(u2, {v: envelopes[v][u] for v in u2 if v != u}), [])
            vectors, aux = island.plain(rng.normal(0, 0.4, (2, 50)), u, [0.1 * u], [1.0])
            plain.append((*vectors, aux))
            slices, masked_aux, _, _ = island.mask(vectors, aux)
            uploads.append([b"".join(s) for _, s in slices] + [masked_aux])
        signatures = {u: islands[u - 1].agree(u2, u3) for u in u3}
        one = islands[u3[0] - 1]
        reveals = [islands[u - 1].reveal(signatures) for u in u3[:one.t]]
        keys = fsa1.sum_keys(one.ctx, one.advs, u3, fsa1.recover(one.c0, mode, one.advs, reveals))
        for i, stream in enumerate((fsa1.DELTA, fsa1.CONTROL, fsa1.AUX)):
            masked = fsa1.total(upload[i] for upload in uploads)
            expected = fsa1.total(fsa1.wire(values[i]) for values in plain)
            self.assertNotEqual(masked.tolist(), expected.tolist())
            self.assertEqual(fsa1.apply(masked, keys, stream).tolist(), expected.tolist())

    def test_everybody_stays(self):
        self.check("active", 3)

    def test_lost_at_both_stages(self):
        self.check("active", 10, silent=[2], dropped=[5, 10])

    def test_semi_honest(self):
        self.check("semi_honest", 6, dropped=[1, 2])

    def test_too_few_shares_recover_nothing(self):
        shares = fsa1.deal(bytes(range(32)), [bytes([7] * 32), bytes([9] * 32)], 5)
        self.assertEqual(fsa1.combine({x: shares[x] for x in (5, 1, 3)}), bytes(range(32)))
        self.assertNotEqual(fsa1.combine({x: shares[x] for x in (5, 1)}), bytes(range(32)))


class Refusals(unittest.TestCase):
    """What the Island here refuses, so that tests of a server can rely on it."""

    def test_keys_and_envelopes(self):
        with self.assertRaises(fsa1.Refused):
            fsa1.agree(bytes([1] * 32), bytes(32))
        envelope = fsa1.seal(bytes(32), bytes(32), 1, 2, bytes(32), bytes(32))
        for owner, holder in ((2, 1), (1, 3)):
            with self.assertRaises(fsa1.Refused):
                fsa1.open_envelope(bytes(32), bytes(32), owner, holder, envelope)

    def test_values(self):
        with self.assertRaises(fsa1.Refused):
            fsa1.quantise([0.0, float("nan")], 1.0, 1000, 1, 1)
        self.assertEqual(fsa1.signed(fsa1.quantise([2.5, -1.5, 9e9], 4, 4, 1, 1)[0]).tolist(), [2, -2, 4])


class Noise(unittest.TestCase):
    def test_quantised_to_a_norm(self):
        generator = numpy.random.default_rng(5)
        for count in 1, 7, 3000:
            for scale in 1e-3, 1, 50:
                x = generator.normal(0, scale, count).astype(numpy.float32)
                integers, within = fsa1.dp_quantise(x, 2.0, 2**12)
                self.assertLessEqual(int((integers**2).sum()), 2**24)
                norm = float(numpy.sqrt((x.astype(numpy.float64)**2).sum()))
                self.assertEqual(within, norm <= 2)
                exact = x.astype(numpy.float64) * (2**12 / max(norm, 2.0))
                self.assertTrue((numpy.abs(integers) <= numpy.abs(exact)).all())  # toward zero
                self.assertLess(numpy.abs(integers - exact).max(), 1.1)
        self.assertEqual(fsa1.dp_quantise([0.0, 0.0], 1, 1024)[0].tolist(), [0, 0])
        # exactly the norm: within, and not shortened
        self.assertEqual([part if isinstance(part, bool) else part.tolist() for part in fsa1.dp_quantise([3.0, -4.0], 5.0, 1000)], [[600, -800], True])
        with self.assertRaises(fsa1.Refused):
            fsa1.dp_quantise([float("inf")], 1, 1024)

    def test_grid(self):
        """By hand: of 10 at most 2^24 fits, and of three honest ones each adds a third."""
        grid = fsa1.dp_grid(1, False, 0, 3, 0, 10)
        self.assertEqual((grid.honest, grid.Q, grid.noise_var, grid.aux_noise_var), (3, 2**24, 4**24 // 3 + 1, 0))
        self.assertEqual(fsa1.dp_grid(1, False, 0, 128, 42, 128).Q, 2**23)  # 128 times 2^24 is 2^31
        adaptive = fsa1.dp_grid(1, True, 40, 3, 0, 3)
        self.assertEqual((adaptive.sigma_b, adaptive.aux_noise_var), (2.0, 16 * 2**32 // 3 + 1))
        self.assertEqual([fsa1.max_colluding(n) for n in (1, 3, 4, 6, 7, 10, 128)], [0, 0, 1, 1, 2, 3, 42])
        for z, updates, f, n_max in (1e6, 3, 0, 3), (1e-4, 3, 0, 3), (1, 4, 2, 4), (1, 3, 0, 129), (0, 3, 0, 3):
            with self.assertRaises(fsa1.Refused):
                fsa1.dp_grid(z, False, 0, updates, f, n_max)

    def test_fraction(self):
        self.assertEqual([fsa1.dp_fraction(aux % 2**32, 4) for aux in (4 * 2**16, -4 * 2**16, 0, 2**16, 10**6)], [1.0, 0.0, 0.5, 0.625, 1.0])

    def test_epsilon(self):
        """Rounds add up in 1 / z^2: four with noise 2 are one with noise 1."""
        self.assertEqual(fsa1.rdp_epsilon([2.0] * 4, 1e-5), fsa1.rdp_epsilon([1.0], 1e-5))
        self.assertAlmostEqual(fsa1.rdp_epsilon([1.0], 1e-5), 4.7284, places=3)
        self.assertEqual(fsa1.rdp_epsilon([1e9], 0.5), 0)


if __name__ == "__main__":
    unittest.main()
