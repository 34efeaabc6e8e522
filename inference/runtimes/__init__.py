"""What runs inside Triton. These files are copied into the model repository and import nothing of Assay."""
