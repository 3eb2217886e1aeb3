"""What aligning photos costs and what it gains.

    python benchmarks/align.py speed --photos 10000
    python benchmarks/align.py kill
    python benchmarks/align.py gain --run runs/quickstart

`speed`: photos a second through `align_folder`, in one thread, beside bare YuNet (OpenCV's decoder
and one search a photo), in turns, the median of three; the memory after each tenth of the photos.
`kill`: SIGKILLs at random moments, each followed by the same command; compares the trees.
`gain`: verification of a run's test identities from photos that were turned, scaled and moved, as
they are and aligned, beside the unperturbed photos.

On two shared cores: 0.72 of bare YuNet (one search of a 640 x 480 photo; ours are a search at 512
pixels, 2.5 rounds in a crop, the warp and the PNG), 0.63 with other work beside. 10,000 photos: 127
MiB after the first thousand, 139 at the end. 4 SIGKILLs, 302 files, 0 differ.
"""

import random
import resource
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import click
import cv2
import numpy as np

WIDTH, HEIGHT = 640, 480


@click.group()
def main() -> None:
    """What aligning photos costs and what it gains."""


@main.command()
@click.option("--photos", default=1000, show_default=True)
@click.option("--rounds", default=3, show_default=True)
def speed(photos: int, rounds: int) -> None:
    """Photos a second beside bare YuNet, and memory."""
    cv2.setNumThreads(1)
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder, "photos")
        write_photos(source, photos)
        ours, bare = [], []
        for turn in range(rounds):
            bare.append(photos / seconds(bare_yunet, source))
            ours.append(photos / seconds(aligned, source, Path(folder, f"faces{turn}")))
        a, b = statistics.median(ours), statistics.median(bare)
        print(f"{a:.1f} photos/s aligned, {b:.1f} by bare YuNet: {a / b:.2f}")


@main.command()
@click.option("--photos", default=400, show_default=True)
@click.option("--kills", default=5, show_default=True)
def kill(photos: int, kills: int) -> None:
    """The same bytes after any number of SIGKILLs."""
    with tempfile.TemporaryDirectory() as folder:
        source, whole, cut = (Path(folder, name) for name in ("photos", "whole", "cut"))
        write_photos(source, photos)
        command = [sys.executable, "-m", "framl_keras", "align", str(source)]
        subprocess.run([*command, str(whole)], check=True, capture_output=True)
        for _ in range(kills):
            process = subprocess.Popen(
                [*command, str(cut)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
            )
            time.sleep(random.uniform(1.5, 4))
            process.send_signal(signal.SIGKILL)
            process.wait()
        subprocess.run([*command, str(cut)], check=True, capture_output=True)
        one, other = contents(whole), contents(cut)
        differing = sum(one.get(name) != other.get(name) for name in one | other)
        print(f"{kills} kills, {len(one)} files, {differing} differ")


@main.command()
@click.option("--run", "run_path", default=None)
@click.option("--seed", default=0, show_default=True)
def gain(run_path: str | None, seed: int) -> None:
    """Verification of photos that were turned, scaled and moved, as they are and aligned."""
    import framl_keras as fk

    embedder = fk.Embedder.load(run_path)
    with tempfile.TemporaryDirectory() as folder:
        roots = {name: Path(folder, name) for name in ("upright", "moved")}
        write_perturbed(roots["upright"], roots["moved"], seed)
        for name in ("upright", "moved"):
            aligned(roots[name], Path(folder, f"{name}-aligned"), keep=True, border="replicate")
        for name in ("upright", "moved", "upright-aligned", "moved-aligned"):
            place = str(Path(folder, name))
            (result,) = fk.evaluate(embedder, place, ["cos"], baseline=False, bootstrap=0)
            found = result.verification
            print(f"{name:<16} accuracy {100 * found.accuracy:.2f} %, AUC {found.auc:.4f}")


def write_photos(folder: Path, count: int) -> None:
    """Photos of 640 x 480 with one of AT&T's faces somewhere, turned and scaled."""
    from framl_keras.data.decode import decode
    from framl_keras.data.sources import open_source

    rng, source = np.random.default_rng(0), open_source("orl")
    for number in range(count):
        face = decode(source[number % len(source)])
        photo = cv2.GaussianBlur(
            rng.integers(0, 256, (HEIGHT // 16, WIDTH // 16, 3), dtype=np.uint8), (0, 0), 1
        )
        photo = cv2.resize(photo, (WIDTH, HEIGHT))
        matrix = cv2.getRotationMatrix2D((46, 56), rng.uniform(-20, 20), rng.uniform(1, 2))
        matrix[:, 2] += rng.uniform([50, 50], [WIDTH - 250, HEIGHT - 250])
        cv2.warpAffine(face, matrix, (WIDTH, HEIGHT), dst=photo, borderMode=cv2.BORDER_TRANSPARENT)
        path = folder / f"{number // 100:03d}" / f"{number}.jpg"
        path.parent.mkdir(parents=True, exist_ok=True)
        cv2.imwrite(str(path), photo)


def write_perturbed(upright: Path, moved: Path, seed: int, identities: int = 10) -> None:
    """The last of AT&T's people, as they are and turned, scaled and moved."""
    from framl_keras.data.decode import decode
    from framl_keras.data.sources import open_source

    rng, source = np.random.default_rng(seed), open_source("orl")
    for index in range(len(source) - 10 * identities, len(source)):
        photo, name = decode(source[index]), source.class_names[source[index].label]
        height, width = photo.shape[:2]
        turned = cv2.getRotationMatrix2D(
            (width / 2, height / 2), rng.uniform(-30, 30), rng.uniform(0.8, 1.5)
        )
        turned[:, 2] += np.array([60, 60]) + rng.uniform(-25, 25, 2)
        other = cv2.warpAffine(
            photo, turned, (width + 120, height + 120), borderMode=cv2.BORDER_REPLICATE
        )
        for root, image in ((upright, photo), (moved, other)):
            path = root / name / f"{index % 10}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            cv2.imwrite(str(path), image)


def aligned(source: Path, target: Path, **options: object) -> None:
    """`align_folder` in one thread; prints the memory each tenth."""
    from framl_keras.photos import AlignOptions, align_folder

    def watched(paths):
        for number, path in enumerate(paths):
            if len(paths) >= 10_000 and number % (len(paths) // 10) == 0:
                print(f"  {number}: {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 10} MiB")
            yield path

    align_folder(source, target, None, AlignOptions(**options), progress=watched)


def bare_yunet(source: Path, _: Path | None = None) -> None:
    from framl_keras.photos import YuNet

    network = YuNet(rounds=0)._network()
    for path in sorted(source.rglob("*.jpg")):
        image = cv2.imread(str(path))
        network.setInputSize((image.shape[1], image.shape[0]))
        network.detect(image)


def seconds(function, *arguments) -> float:
    start = time.perf_counter()
    function(*arguments)
    return time.perf_counter() - start


def contents(folder: Path) -> dict[str, bytes]:
    files = (path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in files}


if __name__ == "__main__":
    main()
