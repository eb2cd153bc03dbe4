"""From registering to logging in with the password: the platform's main story, on its real pages."""

from __future__ import annotations

import re
from contextlib import closing

import pyodbc
import pytest
from playwright.sync_api import expect

from tests.end_to_end.people import ID, WAIT_MS, Customer, Staff, Town, log_in_over_odbc, path_of


def test_a_customer_registers_books_watches_and_logs_in_with_the_password(town: Town) -> None:
    customer, admin = town.stranger("newcomer"), town.admin()
    customer.register("A database for the web shop.")
    admin.open("/users")
    admin.see("A database for the web shop.")
    admin.admit(customer.email)
    customer.log_in()
    request = customer.book("shop", size_gib="2", reason="The web shop's orders.")
    customer.wait_for_plan()

    admin.open_plan("shop")
    admin.see("The web shop's orders.")
    approved = admin.page.locator(".plan-statement pre.sql").all_inner_texts()
    assert [text for text in approved if text.startswith("CREATE DATABASE [shop_orders]")]
    assert [text for text in approved if text.startswith("CREATE LOGIN [shop_app] WITH PASSWORD = N'$(")]
    assert not set(approved) & set(town.platform.simulator.sent_by_modules())

    hold = {"kind": "hold", "pattern": r"CREATE DATABASE \[shop_orders\]"}
    held = [
        town.platform.simulator.control.call("add_fault", instance=name, fault=hold)["id"]
        for name in town.platform.simulator.instances
    ]
    admin.approve_plan()
    customer.wait_for("running", event="Being carried out")
    customer.page.locator("[data-live]").get_by_role("link", name="Job").first.click()
    expect(customer.page).to_have_url(re.compile(f"/jobs/{ID}$"))
    job = path_of(customer.page)
    changes = customer.page.locator("#changes [data-state=sent]")
    expect(changes).to_have_count(1, timeout=WAIT_MS)
    admin.open(job)
    admin.wait_for_job("running")
    for fault in held:
        town.platform.simulator.control.call("remove_fault", id=fault)
    admin.wait_for_job("successful")
    admin.see("PLAY RECAP")
    badge = customer.page.locator("#job-heading .state").first
    expect(badge).to_have_attribute("data-state", "successful")
    expect(changes).to_have_count(0)

    customer.open(request)
    customer.wait_for("deployed", event="Done")
    customer.follow("Open shop")
    password = customer.reveal_password()
    assert re.fullmatch(r"\S{16,}", password)
    customer.open_application("shop")
    customer.see("is not kept")
    expect(customer.page.get_by_role("button", name="Show the password once")).to_have_count(0)
    assert password not in customer.page.content()
    for driver, table in (("msodbcsql18", "first"), ("freetds", "second")):
        with closing(
            log_in_over_odbc(town.platform, "shop_app", password, database="shop_orders", driver=driver)
        ) as connection:
            connection.execute(f"CREATE TABLE {table} (id int, name nvarchar(20))")
            connection.execute(f"INSERT INTO {table} VALUES (1, N'one')")
            assert connection.execute(f"SELECT name FROM {table}").fetchval() == "one"

    admin.page.locator(".nav-tabs").get_by_role("link", name=re.compile("Statements")).click()
    # The rehearsal's statements are there as well, as planned.
    statements = admin.page.locator("#statements details.statement-change[data-status=ok]")
    expect(statements.last).to_be_visible()
    assert statements.locator("pre.sql").all_inner_texts() == approved
    received = [comparable(text) for text in town.platform.simulator.sent_by_modules()]
    wanted = [comparable(text) for text in approved]
    assert [text for text in received if text in wanted] == wanted
    assert password not in admin.page.content()


def comparable(text: str) -> str:
    """A secret is a placeholder on pages and asterisks in an instance's trace."""
    return re.sub(r"N'(\$\(\w+\)|\*+)'", "secret", text).strip()


def test_a_customer_adds_a_database_asks_for_space_and_has_logins_made_and_reset(town: Town) -> None:
    customer, admin = town.customer(), town.admin()
    page = customer.page
    customer.book("books")
    finish(customer, admin, "books")
    customer.follow("Open books")
    first = customer.reveal_password()

    customer.open_application("books", "Databases")
    page.get_by_text("Add a database").click()
    page.get_by_label("Database name").fill("stock")
    page.locator("#new-size_gib").fill("1")
    customer.press("Ask for it")
    finish(customer, admin, "books")
    with closing(log_in_over_odbc(town.platform, "books_app", first, database="books_stock")) as connection:
        connection.execute("CREATE TABLE items (id int)")

    customer.open_application("books", "Databases")
    orders = page.locator(".database-row", has_text="books_orders")
    orders.get_by_text("Ask for more space").click()
    orders.get_by_label("New data limit").fill("3")
    orders.get_by_role("button", name="Ask for it").click()
    finish(customer, admin, "books")
    customer.open_application("books", "Databases")
    expect(page.locator(".database-row", has_text="books_orders")).to_contain_text("3.0 GiB allowed")

    customer.open_application("books", "Logins")
    page.get_by_text("Add a login").click()
    page.get_by_label("Login name").fill("reader")
    page.get_by_role("radio", name=re.compile("Read only")).check()
    customer.press("Ask for it")
    finish(customer, admin, "books")
    customer.open_application("books", "Logins")
    reader = customer.reveal_password()
    with closing(
        log_in_over_odbc(town.platform, "books_reader", reader, database="books_stock")
    ) as connection:
        assert connection.execute("SELECT COUNT(*) FROM items").fetchval() == 0
        with pytest.raises(pyodbc.Error, match="permission"):
            connection.execute("INSERT INTO items VALUES (1)")

    customer.open_application("books", "Logins")
    main = page.locator(".database-row", has_text="books_app")
    main.get_by_role("button", name="Reset the password").click()
    page.locator("dialog#confirm").get_by_role("button", name="Reset the password").click()
    finish(customer, admin, "books")
    customer.open_application("books", "Logins")
    second = customer.reveal_password()
    assert second != first
    log_in_over_odbc(town.platform, "books_app", second, database="books_stock").close()
    with pytest.raises(AssertionError, match="18456"):
        log_in_over_odbc(town.platform, "books_app", first, database="books_stock")


def finish(customer: Customer, admin: Staff, application: str) -> None:
    """From the request's page: planned, approved, deployed."""
    customer.at_request()
    customer.wait_for_plan()
    admin.approve(application)
    customer.wait_for("deployed", event="Done")
