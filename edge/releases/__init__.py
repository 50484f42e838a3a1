"""Which release of the application and of the models is in force, and how an update is requested.

``choose`` decides which tree a program starts from. ``store`` remembers what is in force. ``exchange`` is the
folder through which the service and root communicate. What root does with a request is in ``edge.update``.
"""
