"""``python -m docs.generate``: the references and drawings, made from the code that they describe."""
