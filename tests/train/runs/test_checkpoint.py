"""Checkpoints and teachers that were damaged or tampered with: one line, or a load of what is whole."""

import json
import struct

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from safetensors.torch import load as load_tensors
from safetensors.torch import save as save_tensors

from captwin.hw.support.errors import CaptwinError
from captwin.sim.neurons.circuits import load_circuit
from captwin.train.config import Distillation, load_config
from captwin.train.datasets.catalogue import load_dataset
from captwin.train.loop import build_network, train
from captwin.train.runs.checkpoint import load_checkpoint, read_identity
from captwin.train.runs.identity import identity_of
from captwin.train.runs.sealed import _digest, load_sealed
from captwin.train.teacher import build_teacher, load_teacher

CONFIG = load_config("digits-tiny", epochs=2, batch_size=512, distillation=Distillation(epochs=1).model_dump())
DIGITS = load_dataset("digits")
TABLE = load_circuit("charge_share")


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    folder = tmp_path_factory.mktemp("run")
    train(CONFIG, folder)
    return folder


def load(path):
    """As a run that resumes does it."""
    network = build_network(CONFIG, DIGITS, TABLE)
    optimizer = torch.optim.AdamW(network.parameters(), lr=0.01)
    identity = identity_of(CONFIG, DIGITS, TABLE)
    progress = load_checkpoint(path, identity, network, optimizer, CONFIG.epochs)
    assert all(torch.isfinite(tensor).all() for tensor in network.state_dict().values())
    network.load_state_dict(progress.best)
    return progress


def load_or_refuse(path, loader=load):
    try:
        loader(path)
    except CaptwinError as error:
        assert "\n" not in str(error) and len(str(error)) < 1000
        return str(error)
    return None


def load_a_teacher(path):
    load_teacher(build_teacher(DIGITS.image, DIGITS.classes, 1), path)


def test_a_whole_checkpoint_loads(run):
    progress = load(run / "checkpoint.safetensors")
    assert progress.epochs_done == len(progress.history) == 2
    assert read_identity(run / "checkpoint.safetensors")["data"] == DIGITS.sha256
    load_a_teacher(run / "teacher.safetensors")


@pytest.mark.parametrize("name", ["checkpoint.safetensors", "teacher.safetensors"])
def test_flipped_signs_are_refused(run, tmp_path, name):
    data = bytearray((run / name).read_bytes())
    for place in range(1, 41):
        data[-4 * place - 1] ^= 0x80
    (tmp_path / name).write_bytes(bytes(data))
    refused = load_or_refuse(tmp_path / name, load if name.startswith("checkpoint") else load_a_teacher)
    assert refused is not None and "its content was altered" in refused


@pytest.mark.parametrize("name", ["checkpoint.safetensors", "teacher.safetensors"])
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_damaged_files_are_never_believed(run, tmp_path, name, data):
    whole = (run / name).read_bytes()
    content = bytearray(whole)
    size = data.draw(st.integers(1, 8))
    for _ in range(size):
        place = data.draw(st.integers(0, 2000) | st.integers(0, len(content) - 1))
        content[place] ^= data.draw(st.integers(1, 255))
    if data.draw(st.booleans()):
        content = content[: data.draw(st.integers(0, len(content)))]
    (tmp_path / name).write_bytes(bytes(content))
    refused = load_or_refuse(tmp_path / name, load if name.startswith("checkpoint") else load_a_teacher)
    # A header may say the same in other bytes (a blank more); anything else is noticed.
    changed = bytes(content) != whole and _meaning(bytes(content)) != _meaning(whole)
    assert not changed or refused is not None


def _meaning(content):
    try:
        tensors = load_tensors(content)
        header = json.loads(content[8 : 8 + struct.unpack("<Q", content[:8])[0]])
    except Exception:
        return None
    return header["__metadata__"], {name: tensor.numpy().tobytes() for name, tensor in tensors.items()}


#: what may stand in place of any value of the manifest
JUNK = st.sampled_from(
    [None, True, -1, 0, 3, 10**30, 1e308, 0.5, "", "x\x1b[31m\n", [], {}, [[]], {"epoch": 1.0}, "digits"]
)


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_tampered_checkpoints_load_or_are_refused(run, tmp_path, data):
    """Manifest and tensors changed at will, the digest made right again."""
    manifest, tensors, _ = load_sealed(run / "checkpoint.safetensors", "checkpoint")
    if data.draw(st.booleans()):
        _tamper(manifest, data)
    if data.draw(st.booleans()):
        name = data.draw(st.sampled_from(sorted(tensors)))
        tensor = tensors[name]
        tampered = {
            "gone": None,
            "flat": tensor.reshape(-1)[:-1].clone(),
            "double": tensor.double(),
            "whole": tensor.int(),
            "nan": torch.full_like(tensor, float("nan")),
            "negative": -torch.ones_like(tensor),
            "large": torch.full_like(tensor, 3e38),
            "half": tensor.half(),
            "complex": torch.complex(tensor, tensor),
        }[
            data.draw(
                st.sampled_from(["gone", "flat", "double", "whole", "nan", "negative", "large", "half", "complex"])
            )
        ]
        del tensors[name]
        if tampered is not None:
            tensors[data.draw(st.sampled_from([name, name, "best", "optimizer.x.y", "other.a"]))] = tampered
    path = tmp_path / "checkpoint.safetensors"
    text = json.dumps(manifest)
    path.write_bytes(save_tensors(tensors, {"captwin": f"{_digest(text, tensors)} {text}"}))
    load_or_refuse(path)
    load_or_refuse(path, read_identity)


def _tamper(value, data):
    """Puts junk at a place anywhere in nested dictionaries and lists, or takes one away."""
    while True:
        keys = sorted(value) if isinstance(value, dict) else list(range(len(value)))
        key = data.draw(st.sampled_from(keys))
        inner = value[key]
        if not isinstance(inner, dict | list) or not inner or data.draw(st.integers(0, 3)) == 0:
            break
        value = inner
    if isinstance(value, dict) and data.draw(st.integers(0, 4)) == 0:
        del value[key]
    else:
        value[key] = data.draw(JUNK)
