// A resource that a record names, as a link to its page if it has one.

import { paths } from "../app/paths";
import { RouteLink } from "../app/RouteLink";
import { hasPlace } from "./places";

interface Props {
  kind: string;
  id: string;
  /** Its id, if it has no name here. */
  name?: string;
  /** What is no more has no page. */
  isGone?: boolean;
}

/** Ids of sessions are hashes, too long for a line. */
function short(id: string): string {
  return id.length > 32 ? `${id.slice(0, 12)}…` : id;
}

export function ResourceLink({ kind, id, name = short(id), isGone = false }: Props) {
  if (isGone || !hasPlace(kind)) return <>{name}</>;
  return <RouteLink href={paths.resource(kind, id)}>{name}</RouteLink>;
}
