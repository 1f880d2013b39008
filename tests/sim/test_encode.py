"""All steps of an image at once, for every kind of encoder."""

import numpy as np
import pytest
import torch

from captwin.hw.encoders import ENCODERS
from captwin.sim.encode import encode
from tests.support.chips import random_encoder

PIXELS = np.random.default_rng(0).integers(0, 256, (5, 30)).astype(np.uint8)


@pytest.mark.parametrize("kind", ENCODERS)
@pytest.mark.parametrize("seed", range(3))
def test_torch_is_numpy(kind: str, seed: int) -> None:
    encoder = random_encoder(np.random.default_rng(seed), kind, steps=9)
    expected = encode(encoder, PIXELS)
    assert expected.shape == (5, 9, 30) and expected.dtype == bool and expected.any()
    for step in range(9):
        np.testing.assert_array_equal(expected[:, step], encoder.spikes(PIXELS, step))
    spikes = encode(encoder, torch.tensor(PIXELS))
    assert spikes.dtype == torch.bool
    np.testing.assert_array_equal(spikes.numpy(), expected)
    np.testing.assert_array_equal(encode(encoder, PIXELS[2]), expected[2])


@pytest.mark.parametrize("pixels", [PIXELS.astype(np.int32), torch.tensor(PIXELS).float()], ids=["int32", "float32"])
def test_pixels_are_bytes(pixels: np.ndarray | torch.Tensor) -> None:
    with pytest.raises(TypeError, match=r"pixels must be uint8, got (int32|torch\.float32)"):
        encode(ENCODERS["rate"](), pixels)
