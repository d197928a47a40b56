// Draws the application once the server has said which region it is.

import "@cloudscape-design/global-styles/index.css";

import { QueryClient, QueryClientProvider } from "@tanstack/react-query";
import { StrictMode, useSyncExternalStore } from "react";
import { createRoot } from "react-dom/client";

import { session, subscribe } from "./api/session";
import { load } from "./app/settings";
import { ListPage } from "./load-balancers/ListPage";
import { LoginPage } from "./login/LoginPage";

const queries = new QueryClient({ defaultOptions: { queries: { retry: 1, staleTime: 2_000 } } });

function Application() {
  const current = useSyncExternalStore(subscribe, session);
  return current === null ? <LoginPage /> : <ListPage />;
}

const place = document.getElementById("root");
if (place === null) throw new Error("the page has no root");
await load();
createRoot(place).render(
  <StrictMode>
    <QueryClientProvider client={queries}>
      <Application />
    </QueryClientProvider>
  </StrictMode>,
);
