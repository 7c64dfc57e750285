#!/usr/bin/env python3
"""Makes dp_reference.h, what dp_accountant_test compares with. Needs mpmath; takes some minutes.

    python3 dp_reference.py > dp_reference.h

Everything is computed from definitions with so many digits that cancellation
does not matter: Renyi divergences as integrals over the real line (fractional
orders) or as sums (integers), the bound of Wang, Balle, Kasiviswanathan 2019,
theorem 27, with alternating sums as it is printed, and the Gaussian curve of
Balle, Wang 2018 as the difference of two normal distribution functions.
"""

import functools
import itertools

from mpmath import binomial, erfc, exp, expm1, floor, log, log1p, mp, mpf, pi, quad, sqrt

ORDERS = [mpf(i) / 10 for i in range(11, 110)] + list(map(mpf, range(11, 64))) + [mpf(i) for i in (128, 256, 512, 1024)]

# (order - 1) * divergence of these
DIVERGENCES = list(itertools.product(["0.1", "0.2", "0.3", "1", "10", "100"], ["0.00001", "0.01", "0.5", "0.99"],
                                     ["1.1", "1.5", "2", "2.7", "10.9", "63", "1024"]))

# z, q, rounds, delta
EPSILONS = [("0.3", "0.05", 10000, "1e-5"), ("0.3", "0.00001", 1000000, "1e-12"), ("0.3", "0.9", 1000000, "0.1"),
            ("0.2", "0.01", 100, "1e-5"), ("0.1", "0.3", 1000, "1e-6"), ("0.5", "0.00001", 1, "1e-12"),
            ("1", "0.01", 10000, "1e-5"), ("1.1", "0.00424", 14160, "1e-5"), ("4", "0.01", 10000, "1e-5"),
            ("1", "0.99", 3, "0.1"), ("10", "0.5", 1000000, "1e-12"), ("30", "0.1", 1000000, "1e-7"),
            ("100", "0.00001", 1000000, "1e-12"), ("100", "0.9", 1, "0.1"), ("100", "0.5", 1000000, "1e-12")]

# mu, delta
CURVE = list(itertools.product(["0.00001", "0.003", "0.1", "0.7", "1", "2.1", "5", "33", "3333333"],
                               ["1e-12", "1e-7", "1e-5", "0.01", "0.1"])) + [("1e-9", "1e-12"), ("1e-6", "1e-8"), ("1e-6", "1e-12"), ("4", "0.9")]


def by_quadrature(f, z, q, order):
    """The integral of f over the real line, cut where it bends."""
    kink = z * (log(1 / q - 1) + 1 / (2 * z * z))
    return quad(f, sorted({mpf(-14), mpf(-4), mpf(0), mpf(4), 1 / z, order / z - 4, order / z, order / z + 4, order / z + 14}
                          | {kink + d * z for d in (-6, -2, 0, 2, 6)}))


def by_trapezoids(f, z, q, order):
    """The same to 20 digits, quicker: f can be continued to a distance of pi z, so a step of z / 3 leaves e^(-6 pi^2)."""
    step = min(z / 3, mpf("0.3"))
    return step * sum(f(-12 + i * step) for i in range(int((order / z + 24) / step)))


@functools.lru_cache(None)
def poisson(z, q, order, integral=by_trapezoids):
    """ln E (1 + q (e^(t/z - 1/(2 z^2)) - 1))^order for a standard normal t."""
    z, q = mpf(z), mpf(q)
    if order == int(order):
        return log(sum(binomial(order, i) * (1 - q) ** (order - i) * q ** i * exp(mpf(i * i - i) / (2 * z * z))
                       for i in range(int(order) + 1)))
    return log1p(integral(lambda t: excess(q * expm1(t / z - 1 / (2 * z * z)), order) * exp(-t * t / 2), z, q, order)
                 / sqrt(2 * pi))


def excess(u, order):
    """Its mean is what the power's is above 1, since that of u is 0; so the tails that are left out do not matter."""
    return (1 + u) ** order - 1 - order * u


@functools.lru_cache(None)
def fixed_terms(z):
    z = mpf(z)

    def moment(i):
        return exp(mpf(i) * (i - 1) / (2 * z * z))

    with mp.workdps(1500):
        b = {j: sum((-1) ** (i % 2) * binomial(j, i) * moment(i) for i in range(j + 1)) for j in range(2, 258, 2)}
    terms = {2: min(4 * (moment(2) - 1), 2 * moment(2))}
    for j in range(3, 1025):
        terms[j] = 2 * moment(j)
    near = dict(terms)
    for j in range(3, 257):
        near[j] = min(terms[j], 4 * sqrt(b[2 * (j // 2)] * b[2 * ((j + 1) // 2)]))
    return near, terms


@functools.lru_cache(None)
def fixed_integer(z, q, order):
    if order == 1:
        return mpf(0)
    near, loose = fixed_terms(z)
    terms = near if order <= 256 else loose
    return log1p(sum(binomial(order, j) * mpf(q) ** j * terms[j] for j in range(2, order + 1)))


def fixed(z, q, order):
    """z: half of what a user says."""
    low = int(floor(order))
    part = order - low
    line = fixed_integer(z, q, low) * (1 - part)
    if part:
        line += fixed_integer(z, q, low + 1) * part
    return min(line, order * (order - 1) / (2 * mpf(z) ** 2))


def epsilon(divergence, rounds, delta):
    delta = mpf(delta)
    return max(mpf(0), min(rounds * divergence(a) / (a - 1) + log1p(-1 / a) - log(delta * a) / (a - 1) for a in ORDERS))


def curve(mu, delta):
    """By bisection."""
    mu, delta = mpf(mu), mpf(delta)

    def phi(x):
        return erfc(-x / sqrt(mpf(2))) / 2

    def spent(e):
        return phi(mu / 2 - e / mu) - exp(e) * phi(-mu / 2 - e / mu)

    if spent(mpf(0)) <= delta:
        return mpf(0)
    low, high = mpf(0), mu * (mu / 2 + 40)
    for _ in range(150):
        middle = (low + high) / 2
        low, high = (middle, high) if spent(middle) > delta else (low, middle)
    return high


def table(name, fields, rows):
    print(f"\nstatic const struct\n{{\n\tdouble\t\t{', '.join(fields)};\n}}\t\t\t{name}[] = {{")
    for row in rows:
        print("\t{" + ", ".join(v if isinstance(v, str) else mp.nstr(v, 17) if isinstance(v, mpf) else str(v) for v in row) + "},")
    print("};")


def main():
    mp.dps = 40
    print("/*\n * dp_reference.h\n *\t\tMade by dp_reference.py with mpmath; do not edit.\n */")
    table("divergences", ["z", "q", "order", "value"],
          [(z, q, a, poisson(z, q, mpf(a), by_quadrature)) for z, q, a in DIVERGENCES])
    table("epsilons", ["z", "q", "rounds", "delta", "poisson", "fixed"],
          [(z, q, t, d, epsilon(lambda a: poisson(z, q, a), t, d),
            epsilon(lambda a: fixed(mp.nstr(mpf(z) / 2, 20), q, a), t, d)) for z, q, t, d in EPSILONS])
    mp.dps = 60
    table("curve", ["mu", "delta", "epsilon"], [(m, d, curve(m, d)) for m, d in CURVE])


if __name__ == "__main__":
    main()
