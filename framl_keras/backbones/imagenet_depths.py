"""How deep the well-known ImageNet networks are in each stage."""

WIDTHS = (64, 128, 256, 512)
STRIDES = (1, 2, 2, 2)
BASIC_RESNETS = {18: (2, 2, 2, 2), 34: (3, 4, 6, 3)}
BOTTLENECK_RESNETS = {50: (3, 4, 6, 3), 101: (3, 4, 23, 3), 152: (3, 8, 36, 3)}
DENSENETS = {121: (6, 12, 24, 16), 169: (6, 12, 32, 32), 201: (6, 12, 48, 32)}
VGGS = {11: (1, 1, 2, 2, 2), 13: (2, 2, 2, 2, 2), 16: (2, 2, 3, 3, 3), 19: (2, 2, 4, 4, 4)}
