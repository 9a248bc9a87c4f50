"""The widgets in a real browser: what they show, held against the package's own numbers for random settings."""

import gzip
import json
import re
import shutil
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from itertools import pairwise
from pathlib import Path
from random import Random

import numpy as np
import pytest
import torch
from alexbook import arithmetic, datasets, networks, runs, weights
from alexbook.arithmetic import Row
from alexbook.datasets import image_files, photographs
from alexbook.layers import (
    Activation,
    AvgPool,
    BatchNorm,
    Conv,
    Dense,
    Dropout,
    Flatten,
    MaxPool,
    Windowed,
    pair,
)
from alexbook.models import torch as torch_models
from alexbook.networks import Network
from alexbook.weights import _files
from alexbook_site import live
from alexbook_site import widgets as extension
from built_book import needs_chromium, settle
from PIL import Image
from playwright.sync_api import expect
from repository import ROOT
from scipy import stats

HTML = ROOT / "_build" / "html"
SETTINGS = 200  # random settings of each widget
TAGS = tuple(extension.WIDGETS)
STATIC = ROOT / "_static"
SHARED = sorted({name for names in extension.SHARED.values() for name in names})
SCRIPTS = ["base.js", *SHARED, *(f"{tag.removeprefix('ax-')}.js" for tag in TAGS)]
LONGEST_LINE = 140

LOADED = "".join(f'<script src="../_static/widgets/{name}"></script>' for name in SCRIPTS)
PAGE = f"""<!doctype html><html lang="en" data-theme="light"><head><meta charset="utf-8"><title>Widgets</title>
<meta name="viewport" content="width=device-width"><link rel="stylesheet" href="../_static/book.css">
<link rel="stylesheet" href="../_static/widgets/widgets.css">{LOADED}</head><body><main><h1>Widgets</h1>
<ax-output-size input="8" kernel="3" stride="2"><p>calculator in words</p></ax-output-size>
<ax-network-explorer><p>networks in words</p></ax-network-explorer>
<ax-convolution><p>convolution in words</p></ax-convolution>
<ax-experiments><p>runs in words</p></ax-experiments>
<ax-digit><p>digits in words</p></ax-digit>
<ax-photograph><p>photographs in words</p></ax-photograph>
<ax-output-size input="227" kernel="11" stride="4"><p>another calculator</p></ax-output-size>
</main></body></html>"""


class Handler(SimpleHTTPRequestHandler):
    """Serves a folder under the strictest rule for scripts, styles and pictures: only from here, nothing inline."""

    def end_headers(self) -> None:
        self.send_header("Content-Security-Policy", "default-src 'self'")
        super().end_headers()

    def log_message(self, *args: object) -> None:
        pass


def copy_static(folder: Path) -> None:
    """The widgets' files, and the style sheet that has their colors."""
    shutil.copytree(STATIC / "widgets", folder / "widgets")
    shutil.copy(STATIC / "book.css", folder)
    shutil.copytree(ROOT / "extra" / "vendor", folder.parent / "vendor", dirs_exist_ok=True)


def build_all(tab, count: int) -> None:
    """Builds every widget, those too that no reader has come near to."""
    tab.evaluate("for (const widget of document.querySelectorAll('[data-ax-widget]')) widget.make()")
    expect(tab.locator(".ax-ready")).to_have_count(count)  # asks again without eval, which the policy forbids


@pytest.fixture(scope="module")
def site(tmp_path_factory) -> Path:
    """A page with all widgets, one of them twice, in a folder below the data, as the chapters are."""
    folder = tmp_path_factory.mktemp("site")
    extension.write(folder / extension.FOLDER)
    copy_static(folder / "_static")
    (folder / "favicon.ico").touch()
    (folder / "chapters").mkdir()
    (folder / "chapters" / "page.html").write_text(PAGE, encoding="utf-8")
    return folder


@pytest.fixture
def open_page(browser, site: Path) -> Iterator:
    """Opens the page, from its file or from an address, and fails at the end if a script ran into an error."""
    contexts, errors = [], []

    def opened(address: str | None = None, width: int = 1280, **options):
        context = browser.new_context(viewport={"width": width, "height": 900}, **options)
        contexts.append(context)
        tab = context.new_page()
        tab.on("pageerror", lambda error: errors.append(str(error)))
        tab.on("console", lambda message: errors.append(message.text) if message.type == "error" else None)
        tab.goto(address or (site / "chapters" / "page.html").as_uri())
        if options.get("java_script_enabled", True):
            build_all(tab, 7)
        return tab

    yield opened
    for context in contexts:
        context.close()
    assert errors == []


def drive(tab, tag: str, settings: list[dict], read: str) -> list:
    """Gives one widget each of the settings and returns what ``read``, a function of the element, finds then."""
    return tab.evaluate(f"""([tag, all]) => all.map((settings) => {{
        const element = document.querySelector(tag);
        element.settings = settings;
        return ({read})(element);
    }})""", [tag, settings])


def until(tab, expression: str, seconds: float = 120) -> None:
    """Waits for an expression to become true. (Playwright's own way is an ``eval``, which a strict policy forbids.)"""
    end = time.monotonic() + seconds
    while not tab.evaluate(f"Boolean({expression})"):
        assert time.monotonic() < end, f"{expression} did not become true in {seconds} s"
        tab.wait_for_timeout(50)


# --- output sizes -----------------------------------------------------------------------------------------------------

READ_SIZE = """(e) => ({says: e.says.textContent, wrong: e.says.classList.contains("ax-wrong"),
  last: e.querySelector(".ax-formulas math:last-of-type mn:last-child")?.textContent,
  note: e.querySelector(".ax-formulas .ax-note")?.textContent ?? "",
  cells: [...e.querySelectorAll("[data-pixel]")].map((c) => [Number(c.dataset.pixel), c.dataset.kind]),
  current: e.querySelectorAll(".ax-current").length, legend: e.legend.textContent, window: e.settings.window})"""


def size_settings(random: Random) -> dict:
    odd = random.random() < 0.3
    most = 300 if random.random() < 0.2 else 30
    return {"kind": random.choice(("convolution", "pooling")), "input": random.randint(0 if odd else 1, most),
            "kernel": random.choice((-1, 0, 2.5)) if odd and random.random() < 0.2 else random.randint(1, 12),
            "stride": 0 if odd and random.random() < 0.2 else random.randint(1, 6),
            "before": -1 if odd and random.random() < 0.2 else random.randint(0, 4), "after": random.randint(0, 4),
            "dilation": 0 if odd and random.random() < 0.2 else random.randint(1, 4),
            "rounding": random.choice(("floor", "ceil")), "window": random.randint(0, 20)}


def size_truth(found: dict) -> tuple[int | None, str]:
    """The output's size by the package, or its sentence."""
    sides = ((found["before"], found["after"]),) * 2
    try:
        layer = Conv(1, found["kernel"], found["stride"], sides, found["dilation"]) if found["kind"] == "convolution" \
            else MaxPool(found["kernel"], found["stride"], sides)
        shape = (found["input"], found["input"], 1)
        network = Network("net", "net", "", shape, (layer,), rounding=found["rounding"])
        return arithmetic.trace(network).rows[0].output_shape[1], ""
    except ValueError as error:
        return None, str(error).partition(": ")[2]


