// The page of one resource: what it is, what can be done with it, and what belongs to it.

import Box from "@cloudscape-design/components/box";
import Container from "@cloudscape-design/components/container";
import Header from "@cloudscape-design/components/header";
import KeyValuePairs from "@cloudscape-design/components/key-value-pairs";
import SpaceBetween from "@cloudscape-design/components/space-between";
import Spinner from "@cloudscape-design/components/spinner";
import Tabs from "@cloudscape-design/components/tabs";
import type { UseQueryResult } from "@tanstack/react-query";
import { useNavigate, useSearch } from "@tanstack/react-router";
import type { ReactNode } from "react";

import { isMissing } from "../api/errors";
import { Failed } from "../app/Outcome";
import { type Crumb, usePlace } from "../app/place";
import { useTexts } from "../texts/texts";

export interface Fact {
  label: string;
  value: ReactNode;
}

export interface Tab {
  id: string;
  label: string;
  content: ReactNode;
}

interface Props {
  title: string;
  description?: ReactNode;
  crumbs: readonly Crumb[];
  actions?: ReactNode;
  factsTitle: string;
  factsActions?: ReactNode;
  facts: readonly Fact[];
  tabs?: readonly Tab[];
  children?: ReactNode;
}

/** The tab is in the address, so that it can be linked to. */
export function useTab(): [tab: string | undefined, show: (tab: string) => void] {
  const { tab } = useSearch({ strict: false });
  const navigate = useNavigate();
  return [tab, (next) => void navigate({ to: ".", search: (was) => ({ ...was, tab: next }), replace: true })];
}

export function DescribePage({ title, description, crumbs, actions, factsTitle, factsActions, facts, tabs = [], children }: Props) {
  const say = useTexts();
  usePlace("default", crumbs);
  const [tab, show] = useTab();
  const active = tabs.find(({ id }) => id === tab)?.id ?? tabs[0]?.id;
  return (
    <SpaceBetween size="l">
      <Header variant="h1" description={description} actions={actions}>
        {title}
      </Header>
      <Container header={<Header variant="h2" actions={factsActions}>{factsTitle}</Header>}>
        <KeyValuePairs
          columns={4}
          items={facts.map(({ label, value }) => ({ label, value: value === "" || value === undefined || value === null ? say("field.none") : value }))}
        />
      </Container>
      {active !== undefined && (
        <Tabs activeTabId={active} onChange={({ detail }) => show(detail.activeTabId)} tabs={[...tabs]} ariaLabel={title} />
      )}
      {children}
    </SpaceBetween>
  );
}

/** Draws a resource once it is there; and that it is gone, when it is. */
export function Described<Item>({ query, back, children }: { query: UseQueryResult<Item>; back: string; children: (item: Item) => ReactNode }) {
  const say = useTexts();
  // What was deleted meanwhile is not shown as if it were there; anything else that fails leaves the page as it is.
  if (query.data !== undefined && !isMissing(query.error)) return children(query.data);
  if (query.error !== null) return <Failed error={query.error} back={back} retry={() => void query.refetch()} />;
  return (
    <Box textAlign="center" padding="xxl">
      <Spinner size="large" /> {say("list.loading")}
    </Box>
  );
}
