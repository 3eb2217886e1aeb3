"""Which identities are trained on, which ones choose, and which ones test."""

from itertools import combinations
from typing import Annotated, Any

from pydantic import Discriminator, Field, Tag, model_validator

from framl_keras.recipe.section import Section

Range = tuple[Annotated[int, Field(ge=1)], Annotated[int, Field(ge=1)]]


class Fraction(Section):
    """Seeded random parts of the identities.

    Attributes:
        fraction: part of the identities that is trained on.
        validation: part that checkpoints, early stopping and thresholds are chosen on; none by
            default. The others are for the test.
        seed: decides who is where.
    """

    fraction: Annotated[float, Field(gt=0, le=1)]
    validation: Annotated[float, Field(gt=0, lt=1)] | None = None
    seed: int = 0

    @model_validator(mode="after")
    def _is_no_more_than_all(self) -> "Fraction":
        if self.fraction + (self.validation or 0.0) > 1.0 + 1e-9:
            raise ValueError(
                f"`fraction` and `validation` are parts of all identities, 1 together at most; "
                f"they are {self.fraction:g} and {self.validation:g}"
            )
        return self


class Parts(Section):
    """Identities by position, `[first, last]` from 1, both included.

    Attributes:
        train: those that are trained on; all others if left out.
        validation: those that checkpoints, early stopping and thresholds are chosen on.
        test: those that are tested; all others if left out and `train` is given.
    """

    train: Range | None = None
    validation: Range | None = None
    test: Range | None = None

    @model_validator(mode="after")
    def _are_apart(self) -> "Parts":
        named = {name: part for name, part in self if part is not None}
        if not {"train", "test"} & named.keys():
            raise ValueError("name `train` or `test` too, such as `{train: [1, 25], ...}`")
        for name, (first, last) in named.items():
            if first > last:
                raise ValueError(f"`{name}` must be [first, last]. Received: [{first}, {last}]")
        for (one, a), (other, b) in combinations(named.items(), 2):
            if max(a[0], b[0]) <= min(a[1], b[1]):
                raise ValueError(f"`{one}` {list(a)} and `{other}` {list(b)} share identities")
        return self


def _form_of_people(value: Any) -> str:
    if isinstance(value, Parts):
        return "parts by position"
    if isinstance(value, dict) and "fraction" not in value:
        return "parts by position" if value.keys() & set(Parts.model_fields) else "a fraction"
    return "a fraction" if isinstance(value, dict | Fraction) else "a range"


# An error's location has them.
FORMS: dict[str, Any] = {"a range": tuple, "a fraction": Fraction, "parts by position": Parts}
People = Annotated[
    Annotated[tuple[int, int], Tag("a range")]
    | Annotated[Fraction, Tag("a fraction")]
    | Annotated[Parts, Tag("parts by position")],
    Discriminator(_form_of_people),
]


def has_validation(people: Any) -> bool:
    """Whether a split sets identities apart for validation, as a section or its content."""
    if isinstance(people, dict):
        return people.get("validation") is not None
    return getattr(people, "validation", None) is not None
