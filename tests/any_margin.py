"""Each margin by name, also those that must know the sizes of the classes."""

from framl_keras import margins


def any_margin(name: str, num_classes: int) -> margins.Margin:
    needs_sizes = "class_sizes" in margins.arguments(name)
    return margins.by_name(name, **({"class_sizes": [4] * num_classes} if needs_sizes else {}))
