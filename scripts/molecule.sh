#!/usr/bin/env bash
# Runs each role's molecule scenario. Give role names to run only those.
set -euo pipefail
cd "$(dirname "$0")/.."
root=$PWD
export PATH="$root/.venv/bin:$PATH" ANSIBLE_CONFIG="$root/ansible.cfg"

roles=("$@")
[ ${#roles[@]} -gt 0 ] || mapfile -t roles < <(find roles -path '*/molecule/default/molecule.yml' | cut -d/ -f2 | sort)
[ ${#roles[@]} -gt 0 ] || { echo "molecule: no scenario found under roles/" >&2; exit 1; }
for role in "${roles[@]}"; do
    echo "molecule: $role"
    (cd "roles/$role" && molecule test)
done
echo "molecule: ${#roles[@]} scenarios passed"
