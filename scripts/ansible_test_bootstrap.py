"""Stands in for the pip bootstrap script that ansible-test downloads: many build networks cannot reach its host.

ansible-test runs it in an empty virtual environment with the wanted packages (``pip==24.2``) as arguments.
``scripts/sanity.sh`` saves it at the cache path that ansible-test looks at first.
"""

import subprocess
import sys

# In a process of its own: ensurepip switches pip's configuration off in the environment of the process it runs in.
subprocess.check_call([sys.executable, "-m", "ensurepip", "--default-pip"], stdout=subprocess.DEVNULL)
packages = [argument for argument in sys.argv[1:] if not argument.startswith("-")]
subprocess.check_call([sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *packages])
