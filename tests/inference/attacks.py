"""Files that must not be accepted, each named for its attack, with the code of the finding that refuses it."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import onnx
from onnx import TensorProto, helper

from tests.inference.models import FLOAT, INT64, OPSET, affine, graph, value

BOMB = 160_000  # squared: 10^10 elements, 100 GB as doubles


@dataclass(frozen=True)
class Attack:
    name: str
    code: str
    build: Callable[[], bytes | onnx.ModelProto]

    def data(self) -> bytes:
        built = self.build()
        return built if isinstance(built, bytes) else built.SerializeToString()


ATTACKS: list[Attack] = []


def attack(name: str, code: str):
    def register(build):
        ATTACKS.append(Attack(name, code, build))
        return build

    return register


def node(operator, inputs, outputs, **attributes):
    return helper.make_node(operator, inputs, outputs, **attributes)


def one(operator, inputs=("x",), weights=None, out=None, **attributes):
    """x → operator → y."""
    return graph([node(operator, list(inputs), ["y"], **attributes)], [value("x")], [out or value("y")], weights)


def altered(change, model=None):
    model = model or affine()
    change(model)
    return model


def weights_of(model):
    return model.graph.initializer[0]


# --- not an ONNX file -------------------------------------------------------------------------------------

attack("empty file", "not-onnx")(lambda: b"")
attack("text", "not-onnx")(lambda: b"<html>not a model</html>")
attack("pickle", "not-onnx")(lambda: pickle.dumps({"a": [1, 2, 3]}))
attack("zeros", "not-onnx")(lambda: bytes(4096))
attack("no graph", "not-onnx")(lambda: altered(lambda m: m.ClearField("graph")))
attack("no nodes", "not-onnx")(lambda: altered(lambda m: m.graph.ClearField("node")))


@attack("deeper than protobuf reads", "not-onnx")
def abyss():
    """A graph in an attribute of a node of a graph …, 150 messages deep."""
    data = b""
    for level in range(150):
        data = nested((7, 1, 5, 6)[level % 4 if level < 4 else 1 + level % 3], data)
    return data


def nested(field, data):
    length = bytes([len(data) & 127 | 128, len(data) >> 7])
    return bytes([field << 3 | 2]) + length + data


@attack("onnxruntime's own format, disguised", "not-onnx")
def ort_format():
    # a valid protobuf whose bytes 4 to 8 are the other format's mark: field 2 (producer) of 5 bytes
    return b"\x08\x0a\x12\x0a" + b"ORTM" + b"aaaaaa" + affine().SerializeToString()


# --- points outside itself --------------------------------------------------------------------------------


def external(location, place=weights_of, **more):
    def change(model):
        tensor = place(model)
        tensor.data_location = TensorProto.EXTERNAL
        tensor.ClearField("raw_data")
        for key, text in {"location": location, **more}.items():
            tensor.external_data.add(key=key, value=text)

    return change


attack("external data beside the file", "external-data")(lambda: altered(external("weights.bin")))
attack("external data at an absolute path", "external-data")(lambda: altered(external("/etc/passwd")))
attack("external data up the tree", "external-data")(lambda: altered(external("../../../../etc/passwd")))
attack("external data on a device", "external-data")(lambda: altered(external("/dev/zero", length="99999999999")))


@attack("external data named but not flagged", "external-data")
def unflagged():
    return altered(lambda m: weights_of(m).external_data.add(key="location", value="/etc/passwd"))


@attack("external data flagged but not named", "external-data")
def unnamed():
    return altered(lambda m: setattr(weights_of(m), "data_location", TensorProto.EXTERNAL))


@attack("external data in an attribute", "external-data")
def external_constant():
    tensor = helper.make_tensor("t", FLOAT, [1], [0.0])
    model = graph(
        [node("Constant", [], ["c"], value=tensor), node("Add", ["x", "c"], ["y"])], [value("x")], [value("y")]
    )
    return altered(external("/etc/passwd", lambda m: m.graph.node[0].attribute[0].t), model)


@attack("external data in a branch", "external-data")
def external_branch():
    branch = helper.make_graph([node("Add", ["x", "w"], ["b"])], "b", [], [value("b")])
    branch.initializer.append(helper.make_tensor("w", FLOAT, [1], [0.0]))
    external("/etc/passwd", lambda graph: graph.initializer[0])(branch)
    return condition(branch)


@attack("external data in a sparse weight", "external-data")
def external_sparse():
    return altered(external("/etc/passwd", lambda m: m.graph.sparse_initializer[0].values), sparse([4]))


# --- code of its own --------------------------------------------------------------------------------------

attack("operator of a domain of its own", "custom-operator")(lambda: one("Shell", domain="com.attacker"))
attack("operator of onnxruntime's contrib domain", "custom-operator")(lambda: one("Gelu", domain="com.microsoft"))
attack("operator that does not exist", "unknown-operator")(lambda: one("Exec"))
attack("operator withdrawn from its set", "unknown-operator")(lambda: one("Upsample"))


@attack("operator of a domain of its own in a branch", "custom-operator")
def custom_branch():
    branch = helper.make_graph([node("Shell", ["x"], ["b"], domain="com.attacker")], "b", [], [value("b")])
    return condition(branch)


@attack("local function", "unsupported-part")
def function():
    sets = [helper.make_opsetid("", OPSET)]
    body = helper.make_function("com.attacker", "F", ["a"], ["b"], [node("Neg", ["a"], ["b"])], sets)
    return altered(lambda m: m.functions.append(body))


attack("training information", "unsupported-part")(lambda: altered(lambda m: m.training_info.add()))
attack("operator set of the future", "unsupported-opset")(
    lambda: altered(lambda m: setattr(m.opset_import[0], "version", 999))
)
attack("operator set of the past", "unsupported-opset")(
    lambda: altered(lambda m: setattr(m.opset_import[0], "version", 1))
)
attack("no operator set", "no-opset")(lambda: altered(lambda m: m.ClearField("opset_import")))


@attack("name that is not text", "not-text")
def not_text():
    return affine().SerializeToString().replace(b"double", b"doubl\xff")


# --- too deep, too many, too large ------------------------------------------------------------------------


def condition(branch):
    """y = x or what `branch` gives, by a condition on x."""
    other = helper.make_graph([node("Identity", ["x"], ["o"])], "o", [], [value("o")])
    nodes = [
        node("ReduceSum", ["x"], ["s"], keepdims=0),
        node("Greater", ["s", "zero"], ["c"]),
        node("If", ["c"], ["y"], then_branch=branch, else_branch=other),
    ]
    return graph(nodes, [value("x")], [value("y")], {"zero": np.float32(0)})


def deep(levels):
    branch = helper.make_graph([node("Identity", ["x"], ["b"])], "g", [], [value("b")])
    for _ in range(levels):
        branch = helper.make_graph([node("If", ["c"], ["b"], then_branch=branch)], "g", [], [value("b")])
    return condition(branch)


attack("branches in branches in branches in branches", "too-deep")(lambda: deep(3))


@attack("weight with an axis of 2^62", "too-large")
def huge_axis():
    return altered(lambda m: weights_of(m).dims.extend([2**62]))


@attack("weight whose size overflows", "too-large")
def overflow():
    return altered(lambda m: weights_of(m).dims.extend([2**31 - 1] * 5))


attack("weight with a negative axis", "too-large")(lambda: altered(lambda m: weights_of(m).dims.extend([-4])))
attack("weight with a hundred axes", "too-large")(lambda: altered(lambda m: weights_of(m).dims.extend([1] * 100)))
attack("weight with fewer values than its shape", "corrupt-tensor")(
    lambda: altered(lambda m: weights_of(m).dims.extend([1000]))
)
attack("weight of an unknown type", "corrupt-tensor")(
    lambda: altered(lambda m: setattr(weights_of(m), "data_type", 99))
)
attack("more outputs than allowed", "too-many")(
    lambda: altered(lambda m: m.graph.output.extend(value(f"y{i}") for i in range(20)))
)
attack("more inputs than allowed", "too-many")(
    lambda: altered(lambda m: m.graph.input.extend(value(f"x{i}") for i in range(20)))
)
attack("node with a name of a megabyte", "name-too-long")(
    lambda: altered(lambda m: setattr(m.graph.node[0], "name", "n" * 2**20))
)


def sparse(dims):
    values = helper.make_tensor("w", FLOAT, [1], [1.0])
    indices = helper.make_tensor("i", INT64, [1, len(dims)], [0] * len(dims))
    model = one("Add", ("x", "w"))
    model.graph.sparse_initializer.append(helper.make_sparse_tensor(values, indices, dims))
    return model


attack("sparse weight that expands to 4 TB", "too-large")(lambda: sparse([2**20, 2**20]))


# --- bombs: small files, large work -----------------------------------------------------------------------


@attack("kilobyte that expands to 100 GB", "too-large")
def constant_bomb():
    fill = helper.make_tensor("v", TensorProto.DOUBLE, [1], [1.0])
    nodes = [
        node("ConstantOfShape", ["shape"], ["big"], value=fill),
        node("ReduceMax", ["big"], ["m"], keepdims=0),
        node("Cast", ["m"], ["f"], to=FLOAT),
        node("Mul", ["x", "f"], ["y"]),
    ]
    return graph(nodes, [value("x")], [value("y")], {"shape": np.array([BOMB, BOMB])})


def hidden(constant):
    """Nodes that give the integers of `constant` as `hidden`, which nobody knows before a row of zeros is run."""
    return [
        node("ReduceMean", ["x"], ["z"], keepdims=0),
        node("Cast", ["z"], ["n"], to=INT64),
        node("Add", ["n", constant], ["hidden"]),
    ]


@attack("kilobyte that expands to 100 GB, its size hidden until it runs", "out-of-memory")
def hidden_bomb():
    nodes = [
        *hidden("shape"),
        node("ConstantOfShape", ["hidden"], ["big"], value=helper.make_tensor("v", FLOAT, [1], [1.0])),
        node("ReduceMax", ["big"], ["m"], keepdims=0),
        node("Mul", ["x", "m"], ["y"]),
    ]
    return graph(nodes, [value("x")], [value("y")], {"shape": np.array([BOMB, BOMB])})


@attack("forty doublings", "too-large")
def doublings():
    nodes = [
        node("Concat", [f"h{i}" if i else "x", f"h{i}" if i else "x"], [f"h{i + 1}"], axis=1) for i in range(40)
    ]
    nodes += [node("ReduceMax", ["h40", "axis"], ["m"]), node("Add", ["x", "m"], ["y"])]
    return graph(nodes, [value("x")], [value("y")], {"axis": np.array([1])})


@attack("loop without end", "too-slow")
def endless():
    body = helper.make_graph(
        [node("Identity", ["c"], ["c2"]), node("Sin", ["v"], ["v2"])],
        "body",
        [value("i", INT64, ()), value("c", TensorProto.BOOL, ()), value("v")],
        [value("c2", TensorProto.BOOL, ()), value("v2")],
    )
    weights = {"trips": np.int64(2**62), "go": np.bool_(True)}
    return graph([node("Loop", ["trips", "go", "x"], ["y"], body=body)], [value("x")], [value("y")], weights)


# --- inputs and outputs -----------------------------------------------------------------------------------


def ports(x=None, y=None, operator="Identity"):
    return graph([node(operator, ["x"], ["y"])], [x or value("x")], [y or value("y")])


STRING = TensorProto.STRING
attack("text as output", "unsupported-output")(lambda: ports(value("x", STRING), value("y", STRING)))
attack("text as input", "unsupported-input")(lambda: ports(value("x", STRING), value("y", STRING)))
attack("complex numbers", "unsupported-input")(lambda: ports(value("x", TensorProto.COMPLEX64)))
attack("brain floats", "unsupported-output")(lambda: ports(y=value("y", TensorProto.BFLOAT16)))
attack("input of an unknown type", "unsupported-input")(lambda: ports(value("x", 99)))
attack("input without a type", "unsupported-input")(lambda: altered(lambda m: m.graph.input[0].ClearField("type")))
attack("no output", "no-output")(lambda: altered(lambda m: m.graph.ClearField("output")))
attack("two outputs of one name", "same-name")(
    lambda: altered(lambda m: m.graph.output.add().CopyFrom(m.graph.output[0]))
)
attack("fixed number of rows", "no-batch-axis")(lambda: ports(value("x", shape=(1, 4)), value("y", shape=(1, 4))))
attack("scalar input", "wrong-rank")(lambda: ports(value("x", shape=())))
attack("input with nine axes", "wrong-rank")(lambda: ports(value("x", shape=("n", *[1] * 8))))
attack("input with an axis of 0", "wrong-shape")(lambda: ports(value("x", shape=("n", 0))))
attack("input with a negative axis", "wrong-shape")(lambda: ports(value("x", shape=("n", -7))))
attack("input with an axis of 2^62", "wrong-shape")(lambda: ports(value("x", shape=("n", 2**62))))
attack("input with rows of a gigabyte", "too-large")(lambda: ports(value("x", shape=("n", 2**28))))
attack("output name of a kilobyte", "wrong-name")(
    lambda: graph([node("Neg", ["x"], ["y" * 1024])], [value("x")], [value("y" * 1024)])
)
attack("input name that moves the cursor", "wrong-name")(
    lambda: graph([node("Neg", ["\x1b[2J"], ["y"])], [value("\x1b[2J")], [value("y")])
)


@attack("sequence of maps (ZipMap)", "unsupported-output")
def zipmap():
    maps = helper.make_map_type_proto(INT64, helper.make_tensor_type_proto(FLOAT, []))
    out = helper.make_value_info("y", helper.make_sequence_type_proto(maps))
    return one("ZipMap", out=out, domain="ai.onnx.ml", classlabels_int64s=[0, 1, 2, 3])


# --- weights ----------------------------------------------------------------------------------------------


def poisoned(number, dtype=np.float32):
    w = np.ones(4, dtype)
    w[2] = number
    nodes = [node("Cast", ["w"], ["f"], to=FLOAT), node("Mul", ["x", "f"], ["y"])]
    return graph(nodes, [value("x")], [value("y")], {"w": w})


attack("NaN in the weights", "not-finite")(lambda: poisoned(np.nan))
attack("NaN in half-precision weights", "not-finite")(lambda: poisoned(np.nan, np.float16))
attack("infinity in the weights", "not-finite")(lambda: poisoned(-np.inf, np.float64))
attack("NaN in a list of coefficients", "not-finite")(
    lambda: one("Scaler", domain="ai.onnx.ml", offset=[0.0, float("nan"), 0.0, 0.0], scale=[1.0] * 4)
)


# --- graphs that do not hold together ---------------------------------------------------------------------

attack("node that reads what nobody writes", "invalid-onnx")(lambda: one("Add", ("x", "nowhere")))
attack("attribute that the operator lacks", "invalid-onnx")(lambda: one("Relu", colour=3))
attack("shapes that cannot be multiplied", "not-loadable")(
    lambda: one("MatMul", ("x", "w"), {"w": np.ones((5, 5), np.float32)})
)
attack("types that cannot be added", "inconsistent-shapes")(lambda: one("Add", ("x", "w"), {"w": np.int64(1)}))


@attack("shape that turns out not to fit", "not-runnable")
def misfit():
    nodes = [*hidden("seven"), node("Reshape", ["x", "hidden"], ["y"], name="misfit")]
    return graph(nodes, [value("x")], [value("y", shape=("n",))], {"seven": np.array([7])})


# --- rows -------------------------------------------------------------------------------------------------


@attack("rows that depend on each other", "rows-not-independent")
def mixed_rows():
    nodes = [node("ReduceMean", ["x", "axis"], ["m"]), node("Sub", ["x", "m"], ["y"])]
    return graph(nodes, [value("x")], [value("y")], {"axis": np.array([0])})


@attack("rows in reverse order", "rows-not-independent")
def reversed_rows():
    weights = {"start": np.array([-1]), "end": np.array([-(2**31)]), "axis": np.array([0]), "step": np.array([-1])}
    return one("Slice", ("x", "start", "end", "axis", "step"), weights)


@attack("rows that differ from run to run", "rows-not-independent")
def random_rows():
    return one("RandomUniformLike")


attack("one answer for all rows", "no-batch-axis")(
    lambda: one("ReduceSum", ("x", "axis"), {"axis": np.array([0])})
)


@attack("rows that are left out", "rows-lost")
def filtered():
    nodes = [
        node("ReduceMax", ["x", "columns"], ["m"], keepdims=0),
        node("Cast", ["m"], ["c"], to=TensorProto.BOOL),
        node("Compress", ["x", "c"], ["y"], axis=0),
    ]
    return graph(nodes, [value("x")], [value("y")], {"columns": np.array([1])})


attack("scalar declared as rows", "rows-lost")(lambda: one("ReduceSum", out=value("y", shape=("n",)), keepdims=0))
attack("scalar output", "wrong-rank")(lambda: one("ReduceSum", out=value("y", shape=()), keepdims=0))
