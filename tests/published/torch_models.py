"""Small torch modules whose state dicts have the published names and shapes.

Written for these tests from the published layouts; forward passes are torch's own.
"""

import torch
from torch import nn


class IResNetBlock(nn.Module):
    def __init__(self, inputs, width, stride):
        super().__init__()
        self.bn1 = nn.BatchNorm2d(inputs)
        self.conv1 = nn.Conv2d(inputs, width, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(width)
        self.prelu = nn.PReLU(width)
        self.conv2 = nn.Conv2d(width, width, 3, stride, 1, bias=False)
        self.bn3 = nn.BatchNorm2d(width)
        self.downsample = None
        if stride == 2:
            self.downsample = nn.Sequential(
                nn.Conv2d(inputs, width, 1, 2, bias=False), nn.BatchNorm2d(width)
            )

    def forward(self, x):
        branch = self.prelu(self.bn2(self.conv1(self.bn1(x))))
        branch = self.bn3(self.conv2(branch))
        return branch + (x if self.downsample is None else self.downsample(x))


class IResNet(nn.Module):
    """insightface's layout; input RGB within [-1, 1], channels first."""

    def __init__(self, depths):
        super().__init__()
        self.conv1 = nn.Conv2d(3, 64, 3, 1, 1, bias=False)
        self.bn1, self.prelu = nn.BatchNorm2d(64), nn.PReLU(64)
        inputs = 64
        for stage, (depth, width) in enumerate(zip(depths, (64, 128, 256, 512), strict=True), 1):
            blocks = [IResNetBlock(inputs, width, 2)]
            blocks += [IResNetBlock(width, width, 1) for _ in range(depth - 1)]
            setattr(self, f"layer{stage}", nn.Sequential(*blocks))
            inputs = width
        self.bn2 = nn.BatchNorm2d(512)
        self.fc = nn.Linear(512 * 7 * 7, 512)
        self.features = nn.BatchNorm1d(512)

    def forward(self, x):
        x = self.prelu(self.bn1(self.conv1(x)))
        for layer in (self.layer1, self.layer2, self.layer3, self.layer4):
            x = layer(x)
        return self.features(self.fc(torch.flatten(self.bn2(x), 1)))


def magface(depths):
    """MagFace's: the same modules with another epsilon; input BGR within [0, 1]."""
    model = IResNet(depths)
    for module in model.modules():
        if isinstance(module, nn.BatchNorm1d | nn.BatchNorm2d):
            module.eps = 2e-5
    return model


class SqueezeExcite(nn.Module):
    def __init__(self, channels):
        super().__init__()
        self.fc1 = nn.Conv2d(channels, channels // 16, 1, bias=False)
        self.fc2 = nn.Conv2d(channels // 16, channels, 1, bias=False)

    def forward(self, x):
        mean = nn.functional.adaptive_avg_pool2d(x, 1)
        return x * torch.sigmoid(self.fc2(torch.relu(self.fc1(mean))))


class AdaFaceBlock(nn.Module):
    def __init__(self, inputs, width, stride, excite):
        super().__init__()
        self.shortcut_layer = nn.MaxPool2d(1, stride)
        if inputs != width:
            self.shortcut_layer = nn.Sequential(
                nn.Conv2d(inputs, width, 1, stride, bias=False), nn.BatchNorm2d(width)
            )
        self.res_layer = nn.Sequential(
            nn.BatchNorm2d(inputs),
            nn.Conv2d(inputs, width, 3, 1, 1, bias=False),
            nn.BatchNorm2d(width),
            nn.PReLU(width),
            nn.Conv2d(width, width, 3, stride, 1, bias=False),
            nn.BatchNorm2d(width),
        )
        if excite:
            self.res_layer.add_module("se_block", SqueezeExcite(width))

    def forward(self, x):
        return self.res_layer(x) + self.shortcut_layer(x)


class AdaFaceIR(nn.Module):
    """AdaFace's layout; input BGR within [-1, 1], channels first."""

    def __init__(self, depths, excite=False):
        super().__init__()
        self.input_layer = nn.Sequential(
            nn.Conv2d(3, 64, 3, 1, 1, bias=False), nn.BatchNorm2d(64), nn.PReLU(64)
        )
        blocks, inputs = [], 64
        for depth, width in zip(depths, (64, 128, 256, 512), strict=True):
            for number in range(depth):
                blocks.append(AdaFaceBlock(inputs, width, 1 if number else 2, excite))
                inputs = width
        self.body = nn.Sequential(*blocks)
        self.output_layer = nn.Sequential(
            nn.BatchNorm2d(512),
            nn.Dropout(0.4),
            nn.Flatten(),
            nn.Linear(512 * 7 * 7, 512),
            nn.BatchNorm1d(512, affine=False),
        )

    def forward(self, x):
        return self.output_layer(self.body(self.input_layer(x)))


class Layers(nn.Module):
    """A row of modules under the name `layers`, as MobileFaceNet's parts have it."""

    def __init__(self, *modules, residual=False):
        super().__init__()
        self.layers = nn.Sequential(*modules)
        self.residual = residual

    def forward(self, x):
        return self.layers(x) + (x if self.residual else 0)


def mobile_conv(inputs, width, size=1, stride=1, groups=1, activate=True):
    conv = nn.Conv2d(inputs, width, size, stride, size // 2, groups=groups, bias=False)
    return Layers(conv, nn.BatchNorm2d(width), *([nn.PReLU(width)] if activate else []))


def mobile_block(inputs, width, middle, stride=2, residual=False):
    return Layers(
        mobile_conv(inputs, middle),
        mobile_conv(middle, middle, 3, stride, middle),
        mobile_conv(middle, width, activate=False),
        residual=residual,
    )


def mobile_residuals(width, count, middle):
    return Layers(*(mobile_block(width, width, middle, 1, residual=True) for _ in range(count)))


class MobileFaceNet(nn.Module):
    """insightface's `mbf`; input RGB within [-1, 1], channels first."""

    def __init__(self):
        super().__init__()
        self.layers = nn.Sequential(
            mobile_conv(3, 128, 3, 2),
            mobile_conv(128, 128, 3, 1, 64),
            mobile_block(128, 128, 128),
            mobile_residuals(128, 4, 128),
            mobile_block(128, 256, 256),
            mobile_residuals(256, 6, 256),
            mobile_block(256, 256, 512),
            mobile_residuals(256, 2, 256),
        )
        self.conv_sep = mobile_conv(256, 512)
        depthwise = nn.Conv2d(512, 512, 7, groups=512, bias=False)
        self.features = Layers(
            Layers(depthwise, nn.BatchNorm2d(512)),
            nn.Flatten(),
            nn.Linear(512, 512, bias=False),
            nn.BatchNorm1d(512),
        )

    def forward(self, x):
        return self.features(self.conv_sep(self.layers(x)))


def randomize(model, seed=0):
    """Draws every weight and statistic, so that none is at a value that hides a mistake."""
    generator = torch.Generator().manual_seed(seed)
    for name, tensor in model.state_dict().items():
        if tensor.dtype.is_floating_point:
            tensor.copy_(_draw(name, tensor.shape, generator))
    if hasattr(model, "features") and isinstance(model.features, nn.BatchNorm1d):
        model.features.weight.data.fill_(1.0)  # frozen by insightface
    return model.eval()


def _draw(name, shape, generator):
    if name.endswith("running_var") or (name.endswith("weight") and len(shape) == 1):
        return 0.5 + torch.rand(shape, generator=generator)
    if len(shape) < 2:
        return 0.3 * torch.randn(shape, generator=generator)
    fan_in = shape[1:].numel()
    return torch.randn(shape, generator=generator) * (1.5 / fan_in) ** 0.5