def same_meaning(shown: str, package: str) -> bool:
    """Word for word where the package speaks of one number; where it shows a pair or a shape, in its main words."""
    shown = shown.removeprefix("Not possible: ").replace("−", "-")
    if shown == package:
        return True
    if package.startswith("a padding of "):
        return re.sub(r"^a padding of .* with", "", shown) == re.sub(r"^a padding of .* with", "", package)
    if package.startswith("the input shape is"):
        return shown.startswith("input is") and "at least 1" in shown and "at least 1" in package
    if package.startswith("padding is"):
        return shown.startswith("padding ") and "a whole number of at least 0" in shown
    return package.startswith(shown.removesuffix("."))


@needs_chromium
def test_output_sizes_are_the_packages(open_page) -> None:
    random = Random(1)
    settings = [size_settings(random) for _ in range(SETTINGS)]
    fitted = 0
    for given, found in zip(settings, drive(open_page(), "ax-output-size", settings, READ_SIZE), strict=True):
        outputs, sentence = size_truth(given)
        assert found["wrong"] == (outputs is None), given
        if outputs is None:
            assert same_meaning(found["says"], sentence), (given, found["says"], sentence)
            assert found["cells"] == []
            continue
        fitted += 1
        assert re.match(rf"{outputs} windows? fits?: {given['input']} pixels? in, {outputs} out", found["says"]), given
        assert int(found["last"]) == outputs + bool(found["note"]), (given, found)
        assert not found["note"] or found["note"].endswith(f"and {outputs} remain.")
        dilation = given["dilation"] if given["kind"] == "convolution" else 1
        seen = {index * given["stride"] - given["before"] + tap * dilation
                for index in range(outputs) for tap in range(given["kernel"])}
        inside = set(range(given["input"]))
        unused = sorted(inside - seen)
        for pixel, kind in found["cells"]:
            assert kind == ("pad" if pixel not in inside else "missed" if pixel in unused else "pixel"), given
        said = f"{len(unused)} columns" if len(unused) > 1 else f"column {unused[0]}" if unused else "Every pixel"
        assert said in found["legend"], (given, found["legend"])
        assert found["window"] == min(given["window"], outputs - 1) and found["current"] == 1
    assert 80 < fitted < SETTINGS - 20  # both kinds were tried


@needs_chromium
def test_output_size_by_hand(open_page) -> None:
    """Fields, menus, slider and buttons, with the mouse and from the keyboard."""
    tab = open_page()
    widget = tab.locator("ax-output-size").first
    widget.get_by_label("input", exact=True).fill("224")
    widget.get_by_label("kernel").fill("11")
    widget.get_by_label("stride").fill("4")
    assert widget.locator(".ax-says").inner_text().startswith("54 windows fit")
    widget.get_by_label("rounding").select_option("ceil")
    assert widget.locator(".ax-says").inner_text().startswith("55 windows fit")
    widget.get_by_label("kernel").fill("")
    assert "kernel is empty" in widget.locator(".ax-says").inner_text()
    widget.get_by_label("kernel").press_sequentially("11")
    assert widget.get_by_label("kernel").input_value() == "11"
    slider = widget.get_by_role("slider")
    slider.focus()
    tab.keyboard.press("End")
    assert slider.get_attribute("aria-valuetext") == "Window 55 of 55: pixels 216 to 226"
    assert "3 pixels beyond the end" in widget.locator(".ax-legend").inner_text()
    widget.get_by_role("button", name="Previous window").press("Enter")
    assert slider.get_attribute("aria-valuetext").startswith("Window 54 of 55")
    widget.get_by_label("or a layer").select_option("alexnet_torchvision conv1")
    row = arithmetic.trace(networks.get("alexnet_torchvision"))["conv1"]
    assert widget.locator(".ax-says").inner_text().startswith(f"{row.output_shape[0]} windows fit")
    widget.get_by_role("button", name="Reset").click()
    assert tab.evaluate("document.querySelector('ax-output-size').settings.input") == 8


# --- networks ---------------------------------------------------------------------------------------------------------

READ_NETWORK = """(e) => ({says: e.says.textContent, wrong: e.says.classList.contains("ax-wrong"),
  facts: Object.fromEntries([...e.querySelectorAll("[data-name]")].map((d) => [d.dataset.name, d.textContent])),
  field: e.querySelector("[data-field]")?.dataset.field, checked: e.querySelector(".ax-tower :checked")?.value,
  names: [...e.querySelectorAll(".ax-tower input")].map((i) => i.value),
  status: Object.fromEntries([...e.querySelectorAll("tr[data-layer]")]
    .map((r) => [r.dataset.layer, r.dataset.status]))})"""


def size(shape: tuple[int, ...]) -> str:
    return "×".join(map(str, shape)) if len(shape) > 1 else f"{shape[0]:,}"


