"""`framl-keras identify`: how well people are found in a gallery."""

from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import click

from framl_keras.errors import UserError

if TYPE_CHECKING:
    import numpy as np

    from framl_keras.runs.trained_run import TrainedRun


class Enrolled(NamedTuple):
    """Vectors and identities of a gallery and of the probes."""

    gallery: "np.ndarray"
    gallery_ids: "np.ndarray"
    probes: "np.ndarray"
    probe_ids: "np.ndarray"


@click.command("identify")
@click.argument("gallery", required=False)
@click.argument("probes", required=False)
@click.option("--sim", "name", metavar="NAME", default="cos", show_default=True, help="Similarity.")
@click.option("--run", "run_path", metavar="DIR", help="The run; the newest when none is named.")
@click.option(
    "--strangers",
    type=click.FloatRange(0, 1, max_open=True),
    default=0.3,
    show_default=True,
    help="Without GALLERY: share of the people who are left out of it.",
)
@click.option("--out", type=click.Path(file_okay=False), help="Folder for the CMC as a picture.")
def command(
    gallery: str | None,
    probes: str | None,
    name: str,
    run_path: str | None,
    strangers: float,
    out: str | None,
) -> None:
    """Search each image of PROBES in GALLERY, both arranged as <identity>/<image>.

    Identities with the same name are the same; probes whose identity is not in the
    gallery are strangers. Without the two, the run's own verification images are
    used: each person's first image is the gallery.
    """
    from framl_keras.evaluation import check_similarity

    check_similarity(name)
    if (gallery is None) != (probes is None):
        raise UserError("A gallery without probes. Expected both GALLERY and PROBES, or neither.")

    from framl_keras.evaluation.identification import identify
    from framl_keras.runs.trained_run import open_run

    run = open_run(run_path)
    if gallery is None or probes is None:
        enrolled = _of_run(run, strangers)
    else:
        enrolled = _of_folders(run, gallery, probes)
    found = identify(*enrolled, similarity=name)
    for line in _lines(found):
        click.echo(line)
    if out is not None:
        from framl_keras.evaluation.report.cmc import write_cmc

        write_cmc(found, name, Path(out))
        click.echo(f"\nWrote {Path(out) / 'cmc.png'} and cmc.svg", err=True)


def _embed(run: "TrainedRun", images: Any, title: str) -> Any:
    from framl_keras.evaluation.embed import embed_with, mirror_fused

    return embed_with(
        mirror_fused(run.model), images, run.image_size, run.central_crop, title=title
    )


def _of_folders(run: "TrainedRun", gallery: str, probes: str) -> Enrolled:
    import numpy as np

    from framl_keras.data.sources import open_source

    sources = [open_source(location) for location in (gallery, probes)]
    names = sorted({name for source in sources for name in source.class_names})
    number = {name: position for position, name in enumerate(names)}
    arrays = []
    for source, title in zip(sources, ("gallery", "probes"), strict=True):
        numbers = np.array([number[name] for name in source.class_names])
        found = _embed(run, source, title)
        arrays += [found.embeddings, numbers[found.identities]]
    return Enrolled(*arrays)


def _of_run(run: "TrainedRun", strangers: float) -> Enrolled:
    """Each person's first image is the gallery; the last people are left out of it."""
    import numpy as np

    from framl_keras.cli.eval import recipe_with_sets
    from framl_keras.training.build.data import open_pair_sets

    pairs = open_pair_sets(recipe_with_sets(run.known_recipe, []))[0]
    found = _embed(run, pairs.images, pairs.name)
    if found.identities.min() < 0:
        raise UserError(f"{pairs.name}: identities are not known. Name GALLERY and PROBES.")
    people, first = np.unique(found.identities, return_index=True)
    first = first[: max(1, len(people) - round(strangers * len(people)))]
    rest = np.setdiff1d(np.arange(len(found.identities)), first)
    vectors, identities = found.embeddings, found.identities
    return Enrolled(vectors[first], identities[first], vectors[rest], identities[rest])


def _lines(found: Any) -> list[str]:
    lines = [
        f"{found.num_gallery:,} in the gallery, {found.num_mated:,} probes of theirs, "
        f"{found.num_strangers:,} of strangers",
        "",
        *(f"rank-{k:<3} {100 * found.rank(k):6.2f} %" for k in (1, 5, 10) if k <= len(found.cmc)),
    ]
    for point in found.open_set:
        mark = (
            "" if point.is_resolved else f"  (strangers tell {1 / found.num_strangers:.1e} at best)"
        )
        lines.append(
            f"TPIR {100 * point.tpir:6.2f} % at FPIR {point.fpir:g}, score from "
            f"{point.threshold:.4f}{mark}"
        )
    return lines
