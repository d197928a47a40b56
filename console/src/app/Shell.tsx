// What stands around every page.

import AppLayoutToolbar from "@cloudscape-design/components/app-layout-toolbar";
import BreadcrumbGroup from "@cloudscape-design/components/breadcrumb-group";
import Flashbar, { type FlashbarProps } from "@cloudscape-design/components/flashbar";
import SideNavigation from "@cloudscape-design/components/side-navigation";
import { Outlet, useRouterState } from "@tanstack/react-router";
import { useState } from "react";

import { reachable } from "../api/reachability";
import { session } from "../api/session";
import { useTexts } from "../texts/texts";
import { useCell } from "./cell";
import { useFollow } from "./follow";
import { activePage, SECTIONS } from "./navigation";
import { dismiss, notices } from "./notices";
import { BASE } from "./paths";
import { place } from "./place";
import { RouteLink } from "./RouteLink";

const WIDE = "(min-width: 1000px)";

function Navigation() {
  const say = useTexts();
  const follow = useFollow();
  const pathname = useRouterState({ select: (state) => state.location.pathname });
  const operates = useCell(session)?.operates ?? false;
  return (
    <SideNavigation
      activeHref={activePage(SECTIONS, BASE + pathname)}
      onFollow={follow}
      items={SECTIONS.map(({ title, pages }) => ({
        type: "section" as const,
        text: say(title),
        items: pages
          .filter((page) => operates || page.operatesRegion !== true)
          .map((page) => ({ type: "link" as const, text: say(page.title), href: page.href })),
      })).filter((section) => section.items.length > 0)}
    />
  );
}

function Notices() {
  const say = useTexts();
  const answers = useCell(reachable);
  const told = useCell(notices);
  const items: FlashbarProps.MessageDefinition[] = told.map(({ id, type, text, link }) => ({
    id: String(id),
    type,
    dismissible: true,
    dismissLabel: say("notices.dismiss"),
    onDismiss: () => dismiss(id),
    content: (
      <>
        {text} {link !== undefined && <RouteLink href={link.href} color="inverted">{link.text}</RouteLink>}
      </>
    ),
  }));
  if (!answers) {
    items.unshift({
      id: "server",
      type: "warning",
      loading: true,
      header: say("server.gone"),
      content: say("server.gone.text"),
    });
  }
  return <Flashbar items={items} i18nStrings={{ ariaLabel: say("notices.label") }} />;
}

function Breadcrumbs() {
  const follow = useFollow();
  const { crumbs } = useCell(place);
  return <BreadcrumbGroup items={crumbs} onFollow={follow} />;
}

export function Shell() {
  const say = useTexts();
  const { kind } = useCell(place);
  const [open, setOpen] = useState(() => matchMedia(WIDE).matches);
  return (
    <AppLayoutToolbar
      headerSelector="#top"
      contentType={kind}
      toolsHide
      navigationOpen={open}
      onNavigationChange={({ detail }) => setOpen(detail.open)}
      navigation={<Navigation />}
      ariaLabels={{ navigation: say("nav.label"), notifications: say("notices.label") }}
      breadcrumbs={<Breadcrumbs />}
      notifications={<Notices />}
      stickyNotifications
      content={<Outlet />}
      navigationWidth={240}
    />
  );
}
