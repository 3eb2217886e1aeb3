import csv
import json
import os

import keras
import numpy as np
import pytest
from small_runs import (
    assert_modes_agree,
    assert_same_state,
    changed,
    ctrl_c_during,
    final_state,
    log_of,
)

import framl_keras.training.train as training
from framl_keras.cli.group import main
from framl_keras.data.sources import ImageFolder
from framl_keras.errors import UserError
from framl_keras.evaluation.report import weights_hash
from framl_keras.runs.directory import RunDirectory, find_run
from framl_keras.training.train import train


def verified_in(run):
    rows = list(csv.reader((run.logs / "verification.csv").open()))
    assert rows[0] == ["step", "epoch", "set", "similarity", "metric", "value"]
    assert all(0 <= float(row[-1]) <= 1 for row in rows[1:])
    return [row[:-1] for row in rows[1:]]


def test_a_run_leaves_its_files(recipe, caplog):
    caplog.set_level("INFO")
    trained = train(recipe, RunDirectory("runs/tiny"))
    run = find_run()
    assert not trained.interrupted
    assert run.class_names() == ["person 0", "person 1", "person 2"]
    assert run.recipe() == recipe
    assert [row["step"] for row in log_of(run)] == ["1", "2", "3", "4", "5", "6"]
    assert any(run.logs.glob("events.out.tfevents*"))
    assert (run.checkpoints / "best.ckpt").exists()
    assert verified_in(run) == [["4", "2", "held-out", "cos", "accuracy"]]
    (line,) = run.surroundings.read_text().splitlines()
    known = json.loads(line)
    assert (known["device"], known["backend"]) == ("CPU", keras.config.backend())
    assert known["versions"]["keras"] == keras.__version__
    assert "3 identities, 24 images; tiny-for-tests, " in caplog.text
    assert f"{keras.config.backend()} on CPU, float32; 6 steps of 12 in 3 epochs" in caplog.text
    embedder = keras.saving.load_model(run.embedder, compile=False)
    assert weights_hash(embedder) == weights_hash(trained.embedder)
    pixels = np.random.default_rng(0).integers(0, 256, (2, 16, 16, 3)).astype("uint8")
    np.testing.assert_allclose(
        embedder.predict(pixels, verbose=0), trained.embedder.predict(pixels, verbose=0), atol=1e-6
    )


def test_without_a_terminal_there_are_lines_and_no_bar(recipe, capsys):
    train(changed(recipe, train={"epochs": 2}), RunDirectory("runs/tiny"))
    said = capsys.readouterr().err
    assert "\r" not in said
    assert [line.split(":")[0] for line in said.splitlines() if line.startswith("epoch")] == [
        "epoch 1/2, step 2 of 4",
        "epoch 2/2, step 4 of 4",
    ]


def test_a_finished_run_with_more_epochs_goes_on(recipe, caplog):
    """Also when it is killed in the part that was added: with the very same end."""
    caplog.set_level("INFO")
    short, longer = changed(recipe, train={"epochs": 1}), changed(recipe, train={"epochs": 3})
    straight, stopped = RunDirectory("runs/straight"), RunDirectory("runs/stopped")
    for run in (straight, stopped):
        train(short, run)
    train(longer, straight)
    assert "Going on after step 2 of 6" in caplog.text
    assert "train.epochs was 1 and is 3 now. The schedule (constant)" in caplog.text
    with ctrl_c_during(2):
        assert train(longer, stopped).interrupted
    assert "Stopped after step 4 of 6" in caplog.text
    train(longer, stopped)
    assert_same_state(final_state(stopped), final_state(straight))
    assert [row["step"] for row in log_of(straight)] == ["1", "2", "3", "4", "5", "6"]
    assert log_of(stopped) == log_of(straight)
    assert not list(straight.path.parent.glob("*.before-*"))


def test_ctrl_c_ends_with_where_it_stopped_and_the_command_to_go_on(recipe, capsys):
    with open("my recipe.yaml", "w") as file:
        file.write(recipe.to_yaml())
    command = ["train", "my recipe.yaml", "--set", "train.keep=2"]
    with ctrl_c_during(2), pytest.raises(SystemExit) as end:
        main([*command, "--quiet"])
    assert end.value.code == 130
    said = capsys.readouterr().err.splitlines()
    assert said[0].startswith("Stopping after this step")
    assert said[1] == "Stopped after step 2 of 6."
    assert said[2] == "Go on with: framl-keras train 'my recipe.yaml' --set train.keep=2"
    assert len(said) == 3


