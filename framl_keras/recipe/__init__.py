"""Recipe: what one experiment is. Loads, validates and saves it; knows no Keras."""

from framl_keras.recipe.augment import AugmentSection, PolicySection
from framl_keras.recipe.data import HELD_OUT, DataSection
from framl_keras.recipe.margins import MARGINS
from framl_keras.recipe.model import ModelSection, RowOptimizerSection
from framl_keras.recipe.optimizer import OptimizerSection
from framl_keras.recipe.packaged import located, packaged
from framl_keras.recipe.people import Fraction, Parts
from framl_keras.recipe.recipe import Recipe
from framl_keras.recipe.schedule import ScheduleSection
from framl_keras.recipe.section import Section
from framl_keras.recipe.train import BEST_BY, EarlyStopSection, TrainSection

__all__ = [
    "BEST_BY",
    "HELD_OUT",
    "MARGINS",
    "AugmentSection",
    "DataSection",
    "EarlyStopSection",
    "Fraction",
    "ModelSection",
    "OptimizerSection",
    "Parts",
    "PolicySection",
    "Recipe",
    "RowOptimizerSection",
    "ScheduleSection",
    "Section",
    "TrainSection",
    "located",
    "packaged",
]
