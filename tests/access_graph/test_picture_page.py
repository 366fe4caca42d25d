"""The HTML page of `eks-access graph` in a browser: search, filters, keyboard, highlighting, colors, inert text."""

from datetime import timedelta

import pytest

from eks_access.questions.picture.draw_picture import draw_picture
from eks_access.render.picture.html import picture_html
from support.access_graphs import LATER
from support.browser import REQUIRED, open_browser, open_file
from support.large_access_graphs import large_objects
from support.picture_graphs import DEPLOYERS, broken, hostile

NOW = LATER + timedelta(days=1)
MARKUP = "</script><img src=https://example.com/x.png onerror=alert(1)>"
SHOWN = ".node:not(.hidden)"
BRIGHT = ".node:not(.dim)"


@pytest.fixture(scope="module")
def browser():
    with open_browser() as started:
        yield started


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    folder = tmp_path_factory.mktemp("pages")
    marked = draw_picture(broken().graph(), now=NOW, highlight=DEPLOYERS)
    paths = {"marked": folder / "marked.html"}
    paths["marked"].write_text(picture_html(marked, "marked"), encoding="utf-8")
    graphs = {
        "broken": broken(),
        "hostile": hostile(MARKUP),
        "large": large_objects(accounts=400, roles=40, bindings=20, namespaces=10),
    }
    for name, objects in graphs.items():
        paths[name] = folder / f"{name}.html"
        picture = draw_picture(objects.graph(), now=NOW, most_nodes=200)
        paths[name].write_text(picture_html(picture, name), encoding="utf-8")
    return paths


@pytest.fixture
def opened(browser, files):
    with open_file(browser, files["broken"]) as page:
        yield page
        assert (page.messages, page.requests) == ([], [])


@pytest.fixture
def page(opened):
    return opened.page


def box(page, name):
    """The box of a node, by the beginning of its name."""
    return page.locator(f'.node[aria-label^="{name}"]')


def test_search_announces_its_matches_and_enter_goes_to_the_first(opened):
    page = opened.page
    page.keyboard.press("/")
    assert opened.focused() == "search"
    page.keyboard.type("ORDERS")
    status = page.locator("#status")
    assert "boxes match" in status.inner_text()
    assert status.get_attribute("role") == "status"
    assert page.locator(".node.match").count() == int(status.inner_text().split()[0]) >= 3
    page.keyboard.press("Enter")
    assert "orders" in page.locator(":focus").get_attribute("aria-label")
    page.keyboard.press("Escape")
    assert page.locator(".node.match").count() == 0


def test_search_finds_the_arn_that_only_the_details_have(page):
    page.locator("#search").fill("arn:aws:iam::123456789012:role/orders")
    assert page.locator(".node.match").count() >= 1
    page.locator("#search").fill("nothing like this")
    assert page.locator("#status").inner_text() == "0 boxes match"


def test_click_highlights_a_chain_and_its_rows(page):
    every = page.locator("#links tbody tr:visible").count()
    box(page, "group deployer,").click()
    chain = [each.get_attribute("aria-label") for each in page.locator(BRIGHT).all()]
    assert len(chain) == 4
    assert box(page, "group deployer,").get_attribute("aria-pressed") == "true"
    assert page.locator("#links tbody tr:visible").count() == 3 < every
    assert "1 broken" in page.locator("#status").inner_text()
    details = page.locator("#details").inner_text()
    assert "the group of the mapping differs" in details
    assert "kubectl -n kube-system patch configmap aws-auth" in details
    page.keyboard.press("Escape")
    assert page.locator(".node.dim").count() == 0


def test_chain_of_the_option_is_highlighted_until_escape(browser, files):
    with open_file(browser, files["marked"]) as opened:
        every = opened.page.locator(".node").count()
        assert opened.page.locator(BRIGHT).count() == 4
        opened.page.keyboard.press("Escape")
        assert opened.page.locator(BRIGHT).count() == every


def test_hovering_shows_details_of_boxes_and_lines(page):
    box(page, "IAM policy queue").hover()
    assert "Allow sqs:SendMessage on arn:aws:sqs:*:*:orders" in page.locator("#details").inner_text()
    page.mouse.move(5, 5)
    assert page.locator("#details").inner_text() == "Point at a box or a line to see its details."
    page.locator(".band .edge.broken .badge").first.hover()
    assert "should be" in page.locator("#details").inner_text()


def test_keyboard_reaches_every_box_of_a_chain(opened):
    page = opened.page
    page.locator("#theme").focus()
    page.keyboard.press("Tab")
    assert page.locator(":focus").get_attribute("role") == "button"
    labels = []
    for _ in range(20):
        labels.append(page.locator(":focus").get_attribute("aria-label"))
        page.keyboard.press("ArrowDown")
    column = {label for label in labels if label.startswith("IAM")}
    assert len(column) == 4
    box(page, "IAM user eks-ope").focus()
    for expected in ("access entry eks-ope", "group operators", "binding test-clu-rolebinding", "RBAC role"):
        page.keyboard.press("ArrowRight")
        assert page.locator(":focus").get_attribute("aria-label").startswith(expected)
    page.keyboard.press("ArrowLeft")
    page.keyboard.press("Enter")
    assert page.locator(":focus").get_attribute("aria-pressed") == "true"
    assert page.locator(".node.dim").count() > 0
    outline = page.locator(":focus .box").evaluate("box => getComputedStyle(box).strokeWidth")
    assert outline == "4px"
    page.keyboard.press("Escape")
    assert page.locator(".node.dim").count() == 0


