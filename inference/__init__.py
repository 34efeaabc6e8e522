"""Triton behind one door: client, model repository, runtimes and the validation of uploads."""
