// Going from page to page without loading the console anew.

import { useRouter } from "@tanstack/react-router";
import { useCallback } from "react";

import { BASE } from "./paths";

interface Followed {
  preventDefault: () => void;
  detail: { href?: string | undefined; external?: boolean | undefined };
}

export function useGo(): (href: string) => void {
  const router = useRouter();
  return useCallback((href) => router.history.push(href), [router]);
}

/** For `onFollow` of Cloudscape's components. */
export function useFollow(): (event: Followed) => void {
  const go = useGo();
  return useCallback(
    (event) => {
      const { href, external } = event.detail;
      if (href === undefined || external === true || !href.startsWith(BASE)) return;
      event.preventDefault();
      go(href);
    },
    [go],
  );
}