def field_of(network: Network, name: str, unit: str) -> tuple[int, int, int, int]:
    """Rows and columns of the input that a unit of a layer sees, walking *back* from it, layer by layer."""
    rows = list(arithmetic.trace(network))
    place = [row.name for row in rows].index(name)
    found = []
    for axis in (0, 1):
        count = rows[place].output_shape[axis]
        first = last = {"first": 0, "middle": count // 2, "last": count - 1}[unit]
        for row in reversed(rows[:place + 1]):
            if isinstance(row.layer, Windowed):
                kernel, stride = pair(row.layer.kernel)[axis], pair(row.layer.stride)[axis]
                assert pair(getattr(row.layer, "dilation", 1)) == (1, 1)
                sides = arithmetic.paddings(row.layer.padding, row.input_shape[:2], pair(row.layer.kernel),
                                            pair(row.layer.stride))
                first, last = (at * stride - sides[axis][0] for at in (first, last))
                last += kernel - 1
        found.append((first, last - first + 1))
    (down, high), (across, wide) = found
    return down, across, high, wide


def alike(one: Row, other: Row) -> bool:
    """All that the explorer shows of the two; where training starts from is not part of it."""
    bare = [replace(row.layer, name="", **({"start": None} if hasattr(row.layer, "start") else {}))
            for row in (one, other)]
    figures = [(row.output_shape, row.parameters, row.macs, row.receptive_field) for row in (one, other)]
    return bare[0] == bare[1] and figures[0] == figures[1]


@needs_chromium
def test_networks_are_the_packages(open_page) -> None:
    random = Random(2)
    names = list(networks.NETWORKS)
    settings = []
    for _ in range(SETTINGS):
        network = random.choice(names)
        layers = [row.name for row in arithmetic.trace(networks.get(network))]
        settings.append({"network": network, "layer": random.choice(layers), "compare": random.choice(["", *names]),
                         "unit": random.choice(("first", "middle", "last"))})
    for given, found in zip(settings, drive(open_page(), "ax-network-explorer", settings, READ_NETWORK), strict=True):
        traced = arithmetic.trace(networks.get(given["network"]))
        row, facts = traced[given["layer"]], found["facts"]
        assert not found["wrong"] and found["checked"] == row.name
        assert found["names"] == ["input", *(each.name for each in traced)]
        assert facts["total-parameters"] == f"{traced.parameters:,}" and facts["total-macs"] == f"{traced.macs:,}"
        assert facts["total-bytes"] == f"{traced.parameter_bytes:,}"
        assert (facts["input"], facts["output"]) == (size(row.input_shape), size(row.output_shape)), given
        assert (facts["parameters"], facts["macs"]) == (f"{row.parameters:,}", f"{row.macs:,}")
        assert facts["bytes"] == f"{row.activation_bytes:,} bytes"
        assert facts["field"] == (size(row.receptive_field) if row.receptive_field else "the whole image")
        field = field_of(traced.network, row.name, given["unit"]) if row.receptive_field else \
            (0, 0, *traced.network.input_shape[:2])
        assert found["field"] == ",".join(map(str, field)), given
        assert f"{row.parameters:,} parameters, {row.macs:,} MACs" in found["says"]
        if not given["compare"]:
            assert found["status"] == {}
            continue
        here, there = ({each.name: each for each in table}
                       for table in (traced, arithmetic.trace(networks.get(given["compare"]))))
        truth = {name: "only there" if name not in here else "only here" if name not in there else
                 "same" if alike(here[name], there[name]) else "differs" for name in here | there}
        inputs = {networks.get(given[key]).input_shape for key in ("network", "compare")}
        truth["input"] = "same" if len(inputs) == 1 else "differs"
        shown = found["status"] | dict.fromkeys(facts["same"].split(", "), "same")
        shown.pop("none", None)
        assert shown == truth, given


@needs_chromium
def test_unknown_networks_and_layers_are_named(open_page) -> None:
    tab = open_page()
    unknown, compared, layer = drive(tab, "ax-network-explorer", [
        {"network": "alexnet", "layer": "conv1", "compare": ""}, {"network": "lenet5", "compare": "resnet"},
        {"network": "lenet5", "layer": "conv9", "compare": ""}], READ_NETWORK)
    odd, = drive(tab, "ax-network-explorer", [{"layer": "C1", "unit": "second"}], READ_NETWORK)
    assert odd["wrong"] and "must be first, middle, last" in odd["says"]
    with pytest.raises(ValueError) as error:
        networks.get("alexnet")
    assert unknown["wrong"] and unknown["says"].removeprefix("Not possible: ") == \
        str(error.value).replace("There", "there")
    assert compared["wrong"] and "no network named 'resnet'" in compared["says"]
    assert layer["wrong"] and "lenet5 has no layer 'conv9'; it has input, C1," in layer["says"]


@needs_chromium
def test_network_by_hand(open_page) -> None:
    tab = open_page()
    widget = tab.locator("ax-network-explorer")
    widget.get_by_label("network", exact=True).select_option("lenet5")
    assert tab.evaluate("document.querySelector('ax-network-explorer').settings.layer") == "C1"
    widget.get_by_role("radio", name="C1").focus()
    tab.keyboard.press("ArrowDown")
    tab.keyboard.press("ArrowDown")
    assert tab.evaluate("document.querySelector('ax-network-explorer').settings.layer") == "S2"
    widget.get_by_role("radio", name="F6").click()
    row = arithmetic.trace(networks.get("lenet5"))["F6"]
    assert widget.locator("[data-name=parameters]").inner_text() == f"{row.parameters:,}"
    widget.get_by_label("compare with").select_option("lenet5_modern")
    assert widget.get_by_role("table").count() == 1
    assert widget.locator("tr[data-layer=F6]").inner_text().split("\t")[1] == "only here"


# --- convolution ------------------------------------------------------------------------------------------------------

READ_CONVOLUTION = """(e) => ({says: e.says.textContent, wrong: e.says.classList.contains("ax-wrong"),
  sum: e.querySelector("[data-name=sum]")?.textContent, at: e.settings.at,
  terms: [...e.querySelectorAll(".ax-terms span")].map((s) => s.textContent),
  cells: [...e.output.querySelectorAll("g[data-place]")].map((g) => g.querySelector("text")?.textContent ?? null)})"""


def number(text: str) -> float:
    return float(text.replace("−", "-").strip("()"))


def convolution_settings(random: Random, images: list[dict], kernels: list[dict]) -> dict:
    odd = random.random() < 0.15
    kernel = random.choice(kernels)
    own = [random.choice((-2, -1, 0, 1, 2, 0.5, -1.25)) for _ in range(8 if odd and random.random() < 0.4 else 9)]
    preset = random.random() < 0.5
    return {"image": random.choice(images)["name"], "kernel": kernel["name"] if preset else " ".join(map(str, own)),
            "divisor": 0 if odd and random.random() < 0.4 else kernel["divisor"] if preset
            else random.choice((1, 2, -4)),
            "stride": random.choice((0, 1.5)) if odd and random.random() < 0.4 else random.randint(1, 4),
            "padding": random.choice((-1, 9)) if odd and random.random() < 0.4 else random.randint(0, 3),
            "at": random.randint(0, 40)}


@needs_chromium
def test_convolutions_are_numpys(open_page) -> None:
    data, random = extension.images_data(), Random(3)
    images = {image["name"]: np.array(image["values"], float) for image in data["images"]}
    presets = {kernel["name"]: kernel["values"] for kernel in data["kernels"]}
    settings = [convolution_settings(random, data["images"], data["kernels"]) for _ in range(SETTINGS)]
    refused = 0
    for given, found in zip(settings, drive(open_page(), "ax-convolution", settings, READ_CONVOLUTION), strict=True):
        weights = presets.get(given["kernel"]) or [float(word) for word in given["kernel"].split()]
        faults = {"the kernel is": len(weights) != 9, "the divisor is 0": given["divisor"] == 0,
                  "stride is": given["stride"] not in (1, 2, 3, 4), "padding is": not 0 <= given["padding"] <= 8}
        if any(faults.values()):
            refused += 1
            assert found["wrong"] and next(word for word, fault in faults.items() if fault) in found["says"], given
            continue
        padded = np.pad(images[given["image"]], given["padding"])
        windows = np.lib.stride_tricks.sliding_window_view(padded, (3, 3))[::given["stride"], ::given["stride"]]
        truth = (np.einsum("ijuv,uv->ij", windows, np.reshape(weights, (3, 3))) / given["divisor"]).ravel()
        at = min(given["at"], len(truth) - 1)
        assert not found["wrong"] and found["at"] == at and len(found["cells"]) == len(truth), given
        assert all(cell is None for cell in found["cells"][at + 1:])
        for cell, value in zip(found["cells"][:at + 1], truth[:at + 1], strict=True):
            assert abs(number(cell) - value) <= (0.5 if abs(value) >= 100 else 0.05) + 1e-9, given
        assert abs(number(found["sum"]) - truth[at]) <= 5e-5 + 1e-9, given
        pairs = [tuple(map(number, term.split(" · "))) for term in found["terms"]]
        assert np.allclose(np.array(pairs).T[0], windows.reshape(-1, 9)[at])
        assert np.allclose(np.array(pairs).T[1], weights)
        assert f"Window {at + 1} of {len(truth)} " in found["says"]
    assert 5 < refused < 60


@needs_chromium
def test_convolution_by_hand(open_page) -> None:
    tab = open_page()
    widget = tab.locator("ax-convolution")
    state = "document.querySelector('ax-convolution').settings"
    widget.get_by_role("button", name="Step forward").click()
    widget.get_by_role("button", name="Step forward").press("Space")
    widget.get_by_role("button", name="Step back").click()
    assert tab.evaluate(f"{state}.at") == 1
    widget.get_by_role("slider").focus()
    tab.keyboard.press("ArrowRight")
    assert tab.evaluate(f"{state}.at") == 2
    widget.get_by_label("kernel", exact=True).select_option("blur")
    assert tab.evaluate(f"{state}.divisor") == 9
    widget.get_by_label("divided by").press("Control+A")
    widget.get_by_label("divided by").press_sequentially("0.05")
    assert tab.evaluate(f"{state}.divisor") == 0.05
    widget.get_by_label("kernel, row 2, column 2").fill("5")
    assert tab.evaluate(f"{state}.kernel") == "1 1 1 1 5 1 1 1 1"
    assert widget.get_by_label("kernel", exact=True).input_value() == "own"
    widget.get_by_label("kernel, row 1, column 1").fill("")
    assert "must be nine numbers" in widget.locator(".ax-says").inner_text()


@needs_chromium
def test_play_moves_until_it_is_stopped(open_page) -> None:
    tab = open_page()
    widget = tab.locator("ax-convolution")
    widget.get_by_role("button", name="Play").click()
    tab.wait_for_function("document.querySelector('ax-convolution').settings.at >= 2")
    widget.get_by_role("button", name="Pause").click()
    at = tab.evaluate("document.querySelector('ax-convolution').settings.at")
    tab.wait_for_timeout(1000)
    assert tab.evaluate("document.querySelector('ax-convolution').settings.at") == at < 35


@needs_chromium
def test_nothing_moves_for_those_who_asked_for_that(open_page) -> None:
    tab = open_page(reduced_motion="reduce")
    tab.locator("ax-convolution").get_by_role("button", name="Fill in").click()
    assert tab.evaluate("document.querySelector('ax-convolution').settings.at") == 35


# --- experiments ------------------------------------------------------------------------------------------------------

READ_RUNS = """(e) => ({says: e.says.textContent, wrong: e.says.classList.contains("ax-wrong"),
  rows: [...e.querySelectorAll("tbody tr")]
    .map((r) => [r.dataset.condition, ...[...r.children].map((c) => c.textContent)]),
  charts: [...e.querySelectorAll(".ax-charts svg")].map((s) => ({
    ticks: [...s.querySelectorAll(".ax-end")].map((t) => [Number(t.textContent), Number(t.getAttribute("y")) - 4]),
    curves: Object.fromEntries([...s.querySelectorAll("[data-condition]")].map((g) => [g.dataset.condition,
      ["ax-line", "ax-band"].map((css) => g.querySelector("." + css)?.getAttribute("d"))]))}))})"""


def recorded() -> dict[tuple[str, str], list[runs.Run]]:
    """The runs of each condition, by the names in their files."""
    groups: dict[tuple[str, str], list[runs.Run]] = {}
    for group in extension.GROUPS:
        for run in runs.load(f"{group.prefix}*"):
            name = re.sub(r"-seed\d+$|-torch", "", run.name.removeprefix(group.prefix))
            groups.setdefault((group.name, re.sub(r"-seed\d+$", "", name)), []).append(run)
    return groups


def points(path: str, ticks: list) -> np.ndarray:
    """The heights of a path, as percent, by the labels of the chart's axis."""
    ys = [float(y) for y in re.findall(r"[ML][\d.]+ ([\d.]+)", path)]
    (zero, at_zero), (top, at_top) = ticks[0], ticks[-1]
    return zero + (np.array(ys) - at_zero) * (top - zero) / (at_top - at_zero)


def hold_against(experiment: str, same: list[runs.Run], text: str) -> None:
    """The last column's words, against a paired t interval by SciPy."""
    base = {run.seed: run.test_error for run in runs.load(
        "ablation-all-*" if experiment == "ablation" else "regularization-all-*")}
    differences = [100 * (run.test_error - base[run.seed]) for run in same if run.seed in base]
    if "-all-" in same[0].name or len(differences) < 2:
        assert text == "–"
        return
    low, high = stats.t.interval(0.95, len(differences) - 1, np.mean(differences), stats.sem(differences))
    shown = [float(word.replace("−", "-")) for word in re.findall(r"[+−]?[\d.]+", text)]
    assert np.allclose(shown, [np.mean(differences), low, high], rtol=0, atol=0.0551)
    assert text.endswith((" decided", " undecided"))


def test_decided_is_what_stays_below_5_percent_after_holm() -> None:
    """p by SciPy's paired t-test, corrected step by step as Holm wrote it down."""
    known, words = recorded(), {}
    for group in extension.experiments_data()["groups"]:
        words |= {(group["name"], one["name"]): one["against"] for one in group["conditions"]}
    checked = 0
    for group in (group for group in extension.GROUPS if group.base):
        base = {run.seed: run.test_error for run in runs.load(f"{group.base}*")}
        p_values = {}
        for (of, name), same in known.items():
            pairs = [(run.test_error, base[run.seed]) for run in same if run.seed in base]
            if of == group.name and len(pairs) > 1 and not same[0].name.startswith(group.base):
                p_values[name] = stats.ttest_rel(*zip(*pairs, strict=True)).pvalue
        decided = set()
        for rank, (name, p) in enumerate(sorted(p_values.items(), key=lambda item: item[1])):
            if (len(p_values) - rank) * p >= 0.05:
                break
            decided.add(name)
        for name in p_values:
            assert words[group.name, name][1].endswith(" decided" if name in decided else " undecided"), name
            checked += 1
    assert checked >= 10


@needs_chromium
def test_curves_and_tables_are_the_recorded_runs(open_page) -> None:
    known, random = recorded(), Random(4)
    by_group: dict[str, list[str]] = {}
    for group, name in known:
        by_group.setdefault(group, []).append(name)
    assert sum(map(len, known.values())) == len(runs.names())  # every recorded run can be looked at
    settings = []
    for _ in range(SETTINGS):
        group = random.choice(list(by_group))
        chosen = random.sample(by_group[group], min(random.randint(0, 7), len(by_group[group])))
        strange = ["no-idea"] if random.random() < 0.05 else []
        settings.append({"experiment": group, "conditions": " ".join(chosen + strange)})
    for given, found in zip(settings, drive(open_page(), "ax-experiments", settings, READ_RUNS), strict=True):
        chosen = given["conditions"].split()
        if "no-idea" in chosen or not 1 <= len(chosen) <= 6:
            expected = "no condition 'no-idea'" if "no-idea" in chosen else "at most 6" if chosen else "tick at least"
            assert found["wrong"] and expected in found["says"] and found["rows"] == [], given
            continue
        assert not found["wrong"] and {row[0] for row in found["rows"]} == set(chosen)
        compared = any(extension.against(group, known[group.name, name]) for group in extension.GROUPS
                       if group.name == given["experiment"] for name in chosen)
        for name, label, seeds, epochs, *errors in found["rows"]:
            if compared:
                hold_against(given["experiment"], known[given["experiment"], name], errors.pop())
            same = known[given["experiment"], name]
            assert int(seeds) == len(same)
            lengths = {len(run.curve) for run in same}
            assert [int(n) for n in epochs.split("–")] == sorted({min(lengths), max(lengths)})
            for chart, figure, text in zip(found["charts"], ("train_error", "test_error"), errors, strict=True):
                last = [100 * run.series(figure)[-1] for run in same]
                truth = [np.mean(last), min(last), max(last)] if len(same) > 1 else last
                shown = [float(word) for word in re.findall(r"[\d.]+", text)]
                half = 0.00501 if given["experiment"] == "mnist" else 0.0501  # of the last digit that is shown
                assert np.allclose(shown, truth, rtol=0, atol=half), (given, label)
                shortest = np.array([100 * run.series(figure)[:min(lengths)] for run in same])
                line, band = chart["curves"][name]
                assert np.allclose(points(line, chart["ticks"]), shortest.mean(0), rtol=0, atol=0.06), (given, label)
                if len(same) > 1:
                    edges = [*shortest.min(0), *shortest.max(0)[::-1]]
                    assert np.allclose(points(band, chart["ticks"]), edges, rtol=0, atol=0.06), (given, label)


@needs_chromium
def test_experiments_by_hand(open_page) -> None:
    tab = open_page()
    widget = tab.locator("ax-experiments")
    widget.get_by_label("no weight decay").check()
    assert widget.locator("tbody tr").count() == 4
    widget.get_by_label("half width").press("Space")
    widget.get_by_label("two towers").press("Space")
    assert widget.locator("tbody tr").count() == 6
    assert widget.get_by_label("no PCA color augmentation").is_disabled()  # a seventh curve
    widget.get_by_label("experiment").select_option("mnist")
    assert widget.locator("tbody tr").count() == 4


# --- a drawn digit ----------------------------------------------------------------------------------------------------

def shown_digits(count: int) -> tuple[np.ndarray, np.ndarray]:
    """The first shipped test digits, as a network is given them: uint8, (count, 28, 28), and their labels."""
    split = datasets.load("digits", "test")
    return image_files.frame(split.images[:count]), split.labels[:count]


def computed(tab, name: str, images: np.ndarray) -> np.ndarray:
    """What the page computes for images: the last layer's outputs."""
    tab.evaluate("document.querySelector('ax-digit').wake()")
    tab.evaluate("(network) => { document.querySelector('ax-digit').settings = {network}; }", name)
    until(tab, f"document.querySelector('ax-digit').net?.name === '{name}'")
    return np.array(tab.evaluate("""(images) => { const e = document.querySelector('ax-digit');
        return images.map((pixels) => Array.from(alexbook.outputs(e.net, e.input(pixels)))); }""",
                                 images.reshape(len(images), -1).tolist()))


@needs_chromium
@pytest.mark.parametrize("name", extension.DIGITS)
@pytest.mark.parametrize("over_http", [False, True], ids=["file", "http"])
def test_the_pages_network_is_pytorchs(open_page, server: str, name: str, over_http: bool) -> None:
    """On 200 test digits and 20 images of noise, from a file and over http under a strict policy."""
    digits, labels = shown_digits(200)
    noise = np.random.default_rng(5).integers(0, 256, (20, 28, 28)).astype(np.uint8)
    images = np.concatenate([digits, noise])
    found = computed(open_page(server if over_http else None), name, images)
    model, card = weights.load(name), weights.card(name)
    with torch.inference_mode():
        expected = model(torch.from_numpy(card.prepare(images).transpose(0, 3, 1, 2).copy())).numpy()
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-4)
    nearest = (-found if card.build().layers[-1].kind == "rbf" else found).argmax(axis=1)[:200]
    told = [int(best[0]) for [best] in weights.predict(name, digits, top=1)]
    assert (nearest != labels).mean() == (np.array(told) != labels).mean()


