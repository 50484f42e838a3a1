"""Which release of the application and of the models is in force, and how an update is asked for.

``choose`` decides which tree a program starts from; ``store`` remembers it; ``exchange`` is how the service
and root speak. What root does about it is ``edge.update``.
"""
