from pathlib import Path

import pytest

from framl_keras.errors import UserError
from framl_keras.recipe import Recipe

RECIPES = sorted((Path(__file__).parent.parent / "recipes").glob("*.yaml"))
MINIMAL = "name: tiny\ndata: {train: orl}\nmodel: {backbone: ResNet50}\n"


@pytest.fixture
def recipe_file(tmp_path):
    def write(text=MINIMAL):
        path = tmp_path / "recipe.yaml"
        path.write_text(text)
        return path

    return write


@pytest.mark.parametrize("path", RECIPES, ids=lambda path: path.stem)
def test_every_recipe_is_named_after_its_file_and_opens_with_its_command(path):
    assert Recipe.load(path).name == path.stem
    assert f"framl-keras train recipes/{path.name}" in path.read_text().splitlines()[0]


def test_defaults_are_framls_settings(recipe_file):
    recipe = Recipe.load(recipe_file())
    optimizer = recipe.train.optimizer
    assert (recipe.train.batch_size, recipe.train.epochs, recipe.data.image_size) == (128, 5, 112)
    assert (optimizer.name, optimizer.learning_rate) == ("sgd", 0.01)
    assert (optimizer.momentum, optimizer.nesterov) == (0.9, True)
    assert (recipe.model.embedding_dim, recipe.model.embedding_l2) == (512, 5e-4)
    assert (recipe.model.margin, recipe.model.scale) == (0.5, 64.0)


@pytest.mark.parametrize("path", RECIPES, ids=lambda path: path.stem)
@pytest.mark.parametrize(("size", "larger"), [(64, 73), (112, 128), (160, 183), (224, 256)])
def test_sizes_follow_each_other_unless_both_are_set(path, size, larger):
    crops_nothing = "resize_to: image_size" in path.read_text()
    recipe = Recipe.load(path, [f"data.image_size={size}"])
    assert recipe.data.augment.resize_to == (size if crops_nothing else larger)
    assert Recipe.model_validate(recipe.model_dump()) == recipe


