"""The page in a real browser: no request, no error, sorted, filtered, readable in the dark and on a phone."""

import json
from collections.abc import Iterator
from itertools import permutations
from math import inf
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

import pytest
from pages import hostile_study

from sparseattack import Experiment, compare
from sparseattack.report.page.document import html
from sparseattack.report.results import Results
from sparseattack.report.side_by_side import of_study

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

CONTRAST = """
() => {
  const parse = (text) => text.match(/[\\d.]+/g).map(Number);
  const light = (rgb) => {
    const [r, g, b] = rgb.map((one) => one / 255)
      .map((one) => (one <= 0.04045 ? one / 12.92 : ((one + 0.055) / 1.055) ** 2.4));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const ground = (element) => {
    for (let one = element; one; one = one.parentElement) {
      const [r, g, b, a = 1] = parse(getComputedStyle(one).backgroundColor);
      if (a === 1) return [r, g, b];
    }
    return null;
  };
  const found = {};
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const element = walker.currentNode.parentElement;
    if (!walker.currentNode.data.trim() || element.closest("script, style, .store")) continue;
    const drawn = element.closest("svg"), style = getComputedStyle(element);
    if (drawn && style.fill !== style.color) continue;  // on a cell of a heat-map
    const ink = parse(drawn ? style.fill : style.color).slice(0, 3), behind = ground(element);
    const [low, high] = [light(ink), light(behind)].sort((a, b) => a - b);
    found[`${element.tagName} ${element.className.baseVal ?? element.className} ${ink} on ${behind}`] =
      (high + 0.05) / (low + 0.05);
  }
  return found;
}
"""


