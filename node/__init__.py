"""`assay-node`, the owner's daemon: holds the owner's key, talks to the owner's Triton, signs answers."""
