#!/usr/bin/python3
"""Deal scikit-learn's breast-cancer data to hospitals that see different patients.

569 real biopsies, 30 measurements each; 212 were malignant. 113 of them (every fifth of either kind)
are held out for testing: no hospital ever gets them. The rest is dealt as patients are sent: large
lesions go to large centres, small ones stay with the screening clinic nearby, with much chance in
between. hospital-a is the largest and sees mostly cancer, the last is the smallest and sees little.
One patient in five of a hospital's is its own validation part.

Writes OUT/hospital-a.npz, OUT/hospital-b.npz ... and OUT/test.npz, and prints one line per hospital.
"""

import argparse
import pathlib
import sys

import numpy as np

sys.path.append(str(pathlib.Path(__file__).resolve().parent.parent / "lib"))

import parts

TEST_SHARE = 0.2
VALIDATION_SHARE = 0.2
CHANCE = 0.25  # standard deviation that chance adds to a patient's rank, which is 0..1
SIZE = 0  # the measurement that patients are sent by: the mean radius

# Smallest and largest value of each measurement, as the data set's public description has them
# (Wolberg, Street, Mangasarian 1995; mean, standard error and worst of ten measurements). Scaling by
# numbers that everybody knows costs no privacy; scaling by a hospital's own mean would.
RANGES = np.array(
    """
    6.981 28.11   9.71 39.28    43.79 188.5   143.5 2501    0.053 0.163
    0.019 0.345   0 0.427       0 0.201       0.106 0.304   0.05 0.097
    0.112 2.873   0.36 4.885    0.757 21.98   6.802 542.2   0.002 0.031
    0.002 0.135   0 0.396       0 0.053       0.008 0.079   0.001 0.03
    7.93 36.04    12.02 49.54   50.41 251.2   185.2 4254    0.071 0.223
    0.027 1.058   0 1.252       0 0.291       0.156 0.664   0.055 0.208
    """.split(),
    np.float64,
).reshape(30, 2)


def scaled(measurements):
    """Return measurements (n, 30) as float32 in -1..1: their square roots between those of RANGES."""
    low, high = np.sqrt(RANGES).T
    return ((np.sqrt(measurements) - low) / (high - low) * 2 - 1).clip(-1, 1).astype(np.float32)


def load_patients():
    """Return inputs (569, 30) float32 in -1..1 and labels (569,) int64: 1 is malignant."""
    from sklearn.datasets import load_breast_cancer

    data = load_breast_cancer()
    return scaled(data.data), (data.target == 0).astype(np.int64)


def shares(n_islands):
    """Return which share of the patients each hospital has, largest first; they add up to 1."""
    sizes = (np.arange(n_islands) + 2.0) ** -0.5
    return sizes / sizes.sum()


def deal(inputs, labels, n_islands, seed):
    """Return (dealt, test): row numbers, one array per hospital, and the held-out ones."""
    rng = np.random.default_rng(seed)
    test = []
    for kind in (0, 1):
        rows = rng.permutation(np.flatnonzero(labels == kind))
        test.append(rows[: round(TEST_SHARE * len(rows))])
    test = np.concatenate(test)
    rest = np.setdiff1d(np.arange(len(labels)), test)
    rank = inputs[rest, SIZE].argsort().argsort() / len(rest)
    order = rest[(-rank + rng.normal(0, CHANCE, len(rest))).argsort()]
    cuts = (shares(n_islands).cumsum()[:-1] * len(rest)).round().astype(int)
    return [rng.permutation(part) for part in np.split(order, cuts)], test


def write_islands(out, n_islands, seed):
    """Write the data files into `out` and yield (host id, training labels, validation labels)."""
    inputs, labels = load_patients()
    dealt, test = deal(inputs, labels, n_islands, seed)
    parts.write_test(out, inputs, labels, test)
    for index, part in enumerate(dealt):
        name = parts.island_name(index, "hospital")
        train, held = parts.write_part(out, name, inputs, labels, part, VALIDATION_SHARE)
        yield name, labels[train], labels[held]


def main():
    """Write the files and print, per hospital: host id, patients for training and validation, malignant."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parts.add_options(parser, seed=1)
    options = parser.parse_args()
    parts.check_options(parser, options)
    out = pathlib.Path(options.out)
    out.mkdir(parents=True, exist_ok=True)
    for name, train, held in write_islands(out, options.islands, options.seed):
        print(f"{name}\t{len(train)}\t{len(held)}\t{train.sum():3d}")


if __name__ == "__main__":
    main()
