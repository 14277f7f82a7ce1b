"""Launchers that fell silent: said calmly in the navigation, on their cards, and at the sessions that they ran."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import expect

from browser.conftest import OpenPage
from browser.stage import Stage
from support.desk import fresh
from support.runtime_process import RuntimeProcess


@pytest.fixture(scope="module")
def runtime(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RuntimeProcess]:
    """A runtime that soon counts a silent launcher as lost."""
    with RuntimeProcess(tmp_path_factory.mktemp("runtime"), {"LAUNCHER_HEARTBEAT_TIMEOUT": "3"}) as process:
        yield process.start()


def test_lost_launchers_are_counted_apart_and_can_be_removed(open_page: OpenPage, stage: Stage) -> None:
    page = open_page("#/launchers")
    name = fresh()
    stage.launcher("attic")
    stage.play(name, "x", on="cellar")
    count = page.locator(".nav .item", has_text="Launchers").locator(".count")

    expect(count).to_have_attribute("title", "0 alive, 2 lost")
    expect(count).to_contain_text("0 · 2 lost")
    expect(page.locator('[data-launcher="cellar"] [data-status="lost"]')).to_be_visible()
    page.get_by_role("button", name="Remove attic").click()
    page.get_by_role("dialog").get_by_role("button", name="Remove").click()
    expect(count).to_have_attribute("title", "0 alive, 1 lost")
    page.locator(".nav").get_by_role("link", name="Sessions").click()
    expect(page.locator(f'[data-session="{name}"] [data-status="lost"]')).to_be_visible()
    expect(page.locator(f'[data-session="{name}"] .status .age')).to_contain_text("silent")
    expect(page.locator(f'[data-session="{name}"] .words')).to_contain_text("its launcher cellar is silent")
    page.locator(f'[data-session="{name}"] [data-row]').click()
    why = page.get_by_role("region", name="Why")
    expect(why).to_contain_text("Its launcher cellar is silent")
    expect(why).to_contain_text("Last heard of")
    expect(why).to_contain_text("start it again there")
    expect(why.get_by_role("link", name="Launchers")).to_be_visible()
