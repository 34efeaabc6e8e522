"""A model as a program of reproducible operators: read from ONNX, typed, laid out in memory, and only then run.

    reading   an ONNX file              → Program: constants, and nodes that are all known operators
    inferring Program, shapes of inputs → the type of every tensor, and the value of what follows from shapes
    planning  … an implementation       → which nodes are one step, and where in memory each tensor lies
    running   … and inputs              → outputs, and a record of every node's if it is asked for

The bits of every tensor are fixed by docs/reproducible-operators.md; an implementation may only be faster.
"""
