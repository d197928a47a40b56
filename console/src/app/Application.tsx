// The whole console: login, or the pages.

import I18nProvider, { type I18nProviderProps } from "@cloudscape-design/components/i18n";
import { QueryClientProvider, useQuery } from "@tanstack/react-query";
import { RouterProvider } from "@tanstack/react-router";
import { useEffect, useState } from "react";

import { api, result } from "../api/client";
import { know, session } from "../api/session";
import { callerOf } from "../session/LoginForm";
import { LoginPage } from "../session/LoginPage";
import { SessionDialog } from "../session/SessionDialog";
import type { Language } from "../texts/catalogue";
import { language } from "../texts/texts";
import { useCell } from "./cell";
import { queries } from "./queries";
import { router } from "./router";
import { regionId } from "./settings";
import { TopBar } from "./TopBar";

/** A role may change, and a user be disabled, while a page is open. */
const CALLER_MS = 30_000;

/** Texts of Cloudscape's own parts. */
const MESSAGES: Record<Language, () => Promise<{ default: I18nProviderProps["messages"][number] }>> = {
  en: () => import("@cloudscape-design/components/i18n/messages/all.en"),
  zh: () => import("@cloudscape-design/components/i18n/messages/all.zh-CN"),
};
const LOCALES: Record<Language, string> = { en: "en", zh: "zh-CN" };

function useMessages(spoken: Language): I18nProviderProps["messages"] | null {
  const [loaded, setLoaded] = useState<I18nProviderProps["messages"] | null>(null);
  useEffect(() => {
    let isWanted = true;
    void MESSAGES[spoken]().then((module) => isWanted && setLoaded([module.default]));
    return () => {
      isWanted = false;
    };
  }, [spoken]);
  return loaded;
}

function Caller() {
  const { data } = useQuery({
    queryKey: ["caller"],
    refetchInterval: CALLER_MS,
    queryFn: async () =>
      result(await api.dnlb.GET("/v1/regions/{regionId}/sessions/current", { params: { path: { regionId: regionId() } } })),
  });
  useEffect(() => {
    if (data !== undefined) know(callerOf(data.caller));
  }, [data]);
  return null;
}

export function Application() {
  const spoken = useCell(language);
  const current = useCell(session);
  const messages = useMessages(spoken);
  if (messages === null) return null;
  return (
    <I18nProvider locale={LOCALES[spoken]} messages={messages}>
      <QueryClientProvider client={queries}>
        <div id="top">
          <TopBar current={current} />
        </div>
        {current === null ? (
          <LoginPage />
        ) : (
          <>
            <Caller />
            <RouterProvider router={router} />
            <SessionDialog />
          </>
        )}
      </QueryClientProvider>
    </I18nProvider>
  );
}