SEVEN = [(30, 20), (70, 20), (50, 80)]


def strokes(corners: list[tuple[int, int]], scale: float = 1.0, shift: tuple[int, int] = (0, 0)) -> str:
    """Lines between corners (0 to 99) as the setting has them, smaller or bigger around the middle, and moved."""
    along = [corners[0]]
    for (x0, y0), (x1, y1) in pairwise(corners):
        along += [(x0 + (x1 - x0) * step / 12, y0 + (y1 - y0) * step / 12) for step in range(1, 13)]
    moved = [[50 + (value - 50) * scale + by for value, by in zip(point, shift, strict=True)] for point in along]
    return "".join(f"{round(x):02d}{round(y):02d}" for x, y in moved)


READ_DIGIT = "(e) => ({order: e.result.order, pixels: Array.from(e.result.pixels), says: e.says.textContent})"


@needs_chromium
@pytest.mark.parametrize("name", extension.DIGITS)
def test_a_digit_is_read_wherever_and_however_large_it_is_drawn(open_page, name: str) -> None:
    """With scaling and centering by mass; without them a small one in a corner is another image to the network."""
    tab = open_page()
    computed(tab, name, np.zeros((1, 28, 28), np.uint8))
    cases = [strokes(SEVEN, *how) for how in ((), (0.5,), (0.5, (-20, -25)), (0.4, (24, 24)), (1.2,))]
    asked = [{"strokes": case, "example": "", "scale": 1, "center": 1} for case in cases]
    found = drive(tab, "ax-digit", asked, READ_DIGIT)
    assert [one["order"][0] for one in found] == [7] * 5
    for one in found:
        image = np.array(one["pixels"]).reshape(28, 28)
        rows, columns = np.nonzero(image > 25)
        assert max(np.ptp(rows), np.ptp(columns)) + 1 in (20, 21, 22), "the ink fills MNIST's box"
        mass = [(image.sum(axis=1 - axis) * (np.arange(28) + 0.5)).sum() / image.sum() for axis in (0, 1)]
        assert np.abs(np.array(mass) - 14).max() <= 0.51, "the center of mass is in the middle, to half a pixel"
    asked = [{"strokes": cases[2], "scale": 0, "center": 0}, {"invert": 1}]
    [apart, exchanged] = drive(tab, "ax-digit", asked, READ_DIGIT)
    image = np.array(apart["pixels"]).reshape(28, 28)
    assert image[14:].sum() == 0 and image[:14, :14].sum() > 0.9 * image.sum()
    assert exchanged["pixels"] == (255 - image.ravel()).tolist()


