"""Screens: a folder for each subject. Nothing below imports them."""
