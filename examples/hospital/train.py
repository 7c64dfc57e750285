#!/usr/bin/python3
"""The Island's trainer in numpy: train.py --data hospital-a.npz (see ../lib/trainer.py)."""

import os
import pathlib
import sys

# BLAS reads this on import; products this small are slower with a thread pool.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

sys.path.append(str(pathlib.Path(__file__).resolve().parent.parent / "lib"))

import logistic
import trainer

if __name__ == "__main__":
    trainer.main(logistic)
