import logging
from pathlib import Path

import pytest

from framl_keras.cli import main
from framl_keras.errors import UserError
from framl_keras.recipe import Recipe

RECIPES = Path(__file__).parent.parent / "recipes"

# As FRAML's repository has it, its comments left out.
FRAML = """\
batch_size: 128
input_size: 112
embd_shape: 512
sub_name: '{name}'
backbone_type: '{backbone}'
head_type: {head}
is_ccrop: {crop}
train_dataset: './data/ms1m_bin.tfrecord'
binary_img: True
num_classes: 85742
num_samples: 5822653
epochs: 5
base_lr: 0.01
w_decay: !!float 5e-4
save_steps: 1000
test_dataset: 'data/test_dataset'
"""


def framl(name="arc_res50", backbone="ResNet50", head="ArcHead", crop="False"):
    return FRAML.format(name=name, backbone=backbone, head=head, crop=crop)


@pytest.fixture
def written(tmp_path):
    def write(text):
        path = tmp_path / "framl.yaml"
        path.write_text(text)
        return path

    return write


@pytest.mark.parametrize(
    ("stem", "settings"),
    [
        ("res50", {}),
        ("res50_ccrop", {"crop": "True"}),
        ("mbv2", {"backbone": "MobileNetV2"}),
        ("mbv2_ccrop", {"backbone": "MobileNetV2", "crop": "True"}),
        ("norm_res50", {"head": "NormHead"}),
        ("norm_mbv2", {"backbone": "MobileNetV2", "head": "NormHead"}),
    ],
)
def test_framls_six_files_mean_our_six_recipes(written, stem, settings):
    ours = Recipe.load(RECIPES / f"{stem}.yaml", ["data.train=./data/ms1m_bin.tfrecord"])
    assert Recipe.load(written(framl(stem, **settings))) == ours


def test_every_key_reaches_its_place(written):
    text = (
        "{sub_name: mine, backbone_type: MobileNetV2, train_dataset: faces, head_type: ArcHead,"
        " batch_size: 3, input_size: 96, embd_shape: 7, is_ccrop: true, epochs: 2, base_lr: 0.3,"
        " w_decay: 1e-3, save_steps: 9, test_dataset: '', logist_margin: 0.2, logist_scale: 30}"
    )
    recipe = Recipe.load(written(text), ["train.epochs=4"])
    data, model, train = recipe.data, recipe.model, recipe.train
    assert (recipe.name, data.train, data.test, data.image_size) == ("mine", "faces", {}, 96)
    assert (data.central_crop, data.augment.resize_to) == (True, 110)
    assert (model.backbone, model.embedding_dim, model.embedding_l2) == ("MobileNetV2", 7, 1e-3)
    assert (model.head, model.margin, model.scale) == ("arcface", 0.2, 30)
    assert (train.epochs, train.batch_size, train.save_steps) == (4, 3, 9)
    assert train.optimizer.learning_rate == 0.3


def test_one_line_says_what_was_understood(written, caplog):
    with caplog.at_level(logging.INFO, "framl_keras"):
        Recipe.load(written(framl()))
    (line,) = caplog.messages
    assert "\n" not in line
    assert "sub_name as name" in line
    assert "w_decay as model.embedding_l2" in line
    assert "num_samples (counted in the data)" in line


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (framl(head="ArcHed"), "`head_type`: expected 'ArcHead' or 'NormHead'. Received: 'ArcHed'"),
        (framl(crop="perhaps"), "`is_ccrop`: expected a valid boolean"),
        (framl() + "epoch: 3", "unknown key `epoch`: did you mean `epochs`?"),
        (framl().replace("base_lr: 0.01", "base_lr: 0"), "`base_lr`: expected greater than 0"),
        ("sub_name: x\nbase_lr: 0.1", "`backbone_type` is missing; `train_dataset` is missing"),
        (framl(name="../up"), "`sub_name`: expected a string that matches"),
        (framl() + "model: {}", "unknown key `sub_name`"),
    ],
)
def test_a_wrong_key_is_named(written, text, message):
    with pytest.raises(UserError) as error:
        Recipe.load(written(text))
    assert message in str(error.value)
    assert "\n" not in str(error.value)


def test_recipe_show_prints_the_translation_and_only_that(written, capsys):
    with pytest.raises(SystemExit, match="0"):
        main(["recipe", "show", str(written(framl("arc")))])
    assert capsys.readouterr().out == Recipe.load(written(framl("arc"))).to_yaml()
