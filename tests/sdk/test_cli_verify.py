"""`assay verify` by exit code: 0 only for valid and pinned and about this input; 1 false; 2 usage; 3 unpinned."""

from __future__ import annotations

import json

import pytest
from click.testing import CliRunner

from assay.cli import main
from assay.cli.show import clean


@pytest.fixture
def files(tmp_path, sample):
    folder = tmp_path
    (folder / "c.cbor").write_bytes(sample.certificate.to_cbor())
    (folder / "c.json").write_text(sample.certificate.to_json())
    (folder / "receipt.json").write_text(sample.receipt.to_json())
    (folder / "digit.png").write_bytes(sample.content)
    (folder / "other.json").write_text(json.dumps([1] * 64))
    (folder / "tensor.json").write_text(
        json.dumps(
            {
                "inputs": [
                    {
                        "name": "image",
                        "datatype": "FP32",
                        "shape": [1, 64],
                        "data": sample.inputs[0].array().ravel().tolist(),
                    }
                ]
            }
        )
    )
    (folder / "zeros.json").write_text(
        json.dumps({"inputs": [{"name": "image", "datatype": "FP32", "shape": [1, 64], "data": [0] * 64}]})
    )
    (folder / "broken.png").write_bytes(sample.content[:-5])
    (folder / "broken.cbor").write_bytes(sample.certificate.to_cbor()[:-1])
    (folder / "trust.toml").write_text(f'providers = ["{sample.provider}"]\n')
    (folder / "strangers.toml").write_text(f'providers = ["{"00" * 32}"]\n')
    (folder / "wrong.toml").write_text('provider = "x"\n')
    return folder


def verify(files, *arguments, **options):
    known = {path.name for path in files.iterdir()}
    paths = [str(files / each) if each in known else each for each in arguments]
    return CliRunner().invoke(main, ["verify", *paths], **options)


KEY, MODEL, SALT = "KEY", "MODEL", "SALT"
OTHER = "ab" * 32


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["c.cbor"], 3),
        (["c.json"], 3),
        (["receipt.json"], 3),
        (["c.cbor", "--provider", KEY], 0),
        (["c.json", "--provider", KEY], 0),
        (["c.cbor", "--provider", OTHER, "--provider", KEY], 0),
        (["c.cbor", "--provider", OTHER], 1),
        (["c.cbor", "--group", OTHER], 1),
        (["c.cbor", "--model", OTHER], 1),
        (["c.cbor", "--model", MODEL], 3),
        (["c.cbor", "--model", MODEL, "--provider", KEY], 0),
        (["c.cbor", "--model", OTHER, "--provider", KEY], 1),
        (["c.cbor", "--trust", "trust.toml"], 0),
        (["c.cbor", "--trust", "strangers.toml"], 1),
        (["c.cbor", "--trust", "strangers.toml", "--provider", KEY], 0),
        (["c.cbor", "--trust", "wrong.toml"], 2),
        (["c.cbor", "--trust", "missing.toml"], 2),
        (["c.cbor", "--provider", "nonsense"], 2),
        (["c.cbor", "--model", "12"], 2),
        (["receipt.json", "--provider", KEY, "--input", "digit.png"], 0),
        (["receipt.json", "--provider", KEY, "--input", "tensor.json"], 0),
        (["receipt.json", "--input", "digit.png"], 3),
        (["receipt.json", "--provider", KEY, "--input", "zeros.json"], 1),
        (["receipt.json", "--provider", KEY, "--input", "other.json"], 1),
        (["receipt.json", "--provider", KEY, "--input", "broken.png"], 1),
        (["receipt.json", "--provider", KEY, "--input", "digit.png", "--salt", OTHER], 1),
        (["c.cbor", "--provider", KEY, "--input", "digit.png", "--salt", SALT], 0),
        (["c.cbor", "--provider", KEY, "--input", "digit.png"], 2),
        (["c.cbor", "--provider", KEY, "--input", "digit.gif", "--salt", SALT], 2),
        (["c.cbor", "--provider", KEY, "--input", "missing.png", "--salt", SALT], 2),
        (["c.cbor", "--salt", "12"], 2),
        (["broken.cbor", "--provider", KEY], 1),
        (["missing.cbor"], 2),
        (["digit.png"], 1),
        ([], 2),
    ],
)
def test_the_exit_code_says_what_was_found(files, sample, arguments, code):
    words = {
        KEY: sample.provider,
        MODEL: sample.certificate.statement.models[0].commitment.hex(),
        SALT: sample.salt.hex(),
    }
    given = [words.get(each, each) for each in arguments]
    if "digit.gif" in given:
        (files / "digit.gif").write_bytes(b"GIF89a")
    assert verify(files, *given).exit_code == code
    if code != 2:
        report = json.loads(verify(files, *given, "--json").stdout)
        assert report["exit"] == code
        assert bool(report["findings"]) == (code == 1)