@pytest.mark.parametrize(
    ("stem", "backbone", "head", "central_crop"),
    [
        ("res50", "ResNet50", "arcface", False),
        ("res50_ccrop", "ResNet50", "arcface", True),
        ("mbv2", "MobileNetV2", "arcface", False),
        ("mbv2_ccrop", "MobileNetV2", "arcface", True),
        ("norm_res50", "ResNet50", "softmax", False),
        ("norm_mbv2", "MobileNetV2", "softmax", False),
    ],
)
def test_framls_six_configurations(stem, backbone, head, central_crop):
    recipe = Recipe.load(f"{RECIPES[0].parent}/{stem}.yaml")
    assert (recipe.model.backbone, recipe.model.head) == (backbone, head)
    assert recipe.data.central_crop is central_crop


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ("modle.margin=1", "unknown key `modle`: did you mean `model`?"),
        ("data.augment.flop=true", "unknown key `data.augment.flop`: did you mean `flip`?"),
        ("train.optimizer.xyz=1", "unknown key `train.optimizer.xyz`: expected one of name,"),
        ("data.augment={policy: keras.x, option: {}}", "did you mean `options`?"),
        ("data.augment=blur", "`data.augment.policy`: expected a string that matches"),
        ("data.augment.options={a: 1}", "unknown key `data.augment.options`: expected one of"),
        ("data.people={fraction: 0.5, sed: 1}", "`data.people.sed`: did you mean `seed`?"),
        ("train.epochs=0", "`train.epochs`: expected greater than or equal to 1. Received: 0"),
        ("train.epochs=many", "`train.epochs`: expected a valid integer"),
        ("train.optimizer.learning_rate=.nan", "`train.optimizer.learning_rate`: expected"),
        ("model.margin=4", "`model.margin`: expected less than"),
        ("model.head=arc", "`model.head`: expected 'arcface' or 'softmax'. Received: 'arc'"),
        ("data.people=[1, x]", "`data.people.1`: expected a valid integer"),
        ("data.people={fraction: 2}", "`data.people.fraction`: expected less than or equal to 1"),
        ("train.optimizer={clipnorm: 1, clipvalue: 1}", "clipnorm and clipvalue exclude each"),
        ("train.schedule={name: cosine, factor: 0.3}", "`name: cosine` has no factor"),
        ("train.schedule={name: step}", "`name: step` needs milestones"),
        ("train.schedule={name: step, milestones: [0.7, 0.5]}", "`milestones` must ascend"),
        ("train.schedule.milestones=[2]", "`train.schedule.milestones.0`: expected less than 1"),
        ("train.images_per_class=3", "`images_per_class` (3) must divide `batch_size` (128)"),
        ("train.best_by=cos luck", "`train.best_by`: expected a string that matches"),
        (
            "train.early_stop={patience: 2}",
            "early_stop needs a verification set in `data.validation`",
        ),
        ("train={verify_every: 0, early_stop: {patience: 2}}", "set `verify_every`"),
        ("train={verify_every: 0, best_by: cos auc}", "set `verify_every`"),
        ("train.best_by=cos auc", "best_by needs a verification set in `data.validation`"),
        (
            "data={train: x, image_size: 160, augment: {resize_to: 150}}",
            "`augment.resize_to` (150) must be at least `image_size` (160)",
        ),
        ("data.people={fractoin: 0.5}", "`data.people.fraction` is missing"),
        ("data.people={fraction: 0.7, validation: 0.5}", "parts of all identities"),
        ("data.people={validation: [1, 3]}", "name `train` or `test` too"),
        ("data.people={test: [1, 9], validation: [5, 12]}", "share identities"),
        ("data.people={train: [9, 2]}", "`train` must be [first, last]"),
        ("data.people={train: [0, 2]}", "`data.people.train.0`: expected greater than"),
        ("data.validation=held-out", "`people` sets nobody apart for it"),
        ("data={train: x, validation: a/lfw.bin, test: a/lfw.bin}", "both name a/lfw.bin"),
        ("data={train: x, validation: a/lfw.bin, test: b/lfw.bin}", "a set called 'lfw'"),
        ("name=../up", "`name`: expected a string that matches"),
        ("name.part=x", "`name` is a value, not a section"),
        ("train.epochs", "--set train.epochs: expected KEY=VALUE"),
        ("model.margin=[", "--set model.margin=[: the value is not YAML"),
    ],
)
def test_a_fault_names_its_path_and_what_was_expected(recipe_file, change, message):
    with pytest.raises(UserError) as error:
        Recipe.load(recipe_file(), [change])
    assert message in str(error.value)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "expected keys and values"),
        ("- a\n- b", "expected keys and values"),
        ("name: [", "not YAML"),
        ("name: !!python/object/apply:os.system ['exit 1']", "not YAML"),
        ("name: tiny\ndata: {train: orl}", "`model` is missing"),
    ],
)
def test_a_file_that_is_no_recipe_is_refused(recipe_file, text, message):
    with pytest.raises(UserError, match=r"recipe\.yaml") as error:
        Recipe.load(recipe_file(text))
    assert message in str(error.value)


def test_a_missing_file_suggests_a_near_one():
    with pytest.raises(UserError, match=r"res50\.yaml"):
        Recipe.load(RECIPES[0].parent / "res5.yaml")


def test_changes_apply_to_sections_the_file_leaves_out(recipe_file):
    recipe = Recipe.load(recipe_file(), ["train.optimizer.learning_rate=5e-4", "seed=7"])
    assert recipe.train.optimizer.learning_rate == 5e-4
    assert recipe.seed == 7


@pytest.mark.parametrize("path", RECIPES, ids=lambda path: path.stem)
def test_what_is_saved_loads_as_the_same_recipe(path, tmp_path):
    recipe = Recipe.load(path)
    (tmp_path / "saved.yaml").write_text(recipe.to_yaml())
    assert Recipe.load(tmp_path / "saved.yaml") == recipe


