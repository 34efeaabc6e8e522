"""What a buyer needs to use Assay and to check its answers, without trusting anyone who runs it."""
