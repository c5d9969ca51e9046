"""Checks the links of the documentation: files, pictures and headings that they point to.

    python3 tests/readme/check_links.py [ROOT]

Reads README.md, docs/**/*.md, CONTRIBUTING.md, ARCHITECTURE.md, bindings/python/README.md and others at the root. A link to the
web is not followed. Exit code 1 names file, line and link of each that leads nowhere, and each page of docs/ that SUMMARY.md lacks.
"""

import pathlib
import re
import sys
import urllib.parse

ROOT = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else pathlib.Path(__file__).parents[2]).resolve()
LINK = re.compile(r"!?\[[^\]]*\]\(([^()\s]+(?:\([^()]*\))?)\)")
HTML = re.compile(r"(?:src|href)=\"([^\"]+)\"")


def prose(text):
    """The lines outside of code, each with its number."""
    fence = None
    for number, line in enumerate(text.splitlines(), 1):
        mark = re.match(r" {0,3}(```+|~~~+)", line)
        if mark and (fence is None or mark[1].startswith(fence)):
            fence = mark[1] if fence is None else None
        elif fence is None and not line.startswith("    "):
            yield number, re.sub(r"`[^`]*`", "`code`", line), line


def anchors(path):
    """Headings as GitHub and mdBook name them: `## A, b` is `a-b`; the second of a name is `a-b-1`."""
    found = set()
    for _, _, line in prose(path.read_text(encoding="utf-8")):
        heading = re.match(r"#{1,6}\s+(.*?)\s*#*$", line)
        if not heading:
            continue
        text = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading[1])
        name = re.sub(r"[^\w\- ]", "", text.lower()).replace(" ", "-")
        repeats = sum(1 for other in found if re.fullmatch(re.escape(name) + r"(-\d+)?", other))
        found.add(f"{name}-{repeats}" if name in found else name)
    return found


def pages():
    yield from sorted(ROOT.glob("*.md"))
    yield from sorted((ROOT / "docs").rglob("*.md"))
    for path in ["bindings/python/README.md", "benches/peers/README.md", "assets/README.md", "fuzz/README.md"]:
        if (ROOT / path).exists():
            yield ROOT / path


def fault(page, link):
    """Why the link leads nowhere, or None."""
    if re.match(r"[a-z][a-z0-9+.\-]*:", link):
        return None
    file, _, anchor = urllib.parse.unquote(link).partition("#")
    target = (page.parent / file).resolve() if file else page
    docs = ROOT / "docs"
    if not target.exists():
        return "no such file"
    if ROOT not in target.parents and target != ROOT:
        return "outside of the repository"
    # The book holds docs/ alone.
    if docs in page.parents and docs not in target.parents:
        return "outside of docs/"
    if anchor and target.suffix == ".md" and anchor not in anchors(target):
        return f"no heading #{anchor}"
    return None


def main():
    faults, checked = [], 0
    for page in pages():
        name = page.relative_to(ROOT)
        for number, line, _ in prose(page.read_text(encoding="utf-8")):
            for link in LINK.findall(line) + HTML.findall(line):
                checked += 1
                why = fault(page, link)
                if why:
                    faults.append(f"{name}:{number}: {link}: {why}")
    summary = ROOT / "docs/SUMMARY.md"
    listed = {(summary.parent / link).resolve() for link in LINK.findall(summary.read_text(encoding="utf-8"))}
    for page in sorted((ROOT / "docs").rglob("*.md")):
        if page != summary and page.resolve() not in listed:
            faults.append(f"{page.relative_to(ROOT)}: not in docs/SUMMARY.md")
    print("\n".join(faults) or f"{checked} links lead somewhere")
    if faults or not checked:
        sys.exit(1)


main()