@pytest.mark.parametrize(
    ("test", "expected"),
    [
        ("held-out", {"held-out": "held-out"}),
        ("sets/lfw.bin", {"lfw": "sets/lfw.bin"}),
        (["held-out", "sets/lfw.bin"], {"held-out": "held-out", "lfw": "sets/lfw.bin"}),
        ({"mine": "sets/lfw.bin"}, {"mine": "sets/lfw.bin"}),
    ],
)
def test_verification_sets_are_one_location_several_or_named(recipe_file, test, expected):
    text = f"name: tiny\ndata: {{train: orl, test: {test!r}}}\nmodel: {{backbone: ResNet50}}\n"
    assert Recipe.load(recipe_file(text)).data.test == expected


@pytest.mark.parametrize(
    ("augment", "options", "flip"),
    [
        ("keras_cv.rand_augment", {}, True),
        ("{policy: keras_cv.rand_augment}", {}, True),
        ("{policy: keras_cv.rand_augment, flip: false, options: {rate: 1}}", {"rate": 1}, False),
    ],
)
def test_a_policy_is_a_name_or_a_mapping_with_options(
    recipe_file, tmp_path, augment, options, flip
):
    recipe = Recipe.load(recipe_file(), [f"data.augment={augment}"])
    found = recipe.data.augment
    assert (found.policy, found.options, found.flip) == ("keras_cv.rand_augment", options, flip)
    assert (found.resize_to, found.saturation, found.brightness) == (128, 0, 0)
    (tmp_path / "saved.yaml").write_text(recipe.to_yaml())
    assert Recipe.load(tmp_path / "saved.yaml") == recipe


def test_the_schema_has_all_forms_of_augmentation():
    forms = Recipe.model_json_schema()["$defs"]["DataSection"]["properties"]["augment"]["oneOf"]
    names = [form.get("$ref", form.get("type")).rpartition("/")[2] for form in forms]
    assert names == ["AugmentSection", "PolicySection", "string"]


@pytest.mark.parametrize(
    ("columns", "expected"),
    [
        ({"path": "image", "label": "individual_id"}, {"path": "image", "label": "individual_id"}),
        ({"path": 1, "label": 3}, {"path": "1", "label": "3"}),
    ],
)
def test_columns_are_names_or_numbers(columns, expected):
    from framl_keras.recipe import DataSection

    assert DataSection(train="x", columns=columns).columns == expected
    with pytest.raises(ValueError, match="columns"):
        DataSection(train="x", columns={"image": "x"})
    assert DataSection(train=["a", "b"]).train == ["a", "b"]


SIZES = {  # image_size, resize_to -> what the recipe holds, or what is wrong
    "both sides": ([128, 64], [144, 72], (128, 64), (144, 72)),
    "room follows": ([128, 64], None, (128, 64), (146, 73)),
    "nothing is cropped": ([128, 64], "image_size", (128, 64), (128, 64)),
    "equal sides are one": ([112, 112], [128, 128], 112, 128),
    "room for one side only": (
        [128, 64],
        100,
        None,
        "(100) must be at least `image_size` ([128",
    ),
    "three sides": ([128, 64, 3], None, None, "a side in pixels, or [height, width]"),
    "no number": (112, "large", None, "a side in pixels, or [height, width]"),
    "half pixels": (112.5, None, None, "a side in pixels, or [height, width]"),
    "a side too small": ([128, 8], None, None, "16 pixels or more"),
}


@pytest.mark.parametrize("kind", SIZES)
def test_images_need_not_be_square(kind):
    image_size, room, size, expected = SIZES[kind]
    augment = {"augment": {"resize_to": room}} if room else {}
    data = {"train": "orl", "image_size": image_size, **augment}
    content = {"name": "any", "data": data, "model": {"backbone": "FaceResNet10"}}

    if size is None:
        with pytest.raises(UserError) as error:
            Recipe.from_content(content, "any")
        assert expected in str(error.value)
    else:
        recipe = Recipe.from_content(content, "any")
        assert (recipe.data.image_size, recipe.data.augment.resize_to) == (size, expected)
        assert Recipe.from_content(recipe.model_dump(mode="json"), "again") == recipe
