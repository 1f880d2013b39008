import torch

from captwin.train.augment import augment
from captwin.train.config import Augmentation

SIDE = 20


def dots() -> torch.Tensor:
    """(1, 400) a grid of bright dots, wide apart."""
    image = torch.zeros(SIDE, SIDE, dtype=torch.uint8)
    image[4::5, 4::5] = 200
    return image.view(1, -1).expand(64, -1)


def moved(limits: Augmentation, seed: int = 1) -> torch.Tensor:
    return augment(dots(), (SIDE, SIDE), limits, torch.Generator().manual_seed(seed)).view(-1, SIDE, SIDE)


def test_without_limits_nothing_changes():
    assert torch.equal(moved(Augmentation()).view(64, -1), dots())


def test_each_map_changes_the_images_by_itself():
    for limits in (
        Augmentation(rotation=20.0),
        Augmentation(shift=2.0),
        Augmentation(scale=0.2),
        Augmentation(elastic=1.0),
    ):
        images = moved(limits)
        assert images.dtype == torch.uint8 and not torch.equal(images.view(64, -1), dots())
        assert len(images.view(64, -1).unique(dim=0)) == 64
        assert torch.equal(moved(limits), images) and not torch.equal(moved(limits, seed=2), images)


def test_an_elastic_map_bends_smoothly_and_by_what_was_asked():
    """On a ramp of 10 a pixel, brightness tells how far each pixel was fetched from."""
    ramp = (10 * torch.arange(SIDE)).to(torch.uint8).repeat(SIDE)
    images = augment(ramp.expand(200, -1), (SIDE, SIDE), Augmentation(elastic=0.8), torch.Generator().manual_seed(1))
    fetched = images.view(-1, SIDE, SIDE)[:, 4:-4, 4:-4] / 10 - torch.arange(SIDE)[4:-4]
    # The standard deviation is that of the drawn points; between them bicubic interpolation takes some of it.
    assert 0.5 < fetched.std() < 0.85 and abs(fetched.mean()) < 0.05

    def alike(distance: int) -> float:
        pairs = torch.stack([fetched[:, :, :-distance].flatten(), fetched[:, :, distance:].flatten()])
        return float(torch.corrcoef(pairs)[0, 1])

    assert alike(1) > 0.9 > alike(2) > alike(3) and abs(alike(8)) < 0.2
