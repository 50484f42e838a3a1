"""From a frame to what is decided about people: faces, tracks, evidence, violations.

Pure: no I/O, no threads, no clock; time comes in as an argument.
"""
