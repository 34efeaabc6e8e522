"""The model repository: what is written, that it is whole or absent, and that Triton takes it."""

from __future__ import annotations

import time
from pathlib import Path

import msgspec
import numpy as np
import pytest
from google.protobuf import text_format
from tritonclient.grpc import model_config_pb2

from assay.errors import Refused
from assay.model import Port
from assay.tensor import Tensor
from inference import repository as under_test
from inference.repository import Batching, InstanceGroups, ModelRepository, max_batch
from inference.validation import Ports
from tests.inference import models


@pytest.fixture
def upload(tmp_path):
    file = tmp_path / "upload.onnx"
    file.write_bytes(models.affine().SerializeToString())
    reference, ports = models.reference_of(file.read_bytes())
    return reference, ports, file


def open_in(folder: Path, **options) -> ModelRepository:
    return ModelRepository(folder / "models", options.pop("instances", InstanceGroups()), **options)


def config_of(repository: ModelRepository, name: str):
    text = (repository.root / name / "config.pbtxt").read_text()
    return text_format.Parse(text, model_config_pb2.ModelConfig())


def files(root: Path) -> dict[str, bytes]:
    return {str(path.relative_to(root)): path.read_bytes() for path in root.rglob("*") if path.is_file()}


def test_a_model_is_named_by_its_commitment_and_holds_file_runtime_and_configuration(tmp_path, upload):
    reference, ports, file = upload
    repository = open_in(tmp_path)
    name = repository.write(reference, ports, file)
    assert name == reference.commitment.hex()
    assert repository.names() == (name,)
    written = files(repository.root / name)
    assert written.keys() == {"config.pbtxt", "1/model.onnx", "1/model.py"}
    assert written["1/model.onnx"] == file.read_bytes()


def test_the_configuration_follows_the_graph(tmp_path):
    model = models.graph(
        [models.helper.make_node("Identity", ["a"], ["c"]), models.helper.make_node("Identity", ["b"], ["d"])],
        [models.value("a", models.INT64, ("n", 3, "time")), models.value("b", models.FLOAT, ("n",))],
        [models.value("c", models.INT64, ("n", 3, "time")), models.value("d", models.FLOAT, ("n",))],
    )
    file = tmp_path / "m.onnx"
    file.write_bytes(model.SerializeToString())
    reference, ports = models.reference_of(file.read_bytes())
    repository = open_in(tmp_path)
    config = config_of(repository, repository.write(reference, ports, file))
    a, b = config.input
    assert (a.name, a.data_type, list(a.dims)) == ("a", model_config_pb2.TYPE_INT64, [3, -1])
    assert (b.name, b.data_type, list(b.dims)) == ("b", model_config_pb2.TYPE_FP32, [1])
    assert b.HasField("reshape")
    assert not b.reshape.shape
    assert config.max_batch_size == under_test.MAX_BATCH
    assert config.dynamic_batching.default_queue_policy.max_queue_size == under_test.QUEUE_SIZE


def test_instances_and_batching_are_the_nodes_choice(tmp_path, upload):
    repository = open_in(
        tmp_path,
        instances=InstanceGroups("gpu", 2, (0, 3)),
        batching=Batching(preferred=(8, 2000), delay_us=500),
    )
    config = config_of(repository, repository.write(*upload))
    (group,) = config.instance_group
    assert (group.kind, group.count, list(group.gpus)) == (group.KIND_GPU, 2, [0, 3])
    assert list(config.dynamic_batching.preferred_batch_size) == [8]
    assert config.dynamic_batching.max_queue_delay_microseconds == 500


def test_the_onnxruntime_backend_needs_no_runtime_of_ours(tmp_path, upload):
    repository = open_in(tmp_path, backend="onnxruntime")
    name = repository.write(*upload)
    config = config_of(repository, name)
    assert (config.backend, config.platform) == ("onnxruntime", "onnxruntime_onnx")
    assert config.default_model_filename == "model.onnx"
    assert not (repository.root / name / "1" / "model.py").exists()


@pytest.mark.parametrize("name", ["x", "naïve", 'quo"te', "new line: }", "snow ☃"])
async def test_names_of_any_spelling_survive_into_triton(server, client, tmp_path, name):
    model = models.graph(
        [models.helper.make_node("Neg", [name], ["y"])], [models.value(name)], [models.value("y")]
    )
    served = models.written(server, model, tmp_path)
    await client.load(served.name, time.monotonic() + 20)
    x = Tensor.of(name, np.ones((1, 4), np.float32))
    (y,) = await client.infer(served.name, (x,), served.ports.outputs, time.monotonic() + 20)
    assert y.array().tolist() == [[-1, -1, -1, -1]]


