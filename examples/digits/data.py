#!/usr/bin/python3
"""Deal scikit-learn's handwritten digits to Islands that see very different parts of them.

Of the 1,797 images of 8x8 pixels, 360 (36 of each digit) are held out for testing: no Island ever
gets them. The rest is dealt non-IID: an Island is at home with at least four of the ten digits and
gets a share of 90 percent of their images; the remaining 10 percent are spread over all Islands.
One image in ten of an Island's is its own validation part.

Writes OUT/island-a.npz, OUT/island-b.npz ... and OUT/test.npz, and prints one line per Island.
"""

import argparse
import pathlib
import sys

import numpy as np

sys.path.append(str(pathlib.Path(__file__).resolve().parent.parent / "lib"))

import parts

TEST_PER_DIGIT = 36
HOME_SHARE = 0.9
VALIDATION_SHARE = 0.1


def load_images():
    """Return images (1797, 64) float32 in 0..1 and labels (1797,) int64 in 0..9."""
    from sklearn.datasets import load_digits

    digits = load_digits()
    return (digits.data / 16).astype(np.float32), digits.target.astype(np.int64)


def home_islands(n_islands, rng):
    """Return ten lists: which Islands (0..n_islands-1) are at home with each digit."""
    order = rng.permutation(10)
    per_island = min(10, max(4, -(-10 // n_islands)))
    homes = [[] for _ in range(10)]
    for island in range(n_islands):
        first = round(island * 10 / n_islands)
        for step in range(per_island):
            homes[order[(first + step) % 10]].append(island)
    return homes


def deal(labels, n_islands, seed):
    """Return (dealt, test): index arrays into `labels`, one per Island, and the held-out ones."""
    rng = np.random.default_rng(seed)
    homes = home_islands(n_islands, rng)
    dealt = [[] for _ in range(n_islands)]
    test = []
    for digit in range(10):
        indexes = rng.permutation(np.flatnonzero(labels == digit))
        test.append(indexes[:TEST_PER_DIGIT])
        indexes = indexes[TEST_PER_DIGIT:]
        n_home = round(HOME_SHARE * len(indexes))
        for island, chunk in zip(homes[digit], np.array_split(indexes[:n_home], len(homes[digit]))):
            dealt[island].append(chunk)
        for island, chunk in enumerate(np.array_split(indexes[n_home:], n_islands)):
            dealt[island].append(chunk)
    return [rng.permutation(np.concatenate(part)) for part in dealt], np.concatenate(test)


def write_islands(out, n_islands, seed):
    """Write the data files into `out` and yield (host id, training labels, validation labels)."""
    images, labels = load_images()
    dealt, test = deal(labels, n_islands, seed)
    parts.write_test(out, images, labels, test)
    for index, part in enumerate(dealt):
        name = parts.island_name(index)
        train, held = parts.write_part(out, name, images, labels, part, VALIDATION_SHARE)
        yield name, labels[train], labels[held]


def main():
    """Write the files and print, per Island: host id, training images, validation images, digits."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parts.add_options(parser, seed=2)
    options = parser.parse_args()
    parts.check_options(parser, options)
    out = pathlib.Path(options.out)
    out.mkdir(parents=True, exist_ok=True)
    for name, train, held in write_islands(out, options.islands, options.seed):
        counts = " ".join(f"{n:3d}" for n in np.bincount(train, minlength=10))
        print(f"{name}\t{len(train)}\t{len(held)}\t{counts}")


if __name__ == "__main__":
    main()
