"""fastdrop.keras on each of its back ends, in a process of its own: Keras has one for a process."""

import json
import os
import subprocess
import sys

import pytest
from helpers import clean_environment

pytest.importorskip("keras", reason="Keras is not installed")

SHARED = """
import hashlib, json, os, sys, tempfile
import keras, numpy as np
import fastdrop as fd, fastdrop.keras as fk

def words(seed, counter):
    return fd.Key(seed | counter << 32)

def to_numpy(y):
    return np.asarray(keras.ops.convert_to_numpy(y))

x = np.random.default_rng(1).standard_normal((6, 5, 4)).astype("float32")
image = np.random.default_rng(2).standard_normal((3, 4, 5, 6)).astype("float32")
"""

LAYERS = (
    SHARED
    + """
found = {}

def check(name, layer, x, wanted):
    for counter in range(2):
        y = to_numpy(layer(x, training=True))
        found[name] = found.get(name, True) and y.tobytes() == wanted(words(9, counter)).tobytes()
    found[name + ", not training"] = to_numpy(layer(x)).tobytes() == x.tobytes()
    again = type(layer).from_config(layer.get_config())
    y = to_numpy(again(x, training=True))
    found[name + ", from its configuration"] = y.tobytes() == wanted(words(9, 0)).tobytes()
    theirs = getattr(keras.layers, type(layer).__name__)
    found[name + ", a subclass"] = isinstance(layer, theirs)

check("Dropout", fk.Dropout(0.3, seed=9), x, lambda key: fd.dropout(x, 0.3, rng=key))
check("Dropout, noise_shape", fk.Dropout(0.3, noise_shape=(None, 1, 4), seed=9), x,
      lambda key: fd.dropout(x, 0.3, rng=key, share_axes=1))
check("SpatialDropout1D", fk.SpatialDropout1D(0.3, seed=9), x, lambda key: fd.dropout(x, 0.3, rng=key, share_axes=1))
check("SpatialDropout2D", fk.SpatialDropout2D(0.3, seed=9), image,
      lambda key: fd.dropout(image, 0.3, rng=key, share_axes=(1, 2)))
check("SpatialDropout2D, channels first", fk.SpatialDropout2D(0.3, data_format="channels_first", seed=9), image,
      lambda key: fd.dropout(image, 0.3, rng=key, share_axes=(2, 3)))
check("SpatialDropout3D", fk.SpatialDropout3D(0.3, seed=9), image[None],
      lambda key: fd.dropout(image[None], 0.3, rng=key, share_axes=(1, 2, 3)))
check("AlphaDropout", fk.AlphaDropout(0.3, seed=9), x, lambda key: fd.alpha_dropout(x, 0.3, rng=key))
check("AlphaDropout, noise_shape", fk.AlphaDropout(0.3, noise_shape=(None, 1, 4), seed=9), x,
      lambda key: fd.alpha_dropout(x, 0.3, rng=key, share_axes=1))
check("GaussianDropout", fk.GaussianDropout(0.3, seed=9), x, lambda key: fd.gaussian_dropout(x, 0.3, rng=key))
check("GaussianNoise", fk.GaussianNoise(0.3, seed=9), x, lambda key: fd.gaussian_noise(x, 0.3, rng=key))
found["rate 0"] = to_numpy(fk.Dropout(0.0)(x, training=True)).tobytes() == x.tobytes()
found["rate 1"] = not to_numpy(fk.Dropout(1.0)(x, training=True)).any()
found["alpha, rate 1"] = not to_numpy(fk.AlphaDropout(1.0)(x, training=True)).any()
half = fk.Dropout(0.3, seed=9, dtype="mixed_bfloat16")
y = half(x, training=True)
found["mixed precision"] = keras.backend.standardize_dtype(y.dtype) == "bfloat16" and (
    (to_numpy(y).astype("float32") == 0) == (fd.dropout(x, 0.3, rng=words(9, 0)) == 0)).all()
errors = []
for call in (
    lambda: fk.Dropout(1.5), lambda: fk.Dropout(0.5, noise_shape="abc"), lambda: fk.GaussianDropout(1),
    lambda: fk.GaussianNoise(2), lambda: fk.Dropout(0.5, noise_shape=(2, 1, 4))(x, training=True),
    lambda: fk.Dropout(0.5, noise_shape=(None, 1))(x, training=True), lambda: fk.SpatialDropout1D(0.5)(image),
):
    try:
        call()
        errors.append("")
    except ValueError as error:
        errors.append(str(error))
print(json.dumps([{name: bool(value) for name, value in found.items()}, errors]))
"""
)

