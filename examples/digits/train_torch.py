#!/usr/bin/env python3
"""The Island's trainer in PyTorch: train_torch.py --data island-a.npz (see ../lib/trainer.py)."""

import pathlib
import sys

sys.path.append(str(pathlib.Path(__file__).resolve().parent.parent / "lib"))

import cnn
import trainer

if __name__ == "__main__":
    trainer.main(cnn)
