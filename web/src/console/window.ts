/** Rows of a list of which only those in sight are in the page. */
export interface Window {
  /** The first row that is drawn, and the one after the last. */
  first: number;
  end: number;
  /** Pixels from the list's top to the first row drawn. */
  offset: number;
  /** Of the whole list. */
  height: number;
}

/** How much is drawn beyond what is in sight, at either end. */
const OVERSCAN = 8;

/**
 * Which of `count` rows, each `rowHeight` high, to draw at a scroll position. One of them may be unfolded, and be `open.extra` higher.
 */
export function windowOf(
  count: number,
  rowHeight: number,
  view: { top: number; height: number },
  open: { index: number; extra: number } | null = null,
): Window {
  const extra = open !== null && open.index >= 0 && open.index < count ? open.extra : 0;
  const openAt = extra > 0 && open !== null ? open.index : count;
  const topOf = (index: number) => index * rowHeight + (index > openAt ? extra : 0);
  const at = (y: number) => {
    const openEnd = topOf(openAt) + rowHeight + extra;
    if (y < topOf(openAt) + rowHeight) return Math.floor(y / rowHeight);
    return y < openEnd ? openAt : openAt + 1 + Math.floor((y - openEnd) / rowHeight);
  };
  const first = Math.max(0, Math.min(count, at(Math.max(0, view.top)) - OVERSCAN));
  const end = Math.max(first, Math.min(count, at(view.top + view.height) + 1 + OVERSCAN));
  return { first, end, offset: topOf(first), height: count * rowHeight + extra };
}
