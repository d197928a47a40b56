// Who is logged in, in this tab. The token lives in the tab's session storage: a reload keeps it, closing the tab forgets it, and no other
// site can make the browser send it, as it would a cookie.

import { Cell, useCell } from "../app/cell";

export type Role = "Viewer" | "Operator" | "Admin";

export interface Caller {
  user: string;
  userId: string;
  account: string;
  role: Role;
  /** Whether the account operates the region: hosts and accounts are its business alone. */
  operates: boolean;
}

export interface Session extends Caller {
  token: string;
}

const KEY = "dnlb.session";

function stored(): Session | null {
  const text = sessionStorage.getItem(KEY);
  return text === null ? null : (JSON.parse(text) as Session);
}

/** None: nobody is logged in. */
export const session = new Cell<Session | null>(stored());

/** Set while the server takes the session for over, and somebody is to log in again over the page that is open. */
export const expired = new Cell<Session | null>(null);

let waiting: ((renewed: boolean) => void)[] = [];

function wake(renewed: boolean): void {
  expired.set(null);
  const woken = waiting;
  waiting = [];
  woken.forEach((resume) => resume(renewed));
}

export function begin(next: Session): void {
  sessionStorage.setItem(KEY, JSON.stringify(next));
  session.set(next);
  wake(true);
}

export function end(): void {
  sessionStorage.removeItem(KEY);
  session.set(null);
  wake(false);
}

/** What the server says of who is logged in: a role may change meanwhile. */
export function know(caller: Caller): void {
  const current = session.get();
  if (current === null) return;
  const next = { ...current, ...caller };
  if (JSON.stringify(next) === JSON.stringify(current)) return;
  sessionStorage.setItem(KEY, JSON.stringify(next));
  session.set(next);
}

/** Waits until the session in the place of `old` has begun: then its request may be sent again. False: the user has logged out instead. */
export function renewed(old: Session): Promise<boolean> {
  const current = session.get();
  if (current === null) return Promise.resolve(false);
  if (current.token !== old.token) return Promise.resolve(true);
  expired.set(current);
  return new Promise((resume) => waiting.push(resume));
}

const RANK: Record<Role, number> = { Viewer: 0, Operator: 1, Admin: 2 };

export function suffices(has: Role, takes: Role): boolean {
  return RANK[has] >= RANK[takes];
}

/** Whether the user may do what takes a role: actions that would be refused are not shown. */
export function useMay(takes: Role): boolean {
  const current = useCell(session);
  return current !== null && suffices(current.role, takes);
}
