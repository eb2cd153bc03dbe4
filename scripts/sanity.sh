#!/usr/bin/env bash
# ansible-test sanity on the collection as users get it: built, installed below .cache/, tested there.
# (ansible-test refuses the linked path that the repository itself works with.)
set -euo pipefail
cd "$(dirname "$0")/.."
root=$PWD
export PATH="$root/.venv/bin:$PATH"
work=$root/.cache/sanity

# Asked of ansible-test itself, so that it still holds after an upgrade.
pip_version=$(python - <<'PYTHON'
import pathlib, re, ansible_test
text = (pathlib.Path(ansible_test.__path__[0]) / "_internal/python_requirements.py").read_text()
print(re.search(r"pip='([0-9.]+)'", text).group(1))
PYTHON
)
bootstrap=$HOME/.ansible/test/cache/get_pip_${pip_version//./_}.py
if [ ! -e "$bootstrap" ]; then
    mkdir -p "$(dirname "$bootstrap")"
    cp scripts/ansible_test_bootstrap.py "$bootstrap"
fi

rm -rf "$work/collections" "$work/build"
mkdir -p "$work"
ansible-galaxy collection build --output-path "$work/build" collections/sqlhosting/mssql >/dev/null
ansible-galaxy collection install --force --offline --collections-path "$work/collections" "$work"/build/*.tar.gz >/dev/null 2>&1
cd "$work/collections/ansible_collections/sqlhosting/mssql"
# ansible-test asks git which files there are; without a repository of its own it would ask ours, which ignores .cache/.
git init -q . && git add -A
python_minor=$(python -c 'import sys; print("%d.%d" % sys.version_info[:2])')
exec ansible-test sanity --python "$python_minor" --color no "$@"
