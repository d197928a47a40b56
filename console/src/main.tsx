// Draws the console once the server has said which region it is.

import "@cloudscape-design/global-styles/index.css";
import "./app/shell.css";

import { StrictMode } from "react";
import { createRoot } from "react-dom/client";

import { Application } from "./app/Application";
import { load } from "./app/settings";
import { language } from "./texts/texts";
import { common } from "./texts/common";

const place = document.getElementById("root");
if (place === null) throw new Error("the page has no root");
await load(() => (place.textContent = common[language.get()]["server.waiting"]));
place.textContent = "";
createRoot(place).render(
  <StrictMode>
    <Application />
  </StrictMode>,
);
