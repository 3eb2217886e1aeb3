"""Photos that are turned, scaled and moved by known amounts."""

import cv2
import numpy as np


def perturbed(photo, degrees=0.0, scale=1.0, shift=(0, 0), room=60):
    """A photo turned, scaled and moved, and the affine map that did it."""
    height, width = photo.shape[:2]
    room = round(room * scale)
    matrix = cv2.getRotationMatrix2D((width / 2, height / 2), degrees, scale)
    matrix[:, 2] += np.array([room, room]) + shift
    size = (width + 2 * room, height + 2 * room)
    return cv2.warpAffine(photo, matrix, size, borderMode=cv2.BORDER_REPLICATE), matrix
