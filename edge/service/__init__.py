"""What runs for weeks: ``device`` and ``speaker``, each put together from the other rooms."""
