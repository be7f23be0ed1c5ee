"""SVG as it is published: small, deterministic, and, inside the report, themed and alive."""

from __future__ import annotations

import re
from collections.abc import Callable
from xml.etree import ElementTree

from . import style
from .drawing import OMIT

SVG, XLINK = "http://www.w3.org/2000/svg", "http://www.w3.org/1999/xlink"
ElementTree.register_namespace("", SVG)
ElementTree.register_namespace("xlink", XLINK)
_LONG_NUMBER = re.compile(r"-?\d+\.\d{3,}")
_COLORS = {**{color: f"var(--c{color[1:]})" for color in style.DARK}}
_COLOR = re.compile(r"#[0-9a-f]{6}\b")


def _round(text: str) -> str:
    return _LONG_NUMBER.sub(lambda m: f"{float(m.group()):.2f}".rstrip("0").rstrip(".") or "0", text)


def _clean(root: ElementTree.Element) -> None:
    """Drops what only editors read and rounds coordinates to a hundredth of a point."""
    for metadata in root.findall(f"{{{SVG}}}metadata"):
        root.remove(metadata)
    for element in root.iter():
        for name, value in element.attrib.items():
            if name in ("d", "x", "y", "points", "transform", "width", "height", "style", "viewBox"):
                element.set(name, re.sub(r"\s+", " ", _round(value)).strip())
        if element.tag not in (f"{{{SVG}}}text", f"{{{SVG}}}title", f"{{{SVG}}}style", f"{{{SVG}}}tspan"):
            element.text = None
        element.tail = None


def compact(source: bytes) -> bytes:
    """A standalone file; without comments and blanks between elements."""
    root = ElementTree.fromstring(source)
    _clean(root)
    return b'<?xml version="1.0" encoding="UTF-8"?>\n' + ElementTree.tostring(root, encoding="unicode").encode() + b"\n"


class Styles:
    """Equal style attributes of all figures of a page become one class each: they are half of a figure's size otherwise."""

    def __init__(self) -> None:
        self._names: dict[str, str] = {}

    def name(self, style_text: str) -> str:
        return self._names.setdefault(style_text, f"s{len(self._names)}")

    def css(self) -> str:
        return "".join(f".{name}{{{text.replace(': ', ':').replace('; ', ';')}}}" for text, name in self._names.items())


def _unwrap(element: ElementTree.Element) -> None:
    """Groups that say nothing are replaced by what they hold."""
    children: list[ElementTree.Element] = []
    for child in list(element):
        _unwrap(child)
        if child.tag == f"{{{SVG}}}g" and not child.attrib:
            children += list(child)
        elif child.tag != f"{{{SVG}}}defs" or len(child):
            children.append(child)
        element.remove(child)
    element.extend(children)


def inline(source: bytes, prefix: str, title: str, tips: dict[str, str], css_class: Callable[[str], str], styles: Styles, margins: tuple[float, float]) -> str:
    """An element for an HTML page: ids made unique, colours replaced by the page's variables, marks with the sentence that is shown on pointing at them."""
    root = ElementTree.fromstring(source)
    _clean(root)
    for parent in list(root.iter()):
        for child in list(parent):
            if child.get("id", "").startswith(OMIT):
                parent.remove(child)
    left, top, width, height = map(float, root.attrib["viewBox"].split())
    above, below = (pixels * 0.72 for pixels in margins)
    root.set("viewBox", f"{left:g} {top + above:g} {width:g} {height - above - below:g}")
    for defs in root.iter(f"{{{SVG}}}defs"):
        for sheet in defs.findall(f"{{{SVG}}}style"):
            defs.remove(sheet)  # "*{stroke-linejoin: round}" would reach the whole page
    used = set(re.findall(r"#([\w.-]+)", " ".join(value for e in root.iter() for name, value in e.attrib.items() if name.endswith("href") or "url(" in value)))
    for element in list(root.iter()):
        name = element.attrib.pop("id", None)
        if name in used:
            used.discard(name)  # matplotlib writes the same definition more than once
            element.set("id", f"{prefix}-{name}")
        extra = css_class(name) if name else ""
        if extra:
            element.set("class", extra)
        if name in tips:
            tip = ElementTree.Element(f"{{{SVG}}}title")
            tip.text = tips[name]
            element.insert(0, tip)
        for key, value in list(element.attrib.items()):
            if key == f"{{{XLINK}}}href":
                del element.attrib[key]
                element.set("href", f"#{prefix}-{value[1:]}")
                continue
            if "url(#" in value:
                value = re.sub(r"url\(#([^)]*)\)", rf"url(#{prefix}-\1)", value)
            if key in ("style", "fill", "stroke"):
                value = _COLOR.sub(lambda m: _COLORS.get(m.group(), m.group()), value)
            if key == "style":
                del element.attrib[key]
                element.set("class", f"{element.get('class', '')} {styles.name(value)}".strip())
            elif key == "transform" and re.fullmatch(r"rotate\(-?0( [^)]*)?\)", value):
                del element.attrib[key]
            else:
                element.set(key, value)
    _unwrap(root)
    for name in ("width", "height", "version"):
        root.attrib.pop(name, None)
    root.set("role", "img")
    root.set("aria-label", title)
    root.set("stroke-linejoin", "round")
    text = ElementTree.tostring(root, encoding="unicode")
    return text.replace(f' xmlns:xlink="{XLINK}"', "")
