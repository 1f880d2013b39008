"""Small random affine and elastic maps of images."""

import torch
from torch import Tensor
from torch.nn.functional import affine_grid, grid_sample, interpolate

from captwin.train.config_tables import Augmentation

#: Points a side at which an elastic map is drawn; between them it is bicubic. On 28 pixels it bends over some seven,
#: as the smoothed fields of Simard et al., ICDAR 2003, do.
ELASTIC_POINTS = 5


def augment(pixels: Tensor, image: tuple[int, int], limits: Augmentation, generator: torch.Generator) -> Tensor:
    """(images, pixels) uint8, each image turned, moved, scaled and bent at random; outside is black."""
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
    if limits.elastic:
        drawn = torch.randn(count, 2, ELASTIC_POINTS, ELASTIC_POINTS, generator=generator).to(pixels.device)
        bent = interpolate(drawn * limits.elastic, (height, width), mode="bicubic", align_corners=True)
        grid = grid + bent.permute(0, 2, 3, 1) * (2 / torch.tensor([width, height], device=pixels.device))
    moved = grid_sample(pixels.view(count, 1, height, width).float(), grid, align_corners=False)
    return moved.round_().clamp_(0, 255).to(torch.uint8).view(count, -1)
