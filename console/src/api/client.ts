// The API's services, typed from their own documents.

import createClient, { type Middleware } from "openapi-fetch";

import type { paths as AgPaths } from "./schema/ag";
import type { paths as DnlbPaths } from "./schema/dnlb";
import type { paths as LbPaths } from "./schema/lb";
import type { paths as VmPaths } from "./schema/vm";
import type { paths as VpcPaths } from "./schema/vpc";
import { end, session } from "./session";

/** What the API says of a request that it refuses. */
export class ApiError extends Error {
  constructor(
    readonly code: number,
    readonly status: string,
    message: string,
    readonly requestId: string,
  ) {
    super(message);
  }
}

/** Services share paths; this header says which one is meant. */
function middleware(service: string): Middleware {
  return {
    onRequest({ request }) {
      request.headers.set("x-dnlb-service", service);
      const token = session()?.token;
      if (token !== undefined) request.headers.set("authorization", `Bearer ${token}`);
      return request;
    },
    async onResponse({ response }) {
      if (response.ok) return response;
      const body: unknown = await response.clone().json().catch(() => null);
      const { error, requestId } = (body ?? {}) as {
        error?: { code: number; status: string; message: string };
        requestId?: string;
      };
      if (response.status === 401 && session() !== null) end();
      throw new ApiError(
        response.status,
        error?.status ?? "",
        error?.message ?? response.statusText,
        requestId ?? response.headers.get("x-jdcloud-request-id") ?? "",
      );
    },
  };
}

function client<Paths extends object>(service: string) {
  const made = createClient<Paths>({ baseUrl: "/" });
  made.use(middleware(service));
  return made;
}

export const api = {
  ag: client<AgPaths>("ag"),
  dnlb: client<DnlbPaths>("dnlb"),
  lb: client<LbPaths>("lb"),
  vm: client<VmPaths>("vm"),
  vpc: client<VpcPaths>("vpc"),
};

/** The `result` of a reply; refusals were thrown before. */
export function result<Result>(reply: { data?: { result?: Result } }): Result {
  const found = reply.data?.result;
  if (found === undefined) throw new ApiError(0, "", "the server sent a reply without a result", "");
  return found;
}
