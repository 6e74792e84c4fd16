"""Layers for NumPy arrays: what a user of dropout needs around it, and no more.

`forward` and `backward` are called by hand, there is no tape. All randomness of a model, initial values and masks,
comes from one key, and a saved state goes on with exactly the masks that would have come.

>>> import numpy as np
>>> from fastdrop import nn
>>> model = nn.Sequential(nn.Linear(784, 256), nn.ReLU(), nn.Dropout(p=0.5), nn.Linear(256, 10), rng=42)
>>> loss, adam = nn.CrossEntropyLoss(), nn.Adam(model.parameters())
>>> x, labels = np.ones((32, 784), np.float32), np.full(32, 7)
>>> before = loss(model(x), labels)
>>> dx = model.backward(loss.backward())
>>> adam.step()
>>> bool(loss(model.eval()(x), labels) < before)
True
"""

from fastdrop.nn.activation import ReLU
from fastdrop.nn.alpha import AlphaDropout, FeatureAlphaDropout
from fastdrop.nn.concrete import ConcreteDropout
from fastdrop.nn.consistent import ConsistentDropout
from fastdrop.nn.container import Sequential
from fastdrop.nn.drop_path import DropPath
from fastdrop.nn.dropblock import DropBlock1d, DropBlock2d, DropBlock3d
from fastdrop.nn.dropconnect import DropConnectLinear
from fastdrop.nn.dropout import Dropout
from fastdrop.nn.embedding import Embedding
from fastdrop.nn.linear import Linear
from fastdrop.nn.loss import CrossEntropyLoss
from fastdrop.nn.lstm import LSTM
from fastdrop.nn.module import Module
from fastdrop.nn.monte_carlo import MonteCarlo, mc, mc_predict
from fastdrop.nn.noise import GaussianDropout, GaussianNoise
from fastdrop.nn.optim import SGD, Adam
from fastdrop.nn.parameter import Parameter
from fastdrop.nn.random import RandomModule
from fastdrop.nn.running import RunningMoments
from fastdrop.nn.softmax import SoftmaxDropout
from fastdrop.nn.spatial import Dropout1d, Dropout2d, Dropout3d
from fastdrop.nn.token_dropout import PatchDropout, TokenDropout
from fastdrop.nn.word_dropout import WordDropout
from fastdrop.nn.zoneout import Zoneout

__all__ = [
    "Adam",
    "AlphaDropout",
    "ConcreteDropout",
    "ConsistentDropout",
    "CrossEntropyLoss",
    "DropBlock1d",
    "DropBlock2d",
    "DropBlock3d",
    "DropConnectLinear",
    "DropPath",
    "Dropout",
    "Dropout1d",
    "Dropout2d",
    "Dropout3d",
    "Embedding",
    "FeatureAlphaDropout",
    "GaussianDropout",
    "GaussianNoise",
    "LSTM",
    "Linear",
    "Module",
    "MonteCarlo",
    "Parameter",
    "PatchDropout",
    "RandomModule",
    "ReLU",
    "RunningMoments",
    "SGD",
    "Sequential",
    "SoftmaxDropout",
    "TokenDropout",
    "WordDropout",
    "Zoneout",
    "mc",
    "mc_predict",
]