CHROMIUM = Path("/usr/bin/chromium")
FLAGS = [
    *("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
    "--disable-dev-shm-usage",
]


@pytest.fixture(scope="module")
def browser() -> Iterator["Browser"]:
    """Debian's Chromium; the tests are skipped where it, or playwright, is not installed."""
    playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    if not CHROMIUM.exists():
        pytest.skip(f"there is no {CHROMIUM}: apt-get install chromium")
    with playwright.sync_playwright() as started:
        browser = started.chromium.launch(executable_path=str(CHROMIUM), args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture
def found(small_results: Results) -> Results:
    return small_results


@pytest.fixture(scope="module")
def page(small_page: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    written = tmp_path_factory.mktemp("pages") / "page.html"
    written.write_text(small_page, encoding="utf-8")
    return written


class Visit:
    """A page that is open, and all that went wrong with it."""

    def __init__(self, browser: "Browser", path: Path, width: int = 1280, scheme: Any = "light") -> None:
        self.context = browser.new_context(
            color_scheme=scheme, offline=True, viewport={"width": width, "height": 900}
        )
        self.page: Page = self.context.new_page()
        self.requests, self.messages = list[str](), list[str]()
        self.page.on("request", lambda request: self.requests.append(request.url))
        self.page.on("console", lambda message: self.messages.append(message.text))
        self.page.on("pageerror", lambda error: self.messages.append(str(error)))
        self.page.on("dialog", lambda dialog: self.messages.append(dialog.message))
        self.page.goto(path.as_uri())

    def __enter__(self) -> "Page":
        return self.page

    def __exit__(self, *_: object) -> None:
        self.context.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [360, 1280])
def test_it_loads_nothing_and_fits(browser: "Browser", page: Path, width: int, scheme: str) -> None:
    visit = Visit(browser, page, width, scheme)
    with visit as shown:
        assert shown.evaluate("document.documentElement.scrollWidth") == width
        outside = (
            "[...document.querySelectorAll('main *')].filter((one) => !one.closest('.scroll, .drawing, svg')"
        )
        wide = shown.evaluate(f"{outside} && one.getBoundingClientRect().right > innerWidth + 0.5).length")
        assert wide == 0
        shown.locator("footer").scroll_into_view_if_needed()
        shown.wait_for_timeout(50)
    assert visit.messages == []
    assert [url for url in visit.requests if not url.startswith("data:image/png")] == [page.as_uri()]


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_all_text_can_be_read(browser: "Browser", page: Path, scheme: str) -> None:
    with Visit(browser, page, scheme=scheme) as shown:
        found = shown.evaluate(CONTRAST)
        ground = shown.evaluate("getComputedStyle(document.body).backgroundColor")
    assert len(found) > 10 and {what: ratio for what, ratio in found.items() if ratio < 4.5} == {}
    assert (ground == "rgb(255, 255, 255)") == (scheme == "light")


def test_a_heading_sorts_its_table(browser: "Browser", page: Path) -> None:
    with Visit(browser, page) as shown:
        table = shown.locator("table", has_text="Query cost per image")
        place = table.locator("thead th").all_inner_texts().index("median") + 1
        cells, button = table.locator(f"tbody td:nth-child({place})"), table.locator("button").nth(place - 1)
        before = cells.all_inner_texts()
        button.click()
        up = cells.all_inner_texts()
        assert table.locator("thead th").nth(place - 1).get_attribute("aria-sort") == "ascending"
        button.click()
        down = cells.all_inner_texts()
        assert table.locator("thead th[aria-sort]").count() == 1

    def number(text: str) -> float:
        return float("inf") if text.startswith(">") else float(text.replace(",", ""))

    assert sorted(up) == sorted(before) and list(map(number, up)) == sorted(map(number, before))
    assert (
        any(text.startswith(">") for text in up) and list(map(number, down)) == sorted(map(number, up))[::-1]
    )


def test_the_gallery_is_filtered(browser: "Browser", page: Path) -> None:
    with Visit(browser, page) as shown:
        cards = shown.locator(".gallery .card")
        every = cards.count()
        assert shown.locator(".gallery output").inner_text() == f"{every} of {every} shown here"
        shown.locator("select[name=strategy]").select_option("sparse-rs")
        shown.locator("select[name=result]").select_option("failure")
        seen = cards.locator("visible=true")
        texts = seen.all_inner_texts()
        assert 0 < len(texts) < every
        assert all("sparse-rs/corners" in text and "not fooled" in text for text in texts)
        shown.locator("select[name=strategy]").select_option("")
        assert cards.locator("visible=true").count() >= len(texts)


def test_the_reader_chooses_the_pair_of_the_scatter(
    browser: "Browser", three: Results, tmp_path: Path
) -> None:
    """Every pair's sentence, against a count over the runs: the lower of an image's two seeds."""
    (tmp_path / "page.html").write_text(three.to_html(), encoding="utf-8")
    lower = {method.name: dict[int, float]() for method in three.methods}
    for one in three.records:
        best, cost = lower[one.strategy], one.first_fooled if one.success else inf
        best[one.image] = min(best.get(one.image, inf), cost)
    visit = Visit(browser, tmp_path / "page.html", 360)
    with visit as shown:
        figure = shown.locator("figure", has=shown.locator("select[name=below]"))
        drawn = figure.locator(".drawing svg").inner_html()
        names = figure.locator("select[name=below] option").all_inner_texts()
        assert sorted(names) == sorted(lower)
        for below, left in permutations(names, 2):
            figure.locator("select[name=below]").select_option(label=below)
            figure.locator("select[name=left]").select_option(label=left)
            pairs = [(lower[below][image], lower[left][image]) for image in lower[below]]
            wins, losses = sum(x < y for x, y in pairs), sum(x > y for x, y in pairs)
            sentence = f"Of 12 images, {below} needs fewer queries on {wins}, {left} on {losses};"
            assert figure.locator("figcaption strong").inner_text().startswith(sentence)
            assert figure.locator("circle").count() == 12 and below in figure.locator("h3").inner_text()
        assert figure.locator(".drawing svg").inner_html() != drawn
        figure.locator("select[name=left]").select_option(label=below)  # they change places
        assert figure.locator("select[name=below] option:checked").inner_text() == left
    assert visit.messages == []


def test_on_a_phone_a_figure_fits_and_a_touch_makes_it_large(browser: "Browser", page: Path) -> None:
    with Visit(browser, page, 360) as shown:
        drawing = shown.locator("figure .drawing").first
        widths = []
        for _ in range(3):
            box = drawing.locator("svg").first.bounding_box()
            widths.append(box["width"] if box else 0)
            drawing.click()
        assert widths[0] == widths[2] < 360 < widths[1]
        assert shown.evaluate("document.documentElement.scrollWidth") == 360


def test_a_figure_is_made_large_with_keys(browser: "Browser", page: Path) -> None:
    """Only on a phone: elsewhere there is no button that does nothing."""
    with Visit(browser, page, 360) as shown:
        figure = shown.locator("figure").first
        drawing, button = figure.locator(".drawing"), figure.locator("button.enlarge")
        before = drawing.locator("svg").bounding_box()
        for _ in range(80):
            if button.evaluate("one => one === document.activeElement"):
                break
            shown.keyboard.press("Tab")
        shown.keyboard.press("Enter")
        after = drawing.locator("svg").bounding_box()
        assert before and after and before["width"] < 360 < after["width"]
        assert button.inner_text() == "make small"
        shown.keyboard.press("Shift+Tab")
        shown.keyboard.press("End")
        shown.keyboard.press("ArrowRight")
        shown.wait_for_timeout(500)  # it scrolls smoothly
        assert drawing.evaluate("one => one.scrollLeft") > 0
    with Visit(browser, page) as shown:
        assert shown.locator("button.enlarge").count() > 5
        assert not any(one.is_visible() for one in shown.locator("button.enlarge").all())


def test_the_numbers_can_be_saved(browser: "Browser", page: Path, found: Results) -> None:
    with Visit(browser, page) as shown:
        link = shown.locator("#download").get_attribute("href") or ""
        with shown.expect_download() as waiting:
            shown.locator("#download").click()
        saved = Path(waiting.value.path()).read_text("utf-8")
    assert waiting.value.suggested_filename == "numbers.json"
    assert json.loads(saved) == json.loads(unquote(link.partition(",")[2])) == json.loads(found.to_json())


def test_pictures_are_drawn_with_sharp_pixels(browser: "Browser", page: Path) -> None:
    with Visit(browser, page) as shown:
        images = "[...document.querySelectorAll('.store image')]"
        styles = shown.evaluate(f"{images}.map((one) => getComputedStyle(one).imageRendering)")
        assert set(styles) == {"pixelated"}
        box = shown.locator(".gallery .card svg").first.bounding_box()
        assert box and box["width"] > 60 and abs(box["width"] - box["height"]) < 1


def test_on_paper_it_is_light_and_open(browser: "Browser", page: Path) -> None:
    with Visit(browser, page, scheme="dark") as shown:
        shown.emulate_media(media="print")
        assert shown.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
        assert min(shown.evaluate(CONTRAST).values()) >= 4.5
        assert shown.pdf().startswith(b"%PDF")
        assert shown.locator("details:not([open])").count() == 0  # beforeprint opens them


def test_a_table_of_very_many_lines_scrolls_under_its_headings(browser: "Browser", tmp_path: Path) -> None:
    """Nine strategies make 36 pairs; on paper the table is whole, and the pairs are not told in words."""
    found = compare(
        Experiment(
            strategies=tuple(f"random(popsize={size})" for size in range(2, 11)),
            oracle="linear(classes=10,inputs=64)",
            images="digits[0:6]",
            true_class="prediction",
            budget=10,
        )
    )
    page = tmp_path / "page.html"
    page.write_text(html({"study": found}), encoding="utf-8")
    with Visit(browser, page) as shown:
        (long,) = shown.locator(".scroll.long").all()
        heading = long.locator("thead th").first
        assert long.locator("tbody tr").count() == 36
        shown.evaluate("window.scrollTo(0, document.querySelector('.long').offsetTop)")
        long.evaluate("one => one.scrollTo(0, one.scrollHeight)")
        whole, top = long.bounding_box(), heading.bounding_box()
        assert whole and top and whole["height"] < 700 and whole["y"] <= top["y"] < whole["y"] + 80
        heading.locator("button").click()
        assert heading.get_attribute("aria-sort") == "ascending"
        shown.emulate_media(media="print")
        paper = long.bounding_box()
        assert shown.pdf().startswith(b"%PDF") and paper and paper["height"] > 700
        assert shown.locator("details:not([open])").count() == shown.locator("details.long").count() == 1


def test_names_from_users_do_nothing(browser: "Browser", tmp_path: Path) -> None:
    found = hostile_study(tmp_path)
    page = tmp_path / "page.html"
    text = html({"<u>one": found, "two": of_study("</style><em onclick=alert(1)>", found)})
    page.write_text(text, encoding="utf-8")
    visit = Visit(browser, page, 360)
    with visit as shown:
        assert shown.title() == "2 studies side by side"
        assert shown.locator("img, b, i, u, [onclick], [onerror]").count() == 0
        assert shown.evaluate("document.documentElement.scrollWidth") == 360
    assert visit.messages == [] and {url for url in visit.requests if url[:5] != "data:"} == {page.as_uri()}