@pytest.mark.parametrize(("mode", "step"), [("fit", 3), ("eager", 2)])
def test_a_stopped_run_goes_on_to_the_very_same_end(recipe, mode, step):
    straight, stopped = RunDirectory("runs/straight"), RunDirectory("runs/stopped")
    train(recipe, straight, mode)
    with ctrl_c_during(step):
        assert train(recipe, stopped, mode).interrupted
    assert stopped.embedder.exists()
    assert log_of(stopped) == log_of(straight)[:step]
    assert not train(changed(recipe, name="stopped"), stopped, mode).interrupted
    assert_same_state(final_state(stopped), final_state(straight))
    assert log_of(stopped) == log_of(straight)


def test_both_modes_end_with_the_same_bits(recipe):
    fit, eager = RunDirectory("runs/fit"), RunDirectory("runs/eager")
    train(recipe, fit, "fit")
    train(recipe, eager, "eager")
    assert_modes_agree(final_state(fit), final_state(eager))


def test_a_damaged_checkpoint_is_named_and_the_one_before_used(recipe, caplog):
    straight, run = RunDirectory("runs/straight"), RunDirectory("runs/tiny")
    train(recipe, straight)
    with ctrl_c_during(3):
        train(changed(recipe, train={"save_steps": 1}), run)
    newest = run.checkpoints / "step-000000003.ckpt" / "00000-of-00001.safetensors"
    content = bytearray(newest.read_bytes())
    kernel = final_state(run)["model/head/kernel"]
    content[content.index(kernel.tobytes())] ^= 1
    newest.write_bytes(content)
    train(recipe, run)
    assert "step-000000003.ckpt: damaged checkpoint" in caplog.text
    assert_same_state(final_state(run), final_state(straight))


def test_an_unfinished_run_refuses_other_settings_and_lists_them(recipe):
    run = RunDirectory("runs/tiny")
    with ctrl_c_during(2):
        train(recipe, run)
    other = changed(recipe, model={"margin": 0.3}, seed=5)
    with pytest.raises(
        UserError, match=r"model.margin was 0.5, is 0.3; seed was 0, is 5.*--restart"
    ):
        train(other, run)
    assert not train(other, run, restart=True).interrupted
    (aside,) = run.path.parent.glob("tiny.before-*")
    assert RunDirectory(aside).embedder.exists()


def test_a_finished_run_is_put_aside(recipe):
    run = RunDirectory("runs/tiny")
    short = changed(recipe, train={"epochs": 1})
    train(short, run)
    train(changed(short, seed=1), run)
    assert len(list(run.path.parent.glob("tiny.before-*"))) == 1


def test_two_trainers_on_one_run_are_refused(recipe):
    run = RunDirectory("runs/tiny")
    with run.lock(), pytest.raises(UserError, match=f"is being trained by process {os.getpid()}"):
        train(recipe, run)


def test_training_on_one_person_is_refused(recipe):
    with pytest.raises(UserError, match="one person only"):
        train(changed(recipe, data={"people": [2, 2]}), RunDirectory("runs/tiny"))


def test_a_missing_verification_set_does_not_stop_the_training(recipe, caplog):
    missing = changed(recipe, data={"test": "nowhere/lfw.bin"}, train={"epochs": 1})
    assert train(missing, RunDirectory("runs/tiny")).pair_sets == []
    assert "without the verification set lfw" in caplog.text


def test_softmax_trains_a_plain_dense(recipe):
    softmax = changed(recipe, model={"head": "softmax"}, train={"epochs": 1})
    train(softmax, RunDirectory("runs/tiny"))
    state = final_state(RunDirectory("runs/tiny"))
    assert state["model/head/kernel"].shape == (8, 3)


def test_the_central_crop_reaches_the_training_images(recipe, faces):
    centered = changed(
        recipe,
        data={
            "central_crop": True,
            "augment": {"resize_to": 20, "flip": False, "saturation": 0, "brightness": 0},
        },
    )
    source = ImageFolder(faces)
    pixels, _ = next(training.stream(source, centered, 0))
    from framl_keras.data.transforms import decode

    middles = {
        decode(sample)[2:18, 2:18].tobytes() for sample in map(source.__getitem__, range(40))
    }
    assert all(image.tobytes() in middles for image in pixels)


def test_a_runs_own_recipe_trains_again(recipe):
    """It spells every default out, also those that its optimizer does not take."""
    short = changed(recipe, train={"epochs": 1, "optimizer": {"name": "adamw"}})
    train(short, RunDirectory("runs/tiny"))
    train(RunDirectory("runs/tiny").recipe(), RunDirectory("runs/again"))
    assert_same_state(final_state(RunDirectory("runs/again")), final_state(find_run("runs/tiny")))
