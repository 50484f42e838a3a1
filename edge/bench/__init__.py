"""``maskgate bench``: proofs with known truth, run through the device's own code."""
