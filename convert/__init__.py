"""The workshop: from photos to released int8 TFLite models. Needs the ``convert`` extra (Python 3.11)."""
