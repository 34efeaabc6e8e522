"""The numbers in C are those of the specification."""

import re

from assay.operators import activations, angles, functions
from native.build import SOURCES

NUMBER = r"-?0x[0-9a-fA-F.]+(?:p[+-]\d+)?"


def test_coefficients_are_those_of_the_plain_functions():
    text = (SOURCES / "coefficients.h").read_text()
    single = dict(re.findall(rf"#define (\w+) ({NUMBER})\n", text))
    tables = {
        name: re.findall(NUMBER, each) for name, each in re.findall(r"const double (\w+)\[\] = \{([^}]*)\}", text)
    }
    for i, part in enumerate(angles.HALF_PI_PARTS, 1):
        assert float.fromhex(single.pop(f"HALF_PI_{i}")) == part
    for module in (activations, angles, functions):
        for name in single.keys() & vars(module).keys():
            assert float.fromhex(single[name]) == getattr(module, name), name
            del single[name]
        for name in tables.keys() & vars(module).keys():
            assert tuple(map(float.fromhex, tables.pop(name))) == getattr(module, name), name
    assert not single
    assert not tables
    digits = text.partition("DIGITS[]")[2]
    digits = [int(each, 16) for each in re.findall("0x[0-9A-F]{8}", digits)]
    assert sum(digit << 32 * i for i, digit in enumerate(digits)) == angles.TWO_OVER_PI_INTEGER
