"""What an account may do on each instance: the outcome is an answer, and the remedies it names cure it."""

from __future__ import annotations

import json
from typing import Any

import pytest
import yaml

from tests.support.playbooks import PLATFORM_PASSWORD, Platform, instance, unexplained
from tests.support.simulators import DRIVERS, SA_PASSWORD, connect, running_simulator

WEAK = {"name": "platform", "password": PLATFORM_PASSWORD}
VERDICT = "TASK [instance : Require"
KEYS = {
    "ok", "reachable", "encrypted", "certificate_verified", "login", "is_sysadmin", "version", "missing",
    "obstacles", "warnings", "error", "error_number",
}  # fmt: skip


@pytest.fixture(scope="module")
def simulator(tmp_path_factory):
    """A good account, weak ones of two versions, one with a wrong password."""
    topology = {
        "instances": [
            instance("good"),
            {"name": "weak2022", "sa_password": SA_PASSWORD, "logins": [WEAK]},
            {"name": "weak2019", "version": 2019, "sa_password": SA_PASSWORD, "logins": [WEAK]},
            {
                "name": "other",
                "sa_password": SA_PASSWORD,
                "logins": [{**WEAK, "password": "Another-Pass-1!"}],
            },
        ]
    }
    with running_simulator(topology, folder=tmp_path_factory.mktemp("accounts")) as running:
        yield running


def accounts(run) -> dict[str, dict[str, Any]]:
    """Each host's ``instance_account``, as the output shows it. The playbook fails when one is not ok."""
    found: dict[str, dict[str, Any]] = {}
    told = run.output.split("TASK [instance : Say how the account stands]")[1].split(
        "TASK [instance : Require"
    )[0]
    for part in told.split("ok: [")[1:]:
        host, _arrow, text = part.partition("] => \n")
        found[host] = yaml.safe_load(text)["instance_account"]
        assert set(found[host]) == KEYS
    assert run.status == (0 if all(one["ok"] for one in found.values()) else 2), run.output
    return found


@pytest.mark.parametrize(
    ("driver", "in_process"), [*((driver, True) for driver in sorted(DRIVERS)), ("freetds", False)]
)
def test_each_account_is_told_apart_and_a_bad_one_fails_the_playbook(simulator, tmp_path, driver, in_process):
    platform = Platform(simulator, tmp_path / "platform", driver=driver, in_process=in_process)
    addresses = json.loads((platform.folder / "instances.json").read_text())
    pool = {"hosts": dict.fromkeys([*addresses, "silent"]), "vars": {"sqlhosting_in_process": in_process}}
    inventory = {"all": {"children": {"standalone": pool}}}
    (platform.folder / "inventory" / "hosts.yml").write_text(json.dumps(inventory))
    (platform.folder / "instances.json").write_text(
        json.dumps({**addresses, "silent": {"host": "127.0.0.1", "port": 1}})
    )
    before = len(simulator.trace())
    run = platform.play("check_account", "-vvvv")
    plain = platform.play("check_account")
    found = accounts(plain)
    assert run.changed == 0
    assert PLATFORM_PASSWORD not in run.output

    good = found["good"]
    assert (good["ok"], good["reachable"], good["encrypted"], good["is_sysadmin"]) == (True,) * 4
    assert (good["certificate_verified"], good["login"], good["missing"]) == (False, "platform", [])
    assert good["version"].startswith("16.0.")
    assert "certificate is not checked" in good["warnings"][0]

    for name, version in (("weak2022", "16."), ("weak2019", "15.")):
        weak = found[name]
        assert (weak["ok"], weak["reachable"], weak["is_sysadmin"], weak["error"]) == (
            False,
            True,
            False,
            None,
        )
        assert weak["encrypted"] is True
        assert weak["version"].startswith(version)
        rights = [entry["right"] for entry in weak["missing"]]
        assert {"CONTROL SERVER", "ALTER ANY LOGIN", "VIEW SERVER STATE"} <= set(rights)
        assert ("VIEW ANY CRYPTOGRAPHICALLY SECURED DEFINITION" in rights) == (name == "weak2022")
        assert "VIEW ANY DATABASE" not in rights  # everybody has it

    refused = found["other"]
    assert (refused["ok"], refused["reachable"], refused["error_number"]) == (False, True, 18456)
    assert refused["is_sysadmin"] is None
    assert "Login failed for user 'platform'" in refused["error"]

    silent = found["silent"]
    assert (silent["ok"], silent["reachable"], silent["encrypted"]) == (False, False, None)
    assert "nothing listens on port 1" in silent["error"]
    failed = plain.output.split(VERDICT)[1].split("PLAY RECAP")[0]
    assert "ok: [good]" in failed
    assert "An administrator gives it that by: GRANT CONTROL SERVER TO [platform]; GRANT" in failed
    assert failed.count("fatal: [") == 4
    assert "Login failed for user 'platform'" in failed
    assert "login_user, login_password" in failed  # options: that is what playbooks are written with
    sent = [line for line in simulator.trace()[before:] if line["instance"] != "other"]
    assert unexplained(sent, run.journal + plain.journal) == []


def test_the_remedies_cure_one_right_after_the_other(simulator, tmp_path):
    platform = Platform(simulator, tmp_path / "platform", driver="freetds")

    def missing():
        found = accounts(platform.play("check_account", instance_pool="weak2019"))["weak2019"]
        return found["missing"], found["ok"]

    wanted, ok = missing()
    assert not ok
    assert len(wanted) > 5
    with connect(simulator.instances["weak2019"]) as administrator:
        administrator.execute(wanted[-1]["remedy"])
        fewer, _ok = missing()
        assert fewer == wanted[:-1]
        administrator.execute(fewer[0]["remedy"])  # CONTROL SERVER covers the rest
        assert missing() == ([], True)


@pytest.mark.parametrize("driver", sorted(DRIVERS))
@pytest.mark.parametrize("known", [True, False])
def test_whether_the_certificate_was_verified_is_told(simulator, tmp_path, driver, known):
    platform = Platform(simulator, tmp_path / "platform", driver=driver)
    wishes = {
        "login_host": "localhost",
        "login_port": "{{ demo_instances[inventory_hostname].port }}",
        "login_user": "platform",
        "login_password": "{{ lookup('ansible.builtin.file', demo_folder ~ '/platform.password') }}",
        "odbc_driver": DRIVERS[driver],
    }
    authorities = {"SSL_CERT_FILE": str(simulator.certificate)} if known else {}
    run = platform.play(
        "check_account", environment=authorities, instance_pool="good", sqlhosting_connection=wishes
    )
    found = accounts(run)["good"]
    assert (found["ok"], found["reachable"], found["certificate_verified"]) == (known, True, known)
    assert known or "certificate" in found["error"]
    assert found["warnings"] == []


def test_options_that_cannot_be_made_are_an_answer_too(simulator, tmp_path):
    platform = Platform(simulator, tmp_path / "platform", driver="freetds")
    (platform.folder / "platform.password").unlink()
    found = accounts(platform.play("check_account", instance_pool="good"))["good"]
    assert (found["ok"], found["reachable"]) == (False, False)
    assert "platform.password" in found["error"]
