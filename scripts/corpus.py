"""Turns unpacked Debian documentation packages into plain text files.

usage: corpus.py DOMAIN OUT_DIR PACKAGE_ROOT...

Writes OUT_DIR/DOMAIN/NNN-SLUG.txt (2 to 30 kB each), every tenth to OUT_DIR/held-out/DOMAIN instead,
OUT_DIR/DOMAIN/LICENCE (SPDX id) and OUT_DIR/DOMAIN/SOURCE (packages and versions). Standard library only.
"""

import fnmatch
import itertools
import os
import re
import shutil
import sys
from html.parser import HTMLParser

SMALLEST, LARGEST = 2_000, 30_000  # bytes per file
HELD_OUT_EVERY = 10

# Per domain: most bytes of text, preferred bytes per file, and per package its SPDX id, words its
# copyright file must contain, the folder of its pages and the pages wanted, in order.
DOMAINS = {
	"git": (340_000, 9_000, {
		"git-doc": ("GPL-2.0-only", "License: GPL-2", "usr/share/doc/git-doc", [
			"gittutorial*.html", "everyday.html", "giteveryday.html", "gitcore-tutorial.html", "gitworkflows.html",
			"gitglossary.html", "git-add.html", "git-commit.html", "git-branch.html", "git-merge.html",
			"git-rebase.html", "git-clone.html", "git-stash.html", "git-bisect.html", "git-reset.html",
			"git-checkout.html", "git-pull.html", "git-push.html", "git-tag.html", "git-worktree.html",
			"gitsubmodules.html", "githooks.html", "gitignore.html", "gitrevisions.html", "user-manual.html"]),
	}),
	"postgresql": (340_000, 9_000, {
		"postgresql-doc-15": ("PostgreSQL", "License: PostgreSQL", "usr/share/doc/postgresql-doc-15/html", [
			"tutorial-*.html", "ddl-*.html", "dml-*.html", "queries-*.html", "indexes-*.html", "mvcc-*.html",
			"transaction-*.html", "backup-*.html", "continuous-archiving.html", "routine-*.html", "wal-*.html",
			"textsearch-*.html", "sql-vacuum.html", "sql-createindex.html", "sql-explain.html", "performance-*.html",
			"using-explain.html", "planner-*.html", "user-manag.html", "role-*.html", "client-authentication*.html"]),
	}),
	"debian": (340_000, 9_000, {
		"debian-reference-en": ("GPL-2.0-or-later", "License: GPL-2+", "usr/share/debian-reference",
			["pr01.en.html", "ch??.en.html"]),
	}),
	"python": (340_000, 9_000, {
		"python3.11-doc": ("PSF-2.0", "PYTHON SOFTWARE FOUNDATION LICENSE VERSION 2",
			"usr/share/doc/python3.11/html", [
			"tutorial/*.html", "howto/sorting.html", "howto/regex.html", "howto/functional.html",
			"howto/logging.html", "howto/unicode.html", "library/json.html", "library/pathlib.html",
			"library/dataclasses.html", "library/collections.html", "library/itertools.html"]),
	}),
	"base": (7_500_000, 16_000, {
		"apache2-doc": ("Apache-2.0", "License: Apache-2.0", "usr/share/doc/apache2-doc/manual/en", ["*.html"]),
		"debian-handbook": ("GPL-2.0-or-later OR CC-BY-SA-3.0", "License: GPL-2.0+ or CC-BY-SA-3.0",
			"usr/share/doc/debian-handbook/html/en-US", ["*.html"]),
		"debian-policy": ("GPL-2.0-or-later", "License: GPL-2+", "usr/share/doc/debian-policy", ["*.html"]),
		"developers-reference": ("GPL-2.0-or-later", "License: GPL-2", "usr/share/doc/developers-reference",
			["*.html"]),
		"exim4-doc-html": ("GPL-2.0-or-later", "General Public License", "usr/share/doc/exim4-doc-html", ["*.html"]),
		"python-django-doc": ("BSD-3-Clause", "License: BSD-3-Clause", "usr/share/doc/python-django-doc", ["*.html"]),
		"sqlite3-doc": ("LicenseRef-public-domain", "License: public-domain", "usr/share/doc/sqlite3", ["*.html"]),
	}),
}

