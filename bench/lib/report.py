"""What a benchmark found: figures with their spread, ratios with their aims; as Markdown and as JSON."""

import json
from dataclasses import dataclass, field

from lib.timing import median


def table(head, rows):
    """A Markdown table, padded to be read as it is."""
    widths = [max(len(str(row[i])) for row in [head, *rows]) for i in range(len(head))]

    def line(cells):
        return "| " + " | ".join(str(c).ljust(w) for c, w in zip(cells, widths)) + " |"

    return "\n".join([line(head), line(["-" * w for w in widths]), *map(line, rows)])


@dataclass
class Report:
    name: str
    machine: str
    what: str  # what is measured, in a sentence
    figures: list = field(default_factory=list)
    notes: list = field(default_factory=list)
    ratios: dict = field(default_factory=dict)
    aims: dict = field(default_factory=dict)

    def figure(self, label, seconds, gigabytes=None):
        """Seconds of every repeat; gigabytes (1e9) that each went through, if that says something."""
        middle = median(seconds)
        rate = f"{gigabytes / middle:.2f}" if gigabytes else ""
        self.figures.append([label, f"{middle * 1000:.2f}", f"{min(seconds) * 1000:.2f} – {max(seconds) * 1000:.2f}",
                             len(seconds), rate])
        return middle

    def note(self, text):
        self.notes.append(text)

    def ratio(self, label, value, aim):
        """value: how many times better ours is, or another number of which more is better."""
        self.ratios[label] = float(f"{value:.4g}")
        self.aims[label] = aim

    def missed(self):
        return [label for label, aim in self.aims.items() if self.ratios[label] < aim]

    def markdown(self):
        """The whole report as it is printed."""
        parts = [f"### {self.name}", self.what]
        if self.figures:
            parts.append(table(["measured", "median ms", "least – most", "runs", "GB/s"], self.figures))
        rows = [[label, f"{value:.2f}", f"{self.aims[label]:g}", "MISSED" if label in self.missed() else "met"]
                for label, value in self.ratios.items()]
        parts.append(table(["ratio", "is", "aim", ""], rows))
        return "\n\n".join(parts + [f"- {note}" for note in self.notes]) + "\n"

    def write(self, directory):
        """NAME.json in a directory, which is made."""
        directory.mkdir(parents=True, exist_ok=True)
        content = {"name": self.name, "machine": self.machine, "ratios": self.ratios, "aims": self.aims}
        (directory / f"{self.name}.json").write_text(json.dumps(content, indent=2, ensure_ascii=False) + "\n")
