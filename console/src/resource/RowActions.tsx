// Actions on a resource: in a list's *Operation* column, one at hand and the others behind *More*; on its page, all as buttons.

import Button from "@cloudscape-design/components/button";
import ButtonDropdown from "@cloudscape-design/components/button-dropdown";
import SpaceBetween from "@cloudscape-design/components/space-between";
import type { ReactNode } from "react";

import { useFollow } from "../app/follow";
import { useTexts } from "../texts/texts";

export interface RowAction {
  id: string;
  text: string;
  /** Where it leads, or what it does. */
  href?: string;
  act?: () => void;
  disabled?: boolean;
  disabledReason?: string;
}

export function RowActions({ name, first, more }: { name: string; first?: ReactNode; more: readonly RowAction[] }) {
  const say = useTexts();
  const follow = useFollow();
  return (
    <SpaceBetween direction="horizontal" size="xs" alignItems="center">
      {first}
      {more.length > 0 && (
        <ButtonDropdown
          variant="inline-icon"
          expandToViewport
          ariaLabel={say("action.more.of", { name })}
          items={more.map(({ id, text, href, disabled, disabledReason }) => ({
            id,
            text,
            ...(href === undefined ? {} : { href }),
            disabled: disabled ?? false,
            ...(disabledReason === undefined ? {} : { disabledReason }),
          }))}
          onItemFollow={follow}
          onItemClick={({ detail }) => more.find(({ id }) => id === detail.id)?.act?.()}
        />
      )}
    </SpaceBetween>
  );
}

export function ActionButtons({ actions }: { actions: readonly RowAction[] }) {
  return (
    <SpaceBetween direction="horizontal" size="xs">
      {actions.map(({ id, text, act, disabled, disabledReason }) => (
        <Button key={id} disabled={disabled ?? false} {...(disabledReason === undefined ? {} : { disabledReason })} onClick={() => act?.()}>
          {text}
        </Button>
      ))}
    </SpaceBetween>
  );
}
