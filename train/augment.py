"""Small random affine maps of images."""

import torch
from torch import Tensor
from torch.nn.functional import affine_grid, grid_sample

from train.config import Augmentation


def augment(pixels: Tensor, image: tuple[int, int], limits: Augmentation, generator: torch.Generator) -> Tensor:
    """(images, pixels) uint8, each image turned, moved and scaled at random; outside is black."""
    if not limits.active:
        return pixels
    count, (height, width) = len(pixels), image
    drawn = torch.rand(5, count, generator=generator).to(pixels.device) * 2 - 1
    angle = torch.deg2rad(drawn[0] * limits.rotation)
    grow_x, grow_y = 1 + drawn[1] * limits.scale, 1 + drawn[2] * limits.scale
    cosine, sine = torch.cos(angle), torch.sin(angle)
    # Rows of the map from output to input, in units of half the image.
    to_x = torch.stack([cosine * grow_x, -sine * grow_y * height / width, drawn[3] * 2 * limits.shift / width], 1)
    to_y = torch.stack([sine * grow_x * width / height, cosine * grow_y, drawn[4] * 2 * limits.shift / height], 1)
    grid = affine_grid(torch.stack([to_x, to_y], 1), [count, 1, height, width], align_corners=False)
    moved = grid_sample(pixels.view(count, 1, height, width).float(), grid, align_corners=False)
    return moved.round_().clamp_(0, 255).to(torch.uint8).view(count, -1)