@needs_chromium
def test_digit_by_hand(open_page) -> None:
    """Mouse and keyboard draw; undo takes one stroke back; drawing on a phone does not scroll the page."""
    tab = open_page()
    widget = tab.locator("ax-digit")
    pad = widget.get_by_label("Drawing pad")
    pad.scroll_into_view_if_needed()
    box = pad.bounding_box()
    assert tab.evaluate("[document.querySelector('ax-digit').net, alexbook.data.lenet5_modern]") == [None, None]
    for start, end in (((0.3, 0.2), (0.7, 0.2)), ((0.7, 0.2), (0.45, 0.8))):
        tab.mouse.move(box["x"] + start[0] * box["width"], box["y"] + start[1] * box["height"])
        tab.mouse.down()
        tab.mouse.move(box["x"] + end[0] * box["width"], box["y"] + end[1] * box["height"], steps=15)
        tab.mouse.up()
    until(tab, "document.querySelector('ax-digit').result?.order[0] === 7")
    assert widget.locator(".ax-says").inner_text().startswith("Most probable is 7")
    assert widget.locator(".ax-maps figcaption").all_inner_texts()[:2] == ["conv1: 6 feature maps of 28×28",
                                                                          "pool1: 6 feature maps of 14×14"]
    widget.get_by_role("button", name="Undo").click()
    assert tab.evaluate("document.querySelector('ax-digit').settings.strokes.split('-').length") == 1
    widget.get_by_role("button", name="Clear").click()
    assert widget.locator(".ax-says").inner_text().startswith("Draw a digit")
    pad.focus()
    for key in ["ArrowUp"] * 8 + [" "] + ["ArrowDown"] * 16:
        tab.keyboard.press(key)
    drawn = tab.evaluate("document.querySelector('ax-digit').settings.strokes")
    assert len(drawn) == 4 * 17 and drawn[:4] == "5026" and drawn[-4:] == "5074"
    tab.keyboard.press("Backspace")
    assert tab.evaluate("document.querySelector('ax-digit').settings.strokes") == ""
    assert tab.evaluate("""[...document.querySelectorAll('ax-digit *')].filter((e) =>
        getComputedStyle(e).touchAction !== 'auto').map((e) => e.className)""") == ["ax-pad"]


