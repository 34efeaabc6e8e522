"""An owner's way: upload by the page, findings for a bad file, deploy, publish, withdraw; a broken line."""

from __future__ import annotations

import secrets

import numpy as np
import pytest
from onnx import TensorProto, helper, numpy_helper
from playwright.sync_api import expect

from tests.e2e.conftest import Visitor

MEGABYTE = 1024 * 1024


def model(operator: str = "Softmax", domain: str = "", padding: int = 0) -> bytes:
    """x[rows, 4] · weights → scores[rows, 3]; `padding` bytes of further weights make it larger."""
    weights = np.linspace(-1, 1, 12, dtype=np.float32).reshape(4, 3)
    nodes = [
        helper.make_node("MatMul", ["x", "weights"], ["raw"], name="multiply"),
        helper.make_node(operator, ["raw"], ["scores"], name="last", domain=domain),
    ]
    initialisers = [numpy_helper.from_array(weights, "weights")]
    if padding:
        # random, so that nothing on the way can make it small; used, so that nothing may leave it out
        ballast = np.frombuffer(secrets.token_bytes(padding), np.int8)
        initialisers.append(numpy_helper.from_array(ballast, "ballast"))
        nodes = [
            helper.make_node("Size", ["ballast"], ["size"], name="size"),
            helper.make_node("Cast", ["size"], ["scale"], name="cast", to=TensorProto.FLOAT),
            helper.make_node("MatMul", ["x", "weights"], ["product"], name="multiply"),
            helper.make_node("Div", ["product", "scale"], ["raw"], name="divide"),
            nodes[1],
        ]
    graph = helper.make_graph(
        nodes,
        "e2e",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["rows", 4])],
        [helper.make_tensor_value_info("scores", TensorProto.FLOAT, ["rows", 3])],
        initialisers,
    )
    opsets = [helper.make_opsetid("", 17), *([helper.make_opsetid(domain, 1)] if domain else [])]
    return helper.make_model(graph, opset_imports=opsets, ir_version=8).SerializeToString()


@pytest.fixture
def asha(visitor, people) -> Visitor:
    visitor.log_in(people["asha"])
    return visitor


def choose(owner: Visitor, content: bytes, name: str = "iris-flowers.onnx") -> None:
    """From the disk: handing megabytes to the browser directly takes it many seconds."""
    file = owner.folder / name
    file.write_bytes(content)
    owner.page.locator("#file").set_input_files(file)


def fill(owner: Visitor, content: bytes, name: str) -> None:
    """Chooses the file and says what the page could not read from it."""
    page = owner.page
    owner.open("/dashboard/upload")
    choose(owner, content)
    expect(page.get_by_label("Title")).to_have_value("iris flowers")
    page.get_by_label("Name", exact=True).fill(name)
    page.get_by_label("Summary").fill("Three kinds of iris")


def test_a_good_file_is_uploaded_examined_deployed_published_and_withdrawn(asha, chromium):
    page, name = asha.page, f"iris-{secrets.token_hex(4)}"
    fill(asha, model(), name)
    expect(page.locator("#found")).to_have_text("It takes x (FP32, rows × 4) and gives scores (FP32, rows × 3).")
    expect(page.get_by_label("Task")).to_have_value("classification")
    page.get_by_label("Labels").fill("setosa\nversicolor\nvirginica")
    asha.press("Upload")
    expect(page.get_by_role("heading", level=1)).to_have_text("iris flowers")
    version = page.get_by_label("Version 1", exact=True)
    expect(version).to_contain_text("Ready")
    expect(version.get_by_role("listitem").filter(has_text="refereed")).to_contain_text("Possible")
    asha.press("Deploy")
    expect(page.get_by_role("status").first).to_contain_text("on its way")
    expect(version).to_contain_text("Serving")
    asha.press("Publish")
    expect(page.get_by_role("status").first).to_contain_text("now answers to")

    stranger = chromium.new_page()
    stranger.goto(f"{asha.base}/models/asha/{name}")
    expect(stranger.get_by_role("heading", level=1)).to_have_text("iris flowers")
    expect(stranger.locator(".model-line")).to_contain_text("Serving")

    asha.follow("See its page")
    asha.press("Get the answer")
    expect(page.locator("#answer [data-status=certified]")).to_be_visible()
    expect(page.locator("#answer .answer-words")).to_have_text("setosa")  # softmax of nothing: all are equal

    page.on("dialog", lambda dialog: dialog.accept())
    asha.follow("Manage")
    asha.press("Withdraw")
    expect(page.get_by_role("status").first).to_contain_text("withdrawn from the catalogue")
    stranger.reload()
    expect(stranger.get_by_role("heading", level=1)).to_have_text("No such model")
    stranger.close()


