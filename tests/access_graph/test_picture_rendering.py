"""The picture as SVG and HTML: valid documents, text inside its boxes, nothing of the graph as markup, bounded size."""

import re
from dataclasses import replace
from datetime import timedelta
from html.parser import HTMLParser
from itertools import pairwise
from xml.etree import ElementTree as ET

import pytest

from eks_access.graph.kubernetes_objects import Container
from eks_access.graph.tables import NotRead
from eks_access.questions.picture.draw_picture import draw_picture
from eks_access.questions.picture.model import Column
from eks_access.render.picture.html import picture_html
from eks_access.render.picture.labels import shorten, width, wrap
from eks_access.render.picture.layout import COLUMN_WIDTH, layout
from eks_access.render.picture.svg import picture_svg
from support.access_graphs import LATER, Objects
from support.large_access_graphs import large_objects
from support.picture_graphs import DEPLOYERS, ORDERS, broken, healthy, hostile

NOW = LATER + timedelta(days=1)
SVG = "{http://www.w3.org/2000/svg}"
SOURCE = "cluster eks-clu"
HOSTILE = "</script></style><img src=x onerror=alert(1)>\"'&{{7*7}}\x00\x1b"


def drawn(objects, **options):
    return draw_picture(objects.graph(), now=NOW, **options)


def parsed(text):
    return ET.fromstring(text)  # noqa: S314 - the test's own document


def with_class(root, name):
    return [each for each in root.iter(f"{SVG}g") if name in (each.get("class") or "").split()]


def test_svg_has_each_node_and_edge_with_its_state():
    picture = drawn(broken())
    root = parsed(picture_svg(picture, SOURCE))
    assert {each.get("id") for each in with_class(root, "node")} == {f"n{index}" for index in range(len(picture.nodes))}
    lines = [each for each in with_class(root, "edge") if each.get("id")]
    assert len(lines) == len(picture.edges)
    for each in lines:
        edge = picture.edges[int(each.get("id")[1:])]
        assert str(edge.verdict).replace(" ", "-") in each.get("class").split()
    texts = [text.text for text in root.iter(f"{SVG}text")]
    assert {"✘1", "✘2", "✘3"} <= set(texts)
    assert any(text.startswith("✘1 mapRoles[0]") for text in texts)


def test_lines_start_and_end_at_their_boxes():
    picture = drawn(broken())
    placed = layout(picture.nodes, picture.edges, lambda _: 44)
    for edge, points in zip(picture.edges, placed.lines, strict=True):
        source, target = placed.boxes[edge.source], placed.boxes[edge.target]
        assert points[0][0] == source.x + COLUMN_WIDTH
        assert points[-1][0] == target.x
        assert source.y <= points[0][1] <= source.y + source.height
        assert target.y <= points[-1][1] <= target.y + target.height


@pytest.mark.parametrize(
    "objects", [broken(), large_objects(accounts=60, roles=20, pods=60, bindings=20)], ids=["s", "l"]
)
def test_boxes_overlap_neither_each_other_nor_a_line_that_crosses_their_column(objects):
    picture = drawn(objects)
    placed = layout(picture.nodes, picture.edges, lambda _: 44)
    for column in Column:
        spans = [
            (placed.boxes[each.id].y, placed.boxes[each.id].y + 44) for each in picture.nodes if each.column is column
        ]
        crossing = [
            (points[index][1], points[index][1])
            for points in placed.lines
            for index in range(1, len(points) - 1, 2)
            if dict(placed.columns).get(column) == points[index][0]
        ]
        spans = sorted([*spans, *crossing])
        assert all(before[1] <= after[0] for before, after in pairwise(spans))


@pytest.mark.parametrize("text", ["a", "x" * 80, "名前" * 30, "role/with-many-parts/and-a-suffix-0123456789", HOSTILE])
def test_labels_fit_into_two_lines(text):
    lines = wrap(text, 22)
    assert 1 <= len(lines) <= 2
    assert all(width(line) <= 22 for line in lines)
    assert width(shorten(text, 9)) <= 9


def test_labels_end_lines_at_separators_and_between_words():
    assert wrap("AmazonEKSClusterAdminPolicy (whole cluster)", 22) == (
        "AmazonEKSClusterAdmin",
        "Policy (whole cluster)",
    )
    assert wrap("role/with-many-parts/and-a-suffix", 22) == ("role/with-many-parts/", "and-a-suffix")


