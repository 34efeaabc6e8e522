"""Digits as people draw them with a mouse or a finger, where the data set's 13 writers write otherwise.

Their ones have a serif or a foot and their sevens a bar; whoever draws a bare stroke would be told that it is an
eight. Each way of writing is a few lines in a square of one unit, varied by a seeded generator: turned, stretched,
shaken, with a thin or a thick pen. Nothing here is measured on: the held-out part is the writers' own.
"""

from __future__ import annotations

import io
import math
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

Line = list[tuple[float, float]]  # points from 0 to 1, y downwards
SIDE = 140  # pixels
PENS = (0.05, 0.11)  # of the side, thinnest and thickest
TURN, SLANT, SHAKE = 0.16, 0.18, 0.02  # radians, shear, of the side
STRETCH = (0.75, 1.2)


def _arc(centre: tuple[float, float], radii: tuple[float, float], start: int, end: int) -> Line:
    """Part of an ellipse, in degrees, clockwise from the right."""
    (x, y), (wide, high) = centre, radii
    return [
        (x + wide * math.cos(math.radians(angle)), y + high * math.sin(math.radians(angle)))
        for angle in np.linspace(start, end, 24)
    ]


WAYS: tuple[tuple[int, list[Line]], ...] = (
    (0, [_arc((0.5, 0.5), (0.22, 0.34), -90, 270)]),
    (1, [[(0.5, 0.12), (0.5, 0.88)]]),
    (1, [[(0.34, 0.32), (0.52, 0.12), (0.52, 0.88)]]),
    (1, [[(0.42, 0.22), (0.54, 0.12), (0.54, 0.88)]]),
    (1, [[(0.34, 0.32), (0.52, 0.12), (0.52, 0.86)], [(0.32, 0.87), (0.7, 0.87)]]),
    (2, [[*_arc((0.5, 0.33), (0.2, 0.2), -170, 35), (0.28, 0.86), (0.74, 0.86)]]),
    (3, [[*_arc((0.48, 0.31), (0.2, 0.18), -160, 85), *_arc((0.48, 0.67), (0.22, 0.19), -85, 150)]]),
    (4, [[(0.6, 0.13), (0.27, 0.6), (0.77, 0.6)], [(0.6, 0.13), (0.6, 0.88)]]),
    (4, [[(0.32, 0.14), (0.3, 0.52), (0.74, 0.52)], [(0.64, 0.14), (0.64, 0.88)]]),
    (5, [[(0.7, 0.14), (0.35, 0.14), (0.33, 0.46), *_arc((0.48, 0.64), (0.22, 0.21), -125, 140)]]),
    (6, [[(0.62, 0.12), *_arc((0.48, 0.65), (0.2, 0.21), -160, 210)]]),
    (7, [[(0.28, 0.16), (0.73, 0.16), (0.42, 0.88)]]),
    (7, [[(0.28, 0.16), (0.73, 0.16), (0.42, 0.88)], [(0.36, 0.52), (0.68, 0.52)]]),
    (8, [[*_arc((0.5, 0.31), (0.16, 0.17), 90, 450), *_arc((0.5, 0.68), (0.2, 0.2), -90, 270)]]),
    (9, [[*_arc((0.5, 0.33), (0.18, 0.18), 0, 360), (0.66, 0.5), (0.62, 0.88)]]),
    (9, [[*_arc((0.5, 0.33), (0.18, 0.18), 0, 360), *_arc((0.5, 0.62), (0.18, 0.24), 0, 130)]]),
)


def drawings(each: int, seed: int) -> Iterator[tuple[bytes, int]]:
    """`each` PNGs of every way of writing, dark on white, and the digit they are."""
    generator = np.random.default_rng(seed)
    for digit, lines in WAYS:
        for _ in range(each):
            yield _drawn(lines, generator), digit


def _drawn(lines: list[Line], generator: np.random.Generator) -> bytes:
    turn, slant = generator.uniform(-TURN, TURN), generator.uniform(-SLANT, SLANT)
    matrix = np.array([[math.cos(turn), slant - math.sin(turn)], [math.sin(turn), math.cos(turn)]])
    matrix = matrix * generator.uniform(*STRETCH, size=(1, 2))
    pen = round(SIDE * generator.uniform(*PENS))
    sheet = Image.new("L", (SIDE, SIDE), 255)
    pencil = ImageDraw.Draw(sheet)
    for line in lines:
        _stroke(pencil, (np.array(line) - 0.5) @ matrix.T + 0.5, pen, generator)
    file = io.BytesIO()
    sheet.save(file, "png")
    return file.getvalue()


def _stroke(
    pencil: ImageDraw.ImageDraw, line: NDArray[np.float64], pen: int, generator: np.random.Generator
) -> None:
    shaken = SIDE * (line + generator.normal(0, SHAKE / math.sqrt(len(line)), line.shape))
    points = [(float(x), float(y)) for x, y in shaken]
    pencil.line(points, fill=0, width=pen, joint="curve")
    for x, y in (points[0], points[-1]):  # round ends
        pencil.ellipse((x - pen / 2, y - pen / 2, x + pen / 2, y + pen / 2), fill=0)