def test_a_certificate_may_come_on_standard_input(files, sample):
    document = sample.certificate.to_cbor()
    assert verify(files, "-", "--provider", sample.provider, input=document).exit_code == 0


def test_the_output_says_what_was_checked_and_what_is_not_promised(files, sample):
    result = verify(files, "receipt.json", "--provider", sample.provider, "--input", "digit.png")
    for words in (
        "model:demo/digits@1 answered one",
        "Accepted.",
        "does not promise",
        *sample.certificate.statement.caveats,
    ):
        assert words in result.stdout
    assert result.stdout.count(sample.provider) == 1


def test_a_forger_who_names_somebody_you_trust_is_said_to_claim_it(files, sample):
    forged = json.loads(sample.certificate.to_json())
    forged["statement"]["time"] += 1
    (files / "forged.json").write_text(json.dumps(forged))
    shown = verify(files, "forged.json", "--provider", sample.provider).stdout
    assert "claimed" in shown
    assert "Refused." in shown
    assert "rests on someone you named" not in shown


def test_an_unpinned_certificate_names_its_anchor_and_how_to_accept_it(files, sample):
    assert f"--provider {sample.provider}" in verify(files, "c.cbor").stdout


def test_an_input_without_salt_says_exactly_what_to_pass(files):
    result = verify(files, "c.cbor", "--input", "digit.png")
    assert "--salt HEX" in result.stderr
    assert "receipt" in result.stderr


def test_a_failed_check_says_where_what_was_expected_and_what_came(files, sample):
    document = sample.certificate.to_cbor().replace(b"assay-certificate/1", b"assay-certificate/2")
    (files / "c.cbor").write_bytes(document)
    result = verify(files, "c.cbor")
    assert result.exit_code == 1
    assert "/format" in result.stdout
    changed = sample.certificate.to_cbor().replace(b"demo/digits@1", b"demo/digits@2")
    (files / "c.cbor").write_bytes(changed)
    result = verify(files, "c.cbor")
    assert result.exit_code == 1
    assert "/evidence/signature" in result.stdout


def test_text_from_a_certificate_cannot_move_the_cursor():
    assert clean("a\x1b[2J\r\n\u202eb") == "a\\x1b[2J\\r\\n\\u202eb"


@pytest.mark.parametrize("charset", ["ascii", "latin-1", "cp1252"])
def test_a_terminal_that_cannot_show_a_character_does_not_change_the_verdict(files, sample, charset):
    runner = CliRunner(charset=charset)
    result = runner.invoke(main, ["verify", str(files / "c.cbor"), "--provider", sample.provider])
    assert (result.exit_code, result.exception) == (0, None)
    assert "Accepted." in result.output


def test_a_trust_file_without_end_is_refused(files):
    result = verify(files, "c.cbor", "--trust", "/dev/zero")
    assert result.exit_code == 2
    assert "too large" in result.output


def test_the_version_is_printed():
    result = CliRunner().invoke(main, ["--version"])
    assert result.exit_code == 0
    assert result.stdout.startswith("assay, version ")
