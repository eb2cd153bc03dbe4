"""The subcommands of ``sqlhosting``, a file for each subject; loaded when they are called."""