@needs_chromium
def test_what_a_digit_does_not_know_is_said(open_page) -> None:
    tab = open_page()
    computed(tab, "lenet5", np.zeros((1, 28, 28), np.uint8))
    read = "(e) => e.says.textContent"
    [network, example, code] = drive(tab, "ax-digit", [
        {"network": "vgg"}, {"network": "lenet5", "example": "12"}, {"example": "7"}], read)
    assert network == "Not possible: there is no network named 'vgg'; there are lenet5_modern, lenet5."
    assert example == "Not possible: there is no test digit '12'; there are 0 to 9."
    assert code.startswith("Nearest is the code of 7 (distance ")
    assert tab.locator("ax-digit .ax-bars [data-class]").count() == 10


@needs_chromium
def test_why_this_answer_is_occlusion(open_page) -> None:
    """The square over a stroke's place lowers the first class's score by what PyTorch says."""
    tab = open_page()
    computed(tab, "lenet5_modern", np.zeros((1, 28, 28), np.uint8))
    tab.evaluate("document.querySelector('ax-digit').settings = {example: '0', strokes: '', why: 1}")
    until(tab, "document.querySelector('ax-digit').heat")
    found = np.array(tab.evaluate("Array.from(document.querySelector('ax-digit').heat)")).reshape(28, 28)
    pixels = np.array(tab.evaluate("Array.from(document.querySelector('ax-digit').result.pixels)"), np.uint8)
    pixels = pixels.reshape(28, 28)
    covered, places = [pixels], [(row, column) for row in range(0, 23, 2) for column in range(0, 23, 2)]
    for row, column in places:
        covered.append(pixels.copy())
        covered[-1][row:row + 6, column:column + 6] = 0
    card, model = weights.card("lenet5_modern"), weights.load("lenet5_modern")
    with torch.inference_mode():
        scores = model(torch.from_numpy(card.prepare(np.stack(covered)).transpose(0, 3, 1, 2).copy())).numpy()
    first = scores[0].argmax()
    total, count = np.zeros((28, 28)), np.zeros((28, 28))
    for (row, column), fall in zip(places, scores[0, first] - scores[1:, first], strict=True):
        total[row:row + 6, column:column + 6] += fall
        count[row:row + 6, column:column + 6] += 1
    np.testing.assert_allclose(found, total / count, atol=1e-4)


# --- a photograph -----------------------------------------------------------------------------------------------------

def tiny(random: Random) -> Network:
    """A small network of what photographs are looked at with: groups, strides, padding, ceil, batch normalization."""
    groups, side = random.choice((1, 2)), random.randint(19, 27)
    layers = (Conv(4, random.choice((3, 5)), stride=2, padding=random.randint(0, 2), bias=False, name="conv1"),
              BatchNorm(name="norm1"), MaxPool(3, 2, name="pool1"), Activation("relu"),
              Conv(6, 3, padding=1, groups=groups, name="conv2"), Activation("relu"), AvgPool(2, name="pool2"),
              Flatten(), Dense(7, bias=False, name="fc3"), BatchNorm(name="norm3"), Activation("relu"), Dropout(0.5),
              Dense(5, name="fc4"), Activation("softmax"))
    return Network("tiny", "tiny", "", (side, side, 3), layers, rounding=random.choice(("floor", "ceil")))


@needs_chromium
def test_whatever_network_is_computed_as_pytorch_does(open_page) -> None:
    """Random networks with random weights, in half precision and in whole numbers with a scale for each output."""
    tab, random = open_page(), Random(20121130)
    for seed in range(12):
        network, bits, rng = tiny(random), (16, 8)[seed % 2], np.random.default_rng(seed)
        model = torch_models.build(network, seed=seed).eval()
        values = {name: rng.uniform(0.5, 1.5, value.shape) if "running_var" in name or "norm" in name
                  else rng.normal(0, 0.3, value.shape) for name, value in model.state_dict().items()
                  if not name.endswith("num_batches_tracked")}
        stored = _files.unpack(_files.pack(values, bits))
        held = model.state_dict() | {name: torch.from_numpy(value) for name, value in stored.items()}
        model.load_state_dict(held)
        data = {"input": network.input_shape, "layers": list(live.layers(arithmetic.trace(network).rows, stored, bits))}
        images = rng.normal(size=(3, 3, *network.input_shape[:2])).astype(np.float32)
        found = tab.evaluate("""([net, images]) => images.map((image) =>
            Array.from(alexbook.outputs(net, Float32Array.from(image))))""",
                             [json.loads(json.dumps(data)), images.reshape(3, -1).tolist()])
        with torch.inference_mode():
            np.testing.assert_allclose(found, model(torch.from_numpy(images)).numpy(), rtol=1e-4, atol=1e-4)


def loaded(tab) -> None:
    """The photographs' network, with its weights."""
    tab.evaluate("document.querySelector('ax-photograph').wake()")
    until(tab, "document.querySelector('ax-photograph').pixels")
    tab.locator("ax-photograph").get_by_role("button", name="Load the network").click()
    until(tab, "document.querySelector('ax-photograph').result")


@needs_chromium
@pytest.mark.parametrize("over_http", [False, True], ids=["file", "http"])
def test_photographs_get_pytorchs_answer(open_page, server: str, over_http: bool) -> None:
    """The shipped photographs and noise, 20 over http; the parts of the weights make the whole."""
    tab = open_page(server if over_http else None)
    loaded(tab)
    rng = np.random.default_rng(12)
    images = [photographs.load(name) for name in photographs.names()][:11 if over_http else 2]
    images += [rng.integers(0, 256, (256, 256, 3)).astype(np.uint8) for _ in range(9 if over_http else 0)]
    found = [tab.evaluate("""async (pixels) => { const e = document.querySelector('ax-photograph');
        return Array.from((await e.computed(e.input(pixels), 0, 1)).at(-1).values); }""",
                          image[16:240, 16:240].ravel().tolist()) for image in images]
    model, card = weights.load(extension.PHOTOGRAPHS), weights.card(extension.PHOTOGRAPHS)
    with torch.inference_mode():
        expected = model(torch.from_numpy(card.prepare(images).transpose(0, 3, 1, 2).copy())).numpy()
    np.testing.assert_allclose(found, expected, atol=1e-4)


