// Where the user is: what stands above the page, and in the browser's title.

import { useEffect } from "react";

import { Cell } from "./cell";

export interface Crumb {
  text: string;
  href: string;
}

export interface Place {
  crumbs: readonly Crumb[];
  /** How wide the page may become. */
  kind: "cards" | "default" | "form" | "table" | "wizard";
}

export const place = new Cell<Place>({ crumbs: [], kind: "default" });

/** Says where the page is; the last crumb is the page itself. */
export function usePlace(kind: Place["kind"], crumbs: readonly Crumb[]): void {
  const text = JSON.stringify([kind, crumbs]);
  useEffect(() => {
    place.set({ kind, crumbs });
    const title = crumbs.map((crumb) => crumb.text).reverse();
    document.title = [...title, "dnlb"].join(" · ");
    // Crumbs are new values at each drawing; their text says whether they differ.
  }, [text]);
}
