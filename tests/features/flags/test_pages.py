"""The pages: a flag from the form to history, with plain forms only."""

import re
from html import unescape

import pytest


@pytest.fixture
async def browser(sign_in):
    """An owner."""
    return await sign_in("owner")


def form_of(text: str, form_id: str) -> dict[str, str]:
    """What a browser would send of a form: its fields as they stand."""
    form = re.search(rf'<form[^>]*id="{form_id}".*?</form>', text, re.DOTALL).group(0)
    found = {}
    for tag in re.findall(r"<input[^>]*>", form):
        name, value = re.search(r'name="([^"]*)"', tag), re.search(r'value="([^"]*)"', tag)
        if name and 'type="checkbox"' not in tag:
            found[name.group(1)] = unescape(value.group(1)) if value else ""
    for name, inner in re.findall(
        r'<textarea[^>]*name="([^"]*)"[^>]*>(.*?)</textarea>', form, re.DOTALL
    ):
        found[name] = unescape(inner)
    for name, inner in re.findall(
        r'<select[^>]*name="([^"]*)"[^>]*>(.*?)</select>', form, re.DOTALL
    ):
        chosen = re.search(r'<option value="([^"]*)" selected', inner)
        found[name] = chosen.group(1) if chosen else ""
    return found


async def test_from_nothing_to_a_targeted_flag_and_back(browser):
    assert "No flags yet" in (await browser.get("/flags")).text
    made = await browser.post("/flags/new", data={"key": "checkout", "kind": "boolean"})
    assert made.headers["location"] == "/flags/checkout"
    page = (await browser.get("/flags/checkout")).text
    fields = form_of(page, "targeting")
    added = await browser.post("/flags/checkout/rules", data={**fields, "do": "add-group"})
    assert "Not saved yet" in added.text
    fields = form_of(added.text, "targeting")
    with_condition = await browser.post(
        "/flags/checkout/rules", data={**fields, "do": "add-condition-0"}
    )
    fields = form_of(with_condition.text, "targeting")
    fields |= {"g0-c0-property": "plan", "g0-c0-value": "pro\nteam", "g0-rollout": "50"}
    saved = await browser.post("/flags/checkout/rules", data={**fields, "do": "save"})
    assert saved.status_code == 303
    await browser.post("/flags/checkout/enable", data={"environment": "production"})
    flag = (await browser.get("/api/flags/checkout")).json()
    rules = flag["environments"]["production"]
    assert rules["enabled"] is True
    assert rules["groups"][0]["rollout"] == 50
    assert rules["groups"][0]["conditions"][0]["value"] == ["pro", "team"]
    page = (await browser.get("/flags/checkout")).text
    assert form_of(page, "targeting")["g0-c0-value"] == "pro\nteam"
    assert "environments.production.groups[0]" in page
    back = await browser.post("/flags/checkout/roll-back", data={"version": "1"})
    assert back.status_code == 303
    assert (await browser.get("/api/flags/checkout")).json()["environments"] == {}


async def test_wrong_rules_are_shown_with_what_was_typed(browser):
    await browser.post("/flags/new", data={"key": "f"})
    fields = form_of((await browser.get("/flags/f")).text, "targeting")
    fields = {**fields, "groups-count": "1", "g0-rollout": "many", "do": "save"}
    answer = await browser.post("/flags/f/rules", data=fields)
    assert answer.status_code == 422
    assert "groups[0].rollout" in answer.text
    assert "Not saved yet" in answer.text


async def test_saving_over_somebody_elses_change_is_refused(browser):
    await browser.post("/flags/new", data={"key": "f"})
    fields = form_of((await browser.get("/flags/f")).text, "targeting")
    await browser.post("/flags/f/settings", data={"name": "Renamed"})
    fields = {**fields, "groups-count": "1", "g0-rollout": "10", "do": "save"}
    answer = await browser.post("/flags/f/rules", data=fields)
    assert "changed meanwhile" in answer.text


async def test_explain_says_why_in_words(browser):
    await browser.post(
        "/flags/new",
        data={"key": "price", "kind": "multivariate", "variants": 'a = {"cents": 900}\nb'},
    )
    await browser.post("/flags/price/enable", data={"environment": "staging"})
    told = await browser.post(
        "/flags/price/explain",
        data={"environment": "staging", "distinct_id": "u1", "properties": "plan = pro"},
    )
    assert "They meet targeting group 1 and were dealt in." in told.text
    off = await browser.post("/flags/price/explain", data={"distinct_id": "u1"})
    assert "The flag is off in this environment." in off.text


async def test_an_analyst_sees_and_changes_nothing(sign_in, browser):
    await browser.post("/flags/new", data={"key": "f"})
    analyst = await sign_in("analyst")
    page = await analyst.get("/flags/f")
    assert page.status_code == 200
    assert "Save rules" not in page.text
    assert (await analyst.post("/flags/f/enable", data={})).status_code == 403


async def test_environments_and_keys(browser, tenant):
    page = await browser.get("/flags/environments")
    assert "Staging" in page.text
    await browser.post("/flags/environments", data={"environment": "preview", "name": "Preview"})
    keys = (await browser.get("/api/keys")).json()["items"]
    path = f"/flags/environments/keys/{keys[0]['key_id']}"
    await browser.post(path, data={"environment": "preview"})
    found = (await browser.get("/api/flag-environments")).json()
    assert found["keys"] == {keys[0]["key_id"]: "preview"}


async def test_scheduling_and_proposals_on_the_page(sign_in, browser):
    await browser.post("/flags/new", data={"key": "f"})
    data = {"environment": "production", "what": "enable", "at": "2027-01-01T10:00"}
    await browser.post("/flags/f/schedules", data=data)
    assert "Nothing is scheduled" not in (await browser.get("/flags/f")).text
    await browser.post(
        "/flags/environments",
        data={"environment": "production", "name": "Production", "needs_approval": "on"},
    )
    editor = await sign_in("editor")
    await editor.post("/flags/f/enable", data={"environment": "production"})
    page = (await browser.get("/flags/f")).text
    assert "Proposed change" in page
    path = re.search(r'action="(/flags/approvals/[^"]*/approve)"', page).group(1)
    assert (await browser.post(path)).headers["location"] == "/flags/f"
    assert (await browser.get("/api/flags/f")).json()["environments"]["production"]["enabled"]


async def test_the_list_shows_the_state_in_each_environment(browser):
    await browser.post("/flags/new", data={"key": "f"})
    await browser.post("/flags/f/enable", data={"environment": "staging"})
    page = (await browser.get("/flags")).text
    assert page.index("Off") < page.index(">On<")
    await browser.post("/flags/f/archive", data={})
    assert "/flags/f" not in (await browser.get("/flags")).text
    assert "/flags/f" in (await browser.get("/flags?show=archived")).text
    assert (await browser.get("/flags/stale")).status_code == 200
