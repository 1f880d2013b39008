"""The compiled operations against plain PyTorch, values and gradients."""

import numpy as np
import pytest
import torch
from torch import Tensor

from captwin.hw.chip import Formats
from captwin.sim.neurons.circuits import circuit_names, load_circuit
from captwin.sim.neurons.quantise import quantise
from captwin.train.model.kernels import Curves
from captwin.train.model.response import accumulate, respond, respond_in_torch


def curves_of(circuit: str, rounded: bool, jump: float | None = None) -> Curves:
    """A circuit's neuron in codes; with ``jump`` it has four surfaces, and a spike adds about so many codes."""
    neuron = quantise(load_circuit(circuit), Formats())
    surfaces = neuron.surfaces.reshape(-1, *neuron.surfaces.shape[-2:]).astype(np.float32)
    if jump is not None:
        surfaces = surfaces[:: len(surfaces) // 2]
        rise = np.linspace(0.8, 1.2, surfaces.shape[1])[:, None] * np.linspace(0.9, 1.1, surfaces.shape[2])
        surfaces = np.stack([surfaces, surfaces + jump * rise.round(1)], axis=1).reshape(-1, *surfaces.shape[1:])
    return Curves(
        surfaces=surfaces.astype(np.float32),
        thresholds=neuron.thresholds.astype(np.float32),
        rest=float(neuron.rest),
        v_step=128.0,
        u_step=32.0,
        rounded=rounded,
        surrogate_width=30.0,
    )


@pytest.mark.parametrize("seed", range(3))
def test_sums_and_their_gradients(seed: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    spikes = (torch.rand(3, 5, 40, generator=generator) < 0.2).float().requires_grad_()
    weights = torch.randint(-15, 16, (40, 7), generator=generator).float().requires_grad_()
    outgoing = torch.randn(3, 5, 7, generator=generator)
    results = []
    for sums in (accumulate(spikes, weights), spikes @ weights):
        sums.backward(outgoing)
        assert spikes.grad is not None and weights.grad is not None
        results.append((sums.detach(), spikes.grad, weights.grad))
        spikes.grad = weights.grad = None
    assert torch.equal(results[0][0], results[1][0])
    for ours, theirs in zip(results[0][1:], results[1][1:], strict=True):
        torch.testing.assert_close(ours, theirs)
    assert torch.equal(accumulate(spikes.detach().bool(), weights.detach()), results[0][0])


@pytest.mark.parametrize("circuit", circuit_names())
@pytest.mark.parametrize("rounded", [True, False])
@pytest.mark.parametrize("jump", [None, -150.0])
def test_response_and_its_gradients(circuit: str, rounded: bool, jump: float | None) -> None:
    curves, generator = curves_of(circuit, rounded, jump), torch.Generator().manual_seed(5)
    drives = torch.randint(0, 1024, (6, 20, 9), generator=generator).float()
    drives[3:] = drives[3:] / 4 + 512  # some that linger around the threshold
    offsets = torch.randint(-9, 10, (9,), generator=generator).float()
    weights = torch.randn(2, 6, 20, 9, generator=generator)

    def through(function: object) -> tuple[Tensor, Tensor, Tensor]:
        u = drives.clone().requires_grad_()
        v, s = function(u, offsets, curves)  # type: ignore[operator]
        (weights[0] * v / 100 + weights[1] * s).sum().backward()
        assert u.grad is not None
        return v.detach(), s.detach(), u.grad

    (v, s, grad), (plain_v, plain_s, plain_grad) = through(respond), through(respond_in_torch)
    assert 0.05 < s.mean() < 0.95
    # Plain PyTorch has a float32's 24 bits, so a membrane may be rounded the other way and a neuron go its own.
    same = ((v - plain_v).abs() <= 1).all(0) & (s == plain_s).all(0)
    assert same.float().mean() > 0.97
    # On a knot, either neighbour's slope is right.
    close = torch.isclose(grad[:, same], plain_grad[:, same], rtol=0.02, atol=2e-4)
    assert close.float().mean() > 0.95
    assert grad.abs().max() > 0.01


def test_the_jump_is_in_the_gradient() -> None:
    """Over all drives, the membrane's gradient adds up to what the membrane gains by slope, and by the jump as often as
    the surrogate counts a spike."""
    jump = 200.0
    curves = curves_of("charge_share", rounded=False, jump=jump)._replace(surrogate_width=5.0)
    u = torch.arange(0, 1024.0, 0.25)[None, :, None].requires_grad_()
    v, s = respond(u, torch.zeros(1), curves)
    (of_v,) = torch.autograd.grad(v.sum(), u, retain_graph=True)
    (of_s,) = torch.autograd.grad(s.sum(), u)
    at = int(s.detach().flatten().argmax())
    height = float((v[0, at] - v[0, at - 1]).detach())
    assert height == pytest.approx(jump, rel=0.25)
    smooth = float((v[0, -1] - v[0, 0]).detach()) - height
    counted = float(of_s.sum()) / 4
    assert 0.9 < counted / 2 < 1.05  # a fast sigmoid's slope adds up to 2
    assert float(of_v.sum()) / 4 == pytest.approx(smooth + counted * height, rel=0.02)


def test_thresholds_that_are_off_shift_the_decision() -> None:
    curves = curves_of("charge_share", rounded=True)
    u = torch.arange(0, 1024.0)[None, :, None]
    firsts = [int(respond(u, torch.tensor([offset]), curves)[1].squeeze().argmax()) for offset in (-7.0, 0.0, 7.0)]
    assert firsts[0] + 7 == firsts[1] == firsts[2] - 7 > 0


def test_membranes_of_few_values_are_rounded_to_them() -> None:
    curves = curves_of("gf180_charge_share", rounded=True)._replace(whole=128.0)
    u = torch.randint(0, 1024, (6, 20, 9), generator=torch.Generator().manual_seed(5)).float()
    found = [function(u, torch.zeros(9), curves) for function in (respond, respond_in_torch)]
    for v, s in found:
        assert not (v % 128).any() and 5 < len(v.unique()) <= 32 and 0.05 < s.mean() < 0.95
    assert (found[0][0] == found[1][0]).float().mean() > 0.97
