const NAME = "greenroom.chat.name";
const RULES = "greenroom.chat.rules";
/** Of so many channels the rules that were agreed to are remembered. */
const RULES_KEPT = 50;

export type Store = Pick<Storage, "getItem" | "setItem" | "removeItem">;

/** The name to be called in chats; `null` where none was chosen. */
export function rememberedName(store: Store): string | null {
  try {
    return store.getItem(NAME);
  } catch {
    return null;
  }
}

export function rememberName(store: Store, name: string | null): void {
  write(store, NAME, name);
}

/** Whether these very rules of the channel were agreed to in this browser. */
export function agreedTo(store: Store, channel: string, rules: string): boolean {
  return agreements(store).some(([of, text]) => of === channel && text === rules);
}

export function rememberAgreement(store: Store, channel: string, rules: string): void {
  const others = agreements(store).filter(([of]) => of !== channel);
  write(store, RULES, JSON.stringify([...others, [channel, rules]].slice(-RULES_KEPT)));
}

function agreements(store: Store): [string, string][] {
  try {
    const value: unknown = JSON.parse(store.getItem(RULES) ?? "[]");
    return Array.isArray(value) ? value.filter((one): one is [string, string] => Array.isArray(one) && one.length === 2) : [];
  } catch {
    return [];
  }
}

function write(store: Store, key: string, value: string | null): void {
  try {
    if (value === null) store.removeItem(key);
    else store.setItem(key, value);
  } catch {
    // A browser that keeps nothing: then the page remembers nothing.
  }
}
