"""Processes of TensorFlow: a cluster of workers that gather what each of them has.

Keras 3 does not train in MultiWorkerMirroredStrategy; here it carries messages alone.
"""

import functools
import re
from collections.abc import Callable, Sequence

import numpy as np
import tensorflow as tf

from framl_keras.errors import UserError
from framl_keras.processes.job import CONNECTION, NUMBERS, Joined
from framl_keras.processes.launchers import Launched, beside

GONE = re.compile(CONNECTION + "|AbortedError|lost")
WORKER = "worker"


def join(launched: Launched) -> Joined:
    """The processes of the cluster, which is set up if it is not there.

    Raises:
        UserError: if nobody says where each process is.
    """
    addresses = tuple(_addresses(launched))
    gathered = _gathered(addresses, launched.process, launched.local or 0)
    gather = functools.partial(_gather, gathered)
    return Joined(launched.process, launched.processes, gather, GONE, (tf.errors.OpError,))


def _addresses(launched: Launched) -> Sequence[str]:
    """Every process' address, which TensorFlow listens on."""
    given, count = launched.addresses, launched.processes
    if launched.by.startswith("SLURM"):
        return _of_slurm(int(given[0].rsplit(":", 1)[1]), count)
    if len(given) == count:
        return given
    if given and launched.on_machine == count:
        return [beside(given[0], 1 + process) for process in range(count)]
    raise UserError(
        f"{launched.by}={count}: TensorFlow needs the address of each process. Set TF_CONFIG, or "
        "encode a --part each."
    )


def _of_slurm(port: int, count: int) -> Sequence[str]:
    resolver = tf.distribute.cluster_resolver.SlurmClusterResolver(
        port_base=port, auto_set_gpu=False, gpus_per_node=count, gpus_per_task=1
    )
    addresses: Sequence[str] = resolver.cluster_spec().as_dict()[WORKER]
    return addresses


def _gather(gathered: Callable[[np.ndarray], tf.Tensor], numbers: np.ndarray) -> np.ndarray:
    rows: np.ndarray = gathered(numbers[None]).numpy()
    return rows


@functools.lru_cache
def _gathered(
    addresses: tuple[str, ...], process: int, local: int
) -> Callable[[np.ndarray], tf.Tensor]:
    """One function for all of a process, since a cluster is joined once."""
    if gpus := tf.config.list_physical_devices("GPU"):
        tf.config.set_visible_devices(gpus[local % len(gpus)], "GPU")
    resolver = tf.distribute.cluster_resolver.SimpleClusterResolver(
        tf.train.ClusterSpec({WORKER: list(addresses)}),
        task_type=WORKER,
        task_id=process,
        rpc_layer="grpc",
    )
    ring = tf.distribute.experimental.CommunicationImplementation.RING
    options = tf.distribute.experimental.CommunicationOptions(implementation=ring)
    strategy = tf.distribute.MultiWorkerMirroredStrategy(resolver, options)

    @tf.function(autograph=False, input_signature=[tf.TensorSpec((1, None), NUMBERS)])
    def gathered(numbers: tf.Tensor) -> tf.Tensor:
        return strategy.gather(strategy.run(lambda: tf.identity(numbers)), axis=0)

    function: Callable[[np.ndarray], tf.Tensor] = gathered
    return function