@needs_chromium
def test_photograph_by_hand(open_page, tmp_path: Path) -> None:
    """A shipped one, then one of the reader's own, its maps, one of them with its filter; a file that is no picture."""
    tab = open_page()
    loaded(tab)
    widget = tab.locator("ax-photograph")
    [[(best, _), *_]] = weights.predict(extension.PHOTOGRAPHS, photographs.load("cat"))
    assert widget.locator(".ax-says").inner_text().startswith(f"Most probable is {best.replace('_', ' ')} (")
    assert widget.locator(".ax-classes [data-class]").count() == 5
    assert widget.get_by_text("conv1: 96 feature maps of 55×55. Click on one.").is_visible()
    widget.locator(".ax-all-maps").click(position={"x": 3, "y": 3})
    assert widget.get_by_text("filter 0, 11×11×3").is_visible()
    widget.get_by_label("layer").select_option("conv5")
    assert widget.get_by_text("where it sees this, 163×163").is_visible()
    own = tmp_path / "mine.png"
    Image.fromarray(photographs.load("rocket", None)).save(own)
    widget.locator("input[type=file]").set_input_files(own)
    until(tab, "document.querySelector('ax-photograph').title === 'mine.png' && "
                          "document.querySelector('ax-photograph').result")
    [[(best, _), *_]] = weights.predict(extension.PHOTOGRAPHS, photographs.load("rocket", None))
    assert widget.locator(".ax-says").inner_text().startswith(f"Most probable is {best.replace('_', ' ')} (")
    (tmp_path / "notes.jpg").write_text("no picture", encoding="utf-8")
    widget.locator("input[type=file]").set_input_files(tmp_path / "notes.jpg")
    tab.get_by_text("Not possible: this browser cannot read notes.jpg; a JPEG or PNG file works.").wait_for()


@needs_chromium
def test_looking_at_a_photograph_can_be_stopped(open_page) -> None:
    tab = open_page()
    loaded(tab)
    widget = tab.locator("ax-photograph")
    widget.get_by_role("button", name="Why this answer?").click()
    widget.get_by_role("button", name="Stop").click()
    widget.get_by_text("Stopped.").wait_for()
    [says] = drive(tab, "ax-photograph", [{"photograph": "dog"}], "(e) => e.says.textContent")
    assert says.startswith("Not possible: there is no photograph named 'dog'; there are astronaut, camera, ")


# --- what holds for all -----------------------------------------------------------------------------------------------

