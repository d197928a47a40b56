// What users may do.

import type { Role } from "../api/session";
import type { User } from "./api";

export const ROLES: readonly Role[] = ["Viewer", "Operator", "Admin"];

/** Whether nobody could change users any more without this one: the API then refuses to delete, disable or demote it. */
export function isLastAdmin(userId: string, users: readonly Pick<User, "userId" | "role" | "enabled">[]): boolean {
  const admins = users.filter(({ role, enabled }) => enabled && role === "Admin");
  return admins.length === 1 && admins[0]?.userId === userId;
}
