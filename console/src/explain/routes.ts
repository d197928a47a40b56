// The page that explains a flow.

import { createRoute, lazyRouteComponent } from "@tanstack/react-router";

import { root } from "../app/root";
import { readAsked } from "./asked";

export const explainRoutes = [
  createRoute({
    getParentRoute: () => root,
    path: "/explain",
    validateSearch: readAsked,
    component: lazyRouteComponent(() => import("./ExplainPage"), "ExplainPage"),
  }),
] as const;