@pytest.fixture
def server(site: Path) -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Handler, directory=str(site))) as running:
        thread = threading.Thread(target=running.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{running.server_port}/chapters/page.html"
        running.shutdown()
        thread.join()


@needs_chromium
def test_over_http_under_a_strict_policy(open_page, server: str) -> None:
    """No inline script or style, no eval, nothing from elsewhere: the browser would report it as an error."""
    tab = open_page(server)
    for tag in TAGS:
        assert tab.locator(tag).first.locator(".ax-says").inner_text()
    assert tab.evaluate("(async () => { const i = document.querySelector('ax-network-explorer image');"
                        "const r = await fetch(i.href.baseVal); return r.ok; })()")


@needs_chromium
def test_link_brings_back_the_settings(open_page, server: str) -> None:
    tab = open_page(server)
    second = "document.querySelectorAll('ax-output-size')[1]"
    assert tab.evaluate(f"{second}.id") == "ax-output-size-2"
    tab.evaluate(f"{second}.settings = {{input: 30, kernel: 5, rounding: 'ceil'}}")
    tab.evaluate("document.querySelector('ax-network-explorer').settings = {network: 'lenet5', layer: 'S4'}")
    tab.locator("ax-output-size").nth(1).get_by_role("button", name="Copy link").click()
    address = tab.evaluate("location.href")
    other = open_page(address)
    given = other.evaluate(f"{second}.settings")
    assert (given["input"], given["kernel"], given["stride"], given["rounding"]) == (30, 5, 4, "ceil")
    assert other.evaluate("document.querySelector('ax-output-size').settings.input") == 8
    assert other.evaluate("document.querySelector('ax-network-explorer').settings.network") == "alexnet_2012"
    for tag in TAGS:
        settings = other.evaluate(f"document.querySelector('{tag}').settings")
        link = other.evaluate(f"document.querySelector('{tag}').address")
        again = open_page(link)
        assert again.evaluate(f"document.querySelector('{tag}').settings") == settings


@needs_chromium
def test_link_is_shown_where_it_cannot_be_copied(open_page) -> None:
    tab = open_page()
    tab.evaluate("Object.defineProperty(navigator, 'clipboard', {value: undefined})")
    widget = tab.locator("ax-convolution")
    widget.get_by_role("button", name="Copy link").click()
    assert widget.get_by_label("Link to these settings").input_value() == tab.evaluate("location.href")


@needs_chromium
def test_attributes_are_settings(open_page) -> None:
    tab = open_page()
    tab.evaluate("document.querySelector('ax-output-size').setAttribute('input', '100')")
    assert tab.locator("ax-output-size").first.locator(".ax-says").inner_text().startswith("49 windows fit")


@needs_chromium
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_fits_a_phone(open_page, theme: str) -> None:
    tab = open_page(width=390, color_scheme=theme)
    long = {"input": 4000, "kernel": 300, "stride": 150, "before": 150}
    settings = {"ax-output-size": [{"input": 5}, long, {"kernel": 0}],
                "ax-convolution": [{"image": "photograph", "padding": 3, "kernel": "100 99 98 -100 -99 -98 0.125 1 1"}],
                "ax-network-explorer": [{"network": name, "layer": "input", "compare": "alexnet_2012"}
                                        for name in networks.NETWORKS],
                "ax-photograph": [{"photograph": "rocket"}],
                "ax-digit": [{"network": "lenet5", "example": "3"}],
                "ax-experiments": [{"experiment": "holdout", "conditions": "cifar10-lenet5_rgb-rate0.01"},
                                   {"experiment": "relu", "conditions": "relu tanh sigmoid relu-2012 tanh-2012"}]}
    for tag, all_settings in settings.items():
        for width in drive(tab, tag, all_settings, "() => document.documentElement.scrollWidth"):
            assert width <= 390, tag


@needs_chromium
def test_accessible(browser) -> None:
    """By axe's rules, in both themes, on the book's own page."""
    from axe_playwright_python.sync_playwright import Axe

    page = HTML / "explore.html"
    if not page.is_file():
        pytest.skip("the book is not built: run `make book`")
    for theme in ("light", "dark"):
        context = browser.new_context(color_scheme=theme, viewport={"width": 1280, "height": 900})
        tab = context.new_page()
        tab.goto(page.as_uri())
        settle(tab)
        for tag in TAGS:
            found = Axe().run(tab, context=tag)
            assert found.violations_count == 0, (theme, tag, found.generate_report())
        context.close()


@needs_chromium
def test_words_stand_in_for_a_widget(open_page) -> None:
    """Without scripts and in print, the text inside the tag is shown; with a widget, only the widget."""
    tab = open_page(java_script_enabled=False)
    assert tab.get_by_text("convolution in words").is_visible()
    tab = open_page()
    assert not tab.get_by_text("convolution in words").is_visible()
    tab.emulate_media(media="print")
    assert tab.get_by_text("convolution in words").is_visible()
    assert not tab.locator("ax-convolution .ax-body").is_visible()


@needs_chromium
def test_words_stay_where_the_data_are_missing(browser, site: Path) -> None:
    page = site / "page.html"  # from here, ../_static leads nowhere but the scripts are beside it
    page.write_text(PAGE.replace("../_static/", "lost/"), encoding="utf-8")
    copy_static(site / "lost")
    (site / extension.FOLDER).rename(site / "elsewhere")
    try:
        tab = browser.new_page()
        tab.goto(page.as_uri())
        tab.get_by_text("could not be loaded").first.wait_for()
        assert tab.get_by_text("convolution in words").is_visible()
        tab.close()
    finally:
        (site / "elsewhere").rename(site / extension.FOLDER)


def test_data_are_light(site: Path) -> None:
    weights = {path.name: len(gzip.compress(path.read_bytes())) for path in (site / extension.FOLDER).iterdir()}
    digits = [weights.pop(f"{name}.js") for name in extension.DIGITS]  # loaded once a reader draws
    photo = [weights.pop(name) for name in list(weights) if name.startswith(extension.PHOTOGRAPHS)]  # once one asks
    shown = [weights.pop(f"photograph-{name}.js") for name in photographs.names()]  # one at a time
    assert weights["experiments.js"] < 60_000 and max(shown) < 26_000, (weights, shown)
    assert sum(weights.values()) < 100_000 and max(digits) < 130_000, weights
    assert max(photo) < 600_000 and sum(photo) < 8_000_000, photo


def test_scripts_are_light() -> None:
    """Each page loads its own; Explore has all."""
    scripts = {name: len(gzip.compress((STATIC / "widgets" / name).read_bytes())) for name in SCRIPTS}
    assert max(scripts.values()) < 7_100 and sum(scripts.values()) < 37_000, scripts
    for path in sorted((ROOT / "chapters").glob("*.ipynb")):
        used = {tag for source, text in sources() if source == path for tag, _, _ in tags_in(text)}
        shared = {name for tag in used for name in extension.SHARED.get(tag, ())} | ({"base.js"} if used else set())
        assert sum(scripts[name] for name in shared | {f"{tag.removeprefix('ax-')}.js" for tag in used}) < 15_000, path


def test_every_widget_has_a_script_and_every_script_a_widget() -> None:
    assert sorted(path.name for path in (STATIC / "widgets").glob("*.js")) == sorted(SCRIPTS)
    for path in [*STATIC.rglob("*.css"), *STATIC.rglob("*.js"), ROOT / "tools" / "printing" / "print.css"]:
        words = re.sub(r"/\*.*?\*/", "", path.read_text(encoding="utf-8"), flags=re.DOTALL)
        assert not re.search(rf"(?<![\w.-])(?:{'|'.join(TAGS)})(?![\w-])", words), f"{path.name} names a tag itself"


@pytest.mark.parametrize("name", SCRIPTS)
def test_script_keeps_to_the_rules(name: str) -> None:
    script = (STATIC / "widgets" / name).read_text(encoding="utf-8")
    assert not re.search(r"\beval\(|new Function|innerHTML|\bimport\b|https?://(?!www\.w3\.org/)", script)
    assert max(map(len, script.splitlines())) <= LONGEST_LINE


def tags_in(text: str) -> Iterator[tuple[str, dict[str, str], str]]:
    for tag, attributes, words in re.findall(r"^<(ax-[a-z-]+)([^>]*)>\n(.*?)^</\1>$", text, re.MULTILINE | re.DOTALL):
        yield tag, dict(re.findall(r'([a-z]+)="([^"]*)"', attributes)), words


def sources() -> Iterator[tuple[Path, str]]:
    for path in sorted(ROOT.glob("*.md")):
        if path.stem.islower():  # a page of the book, unlike README.md
            yield path, path.read_text(encoding="utf-8")
    for path in sorted((ROOT / "chapters").glob("*.ipynb")):
        for cell in json.loads(path.read_text(encoding="utf-8"))["cells"]:
            if cell["cell_type"] == "markdown":
                yield path, "".join(cell["source"])


def test_a_page_loads_the_scripts_of_its_widgets_alone() -> None:
    if not (HTML / "explore.html").is_file():
        pytest.skip("the book is not built: run `make book`")
    for path in (path for path in (*ROOT.glob("*.md"), *(ROOT / "chapters").glob("*.ipynb")) if path.stem.islower()):
        page = HTML / path.relative_to(ROOT).with_suffix(".html")
        used = {tag for source, text in sources() if source == path for tag, _, _ in tags_in(text)}
        shared = {name for tag in used for name in extension.SHARED.get(tag, ())}
        own = [f"{tag.removeprefix('ax-')}.js" for tag in TAGS if tag in used]
        expected = ["base.js", *sorted(shared), *own] if used else []
        loaded = re.findall(r'<script defer src="[^"]*/widgets/([\w-]+\.js)', page.read_text(encoding="utf-8"))
        assert loaded[:1] == expected[:1] and sorted(loaded) == sorted(expected), page


def test_every_tag_has_words_for_where_no_script_runs() -> None:
    places = [(path, tag, words) for path, text in sources() for tag, _, words in tags_in(text)]
    assert {tag for _, tag, _ in places} == set(TAGS)
    assert all(len(words.split()) > 12 for _, _, words in places)
    assert len(places) == sum(len(re.findall(r"<ax-", text)) for _, text in sources())  # each alone on its line


@needs_chromium
def test_the_books_pages_show_their_widgets(browser) -> None:
    """On the built pages: every tag of the source became a widget, whose settings are ones that it knows."""
    expected = {}
    for path, text in sources():
        page = HTML / path.relative_to(ROOT).with_suffix(".html")
        expected.setdefault(page, []).extend(tag for tag, _, _ in tags_in(text))
    expected = {page: tags for page, tags in expected.items() if tags}
    if not all(page.is_file() for page in expected):
        pytest.skip("the book is not built: run `make book`")
    for page, tags in expected.items():
        tab, errors = browser.new_page(), []
        tab.on("pageerror", lambda error, errors=errors: errors.append(str(error)))
        tab.goto(f"{page.as_uri()}#{tags[-1]}?input=30&kernel=5")  # the theme's scripts have to bear such a link
        settle(tab)
        assert tab.locator(".ax-wrong").count() == 0, page
        shown = tab.evaluate("[...document.querySelectorAll('.ax-ready')].map((e) => e.localName)")
        assert shown == tags and errors == [], page
        tab.close()