@pytest.mark.parametrize(
    ("content", "found"),
    [
        (model("FusedAttention", "com.acme"), ["FusedAttention", "com.acme", "last"]),
        (b"this is no model", ["Refused"]),
        (model()[:-20], ["Refused"]),
    ],
    ids=["foreign operator", "no model", "truncated"],
)
def test_a_bad_file_is_refused_and_its_findings_named(asha, content, found):
    page, name = asha.page, f"bad-{secrets.token_hex(4)}"
    fill(asha, content, name)
    if page.get_by_label("Labels").is_visible():
        page.get_by_label("Labels").fill("a\nb\nc")
    asha.press("Upload")
    version = page.get_by_label("Version 1", exact=True)
    expect(version).to_contain_text("Findings")
    for words in ("Refused", "Error", *found):
        expect(version).to_contain_text(words)
    expect(page.get_by_role("button", name="Deploy")).to_have_count(0)


def test_an_upload_goes_on_where_the_line_broke_and_after_the_page_was_left(asha):
    page, name = asha.page, f"large-{secrets.token_hex(4)}"
    content = model(padding=9 * MEGABYTE)  # three parts: the second is lost once, the third again and again
    lost: list[int] = []

    def carry(route) -> None:
        offset = int(route.request.headers.get("upload-offset", "0"))
        if offset == 8 * MEGABYTE or (offset == 4 * MEGABYTE and not lost):
            lost.append(offset)
            route.abort("connectionreset")
        else:
            route.continue_()

    page.route("**/file", carry)
    fill(asha, content, name)
    page.get_by_label("Labels").fill("a\nb\nc")
    with page.expect_request(lambda request: request.headers.get("upload-offset") == str(8 * MEGABYTE)):
        asha.press("Upload")
    expect(page.locator("#progress-words")).to_contain_text("Trying again")
    assert lost[:2] == [4 * MEGABYTE, 8 * MEGABYTE]

    page.unroute("**/file")
    asha.open(f"/dashboard/asha/{name}")
    version = page.get_by_label("Version 1", exact=True)
    expect(version).to_contain_text("88 % of")
    version.get_by_role("link", name="Go on").click()
    choose(asha, content[:-1], "another.onnx")
    asha.press("Go on")
    expect(page.locator("#refusal")).to_contain_text("This is another file")
    choose(asha, content)
    asha.press("Go on")
    expect(page.get_by_label("Version 1", exact=True)).to_contain_text("Ready")
    asha.complaints.clear()  # of the requests that were lost


def test_a_name_that_is_taken_is_said_and_nothing_is_uploaded(asha):
    fill(asha, model(), "digits")
    asha.page.get_by_label("Labels").fill("a\nb\nc")
    asha.press("Upload")
    expect(asha.page.locator("#refusal")).to_contain_text("You have a model of this name")
    assert all("409" in each for each in asha.complaints)
    asha.complaints.clear()


def test_the_nodes_page_shows_the_node_answering(asha):
    asha.open("/nodes")
    expect(asha.page.get_by_label("Node asha-1")).to_contain_text("Answering")
