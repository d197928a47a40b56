// A value that lives outside of the components, and draws those again that use it.

import { useSyncExternalStore } from "react";

export class Cell<Value> {
  readonly #told = new Set<() => void>();

  constructor(private current: Value) {}

  readonly get = (): Value => this.current;

  set(next: Value): void {
    if (Object.is(next, this.current)) return;
    this.current = next;
    this.#told.forEach((tell) => tell());
  }

  readonly subscribe = (tell: () => void): (() => void) => {
    this.#told.add(tell);
    return () => this.#told.delete(tell);
  };
}

export function useCell<Value>(cell: Cell<Value>): Value {
  return useSyncExternalStore(cell.subscribe, cell.get);
}
