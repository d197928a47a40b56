// Who is logged in, in this tab. The token lives in the tab's session storage: a reload keeps it, closing the tab forgets it, and no other
// site can make the browser send it, as it would a cookie.

export type Role = "Viewer" | "Operator" | "Admin";

export interface Session {
  token: string;
  expires: string;
  user: string;
  account: string;
  role: Role;
  /** Whether the account operates the region: hosts and accounts are its business alone. */
  operates: boolean;
}

const KEY = "dnlb.session";
let current: Session | null = read();
const listeners = new Set<() => void>();

function read(): Session | null {
  const text = sessionStorage.getItem(KEY);
  return text === null ? null : (JSON.parse(text) as Session);
}

export function session(): Session | null {
  return current;
}

export function begin(next: Session): void {
  current = next;
  sessionStorage.setItem(KEY, JSON.stringify(next));
  listeners.forEach((told) => told());
}

/** The session is over, by the user's wish or the server's. */
export function end(): void {
  current = null;
  sessionStorage.removeItem(KEY);
  listeners.forEach((told) => told());
}

export function subscribe(told: () => void): () => void {
  listeners.add(told);
  return () => listeners.delete(told);
}

const RANK: Record<Role, number> = { Viewer: 0, Operator: 1, Admin: 2 };

/** Whether the user may do what takes a role: actions that would be refused are not shown. */
export function may(role: Role): boolean {
  return current !== null && RANK[current.role] >= RANK[role];
}
