"""Devices that are not there: what they live (``site``), and how it is sent (``fleet``)."""
