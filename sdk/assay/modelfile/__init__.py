"""Is this file an ONNX model that can be offered, and in which modes? Owners and the marketplace judge alike.

    report        what is known once a file was examined, and what stands in the way
    walk          every graph, node and tensor, wherever it hides
    structure     operator sets, nodes, tensors
    ports         inputs and outputs
    reproducing   whether the reproducible operators can carry the model out
    examining     all of these, one after the other
    modes         what a report means for each mode

Nothing in the file is run, and no other file is touched. The marketplace examines what strangers upload in a
process with limits, and runs it once besides (`inference.validation`).
"""
