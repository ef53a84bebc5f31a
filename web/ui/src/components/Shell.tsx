import { AppShell, Button, Text } from "@mantine/core";
import { IconPlus, IconReceipt, IconServer2, IconTags } from "@tabler/icons-react";
import { Link } from "@tanstack/react-router";
import type { ReactNode } from "react";
import { ConnectionBadge } from "./ConnectionBadge";
import classes from "./Shell.module.css";
import { UserMenu } from "./UserMenu";

const pages = [
  { to: "/", label: "Leases", icon: IconServer2 },
  { to: "/billing", label: "Billing", icon: IconReceipt },
  { to: "/classes", label: "Classes", icon: IconTags },
] as const;

function Links() {
  return pages.map(({ to, label, icon: Icon }) => (
    <Link key={to} to={to} className={classes.link} activeOptions={{ exact: true }}>
      <Icon size={18} aria-hidden />
      {label}
    </Link>
  ));
}

/** What is around every page: where to go, whether what is shown is live, and who is signed in. */
export function Shell({ children }: { children: ReactNode }) {
  return (
    <AppShell header={{ height: 56 }} padding={0}>
      <a className={classes.skip} href="#main">
        Skip to the content
      </a>
      <AppShell.Header className={classes.header} withBorder={false}>
        <div className={classes.bar}>
          <Link to="/" className={classes.brand ?? ""} aria-label="ContainerLease">
            <img src="/favicon.svg" width={26} height={26} alt="" />
            <Text component="span" inherit visibleFrom="xs">
              ContainerLease
            </Text>
          </Link>
          <nav className={classes.nav} aria-label="Pages">
            <Links />
          </nav>
          <div className={classes.push} />
          <ConnectionBadge />
          <Button
            component={Link}
            to="/new"
            size="xs"
            leftSection={<IconPlus size={16} aria-hidden />}
            aria-label="New lease"
          >
            New lease
          </Button>
          <UserMenu />
        </div>
      </AppShell.Header>
      <AppShell.Main id="main" tabIndex={-1}>
        <div className={classes.main}>{children}</div>
      </AppShell.Main>
      <nav className={classes.tabs} aria-label="Pages, below">
        <Links />
      </nav>
    </AppShell>
  );
}
