// The API's services, typed from their own documents.

import createClient from "openapi-fetch";

import { ApiError } from "./errors";
import { reach } from "./reachability";
import type { paths as AgPaths } from "./schema/ag";
import type { paths as DnlbPaths } from "./schema/dnlb";
import type { paths as LbPaths } from "./schema/lb";
import type { paths as VmPaths } from "./schema/vm";
import type { paths as VpcPaths } from "./schema/vpc";
import { renewed, session } from "./session";

async function refusal(response: Response): Promise<ApiError> {
  const body: unknown = await response.json().catch(() => null);
  const { error, requestId } = (body ?? {}) as { error?: { status: string; message: string }; requestId?: string };
  return new ApiError(
    response.status,
    error?.status ?? "",
    error?.message ?? response.statusText,
    requestId ?? response.headers.get("x-jdcloud-request-id") ?? "",
  );
}

async function sendOnce(request: Request, token: string | null): Promise<Response> {
  const attempt = request.clone();
  if (token !== null) attempt.headers.set("authorization", `Bearer ${token}`);
  const response = await reach(attempt);
  if (response.ok) return response;
  throw await refusal(response);
}

/** Sends without a session, such as to begin one: the refusal of a password says nothing of the session that there may be. */
export function sendOutside(request: Request): Promise<Response> {
  return sendOnce(request, null);
}

/** Sends in the present session; one that is over is begun anew by the user, and the request then sent again. */
export async function send(request: Request): Promise<Response> {
  for (;;) {
    const current = session.get();
    if (current === null) return sendOutside(request);
    try {
      return await sendOnce(request, current.token);
    } catch (error) {
      const isOver = error instanceof ApiError && error.code === 401;
      if (!isOver || !(await renewed(current))) throw error;
    }
  }
}

/** Services share paths; the header says which one is meant. */
function client<Paths extends object>(service: string, fetch = send) {
  return createClient<Paths>({ baseUrl: "/", headers: { "x-dnlb-service": service }, fetch });
}

export const api = {
  ag: client<AgPaths>("ag"),
  dnlb: client<DnlbPaths>("dnlb"),
  /** The service `dnlb` for somebody who is not logged in. */
  entrance: client<DnlbPaths>("dnlb", sendOutside),
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
