// What is told above the page: what was done, and what went wrong in the background.

import { Cell } from "./cell";

export interface Notice {
  id: number;
  type: "success" | "error" | "info" | "warning";
  text: string;
  link?: { text: string; href: string };
}

/** Good news is read once. */
const SUCCESS_MS = 10_000;

export const notices = new Cell<readonly Notice[]>([]);
let last = 0;

export function dismiss(id: number): void {
  notices.set(notices.get().filter((notice) => notice.id !== id));
}

export function notify(notice: Omit<Notice, "id">): void {
  last += 1;
  const id = last;
  notices.set([{ ...notice, id }, ...notices.get()]);
  if (notice.type === "success") setTimeout(() => dismiss(id), SUCCESS_MS);
}
