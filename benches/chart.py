"""A chart of bars, as SVG: for scripts/bench."""

import math
from xml.sax.saxutils import escape

LABELS, BARS, VALUES, ROW, GAP = 150, 300, 70, 22, 30
COLOURS = {"hello world": "#8a8f98", "now": "#2563eb", "Node": "#16a34a"}
OTHER = "#f59e0b"


def colour(label):
    return next((colour for part, colour in COLOURS.items() if part in label), OTHER)


def draw(panels, note):
    """Panels beside each other, each a title and a list of labels with values. The scale is logarithmic: a decade has the
    same length anywhere, and every value is written beside its bar."""
    width = len(panels) * (LABELS + BARS + VALUES) + (len(panels) + 1) * GAP
    height = 3 * GAP + ROW * max(len(rows) for _, rows in panels) + GAP
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" font-family="sans-serif" font-size="12">',
        f'<rect width="{width}" height="{height}" fill="#ffffff"/>',
    ]
    for number, (title, rows) in enumerate(panels):
        left = GAP + number * (LABELS + BARS + VALUES + GAP)
        lowest = 10 ** math.floor(math.log10(min(value for _, value in rows)))
        decades = math.ceil(math.log10(max(value for _, value in rows) / lowest))
        lines.append(f'<text x="{left}" y="{GAP}" font-weight="bold" font-size="14">{escape(title)} (logarithmic)</text>')
        bottom = 2 * GAP + ROW * len(rows)
        for decade in range(decades + 1):
            x = left + LABELS + BARS * decade / decades
            lines.append(f'<line x1="{x:.1f}" y1="{1.5 * GAP}" x2="{x:.1f}" y2="{bottom - GAP / 2}" stroke="#e5e7eb"/>')
            lines.append(f'<text x="{x:.1f}" y="{bottom}" text-anchor="middle" fill="#6b7280">{lowest * 10**decade:g}</text>')
        for row, (label, value) in enumerate(rows):
            y = 1.5 * GAP + ROW * row
            length = BARS * math.log10(value / lowest) / decades
            lines.append(f'<text x="{left + LABELS - 8}" y="{y + 15}" text-anchor="end">{escape(label)}</text>')
            lines.append(
                f'<rect x="{left + LABELS}" y="{y + 3}" width="{length:.1f}" height="{ROW - 6}" fill="{colour(label)}"/>'
            )
            lines.append(f'<text x="{left + LABELS + length + 6:.1f}" y="{y + 15}">{value:.3g}</text>')
    lines.append(f'<text x="{GAP}" y="{height - GAP / 2}" fill="#6b7280">{escape(note)}</text>')
    return "\n".join([*lines, "</svg>", ""])
