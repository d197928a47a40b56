// What is remembered: who changed what, and what happened by itself.

import { api, result } from "../api/client";
import { filterQuery, type Part, type PartRequest } from "../api/pages";
import type { components } from "../api/schema/dnlb";
import { regionId } from "../app/settings";
import type { Times } from "./range";

export type AuditRecord = components["schemas"]["AuditRecord"];
export type ChangedResource = components["schemas"]["ChangedResource"];
export type Event = components["schemas"]["Event"];

export type AuditFilter = "resourceId" | "resourceType" | "userName" | "operation";

function query<Name extends string>({ filters, maxResults, nextToken }: PartRequest<Name>, times: Times) {
  return { ...filterQuery(filters), ...times, maxResults, ...(nextToken === "" ? {} : { nextToken }) };
}

export async function auditRecords(request: PartRequest<AuditFilter>, times: Times): Promise<Part<AuditRecord>> {
  const params = { path: { regionId: regionId() }, query: query(request, times) };
  const found = result(await api.dnlb.GET("/v1/regions/{regionId}/auditRecords", { params }));
  return { items: found.auditRecords, nextToken: found.nextToken };
}

export type EventFilter = "resourceId" | "resourceType" | "kind";

export async function events(request: PartRequest<EventFilter>, times: Times): Promise<Part<Event>> {
  const params = { path: { regionId: regionId() }, query: query(request, times) };
  const found = result(await api.dnlb.GET("/v1/regions/{regionId}/events", { params }));
  return { items: found.events, nextToken: found.nextToken };
}
