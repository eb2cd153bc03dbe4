"""What admins do with users."""

from __future__ import annotations

import threading
from collections.abc import Callable
from functools import partial

import pytest
from sqlalchemy import select
from werkzeug.test import TestResponse

from tests.support.portal import PASSWORD, Portal
from tests.webapp.accounts.reading import actions, again
from webapp.accounts.listing import pending_count
from webapp.accounts.models import ApiToken, PortalRole, User, UserState

ADMIN, OPERATOR, VIEWER = PortalRole.ADMIN, PortalRole.OPERATOR, PortalRole.VIEWER


def at_once(*calls: Callable[[], TestResponse]) -> list[int]:
    """The status of each answer; the calls are made at the same moment."""
    barrier, answers = threading.Barrier(len(calls)), [0] * len(calls)

    def run(number: int, call: Callable[[], TestResponse]) -> None:
        barrier.wait()
        answers[number] = call().status_code

    threads = [threading.Thread(target=run, args=(number, call)) for number, call in enumerate(calls)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return answers


def test_who_waits_stands_first_and_is_counted(portal: Portal) -> None:
    portal.create_user(name="Active one")
    waiting = portal.create_user(name="Waiting one", state=UserState.PENDING, message="Please let me in")
    page = portal.client(portal.create_user(ADMIN)).get("/users").text
    assert page.index("Please let me in") < page.index("Active one")
    assert f'action="/users/{waiting.id}/approve"' in page
    with portal.database.reading() as session:
        assert pending_count(session) == 1


def test_an_admin_approves_with_a_role_and_trust(portal: Portal) -> None:
    admin, user = portal.create_user(ADMIN), portal.create_user(state=UserState.PENDING)
    answer = portal.client(admin).post(
        f"/users/{user.id}/approve", {"role": "operator", "is_trusted": "y", "seen": "pending"}
    )
    assert answer.status_code == 302
    row = again(portal, user)
    assert (row.state, row.role, row.is_trusted) == (UserState.ACTIVE, OPERATOR, True)
    assert row.decided_by_id == admin.id
    assert actions(portal, user.id) == ["user:approved"]


def test_a_rejection_needs_a_reason(portal: Portal) -> None:
    client, user = portal.client(portal.create_user(ADMIN)), portal.create_user(state=UserState.PENDING)
    for reason in ("", "   ", "r" * 1001, "nul \0", "turned \u202e"):
        answer = client.post(f"/users/{user.id}/reject", {"reason": reason})
        assert answer.status_code == 422
        assert "invalid-feedback" in answer.text
    assert client.post(f"/users/{user.id}/reject").status_code == 422
    assert again(portal, user).state is UserState.PENDING
    reason = "<script>alert(1)</script>'; DROP TABLE users; --\r\nünïcode 数据"
    assert client.post(f"/users/{user.id}/reject", {"reason": reason}).status_code == 302
    row = again(portal, user)
    assert (row.state, row.decision_reason) == (UserState.REJECTED, reason.replace("\r\n", "\n"))
    assert "<script>alert" not in client.get(f"/users/{user.id}").text


def test_two_admins_decide_at_once_and_one_of_them_wins(portal: Portal) -> None:
    admins = [portal.create_user(ADMIN), portal.create_user(ADMIN)]
    clients = [portal.client(admin) for admin in admins]
    tokens = [client.csrf_token() for client in clients]
    for _ in range(3):
        user = portal.create_user(state=UserState.PENDING)
        answers = at_once(
            lambda: clients[0].client.post(
                f"/users/{user.id}/approve",  # noqa: B023 - called before the next round
                data={"role": "customer", "seen": "pending", "csrf_token": tokens[0]},
            ),
            lambda: clients[1].client.post(
                f"/users/{user.id}/reject",  # noqa: B023
                data={"reason": "No.", "csrf_token": tokens[1]},
            ),
        )
        assert sorted(answers) == [302, 409]
        winner = answers.index(302)
        row = again(portal, user)
        assert row.decided_by_id == admins[winner].id
        assert row.state is (UserState.ACTIVE, UserState.REJECTED)[winner]
        assert actions(portal, user.id) == [("user:approved", "user:rejected")[winner]]


def test_the_second_admin_reads_who_decided_and_when(portal: Portal) -> None:
    first, second = portal.create_user(ADMIN), portal.create_user(ADMIN)
    user = portal.create_user(state=UserState.PENDING)
    portal.client(first).post(f"/users/{user.id}/reject", {"reason": "No."})
    answer = portal.client(second).post(f"/users/{user.id}/approve", {"role": "customer", "seen": "pending"})
    assert answer.status_code == 409
    assert f"{user.email} was rejected by {first.email} at 20" in answer.text
    assert again(portal, user).state is UserState.REJECTED
    # Having seen that, the second may still let them in.
    answer = portal.client(second).post(f"/users/{user.id}/approve", {"role": "customer", "seen": "rejected"})
    assert answer.status_code == 302
    assert again(portal, user).decision_reason is None


def test_a_double_click_decides_once_and_is_no_error(portal: Portal) -> None:
    client = portal.client(portal.create_user(ADMIN))
    for verb, form in (("approve", {"role": "customer"}), ("reject", {"reason": "No."})):
        user = portal.create_user(state=UserState.PENDING)
        path, token = f"/users/{user.id}/{verb}", client.csrf_token()
        data = {**form, "csrf_token": token}
        others = [portal.app.test_client(), portal.app.test_client()]
        cookie = client.client.get_cookie("sqlhosting")
        assert cookie is not None
        for other in others:
            other.set_cookie("sqlhosting", cookie.value)
        answers = at_once(*(partial(other.post, path, data=data) for other in others))
        assert answers == [302, 302]
        assert len(actions(portal, user.id)) == 1


def test_a_disabled_user_is_out_at_once_and_can_be_let_in_again(portal: Portal) -> None:
    admin, user = portal.client(portal.create_user(ADMIN)), portal.create_user()
    client = portal.client(user)
    assert admin.post(f"/users/{user.id}/disable", {"reason": "Left the company."}).status_code == 302
    assert client.get("/").status_code == 302
    page = portal.client().post("/login", {"email": user.email, "password": PASSWORD})
    assert (page.status_code, "Left the company." in page.text) == (403, True)
    assert admin.post(f"/users/{user.id}/enable").status_code == 302
    assert client.get("/").status_code == 302  # the old session does not come back
    assert portal.client(user).get("/").status_code == 200
    assert [each for each in actions(portal, user.id) if "abled" in each] == ["user:disabled", "user:enabled"]


def test_a_new_role_counts_from_the_next_request_on(portal: Portal) -> None:
    admin, user = portal.client(portal.create_user(ADMIN)), portal.create_user(OPERATOR)
    client = portal.client(user)
    assert client.get("/pools").status_code == 200
    assert admin.post(f"/users/{user.id}/role", {"role": "customer"}).status_code == 302
    assert client.get("/pools").status_code == 403
    assert actions(portal, user.id)[-1] == "user:role_changed"


def test_who_is_no_admin_any_more_has_no_token_that_sees_passwords(portal: Portal) -> None:
    user = portal.create_user(ADMIN)
    with portal.database.transaction() as session:
        session.add(ApiToken(user_id=user.id, name="inventory", token_hash="0" * 64, sees_secrets=True))
    portal.client(portal.create_user(ADMIN)).post(f"/users/{user.id}/role", {"role": "viewer"})
    with portal.database.reading() as session:
        assert session.scalars(select(ApiToken.sees_secrets)).all() == [False]


@pytest.mark.parametrize("form", [{"verb": "role", "role": "viewer"}, {"verb": "disable", "reason": "Bye."}])
def test_the_last_admin_cannot_be_locked_out(portal: Portal, form: dict[str, str]) -> None:
    admin = portal.create_user(ADMIN)
    portal.create_user(ADMIN, state=UserState.DISABLED)  # does not count
    client = portal.client(admin)
    answer = client.post(f"/users/{admin.id}/{form['verb']}", form)
    assert answer.status_code == 409
    assert "the last admin who can log in" in answer.text
    assert client.get("/users").status_code == 200
    portal.create_user(ADMIN)
    assert client.post(f"/users/{admin.id}/{form['verb']}", form).status_code == 302


def test_two_admins_who_demote_each_other_at_once_leave_one(portal: Portal) -> None:
    admins = [portal.create_user(ADMIN), portal.create_user(ADMIN)]
    clients = [portal.client(admin) for admin in admins]
    for _ in range(3):
        tokens = [client.csrf_token() for client in clients]
        at_once(
            *(
                partial(
                    client.client.post,
                    f"/users/{other.id}/role",
                    data={"role": "operator", "csrf_token": token},
                )
                for client, token, other in zip(clients, tokens, reversed(admins), strict=True)
            )
        )
        with portal.database.reading() as session:
            roles = session.scalars(select(User.role)).all()
        assert sorted(roles) == [ADMIN, OPERATOR]
        for admin in admins:
            portal.change(admin, role=ADMIN)


def test_choices_that_do_not_exist_are_refused(portal: Portal) -> None:
    client, user = portal.client(portal.create_user(ADMIN)), portal.create_user()
    waiting = portal.create_user(state=UserState.PENDING)
    for value in ("", "root", "ADMIN", "x" * 100_000, "<script>", "'; DROP TABLE users; --", "nul\0"):
        assert client.post(f"/users/{user.id}/role", {"role": value}).status_code == 422
        assert client.post(f"/users/{waiting.id}/approve", {"role": value}).status_code == 422
        assert client.post(f"/users/{user.id}/trust", {"trusted": value}).status_code == 422
    assert client.post(f"/users/{user.id}/role").status_code == 422
    assert actions(portal, user.id) == actions(portal, waiting.id) == []


def test_addresses_that_name_nobody_are_not_found(portal: Portal) -> None:
    client = portal.client(portal.create_user(ADMIN))
    for user_id in ("01ARZ3NDEKTSV4RRFFQ69G5FAV", "x" * 5000, "%00", "'; DROP TABLE users; --", "数据"):
        assert client.get(f"/users/{user_id}").status_code == 404
        assert client.post(f"/users/{user_id}/enable").status_code == 404


def test_trust_can_be_given_and_taken(portal: Portal) -> None:
    client, user = portal.client(portal.create_user(ADMIN)), portal.create_user()
    for wanted in ("yes", "yes", "no"):
        assert client.post(f"/users/{user.id}/trust", {"trusted": wanted}).status_code == 302
        assert again(portal, user).is_trusted is (wanted == "yes")
    assert actions(portal, user.id) == ["user:trusted", "user:distrusted"]


def test_an_admin_logs_a_user_out_everywhere(portal: Portal) -> None:
    user = portal.create_user()
    clients = [portal.client(user), portal.client(user)]
    portal.client(portal.create_user(ADMIN)).post(f"/users/{user.id}/sessions/end")
    assert [client.get("/").status_code for client in clients] == [302, 302]


def test_the_list_is_filtered_by_its_address(portal: Portal) -> None:
    client = portal.client(portal.create_user(ADMIN, name="The admin"))
    portal.create_user(name="Percent % sign")
    portal.create_user(name="Nobody else", state=UserState.DISABLED)
    assert "Nobody else" not in client.get("/users?q=%25").text
    assert "Percent % sign" in client.get("/users?q=PERCENT").text
    assert "Nobody else" in client.get("/users?state=disabled").text
    assert "Percent % sign" not in client.get("/users?role=admin").text
    assert "No user fits." in client.get("/users?q=<script>").text
    for query in ("?q=%00", "?after=%00"):
        assert client.get(f"/users{query}").status_code == 404
    assert client.get("/users?state=nonsense&role='--&after=zzz").status_code == 200


def test_a_users_page_shows_what_happened_and_a_viewer_sees_no_button(portal: Portal) -> None:
    user = portal.create_user()
    portal.client(user)
    admin = portal.client(portal.create_user(ADMIN))
    admin.post(f"/users/{user.id}/role", {"role": "operator"})
    for client, buttons in ((admin, True), (portal.client(portal.create_user(VIEWER)), False)):
        page = client.get(f"/users/{user.id}").text
        assert "role changed" in page
        assert "logged in" in page
        assert (f'action="/users/{user.id}/' in page) is buttons
    for before in ("0", "-5", "9" * 30, "x"):
        assert admin.get(f"/users/{user.id}?before={before}").status_code == 200
