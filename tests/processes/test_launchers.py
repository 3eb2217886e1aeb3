"""What launchers say, by the variables that they set."""

import pytest

from framl_keras.errors import UserError
from framl_keras.processes.launchers import Launched, beside, by_tensorflow, launched

KERAS = "KERAS_DISTRIBUTION_"
TORCHRUN = {"MASTER_ADDR": "a", "MASTER_PORT": "7", "WORLD_SIZE": "3", "RANK": "2"}
SLURM = {"SLURM_STEP_NUM_TASKS": "4", "SLURM_PROCID": "3", "SLURM_LOCALID": "1"}
OPEN_MPI = {"OMPI_COMM_WORLD_SIZE": "2", "OMPI_COMM_WORLD_RANK": "1"}
SAID = {
    "nothing": ({}, None),
    "one task": ({"SLURM_STEP_NUM_TASKS": "1", "WORLD_SIZE": "1"}, None),
    "keras": (
        {
            f"{KERAS}JOB_ADDRESSES": "a:1, b:1",
            f"{KERAS}NUM_PROCESSES": "2",
            f"{KERAS}PROCESS_ID": "1",
        },
        Launched(f"{KERAS}NUM_PROCESSES", 2, 1, None, None, ["a:1", "b:1"]),
    ),
    "jax": (
        {"JAX_COORDINATOR_ADDRESS": "a:1", "JAX_NUM_PROCESSES": "2", "JAX_PROCESS_ID": "0"},
        Launched("JAX_NUM_PROCESSES", 2, 0, None, None, ["a:1"]),
    ),
    "torchrun": (
        {**TORCHRUN, "LOCAL_RANK": "1", "LOCAL_WORLD_SIZE": "2"},
        Launched("WORLD_SIZE", 3, 2, 1, 2, ["a:7"]),
    ),
    "torchrun, but each works alone": ({**TORCHRUN, "FRAML_KERAS_PROCESSES": "1"}, None),
    "torchrun within SLURM": (
        {**TORCHRUN, **SLURM},
        Launched("WORLD_SIZE", 3, 2, None, None, ["a:7"]),
    ),
    "SLURM": (
        {**SLURM, "SLURM_STEP_NODELIST": "node[03-07,9],other", "SLURM_JOB_ID": "4100"},
        Launched("SLURM_STEP_NUM_TASKS", 4, 3, 1, None, ["node03:61444"]),
    ),
    "SLURM on one node": (
        {**SLURM, "SLURM_STEP_NODELIST": "gpu-1"},
        Launched("SLURM_STEP_NUM_TASKS", 4, 3, 1, None, ["gpu-1:61440"]),
    ),
    "Open MPI": (OPEN_MPI, Launched("OMPI_COMM_WORLD_SIZE", 2, 1, None, None, ())),
}


@pytest.mark.parametrize("launcher", SAID)
def test_what_launchers_say(launcher):
    variables, expected = SAID[launcher]
    assert launched(variables) == expected


@pytest.mark.parametrize(
    ("variables", "missing"),
    [({"WORLD_SIZE": "2", "RANK": "0"}, "MASTER_ADDR"), (SLURM, "SLURM_STEP_NODELIST")],
)
def test_a_launcher_that_says_a_part_only_is_one_line(variables, missing):
    with pytest.raises(UserError, match=f"{missing} is not set"):
        launched(variables)


@pytest.mark.parametrize("wrong", [{"RANK": "x"}, {"MASTER_PORT": "a"}, {"RANK": "-1"}])
def test_a_launcher_that_says_no_number_is_one_line(wrong):
    with pytest.raises(UserError, match=f"{next(iter(wrong))}: expected a number"):
        launched({**TORCHRUN, **wrong})


CLUSTERS = {
    "two workers": ('{"worker": ["a:1", "b:2"]}', "worker", 1, ["a:1", "b:2"]),
    "a chief first": ('{"worker": ["a:1"], "chief": ["c:3"]}', "worker", 1, ["c:3", "a:1"]),
    "no server": ('{"worker": ["a:1", "b:2"], "ps": ["p:1"]}', "worker", 1, ["a:1", "b:2"]),
}  # fmt: skip


@pytest.mark.parametrize("name", CLUSTERS)
def test_a_cluster_of_tensorflow(name):
    cluster, kind, process, addresses = CLUSTERS[name]
    index = 0 if "chief" in cluster else 1
    text = f'{{"cluster": {cluster}, "task": {{"type": "{kind}", "index": {index}}}}}'
    found = by_tensorflow({"TF_CONFIG": text})
    assert found == Launched("TF_CONFIG", 2, process, None, None, addresses)


def test_a_cluster_whose_tasks_work_alone():
    cluster = '{"cluster": {"worker": ["a:1", "b:1"]}, "task": {"type": "worker", "index": 1}}'
    assert by_tensorflow({"TF_CONFIG": cluster, "FRAML_KERAS_PROCESSES": "1"}) is None


@pytest.mark.parametrize("text", ["", "{}", '{"cluster": {"worker": ["a:1"]}}'])
def test_no_cluster_of_tensorflow(text):
    assert by_tensorflow({"TF_CONFIG": text}) is None


@pytest.mark.parametrize(
    "text", ["{", "[]", "3", '{"cluster": {"worker": ["a:1", "b:2"]}, "task": {"type": "ps"}}']
)
def test_a_damaged_cluster_is_one_line(text):
    with pytest.raises(UserError, match="TF_CONFIG: expected"):
        by_tensorflow({"TF_CONFIG": text})


def test_a_port_further():
    assert beside("host:29500", 3) == "host:29503"
