// Whether the server answered last time.

import { Cell } from "../app/cell";
import { Unreachable } from "./errors";

export const reachable = new Cell(true);

/** Longer than the server takes for anything: whoever is silent for that long is gone. */
const PATIENCE_MS = 20_000;

export async function reach(request: Request): Promise<Response> {
  let response: Response;
  try {
    response = await fetch(request, { signal: AbortSignal.any([request.signal, AbortSignal.timeout(PATIENCE_MS)]) });
  } catch (cause) {
    if (request.signal.aborted) throw cause;
    reachable.set(false);
    throw new Unreachable("no answer", { cause });
  }
  // What stands between us and the server answers for it, in its own words.
  const isGateway = response.status >= 500 && !response.headers.has("x-jdcloud-request-id");
  reachable.set(!isGateway);
  if (isGateway) throw new Unreachable(`${response.status} of a gateway`);
  return response;
}