UNWANTED_PAGES = re.compile(r"(releases/|changes|index|genindex|search|contents|toc|keyword_index|copyright|py-modindex)[^/]*\.html$")
SKIPPED_TAGS = {"script", "style", "head", "nav", "form", "svg", "button", "footer"}
SKIPPED_CLASSES = {
	"navheader", "navfooter", "toc", "sphinxsidebar", "related", "footer", "headerlink", "mobile-nav", "docnav",
	"nav", "clearer", "breadcrumb", "lineno", "linenos", "toplang", "bottomlang", "up", "indexterm", "mininav",
}
SKIPPED_IDS = {"toc", "sidebar", "footer", "page-header", "path", "quickview", "preamble", "comments_section"}
VOID_TAGS = {"br", "hr", "img", "input", "link", "meta", "col", "area", "base", "embed", "source", "wbr"}
BLOCKS = {"p", "div", "li", "dt", "dd", "ul", "ol", "dl", "table", "tr", "section", "blockquote", "article", "body"}
HEADINGS = {"h1": 1, "h2": 2, "h3": 3, "h4": 4, "h5": 5, "h6": 6}


class Page(HTMLParser):
	"""Collects (kind, text) blocks: kind is the heading level, 'item', 'code' or 'text'."""

	def __init__(self):
		super().__init__(convert_charrefs=True)
		self.blocks, self.buffer = [], []
		self.kind = "text"
		self.open = []  # (tag, this element starts a skipped subtree)
		self.skipping = 0
		self.pre = 0

	def flush(self):
		text = "".join(self.buffer)
		self.buffer = []
		if self.kind == "code":
			lines = [line.rstrip() for line in text.expandtabs().splitlines()]
			text = "\n".join(lines).strip("\n")
		else:
			text = " ".join(text.split())
		if text:
			self.blocks.append((self.kind, text))
		self.kind = "code" if self.pre else "text"

	def handle_starttag(self, tag, attributes):
		attributes = dict(attributes)
		if tag in VOID_TAGS:
			if tag == "br":
				self.buffer.append("\n" if self.pre else " ")
			return
		# Pages leave out end tags of p and li; a sibling ends them.
		classes = set((attributes.get("class") or "").split())
		skip = tag in SKIPPED_TAGS or classes & SKIPPED_CLASSES or attributes.get("id") in SKIPPED_IDS
		if tag not in {"p", "li", "dt", "dd", "tr", "td", "th"} or skip:
			self.open.append((tag, bool(skip)))
		self.skipping += bool(skip)
		if self.skipping:
			return
		if tag in HEADINGS:
			self.flush()
			self.kind = HEADINGS[tag]
		elif tag == "pre":
			self.flush()
			self.pre += 1
			self.kind = "code"
		elif tag in {"td", "th"}:
			self.buffer.append("  ")
		elif tag in BLOCKS and not self.pre:
			was_item = tag in {"p", "div"} and self.kind == "item" and not "".join(self.buffer).strip()
			self.flush()
			if tag in {"li", "dt"} or was_item:
				self.kind = "item"

	def handle_endtag(self, tag):
		if tag in VOID_TAGS:
			return
		if any(name == tag for name, _ in self.open):
			while self.open:
				name, skip = self.open.pop()
				self.skipping -= skip
				if name == tag:
					break
		if self.skipping:
			return
		if tag == "pre":
			self.flush()
			self.pre = max(0, self.pre - 1)
			self.kind = "text"
		elif tag in HEADINGS or tag in BLOCKS and not self.pre:
			self.flush()

	def handle_data(self, data):
		if not self.skipping:
			self.buffer.append(data)


def clean(text):
	"""Plain ASCII punctuation where the sign carries no meaning, and no control characters."""
	for sign, plain in {"\u2019": "'", "\u2018": "'", "\u201c": '"', "\u201d": '"', "\u00a0": " ", "\u2014": " - ",
			"\u2013": "-", "\u2026": "...", "\u00b6": "", "\u2192": "->", "\u00ad": "", "\ufeff": ""}.items():
		text = text.replace(sign, plain)
	return "".join(c for c in text if c in "\n\t" or c.isprintable())


def render(kind, text):
	if isinstance(kind, int):
		# Section numbers differ between editions and mean nothing outside the book.
		text = re.sub(r"^((Chapter|Appendix|Section) )?([0-9]+|[A-Z])(\.[0-9]+)*\.?\s+", "", text)
		return "#" * kind + " " + text
	if kind == "item":
		return "- " + text
	if kind == "code":
		return "\n".join("    " + line if line else "" for line in text.splitlines())
	return text


def blocks_of(path):
	"""The page's blocks as (heading level or 0, rendered text)."""
	with open(path, encoding="utf-8", errors="replace") as page_file:
		html = page_file.read()
	main = re.search(r'<(div|section|article|main)\b[^>]*\b(role="main"|id="(page-content|docs-content)")', html)
	page = Page()
	page.feed(html[main.start():] if main else html)
	page.close()
	page.flush()
	for kind, text in page.blocks:
		text = clean(render(kind, text)).rstrip()
		if re.search(r"\w", text):
			yield (kind if isinstance(kind, int) else 0), text


