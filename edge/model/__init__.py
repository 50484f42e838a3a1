"""Models on the device: contract, preprocessing, runtime, classifier, detector.

The only part of ``edge`` (with ``edge.values`` and ``edge.errors``) that ``convert`` imports, so that
training, calibration, evaluation and the device share one definition of each.
"""