def test_filters_show_broken_chains_kinds_and_namespaces(page):
    every = page.locator(SHOWN).count()
    page.locator("#only-broken").check()
    chains = page.locator(SHOWN).count()
    assert 0 < chains < every
    assert box(page, "service account test-sa").is_hidden()
    assert box(page, "service account orders").is_visible()
    page.locator("#only-broken").uncheck()
    page.locator("#namespace").select_option("default")
    assert box(page, "service account orders").is_hidden()
    assert box(page, "service account test-sa").is_visible()
    page.locator("#namespace").select_option("")
    page.locator("#kinds summary").click()
    page.locator("input[name=kind][value=pod]").uncheck()
    assert box(page, "pod ").first.is_hidden()
    assert page.locator("#status").inner_text().endswith(f"of {every} boxes are shown")


def test_hidden_parts_leave_no_gap(page):
    height = float(page.locator("#picture").get_attribute("height"))
    page.locator("#only-broken").check()
    assert float(page.locator("#picture").get_attribute("height")) < height


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_colors_follow_the_system_and_have_contrast(browser, files, scheme):
    with open_file(browser, files["broken"], color_scheme=scheme) as opened:
        page = opened.page
        colors = [contrast(page)]
        page.locator("#theme").select_option("dark" if scheme == "light" else "light")
        colors.append(contrast(page))
        assert colors[0]["paper"] != colors[1]["paper"]
        # WCAG 2.2, 1.4.3: 4.5 for text; 1.4.11: 3 for borders and lines.
        for found in colors:
            assert min(found["texts"]) >= 4.5, found
            assert min(found["lines"]) >= 3, found


def contrast(page):
    """The paper's color, and contrast ratios of texts and of lines with what is behind them."""
    return page.evaluate("""() => {
      const style = getComputedStyle(document.documentElement);
      const value = (name) => style.getPropertyValue('--' + name).trim();
      const luminance = (hex) => [1, 3, 5].map((at) => parseInt(hex.slice(at, at + 2), 16) / 255)
        .map((part) => part <= 0.03928 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4)
        .reduce((sum, part, index) => sum + part * [0.2126, 0.7152, 0.0722][index], 0);
      const ratio = (one, other) => {
        const [low, high] = [luminance(value(one)), luminance(value(other))].sort((a, b) => a - b);
        return (high + 0.05) / (low + 0.05);
      };
      const lanes = ['paper', 'aws-lane', 'cluster-lane'];
      const texts = [['text', 'aws-fill'], ['text', 'cluster-fill'], ['quiet', 'aws-fill'], ['quiet', 'cluster-fill'],
        ['aws-text', 'aws-lane'], ['cluster-text', 'cluster-lane'], ['text', 'panel'],
        ...['broken', 'unknown', 'trap'].map((name) => [name, 'badge']),
        ...['text', 'quiet', 'broken', 'unknown', 'trap'].flatMap((name) => lanes.map((lane) => [name, lane]))];
      const lines = ['line', 'broken', 'unknown', 'trap', 'aws', 'cluster', 'focus']
        .flatMap((name) => lanes.map((lane) => [name, lane]));
      return { paper: getComputedStyle(document.body).backgroundColor,
        texts: texts.map((pair) => ratio(...pair)), lines: lines.map((pair) => ratio(...pair)) };
    }""")


def test_screen_reader_gets_boxes_with_their_faults_and_a_table(opened):
    nodes = opened.accessible_nodes()
    buttons = [name for role, name in nodes if role == "button"]
    assert any(name.startswith("group deployer, next link broken: the group of the mapping") for name in buttons)
    assert any(role == "table" for role, _ in nodes)
    assert {"columnheader", "searchbox", "status", "main", "banner"} <= {role for role, _ in nodes}
    assert [
        role for role, name in nodes if not name and role in {"button", "searchbox", "combobox", "checkbox", "group"}
    ] == []
    cells = [name for role, name in nodes if role == "cell"]
    assert cells.count("✘ broken") == 3


def test_text_stays_in_its_box(page):
    """The browser's own font is not wider than the layout assumes."""
    outside = page.evaluate("""() => [...document.querySelectorAll('.node')].flatMap((node) => {
      const box = node.querySelector('.box').getBBox();
      return [...node.querySelectorAll('text')].map((text) => text.getBBox())
        .filter((text) => text.x + text.width > box.width || text.y + text.height > box.height || text.y < 0);
    }).length""")
    assert outside == 0


def test_markup_in_names_is_inert(browser, files):
    with open_file(browser, files["hostile"]) as opened:
        page = opened.page
        assert page.locator("img").count() == 0
        box(page, "role annotation").last.hover()
        for each in page.locator(".node").all():
            each.focus()
        page.locator("#search").fill("onerror")
        assert page.locator(".node.match").count() >= 3
        assert (opened.messages, opened.requests, page.locator("img").count()) == ([], [], 0)


def test_folded_page_of_a_large_cluster_stays_usable(browser, files):
    with open_file(browser, files["large"]) as opened:
        page = opened.page
        assert "folded by namespace" in page.locator("#folded").inner_text()
        page.locator("#namespace").select_option("ns-7")
        shown = page.locator(SHOWN).count()
        assert 3 <= shown <= 60
        box(page, "service account ns-7").first.hover()
        assert "--namespace ns-7" in page.locator("#details").inner_text()
        assert (opened.messages, opened.requests) == ([], [])


def test_missing_browser_skips_or_fails_where_it_is_required(monkeypatch):
    monkeypatch.setenv("PATH", "")
    monkeypatch.delenv(REQUIRED, raising=False)
    with pytest.raises(pytest.skip.Exception, match="Chromium is not installed"), open_browser():
        pass
    monkeypatch.setenv(REQUIRED, "1")
    with pytest.raises(pytest.fail.Exception, match="Chromium is not installed"), open_browser():
        pass
