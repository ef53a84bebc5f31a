import { Button, Divider, PasswordInput, Stack, Text, Title } from "@mantine/core";
import { IconLogin2 } from "@tabler/icons-react";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { type FormEvent, useState } from "react";
import { isStatus } from "@/api/http";
import { setSession, signIn } from "@/api/session";
import type { SignInOptions } from "@/api/types";
import classes from "./SignInPage.module.css";

/** Stands in for any page while nobody is signed in, so that the page is there afterwards. */
export function SignInPage({ issuer }: { issuer: SignInOptions["oidc"] | undefined }) {
  const client = useQueryClient();
  const [token, setToken] = useState("");
  const enter = useMutation({
    mutationFn: signIn,
    onSuccess: (session) => setSession(client, session),
  });
  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (token.trim() !== "") enter.mutate(token.trim());
  };
  const here = window.location.pathname + window.location.search;
  return (
    <main className={classes.page}>
      <title>Sign in · ContainerLease</title>
      <div className={classes.card}>
        <div className={classes.brand}>
          <img src="/favicon.svg" width={36} height={36} alt="" />
          <Title order={1} size="h3">
            Sign in to ContainerLease
          </Title>
        </div>
        {issuer && (
          <>
            <Button
              component="a"
              href={`${issuer.url}?return=${encodeURIComponent(here)}`}
              leftSection={<IconLogin2 size={18} aria-hidden />}
              fullWidth
            >
              Sign in with {issuer.name}
            </Button>
            <Divider label="or by a token" labelPosition="center" />
          </>
        )}
        <form onSubmit={submit}>
          <Stack gap="sm">
            <PasswordInput
              label="Token"
              value={token}
              onChange={(event) => {
                setToken(event.currentTarget.value);
                enter.reset();
              }}
              error={enter.error ? refusal(enter.error) : undefined}
              autoComplete="current-password"
              visibilityToggleButtonProps={{ "aria-label": "Show the token" }}
              autoFocus
              spellCheck={false}
            />
            <Button
              type="submit"
              variant={issuer ? "default" : "filled"}
              loading={enter.isPending}
              disabled={token.trim() === ""}
              fullWidth
            >
              Sign in
            </Button>
          </Stack>
        </form>
        <div className={classes.hint}>
          <Text size="xs" c="dimmed">
            On the server's machine, this makes a token:
          </Text>
          <code className={classes.command}>
            containerlease token create <span className={classes.flag}>--user NAME</span>{" "}
            <span className={classes.flag}>--role editor</span>
          </code>
          <Text size="xs" c="dimmed">
            and this a link that signs in at once:
          </Text>
          <code className={classes.command}>containerlease token link</code>
        </div>
      </div>
    </main>
  );
}

function refusal(error: Error): string {
  return isStatus(error, 401) ? "This token is not good: mistyped, expired or revoked." : error.message;
}