def test_the_rows_run_at_once_shrink_as_rows_grow():
    def batch(*axes):
        port = Port("x", "FP32", (-1, *axes))
        return max_batch(Ports((port,), (port,)))

    assert batch() == batch(64) == under_test.MAX_BATCH
    assert batch(3, 224, 224) == 64 * 2**20 // (3 * 224 * 224 * 4)
    assert batch(2**24) == 1


def test_a_file_that_is_not_the_one_named_is_refused_and_leaves_nothing(tmp_path, upload):
    reference, ports, file = upload
    file.write_bytes(file.read_bytes() + b"\0")
    repository = open_in(tmp_path)
    with pytest.raises(Refused) as error:
        repository.write(reference, ports, file)
    assert error.value.code == "wrong-digest"
    assert files(repository.root) == {}
    assert repository.names() == ()


@pytest.mark.parametrize("side", ["inputs", "outputs"])
def test_an_interface_that_is_not_the_graphs_is_refused(tmp_path, upload, side):
    reference, ports, file = upload
    wrong = msgspec.structs.replace(reference.interface, **{side: (Port("x", "FP32", (-1, 9)),)})
    with pytest.raises(Refused) as error:
        open_in(tmp_path).write(msgspec.structs.replace(reference, interface=wrong), ports, file)
    assert error.value.code == "wrong-interface"
    assert error.value.pointer.startswith(f"/interface/{side}")


def test_writing_again_renews_configuration_and_runtime_only(tmp_path, upload):
    first = open_in(tmp_path)
    name = first.write(*upload)
    folder = first.root / name
    inode = (folder / "1" / "model.onnx").stat().st_ino
    (folder / "1" / "model.py").write_text("an older runtime")
    again = open_in(tmp_path, instances=InstanceGroups(count=3))
    assert again.write(*upload) == name
    assert (folder / "1" / "model.onnx").stat().st_ino == inode
    assert (folder / "1" / "model.py").read_bytes() == (under_test.RUNTIMES / "onnx_model.py").read_bytes()
    assert config_of(again, name).instance_group[0].count == 3


@pytest.mark.parametrize("step", range(12))
def test_killed_at_any_step_of_writing_or_removing_a_model_is_whole_or_absent(tmp_path, upload, monkeypatch, step):
    """The process dies at its `step`-th change of the disk: what comes after it never happens."""

    class Killed(BaseException):
        pass

    left = [step]

    def dying(function):
        def wrapper(*arguments, **options):
            if left[0] == 0:
                raise Killed
            left[0] -= 1
            return function(*arguments, **options)

        return wrapper

    repository = open_in(tmp_path)
    with monkeypatch.context() as patch:
        for owner, attribute in (
            (under_test, "_copy"),
            (under_test, "_write"),
            (under_test, "_sync"),
            (Path, "rename"),
            (Path, "replace"),
        ):
            patch.setattr(owner, attribute, dying(getattr(owner, attribute)))
        patch.setattr(under_test.shutil, "rmtree", lambda *_, **__: None)  # a dead process tidies nothing
        try:
            name = repository.write(*upload)
            repository.remove(name)
        except Killed:
            pass
    reopened = open_in(tmp_path)
    assert {path.name for path in reopened.root.iterdir()} == set(reopened.names())
    for name in reopened.names():
        assert files(reopened.root / name).keys() == {"config.pbtxt", "1/model.onnx", "1/model.py"}
        config_of(reopened, name)


def test_removing_forgets_a_model_and_only_that_one(tmp_path, upload):
    repository = open_in(tmp_path)
    name = repository.write(*upload)
    repository.remove("0" * 64)
    assert repository.names() == (name,)
    repository.remove(name)
    repository.remove(name)
    assert files(repository.root) == {}


@pytest.mark.parametrize("name", ["", "..", "../../etc", "a" * 63, "A" * 64, "a" * 64 + "\n", "/" * 64])
def test_a_name_that_is_not_a_commitment_is_refused(tmp_path, name):
    with pytest.raises(Refused):
        open_in(tmp_path).remove(name)
