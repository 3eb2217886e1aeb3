"""Which people are trained on."""

from typing import Annotated, Any

from pydantic import Discriminator, Field, Tag

from framl_keras.recipe.section import Section


class Fraction(Section):
    """A seeded random part of the people.

    Attributes:
        fraction: how large a part of the people is trained on.
        seed: decides which people those are.
    """

    fraction: Annotated[float, Field(gt=0, le=1)]
    seed: int = 0


def _form_of_people(value: Any) -> str:
    return "fraction" if isinstance(value, dict | Fraction) else "range"


FORMS: dict[str, Any] = {"range": tuple, "fraction": Fraction}  # an error's location has them
People = Annotated[
    Annotated[tuple[int, int], Tag("range")] | Annotated[Fraction, Tag("fraction")],
    Discriminator(_form_of_people),
]