MODEL = (
    SHARED
    + """
def build():
    keras.utils.set_random_seed(3)
    inputs = keras.Input((5, 4))
    h = fk.SpatialDropout1D(0.2, seed=1)(inputs)
    h = keras.layers.Dense(8, activation="selu")(h)
    h = fk.AlphaDropout(0.2, seed=2)(h)
    h = fk.GaussianDropout(0.2, seed=3)(h)
    h = fk.Dropout(0.2, noise_shape=(None, 1, None), seed=4)(h, training=True)
    h = fk.GaussianNoise(0.1, seed=5)(h)
    return keras.Model(inputs, keras.layers.Dense(1)(keras.layers.Flatten()(h)))

target = x.sum((1, 2))[:, None]
losses = []
for turn in range(2):
    model = build()
    if keras.backend.backend() != "numpy":
        model.compile("sgd", "mse")
        losses.append(model.fit(x, target, epochs=3, batch_size=3, verbose=0, shuffle=False).history["loss"])
with tempfile.TemporaryDirectory() as folder:
    path = os.path.join(folder, "model.keras")
    model.save(path)
    loaded = keras.models.load_model(path)
kinds = [type(layer).__name__ for layer in loaded.layers if "fastdrop" in type(layer).__module__]
generators = [[layer.seed_generator for layer in m.layers if hasattr(layer, "seed_generator")] for m in (model, loaded)]
state = [to_numpy(one.state).tolist() for one in generators[0]]
for one, other in zip(*generators):
    other.state.assign(one.state)  # which Keras does not save
same = np.array_equal(to_numpy(model(x, training=True)), to_numpy(loaded(x, training=True)))
print(json.dumps([losses, kinds, state, same]))
"""
)

BACKENDS = {"numpy": None, "jax": "jax", "torch": "torch"}


def run(code, backend):
    if BACKENDS.get(backend):
        pytest.importorskip(BACKENDS[backend], reason=f"{backend} is not installed")
    environment = clean_environment(KERAS_BACKEND=backend, KERAS_HOME=os.devnull)
    done = subprocess.run(
        [sys.executable, "-P", "-c", code], env=environment, capture_output=True, text=True, timeout=240
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


@pytest.mark.parametrize("backend", BACKENDS)
def test_layers(backend):
    found, errors = run(LAYERS, backend)
    assert len(found) == 44
    assert all(found.values()), [name for name, good in found.items() if not good]
    texts = [
        "Invalid value received for argument `rate`",
        "Invalid value received for argument `noise_shape`",
        "rate has to be below 1",
        "`stddev`",
        "has to have 1, None or the length of each axis of (6, 5, 4), but got (2, 1, 4)",
        "has to have 1, None or the length of each axis",
        "expected ndim=3, found ndim=4",
    ]
    assert len(errors) == len(texts)
    for text, error in zip(texts, errors, strict=True):
        assert text in error


@pytest.mark.parametrize("backend", BACKENDS)
def test_a_model_trains_and_is_saved(backend):
    losses, kinds, state, same = run(MODEL, backend)
    assert kinds == ["SpatialDropout1D", "AlphaDropout", "GaussianDropout", "Dropout", "GaussianNoise"]
    assert same
    if backend != "numpy":  # which has no training
        assert losses[0] == losses[1]
        assert all(counter >= 6 for _, counter in state)


def test_another_back_end_is_refused():
    pytest.importorskip("tensorflow", reason="TensorFlow is not installed")
    code = """
import json, keras, numpy as np, fastdrop.keras as fk
try:
    fk.Dropout(0.5)(np.ones((2, 3), "float32"), training=True)
except ImportError as error:
    print(json.dumps(str(error)))
"""
    assert "works on Keras' back ends torch, jax and numpy, but this is tensorflow" in run(code, "tensorflow")


def test_a_missing_or_old_keras_is_named():
    code = """
import json, sys
answers = []
for module in (None, type(sys)("keras")):
    sys.modules["keras"] = module
    if module:
        module.__version__ = "2.15.0"
    try:
        import fastdrop.keras
    except ImportError as error:
        answers.append(str(error))
print(json.dumps(answers))
"""
    how = "install it with pip install '.[keras]' in the source of fastdrop"
    assert run(code, "numpy") == [
        f"fastdrop.keras needs Keras 3: {how}", f"fastdrop.keras needs Keras 3, but got 2.15.0: {how}",
    ]  # fmt: skip