def split(blocks, preferred):
	"""Joins blocks into documents: a new one starts at a heading once the current one is big enough.

	Yields (section title, text); every document starts with the page's title.
	"""
	blocks = list(blocks)
	page_title = next((text.lstrip("# ") for level, text in blocks if level), None)
	document, size, title = [], 0, None
	for level, text in blocks:
		length = len(text.encode()) + 2
		full = size + length > LARGEST or (level and size >= preferred // 2 and (level <= 2 or size >= preferred))
		if full and document:
			yield title, "\n\n".join(document) + "\n"
			document, size, title = [], 0, None
		if length > LARGEST:
			continue
		if level and title is None:
			title = text.lstrip("# ")
			if page_title and title != page_title:
				document.append("# " + page_title)
				size += len(page_title.encode()) + 4
		document.append(text)
		size += length
	if document:
		yield title, "\n\n".join(document) + "\n"


def pages(folder, patterns):
	names = []
	for where, _, files in os.walk(folder):
		for name in files:
			names.append(os.path.relpath(os.path.join(where, name), folder))
	seen = set()
	for pattern in patterns:
		for name in sorted(names):
			if name not in seen and fnmatch.fnmatch(name, pattern) and not UNWANTED_PAGES.search(name):
				seen.add(name)
				yield name


def copyright_of(root, package):
	with open(os.path.join(root, "usr/share/doc", package, "copyright"), encoding="utf-8", errors="replace") as text:
		return text.read()


def slug_of(title, name):
	page = os.path.basename(name).split(".")[0]
	words = re.findall(r"[a-z0-9]+", f"{page} {title or ''}".lower())
	return "-".join(dict.fromkeys(words))[:48].strip("-") or "page"


def is_prose(text):
	"""English prose rather than tables, listings or an untranslated page."""
	return len(re.findall(r"\b(?:the|a|of|to|is|and)\b", text)) * 100 > len(text)


def main():
	if len(sys.argv) < 4 or sys.argv[1] not in DOMAINS:
		sys.exit(__doc__)
	domain, out, roots = sys.argv[1], sys.argv[2], sys.argv[3:]
	budget, preferred, packages = DOMAINS[domain]
	by_package, licences, sources, seen = [], [], [], set()
	for root in roots:
		package = os.path.basename(root)
		licence, words, folder, patterns = packages[package]
		if words not in copyright_of(root, package):
			sys.exit(f"corpus: the copyright file of {package} no longer says '{words}'; check the licence, "
				"then change scripts/corpus.py")
		with open(os.path.join(root, ".version"), encoding="utf-8") as version:
			sources.append(f"{package} {version.read().strip()} {licence}")
		licences.append(licence)
		documents = []
		by_package.append(documents)
		for name in pages(os.path.join(root, folder), patterns):
			for title, text in split(blocks_of(os.path.join(root, folder, name)), preferred):
				if SMALLEST <= len(text.encode()) <= LARGEST and is_prose(text) and text not in seen:
					seen.add(text)
					documents.append((slug_of(title, name), text))

	written = 0
	chosen = []
	# Packages take turns, so that a bounded corpus has all of them.
	turns = [pair for turn in itertools.zip_longest(*by_package) for pair in turn if pair]
	for slug, text in turns:
		if written + len(text.encode()) > budget:
			break
		written += len(text.encode())
		chosen.append((slug, text))
	if len(chosen) < HELD_OUT_EVERY:
		sys.exit(f"corpus: {domain} gave only {len(chosen)} texts; the package's layout has changed, see scripts/corpus.py")

	kept, held_out = os.path.join(out, domain), os.path.join(out, "held-out", domain)
	for folder in (kept, held_out):
		shutil.rmtree(folder, ignore_errors=True)
		os.makedirs(folder)
	for number, (slug, text) in enumerate(chosen):
		folder = held_out if number % HELD_OUT_EVERY == HELD_OUT_EVERY - 1 else kept
		with open(os.path.join(folder, f"{number:03}-{slug}.txt"), "w", encoding="utf-8", newline="\n") as text_file:
			text_file.write(text)
	with open(os.path.join(kept, "LICENCE"), "w", encoding="utf-8") as licence_file:
		licence_file.write("\n".join(dict.fromkeys(licences)) + "\n")
	with open(os.path.join(kept, "SOURCE"), "w", encoding="utf-8") as source_file:
		source_file.write("\n".join(sources) + "\n")
	print(f"corpus: {domain}: {len(chosen)} texts, {written / 1000:.0f} kB, {', '.join(dict.fromkeys(licences))}")


if __name__ == "__main__":
	main()
