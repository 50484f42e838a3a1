"""Draw the demo clip and encode it.

Example: ``python -m edge.demo.clip.make_clip --out edge/demo/clip/visitors.mp4 --contact-sheet sheet.png``
Needs scikit-image, matplotlib and the ffmpeg program, all for development only: a device needs none of them.
"""

import argparse
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np

from edge.demo.clip.drawing import Picture, blur, floats
from edge.demo.clip.drawn_scene import DrawnScene
from edge.demo.clip.script import DURATION_S, FPS, HEIGHT_PX, WIDTH_PX
from edge.values import Image

SEED = 7
"""Of the shipped clip."""


def frames(seed: int) -> Iterator[Image]:
    """All frames of the clip, (HEIGHT_PX, WIDTH_PX, 3) uint8 RGB; the same seed gives the same frames."""
    scene, rng = DrawnScene(seed), np.random.default_rng(seed)
    for n in range(round(DURATION_S * FPS)):
        yield camera(scene.at(n / FPS), rng)


def camera(picture: Picture, rng: np.random.Generator) -> Image:
    """What a cheap door camera makes of a scene: soft, dark in the corners, noisy, 8 bits.

    Args:
        picture: (H, W, 3) float32 RGB, 0 to 1.
        rng: the sensor's noise.

    Returns:
        (H, W, 3) uint8 RGB.
    """
    soft = blur(picture, 0.75)
    bloom = blur(np.clip(soft - 0.75, 0, 1), 14)
    height, width = picture.shape[:2]
    x, y = np.meshgrid(np.linspace(-1, 1, width), np.linspace(-1, 1, height))
    corners = floats(1 - 0.13 * (x**2 + y**2))[..., None]
    exposed = (soft * 0.95 + bloom * 0.7) * corners * (1 + 0.004 * rng.standard_normal())
    grain = blur(rng.standard_normal(picture.shape), 0.6)
    noisy = exposed + 0.022 * grain * np.sqrt(np.clip(exposed, 0.05, 1))
    return np.asarray(np.clip(noisy * 255 + 0.5, 0, 255), dtype=np.uint8)


def encode(pictures: Iterator[Image], out: Path) -> None:
    """Write the pictures as H.264 in MP4, without sound, through ffmpeg.

    Raises:
        SystemExit: ffmpeg is missing or failed.
    """
    ffmpeg = shutil.which("ffmpeg")
    if ffmpeg is None:
        raise SystemExit("ffmpeg is not installed. On Debian: sudo apt install ffmpeg")
    # One thread and bitexact: the same pictures give the same file.
    options = f"""
        -v error -y -f rawvideo -pix_fmt rgb24 -s {WIDTH_PX}x{HEIGHT_PX} -r {FPS} -i -
        -an -c:v libx264 -preset slow -crf 22 -threads 1 -pix_fmt yuv420p -g {2 * FPS}
        -movflags +faststart -fflags +bitexact -flags:v +bitexact
    """
    command = [ffmpeg, *options.split(), str(out)]
    with subprocess.Popen(command, stdin=subprocess.PIPE) as encoder:  # noqa: S603 - no shell, our own arguments
        assert encoder.stdin is not None  # noqa: S101 - for the type checker: stdin=PIPE
        for picture in pictures:
            encoder.stdin.write(picture.tobytes())
    if encoder.returncode != 0:
        raise SystemExit(f"ffmpeg could not write {out}: exit code {encoder.returncode}, see above")


def contact_sheet(pictures: list[Image], times_s: list[float], columns: int = 6) -> Image:
    """Small copies in rows, each with its time: (H, W, 3) uint8 RGB."""
    size = (WIDTH_PX // 2, HEIGHT_PX // 2)
    tiles = [np.asarray(cv2.resize(p, size, interpolation=cv2.INTER_AREA), np.uint8) for p in pictures]
    for tile, t_s in zip(tiles, times_s, strict=True):
        cv2.putText(
            tile, f"{t_s:.1f} s", (6, 232), cv2.FONT_HERSHEY_SIMPLEX, 0.5, (255, 255, 0), 1, cv2.LINE_AA
        )
    tiles += [np.zeros_like(tiles[0])] * (-len(tiles) % columns)
    return np.vstack([np.hstack(tiles[i : i + columns]) for i in range(0, len(tiles), columns)])


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(
        prog="python -m edge.demo.clip.make_clip",
        description=__doc__,
        formatter_class=argparse.RawTextHelpFormatter,
    )
    parser.add_argument("--out", type=Path, required=True, help="the .mp4 to write")
    parser.add_argument("--contact-sheet", type=Path, help="a .png to write: a picture every half second")
    parser.add_argument("--seed", type=int, default=SEED, help="of plants, folds and noise (%(default)s)")
    args = parser.parse_args()
    shown: list[Image] = []

    def watched() -> Iterator[Image]:
        for n, picture in enumerate(frames(args.seed)):
            sys.stderr.write(f"\r{(n + 1) / FPS:5.1f} of {DURATION_S} s drawn")
            if n % (FPS // 2) == 0:
                shown.append(picture)
            yield picture

    encode(watched(), args.out)
    sys.stderr.write(f"\n{args.out}: {args.out.stat().st_size / 1e6:.2f} MB\n")
    if args.contact_sheet is not None:
        sheet = contact_sheet(shown, [n / 2 for n in range(len(shown))])
        cv2.imwrite(str(args.contact_sheet), cv2.cvtColor(sheet, cv2.COLOR_RGB2BGR))


if __name__ == "__main__":
    main()
