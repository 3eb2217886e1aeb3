"""The papers' formulas for one sample, in float64 and in the angle θ.

Each takes θ to the true class and the embedding's length, and gives the cosine
with margin.
"""

import math


def arc_face(angle, norm, m=0.5):
    """FRAML's branch past π."""
    past = math.cos(angle) <= math.cos(math.pi - m)
    return math.cos(angle) - m * math.sin(m) if past else math.cos(angle + m)


def arc_face_continuous(angle, norm, m=0.5):
    return -2 - math.cos(angle + m) if angle + m > math.pi else math.cos(angle + m)


def arc_face_easy(angle, norm, m=0.5):
    return math.cos(angle + m) if angle < math.pi / 2 else math.cos(angle)


def cos_face(angle, norm, m=0.35):
    return math.cos(angle) - m


def sphere_face(angle, norm, m=4.0):
    k = math.floor(m * angle / math.pi)
    return (-1) ** k * math.cos(m * angle) - 2 * k


def combined(angle, norm, m1=1.1, m2=0.3, m3=0.2):
    return math.cos(m1 * angle + m2) - m3


def ada_face(angle, norm, m=0.4, h=0.333, mean=2.0, deviation=0.7):
    quality = min(1.0, max(-1.0, h * (norm - mean) / (deviation + 1e-3)))
    shifted = min(math.pi - 1e-3, max(1e-3, angle - m * quality))
    return math.cos(shifted) - (m * quality + m)


def mag_face(angle, norm, low=0.45, high=0.8, shortest=1.0, longest=5.0, arc=arc_face_easy):
    """`easy_margin` as MagFace's authors train; their other choice is FRAML's branch."""
    a = min(longest, max(shortest, norm))
    m = (high - low) / (longest - shortest) * (a - shortest) + low
    return arc(angle, norm, m)


def mag_face_everywhere(angle, norm):
    return mag_face(angle, norm, arc=arc_face)


def mag_face_penalty(norm, shortest=1.0, longest=5.0, weight=35.0):
    a = min(longest, max(shortest, norm))
    return weight * (1 / a + a / longest**2)


def curricular_negative(cosine, true_angle, m=0.5, t=0.3):
    return cosine * (t + cosine) if cosine > math.cos(true_angle + m) else cosine
