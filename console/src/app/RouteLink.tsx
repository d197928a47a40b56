// A link to a page of the console.

import Link, { type LinkProps } from "@cloudscape-design/components/link";

import { useFollow } from "./follow";

export function RouteLink(props: LinkProps & { href: string }) {
  const follow = useFollow();
  return <Link {...props} onFollow={follow} />;
}
