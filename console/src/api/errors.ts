// What may become of a request.

/** The API refuses: its sentence says what is wrong and what would be right, and is shown as it is. */
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

/** There was no answer of the server; a change may have been made or not. */
export class Unreachable extends Error {}

export function isMissing(error: unknown): boolean {
  return error instanceof ApiError && error.code === 404;
}

/**
 * Which of some fields a refusal is about, if it names one.
 *
 * The API begins such sentences with the field, in full (`healthCheckSpec.port 70000 is ...`) or alone, or says: missing field `port`.
 */
export function fieldNamedBy<Field extends string>(error: unknown, fields: Record<Field, readonly string[]>): Field | null {
  if (!(error instanceof ApiError) || error.code >= 500) return null;
  const named = /missing field `([\w.]+)`/.exec(error.message)?.[1] ?? /^`?([\w.[\]]+)/.exec(error.message)?.[1];
  if (named === undefined) return null;
  const tail = named.split(".").at(-1);
  const entries = Object.entries(fields) as [Field, readonly string[]][];
  const found =
    entries.find(([, names]) => names.includes(named)) ?? entries.find(([, names]) => names.some((name) => name === tail));
  return found?.[0] ?? null;
}
