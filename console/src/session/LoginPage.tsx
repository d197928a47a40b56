// What is shown to somebody who is not logged in.

import Box from "@cloudscape-design/components/box";
import Container from "@cloudscape-design/components/container";
import Grid from "@cloudscape-design/components/grid";
import Header from "@cloudscape-design/components/header";

import { useTexts } from "../texts/texts";
import { LoginForm } from "./LoginForm";

export function LoginPage() {
  const say = useTexts();
  return (
    <main>
      <Box margin={{ top: "xxxl" }} padding="l">
        <Grid gridDefinition={[{ colspan: { default: 12, s: 6, m: 4 }, offset: { default: 0, s: 3, m: 4 } }]}>
          <Container
            header={
              <Header variant="h1" description={say("product")}>
                {say("login.title")}
              </Header>
            }
          >
            <LoginForm />
          </Container>
        </Grid>
      </Box>
    </main>
  );
}