def test_shortened_label_has_its_whole_text_as_title():
    name = "arn:aws:iam::123456789012:role/" + "a-very-long-name-" * 5
    root = parsed(picture_svg(drawn(hostile(name)), SOURCE))
    titles = [title.text for each in with_class(root, "node") for title in each.findall(f"{SVG}title")]
    assert any(name in title for title in titles)
    labels = [text.text for text in root.iter(f"{SVG}text") if text.get("class") == "label"]
    assert max(map(width, labels)) <= 22


class Elements(HTMLParser):
    """Tags and attributes of a page."""

    def __init__(self, text):
        super().__init__()
        self.tags, self.handlers, self.addresses = [], [], []
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        self.tags.append(tag)
        self.handlers += [name for name, _ in attributes if name.startswith("on")]
        self.addresses += [value for name, value in attributes if name in {"src", "href", "srcset", "action", "data"}]


def test_text_of_the_graph_is_inert():
    """A name with markup adds no element and no attribute, and characters that XML forbids are replaced."""
    picture = drawn(hostile(HOSTILE))
    svg = picture_svg(picture, HOSTILE, [NotRead(HOSTILE, HOSTILE)])
    assert {each.tag for each in parsed(svg).iter()} <= {
        f"{SVG}{tag}" for tag in ("svg", "title", "desc", "style", "rect", "text", "g", "path")
    }
    page = Elements(picture_html(picture, HOSTILE, [NotRead(HOSTILE, HOSTILE)]))
    assert (page.handlers, page.addresses) == ([], [])
    assert page.tags.count("script") == 2
    assert not {"img", "link", "iframe", "object", "use", "image"} & set(page.tags)
    assert "{{7*7}}" in svg


def test_html_loads_nothing_and_has_a_policy_that_forbids_it():
    text = picture_html(drawn(broken()), SOURCE)
    assert "default-src &#39;none&#39;" in text
    assert not re.search(r"@import|url\(|https?://(?!www\.w3\.org/2000/svg)(?!oidc\.eks)", text)


def test_html_has_all_links_as_a_table_and_all_fixes():
    picture = drawn(broken())
    text = picture_html(picture, SOURCE, [NotRead("pods", "AccessDenied")])
    assert text.count("<tr id=") == len(picture.edges)
    assert "not read: pods: AccessDenied" in text
    assert "✘ broken" in text
    assert "aws iam update-assume-role-policy" in text


def test_parts_that_were_not_read_are_listed_below_the_svg():
    root = parsed(picture_svg(drawn(healthy()), SOURCE, [NotRead("nodes", "AccessDenied: ec2:DescribeInstances")]))
    texts = [each.text for each in root.iter(f"{SVG}text")]
    assert "? not read: nodes: AccessDenied: ec2:DescribeInstances" in texts


def test_highlighted_chain_leaves_the_rest_dim():
    picture = drawn(broken(), highlight=DEPLOYERS)
    root = parsed(picture_svg(picture, SOURCE))
    dim = {each.get("id") for each in with_class(root, "dim") if "node" in each.get("class")}
    assert len(dim) == len(picture.nodes) - len(picture.highlighted) > 0


@pytest.mark.parametrize("render", [picture_svg, picture_html])
def test_cluster_without_any_chain_has_an_empty_picture(render):
    assert "0 objects, 0 broken links, 0 not evaluated" in render(drawn(Objects()), SOURCE)


@pytest.mark.parametrize("render", [picture_svg, picture_html])
def test_no_variable_or_other_annotation_is_drawn(render):
    """Values that may be secret: variables of containers, and annotations that name no role."""
    objects = broken()
    account = objects.service_accounts[ORDERS]
    account = replace(account, annotations={**account.annotations, "example.com/token": "c2VjcmV0"})
    pods = {
        key: replace(pod, containers=(Container("app", environment={"PASSWORD": "hunter2"}),))
        for key, pod in objects.pods.items()
    }
    text = render(
        drawn(objects.changed(service_accounts={**objects.service_accounts, ORDERS: account}, pods=pods)), SOURCE
    )
    assert not {"hunter2", "c2VjcmV0", "PASSWORD"} & set(re.findall(r"\w+", text))


@pytest.mark.parametrize("render", [picture_svg, picture_html])
def test_same_graph_has_the_same_bytes(render):
    assert render(drawn(broken()), SOURCE) == render(drawn(broken()), SOURCE)


def test_folded_picture_of_50_000_service_accounts_says_so_and_is_small():
    picture = drawn(large_objects(accounts=50_000, roles=1_000, pods=2_000, bindings=2_000))
    svg, page = picture_svg(picture, SOURCE), picture_html(picture, SOURCE)
    assert "objects are folded by namespace into" in svg
    assert "--namespace NAME" in page
    assert len(svg) < 1_500_000
    assert len(page) < 4_000_000
    parsed(svg)
