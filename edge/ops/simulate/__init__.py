"""Simulated devices: what happens to them (``site``), and how it is sent (``simulated_fleet``)."""
