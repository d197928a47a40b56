// Which region, which language, light or dark, and who is logged in.

import TopNavigation from "@cloudscape-design/components/top-navigation";
import { lazy, Suspense, useState } from "react";

import { api } from "../api/client";
import { end, type Session } from "../api/session";
import type { Language } from "../texts/catalogue";
import { language, speak, useTexts } from "../texts/texts";
import { appearance, choose } from "./appearance";
import { useCell } from "./cell";
import { paths } from "./paths";
import { queries } from "./queries";
import { router } from "./router";
import { regionId, settings } from "./settings";

/** Each in its own words, so that whoever cannot read the present one finds it. */
const LANGUAGES: readonly { id: Language; text: string }[] = [
  { id: "en", text: "English" },
  { id: "zh", text: "中文" },
];

/** Forms are loaded with the first page that has one. */
const ChangePasswordDialog = lazy(async () => ({ default: (await import("../people/PasswordDialogs")).ChangePasswordDialog }));

async function logOut(): Promise<void> {
  // The server forgets the session, too; if it does not answer, the session ends there by its time.
  const forgotten = api.dnlb.DELETE("/v1/regions/{regionId}/sessions/current", { params: { path: { regionId: regionId() } } });
  await Promise.race([forgotten.catch(() => null), new Promise((resume) => setTimeout(resume, 2_000))]);
  end();
  queries.clear();
}

export function TopBar({ current }: { current: Session | null }) {
  const say = useTexts();
  const spoken = useCell(language);
  const shown = useCell(appearance);
  const { region, version } = settings();
  const [isChanging, setChanging] = useState(false);
  const isDark = shown === "dark";
  return (
    <>
      <TopNavigation
        identity={{ href: paths.loadBalancers(), title: `dnlb · ${say("top.region", { region })}` }}
        utilities={[
          {
            type: "menu-dropdown",
            text: LANGUAGES.find(({ id }) => id === spoken)?.text,
            ariaLabel: say("top.language"),
            items: LANGUAGES.map(({ id, text }) => ({ id, text, lang: id })),
            onItemClick: ({ detail }) => speak(detail.id === "zh" ? "zh" : "en"),
          },
          {
            type: "button",
            text: say(isDark ? "top.light" : "top.dark"),
            ariaLabel: `${say("top.appearance")}: ${say(isDark ? "top.light" : "top.dark")}`,
            onClick: () => choose(isDark ? "light" : "dark"),
          },
          ...(current === null
            ? []
            : [
                {
                  type: "menu-dropdown" as const,
                  text: current.user,
                  description: [
                    say("top.account", { account: current.account }),
                    say(`top.role.${current.role}`),
                    ...(version === undefined ? [] : [say("top.version", { version })]),
                  ].join(" · "),
                  iconName: "user-profile" as const,
                  items: [
                    { id: "profile", text: say("top.profile"), href: paths.user(current.userId) },
                    { id: "password", text: say("top.password") },
                    { id: "logout", text: say("top.logout") },
                  ],
                  onItemFollow: (event: CustomEvent) => {
                    event.preventDefault();
                    router.history.push(paths.user(current.userId));
                  },
                  onItemClick: ({ detail }: { detail: { id: string } }) => {
                    if (detail.id === "password") setChanging(true);
                    if (detail.id === "logout") void logOut();
                  },
                },
              ]),
        ]}
      />
      {isChanging && current !== null && (
        <Suspense>
          <ChangePasswordDialog userId={current.userId} onClose={() => setChanging(false)} />
        </Suspense>
      )}
    </>
  );
}
