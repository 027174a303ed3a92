type Child = Node | string | null;

/** An element with attributes, listeners (`onclick`) and children. Texts are texts: nothing is parsed as HTML. */
export function h<K extends keyof HTMLElementTagNameMap>(
  tag: K,
  attributes: Record<string, string | boolean | ((event: Event) => void)> = {},
  ...children: Child[]
): HTMLElementTagNameMap[K] {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (typeof value === "function") made.addEventListener(name.replace(/^on/, ""), value);
    else if (value === true) made.setAttribute(name, "");
    else if (value !== false) made.setAttribute(name, value);
  }
  made.append(...children.filter((child) => child !== null));
  return made;
}

const shown = new WeakMap<Element, string>();

/** Draws anew only what is made of something else than last time: focus and selection stay otherwise. */
export function drawIfChanged(at: Element, from: unknown, draw: () => Child[]): void {
  const key = JSON.stringify(from);
  if (shown.get(at) === key) return;
  shown.set(at, key);
  at.replaceChildren(...draw().filter((child) => child !== null));
}
