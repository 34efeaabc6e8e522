"""One module per command of `assay-node`; each has a click `command`."""
