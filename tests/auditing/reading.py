"""A page as a screen reader and a keyboard meet it, by the standard library alone."""

from __future__ import annotations

from html.parser import HTMLParser

VOID = {"meta", "img", "br", "hr", "link", "input", "path", "use", "rect", "circle", "col"}


class Reading(HTMLParser):
    """What a page holds: every element with its attributes, and the text of some."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str], tuple[str, ...]]] = []
        self.texts: dict[int, str] = {}
        self._open: list[tuple[str, int]] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, {name: value or "" for name, value in attrs}, tuple(name for name, _ in self._open)))
        if tag not in VOID:
            self._open.append((tag, len(self.elements) - 1))

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, {name: value or "" for name, value in attrs}, tuple(name for name, _ in self._open)))

    def handle_endtag(self, tag: str) -> None:
        while self._open and self._open.pop()[0] != tag:
            pass

    def handle_data(self, data: str) -> None:
        for _, number in self._open:
            self.texts[number] = self.texts.get(number, "") + data

    def all(self, *tags: str) -> list[tuple[int, str, dict[str, str]]]:
        """Number, name and attributes of the elements with one of these names."""
        return [(i, tag, attributes) for i, (tag, attributes, _) in enumerate(self.elements) if tag in tags]


def complaints(page: str) -> list[str]:
    """What a reader who cannot see the page, or uses no mouse, would stumble over."""
    reading = Reading(page)
    found = []
    attributes = [each for _, each, _ in reading.elements]
    ids = [each["id"] for each in attributes if "id" in each]
    (html,) = [each for _, _, each in reading.all("html")]
    headings = [int(tag[1]) for _, tag, _ in reading.all("h1", "h2", "h3", "h4")]
    found += ["the page has no language"] * ("lang" not in html)
    found += ["the page has no title"] * (not any(reading.texts.get(i, "").strip() for i, *_ in reading.all("title")))
    found += [f"{headings.count(1)} first headings"] * (headings.count(1) != 1)
    found += [f"heading {b} after {a}" for a, b in zip(headings, headings[1:], strict=False) if b > a + 1]
    found += [f"id {name} twice" for name in set(ids) if ids.count(name) > 1]
    for name in ("aria-labelledby", "aria-describedby"):
        found += [f"{name} of nothing" for each in attributes if name in each and each[name] not in ids]
    found += ["an image without a description" for _, _, each in reading.all("img") if not each.get("alt", "").strip()]
    for number, _, each in reading.all("svg"):
        named = each.get("aria-label") or each.get("aria-labelledby") or "<title" in page
        found += [f"a drawing without role and name ({number})"] * (each.get("role") != "img" or not named)
    for number, _, each in reading.all("a"):
        found += ["a link without text"] * (not reading.texts.get(number, "").strip())
        target = each.get("href", "")
        found += [f"a link to {target}"] * (not (target.startswith("#") and target[1:] in ids))
    for number, _, each in reading.all("table"):
        captioned = any("table" in up for tag, _, up in reading.elements[number:] if tag == "caption")
        found += ["a table without a name"] * (not (captioned or "aria-label" in each or "aria-labelledby" in each))
    found += ["a column without scope" for _, _, each in reading.all("th") if each.get("scope") not in {"col", "row"}]
    for _, _, each in reading.all("div"):
        reached = each.get("tabindex") == "0" and each.get("role") == "region" and "aria-labelledby" in each
        found += ["what scrolls cannot be reached"] * ("scroll" in each.get("class", "").split() and not reached)
    found += ["a fold without a summary"] * (len(reading.all("details")) != len(reading.all("summary")))
    outside = [v for each in attributes for name, v in each.items() if name in {"src", "href"} and "//" in v[:8]]
    found += [f"something from outside: {address[:60]}" for address in outside]
    found += [f"{tag} on the page" for _, tag, _ in reading.all("script", "iframe", "object", "link")]
    return found
