"""What can be asked for: a class for each kind of request. ``registry.py`` knows those in use."""
