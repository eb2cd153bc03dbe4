"""Stands in for the pip bootstrap script that ansible-test downloads, where its host cannot be reached.

ansible-test runs it in an empty virtual environment with the wanted packages (``pip==24.2``) as arguments.
``scripts/sanity.sh`` saves it at the cache path that ansible-test looks at first.
"""

import subprocess
import sys

# A process of its own: ensurepip switches pip's configuration off in its environment.
subprocess.check_call([sys.executable, "-m", "ensurepip", "--default-pip"], stdout=subprocess.DEVNULL)
packages = [argument for argument in sys.argv[1:] if not argument.startswith("-")]
subprocess.check_call(
    [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *packages]
)
