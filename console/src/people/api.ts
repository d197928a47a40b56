// Accounts, users of one's own and their access keys, as the API has them.

import { api, result } from "../api/client";
import { type Page, pageQuery, type PageRequest } from "../api/pages";
import type { components } from "../api/schema/dnlb";
import { regionId } from "../app/settings";

export type User = components["schemas"]["User"];
export type AccessKey = components["schemas"]["AccessKey"];
export type Account = components["schemas"]["Account"];

/** An access key with its secret, which nobody is told again. */
export interface NewKey {
  accessKeyId: string;
  secretKey: string;
}

function at(): { regionId: string } {
  return { regionId: regionId() };
}

export type UserFilter = "userName" | "role";

export async function users(request: PageRequest<UserFilter>): Promise<Page<User>> {
  const params = { path: at(), query: pageQuery(request) };
  const found = result(await api.dnlb.GET("/v1/regions/{regionId}/users", { params }));
  return { items: found.users, total: found.totalCount };
}

export async function user(userId: string): Promise<User> {
  return result(await api.dnlb.GET("/v1/regions/{regionId}/users/{userId}", { params: { path: { ...at(), userId } } })).user;
}

export async function createUser(body: components["schemas"]["CreateUser"]): Promise<string> {
  return result(await api.dnlb.POST("/v1/regions/{regionId}/users", { params: { path: at() }, body })).userId;
}

export async function updateUser(userId: string, body: components["schemas"]["UpdateUser"]): Promise<void> {
  await api.dnlb.PATCH("/v1/regions/{regionId}/users/{userId}", { params: { path: { ...at(), userId } }, body });
}

export async function deleteUser(userId: string): Promise<void> {
  await api.dnlb.DELETE("/v1/regions/{regionId}/users/{userId}", { params: { path: { ...at(), userId } } });
}

/** Of one's own alone. */
export async function changePassword(userId: string, oldPassword: string, newPassword: string): Promise<void> {
  const params = { path: { ...at(), userId } };
  await api.dnlb.POST("/v1/regions/{regionId}/users/{userId}:changePassword", { params, body: { oldPassword, newPassword } });
}

/** One's own; an administrator's are those of all users. */
export async function accessKeys(request: PageRequest<"userId">): Promise<Page<AccessKey>> {
  const params = { path: at(), query: pageQuery(request) };
  const found = result(await api.dnlb.GET("/v1/regions/{regionId}/accessKeys", { params }));
  return { items: found.accessKeys, total: found.totalCount };
}

export async function createAccessKey(userId: string, description: string): Promise<NewKey> {
  return result(await api.dnlb.POST("/v1/regions/{regionId}/accessKeys", { params: { path: at() }, body: { userId, description } }));
}

export async function updateAccessKey(accessKeyId: string, body: components["schemas"]["UpdateAccessKey"]): Promise<void> {
  await api.dnlb.PATCH("/v1/regions/{regionId}/accessKeys/{accessKeyId}", { params: { path: { ...at(), accessKeyId } }, body });
}

export async function deleteAccessKey(accessKeyId: string): Promise<void> {
  await api.dnlb.DELETE("/v1/regions/{regionId}/accessKeys/{accessKeyId}", { params: { path: { ...at(), accessKeyId } } });
}

/** A new key in the place of one that counts beside it for a while. */
export async function rotateAccessKey(accessKeyId: string, graceSeconds: number): Promise<NewKey> {
  const params = { path: { ...at(), accessKeyId } };
  return result(await api.dnlb.POST("/v1/regions/{regionId}/accessKeys/{accessKeyId}:rotate", { params, body: { graceSeconds } }));
}

export async function accounts(request: PageRequest<"accountName">): Promise<Page<Account>> {
  const params = { path: at(), query: pageQuery(request) };
  const found = result(await api.dnlb.GET("/v1/regions/{regionId}/accounts", { params }));
  return { items: found.accounts, total: found.totalCount };
}

export async function account(accountId: string): Promise<Account> {
  return result(await api.dnlb.GET("/v1/regions/{regionId}/accounts/{accountId}", { params: { path: { ...at(), accountId } } })).account;
}

/** With its first administrator and that one's access key. */
export async function createAccount(body: components["schemas"]["CreateAccount"]): Promise<NewKey & { accountId: string }> {
  return result(await api.dnlb.POST("/v1/regions/{regionId}/accounts", { params: { path: at() }, body }));
}

export async function updateAccount(accountId: string, body: components["schemas"]["UpdateAccount"]): Promise<void> {
  await api.dnlb.PATCH("/v1/regions/{regionId}/accounts/{accountId}", { params: { path: { ...at(), accountId } }, body });
}

export async function deleteAccount(accountId: string): Promise<void> {
  await api.dnlb.DELETE("/v1/regions/{regionId}/accounts/{accountId}", { params: { path: { ...at(), accountId } } });
}
