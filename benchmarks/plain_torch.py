"""IResNets, ResNet50 and MobileNetV2 with ArcFace in plain torch: the rival of `gpu.py`.

As one would write them without Keras: modules in `channels_last`, autocast for half precision,
`torch.compile`, torch's own SGD. ResNet50 and MobileNetV2 are torchvision's, if it is there.
"""

import torch
from torch import nn

IRESNETS = {"IResNet50": (3, 4, 14, 3), "IResNet100": (3, 13, 30, 3), "IResNet18": (2, 2, 2, 2)}


class Block(nn.Module):
    """BN, conv, BN, PReLU, conv, BN, added to its input."""

    def __init__(self, inputs: int, width: int, stride: int):
        super().__init__()
        self.branch = nn.Sequential(
            nn.BatchNorm2d(inputs),
            nn.Conv2d(inputs, width, 3, 1, 1, bias=False),
            nn.BatchNorm2d(width),
            nn.PReLU(width),
            nn.Conv2d(width, width, 3, stride, 1, bias=False),
            nn.BatchNorm2d(width),
        )
        self.shortcut: nn.Module = nn.Identity()
        if stride != 1 or inputs != width:
            projection = nn.Conv2d(inputs, width, 1, stride, bias=False)
            self.shortcut = nn.Sequential(projection, nn.BatchNorm2d(width))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.branch(x) + self.shortcut(x)


def iresnet(blocks: tuple[int, ...]) -> tuple[nn.Module, int]:
    """The network up to its map of 7 x 7, and how many channels that has."""
    stages: list[nn.Module] = [
        nn.Conv2d(3, 64, 3, 1, 1, bias=False),
        nn.BatchNorm2d(64),
        nn.PReLU(64),
    ]
    inputs = 64
    for depth, width in zip(blocks, (64, 128, 256, 512), strict=True):
        for number in range(depth):
            stages.append(Block(inputs, width, 1 if number else 2))
            inputs = width
    return nn.Sequential(*stages), inputs


def network_of(name: str) -> tuple[nn.Module, int]:
    """A backbone, and how many channels its map has."""
    if name in IRESNETS:
        return iresnet(IRESNETS[name])
    import torchvision

    if name == "MobileNetV2":
        return torchvision.models.mobilenet_v2(weights=None).features, 1280
    network = torchvision.models.resnet50(weights=None)
    return nn.Sequential(*list(network.children())[:-2]), 2048


class Embedder(nn.Module):
    """Pixels to embeddings, with the stage of ArcFace's authors."""

    def __init__(self, name: str, dim: int, size: int):
        super().__init__()
        self.network, channels = network_of(name)
        with torch.no_grad():
            side = self.network.eval()(torch.zeros(1, 3, size, size)).shape[-1]
        self.stage = nn.Sequential(
            nn.BatchNorm2d(channels),
            nn.Dropout(0.5),
            nn.Flatten(),
            nn.Linear(channels * side * side, dim),
            nn.BatchNorm1d(dim),
        )

    def forward(self, pixels: torch.Tensor) -> torch.Tensor:
        return self.stage(self.network((pixels - 127.5) / 127.5))


class ArcFace(nn.Module):
    """Cross-entropy of 64 cos(angle + 0.5)."""

    def __init__(self, classes: int, dim: int):
        super().__init__()
        self.weight = nn.Parameter(torch.randn(classes, dim) * 0.01)

    def forward(self, embedding: torch.Tensor, label: torch.Tensor) -> torch.Tensor:
        unit = nn.functional.normalize
        cosine = unit(embedding.float()) @ unit(self.weight).T
        own = cosine.gather(1, label[:, None]).clamp(-1 + 1e-7, 1 - 1e-7)
        moved = torch.cos(torch.arccos(own) + 0.5)
        return nn.functional.cross_entropy(64 * cosine.scatter(1, label[:, None], moved), label)


class Rival:
    """Trains and embeds one batch again and again."""

    def __init__(
        self, name: str, classes: int, precision: str, dim: int, size: int, compiled: bool
    ):
        self.device = "cuda" if torch.cuda.is_available() else "cpu"
        embedder = Embedder(name, dim, size).to(self.device, memory_format=torch.channels_last)
        head = ArcFace(classes, dim).to(self.device)
        parameters = [*embedder.parameters(), *head.parameters()]
        self.optimizer = torch.optim.SGD(parameters, 0.01, momentum=0.9)
        self.scaler = torch.amp.GradScaler(self.device, enabled=precision == "float16")
        self.half = {"bfloat16": torch.bfloat16, "float16": torch.float16}.get(precision)
        self.embedder = torch.compile(embedder) if compiled else embedder
        self.head = torch.compile(head) if compiled else head

    def pixels(self, batch: torch.Tensor) -> torch.Tensor:
        moved = batch.to(self.device, non_blocking=True).permute(0, 3, 1, 2).float()
        return moved.contiguous(memory_format=torch.channels_last)

    def autocast(self) -> torch.autocast:
        return torch.autocast(self.device, self.half, enabled=self.half is not None)

    def train(self, batch: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
        self.embedder.train()
        with self.autocast():
            embedding = self.embedder(self.pixels(batch))
        loss = self.head(embedding, labels.to(self.device).long())
        self.optimizer.zero_grad(set_to_none=True)
        self.scaler.scale(loss).backward()
        self.scaler.step(self.optimizer)
        self.scaler.update()
        return loss

    @torch.inference_mode()
    def embed(self, batch: torch.Tensor) -> torch.Tensor:
        self.embedder.eval()
        with self.autocast():
            return self.embedder(self.pixels(batch)).float().cpu()
