#!/usr/bin/env python3
"""The Island's trainer in PyTorch: train_torch.py --data island-a.npz (see trainer.py)."""

import cnn
import trainer

if __name__ == "__main__":
    trainer.main(cnn)
