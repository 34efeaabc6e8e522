"""What a node does in a second when inference costs nothing: the wire, the checks, signing and the journal alone.

    python -m benchmarks.node

The node is a process of its own with its journal on disk, durable as in earnest; instead of Triton it has an
object that answers at once. One connection, small rows and MobileNetV2's input (600 KB). `--profile` runs the node
under cProfile and prints where its time goes.
"""

from __future__ import annotations

import cProfile
import pstats
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import psutil
import uvloop

from assay.digest import sha256
from assay.ids import uuid7
from assay.keys import PrivateKey
from assay.model import Interface, ModelReference, NoPreprocessing, Port
from assay.tensor import Tensor
from benchmarks.figures import Report, quantile
from benchmarks.load import closed_loop
from inference.validation import Ports
from node.config import Config, LimitSettings, MarketplaceSettings
from node.daemon import running
from node.home import Home
from node.journal import Journal, Model
from wire.client import Peer
from wire.deadline import in_seconds
from wire.messages import Submit

SECONDS = 4.0
REPEATS = 5
LEAST = 2000  # small submits/s on one connection
SHAPES = {"small": (64,), "224×224×3": (224, 224, 3)}


class InstantTriton:
    """Answers at once, the same for every row."""

    def __init__(self, address: str) -> None:
        self.address = address

    async def live(self) -> bool:
        return True

    async def ready(self, name: str) -> bool:
        return True

    async def load(self, name: str, deadline: float) -> None: ...

    async def unload(self, name: str, deadline: float | None = None) -> None: ...

    async def infer(self, name, inputs, outputs, deadline):
        rows = inputs[0].shape[0]
        return (Tensor.of("label", np.zeros(rows, "i8")), Tensor.of("scores", np.zeros((rows, 10), "f4")))

    async def close(self) -> None: ...


def model(shape: tuple[int, ...]) -> Model:
    interface = Interface(
        task="classification",
        inputs=(Port("image", "FP32", (-1, *shape)),),
        outputs=(Port("label", "INT64", (-1,)), Port("scores", "FP32", (-1, 10))),
        labels=tuple(str(i) for i in range(10)),
        preprocessing=NoPreprocessing(),
    )
    reference = ModelReference(sha256(repr(shape).encode()), interface)
    return Model(reference, Ports(interface.inputs, interface.outputs), "bench", wanted=True)


async def serve(folder: Path) -> None:
    home = Home(folder)
    with home.locked():
        async with running(home, home.load_config(), home.load_key(), InstantTriton) as daemon:
            print("ready", flush=True)
            await daemon.ended.wait()


def make(folder: Path, marketplace: PrivateKey) -> PrivateKey:
    home = Home(folder)
    allowed = MarketplaceSettings(keys=(str(marketplace.public),))
    config = Config(name="bench", listen="127.0.0.1:0", marketplace=allowed, limits=LimitSettings(free_disk=0))
    key = home.create(config)
    journal = Journal(home.journal)
    for shape in SHAPES.values():
        journal.keep(model(shape))
    journal.close()
    return key


async def measure(report: Report, folder: Path, pid: int, key: PrivateKey, marketplace: PrivateKey) -> None:
    node = psutil.Process(pid)
    where = Home(folder).address.read_text()
    peer = Peer(where, key.public, marketplace)
    for name, shape in SHAPES.items():
        reference = model(shape).reference
        inputs = (Tensor.of("image", np.ones((1, *shape), "f4")),)

        async def call(reference=reference, inputs=inputs) -> None:
            await peer.submit(
                Submit(
                    id=0,
                    request=uuid7().bytes,
                    target="model:bench/model@1",
                    commitment=reference.commitment,
                    inputs=inputs,
                    salt=bytes(32),
                    deadline=in_seconds(60),
                )
            )

        await closed_loop([call] * 8, 1.0)
        for clients in (1, 64, 256) if name == "small" else (1, 64):
            before = sum(node.cpu_times()[:2])
            runs = [await closed_loop([call] * clients, SECONDS) for _ in range(REPEATS)]
            spent = sum(node.cpu_times()[:2]) - before
            least = LEAST if (name, clients) == ("small", 256) else None
            what = f"{name}, {clients} at once"
            report.add(f"{what}: submits", [run.rate for run in runs], "/s", least=least)
            for share, label in ((0.5, "p50"), (0.95, "p95")):
                samples = [1000 * quantile(run.latencies, share) for run in runs]
                report.add(f"{what}: {label}", samples, "ms")
            answered = sum(len(run.latencies) for run in runs)
            report.add(f"{what}: the node's processor time", [1e6 * spent / answered], "µs each")
    own = Peer(where, key.public, key)
    await peer.close()
    await own.drain(in_seconds(10))
    await own.close()


def main() -> None:
    if sys.argv[1:2] == ["serve"]:
        profile = cProfile.Profile() if "--profile" in sys.argv else None
        if profile:
            profile.enable()
        uvloop.run(serve(Path(sys.argv[2])))
        if profile:
            profile.disable()
            pstats.Stats(profile, stream=sys.stderr).sort_stats("tottime").print_stats(35)
        return
    marketplace = PrivateKey.generate()
    report = Report("node")
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch) / "node"
        key = make(folder, marketplace)
        command = [sys.executable, "-m", "benchmarks.node", "serve", folder, *sys.argv[1:]]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as node:
            assert node.stdout is not None
            node.stdout.readline()
            uvloop.run(measure(report, folder, node.pid, key, marketplace))
    report.finish()


if __name__ == "__main__":
    main()
