import { Anchor, Button, Skeleton, Tabs, Text } from "@mantine/core";
import { IconPlayerPause, IconPlayerPlay, IconServerOff, IconTrash } from "@tabler/icons-react";
import { getRouteApi, Link, useNavigate } from "@tanstack/react-router";
import { Suspense, useState } from "react";
import { containerLeases, events } from "@/api/kubernetes";
import { setOperatingMode } from "@/api/leases";
import type { ContainerLease } from "@/api/types";
import { useCollection } from "@/api/watch/useCollection";
import { DeleteLeases } from "@/components/DeleteLeases";
import { ExtendMenu } from "@/components/ExtendMenu";
import { lazyPart } from "@/components/lazyPart";
import { PageTitle } from "@/components/PageTitle";
import { mayEdit, useSession } from "@/components/session";
import { EmptyState, ErrorState, LoadingState } from "@/components/states";
import { useClasses } from "@/components/useClasses";
import { useLeaseAction } from "@/components/useLeaseAction";
import { isOver, nameOf, namespaceOf, ownerOf, phaseOf, uidOf } from "@/lib/lease";
import { parseTime } from "@/lib/time";
import { Conditions } from "./Conditions";
import { CostCard } from "./CostCard";
import { Details } from "./Details";
import classes from "./LeasePage.module.css";
import { Provisioning } from "./Provisioning";
import { Summary } from "./Summary";
import { Timeline } from "./Timeline";
import { provisioning } from "./view";

const LogPanel = lazyPart(async () => (await import("./LogPanel")).LogPanel);
const UsagePanel = lazyPart(async () => (await import("./UsagePanel")).UsagePanel);
const YAMLView = lazyPart(async () => (await import("./YAMLView")).YAMLView);

const route = getRouteApi("/leases/$namespace/$name");

/** One lease: how it is, what it prints, what it uses, what it costs, and what has happened to it. */
export function LeasePage() {
  const { namespace, name } = route.useParams();
  const found = useCollection({
    resource: containerLeases,
    namespaces: [namespace],
    fieldSelector: `metadata.name=${name}`,
  });
  if (!found.data) {
    return (
      <>
        <PageTitle title={name} />
        {found.isError ? (
          <ErrorState title={`${name} could not be read`} error={found.error} />
        ) : (
          <LoadingState label={`Loading ${name}`} />
        )}
      </>
    );
  }
  const lease = newest(found.data);
  return lease ? <Lease key={uidOf(lease)} lease={lease} /> : <NoLease namespace={namespace} name={name} />;
}

/** A name may be used again: the lease that bears it now. */
function newest(leases: readonly ContainerLease[]): ContainerLease | undefined {
  const created = (lease: ContainerLease) => parseTime(lease.metadata?.creationTimestamp) ?? 0;
  return [...leases].sort((a, b) => created(b) - created(a))[0];
}

function NoLease({ namespace, name }: { namespace: string; name: string }) {
  return (
    <>
      <PageTitle title={name} />
      <EmptyState
        icon={<IconServerOff size={40} />}
        title={`There is no lease ${name}`}
        action={
          <Button component={Link} to="/" variant="default">
            Go to the leases
          </Button>
        }
      >
        Namespace {namespace} has none of that name, or not any more. What a lease cost stays at{" "}
        <Anchor component={Link} to="/billing" inherit underline="always">
          Billing
        </Anchor>
        .
      </EmptyState>
    </>
  );
}

function Lease({ lease }: { lease: ContainerLease }) {
  const namespace = namespaceOf(lease);
  const history = useCollection({
    resource: events,
    namespaces: [namespace],
    fieldSelector: `regarding.uid=${uidOf(lease)}`,
  });
  const steps = provisioning(lease);
  return (
    <>
      <PageTitle title={nameOf(lease)} hint={`${lease.spec.image} · ${ownerOf(lease)} · in ${namespace}`}>
        <Actions lease={lease} />
      </PageTitle>
      <Summary lease={lease} />
      <div className={classes.columns}>
        <div className={classes.wide}>
          {steps && <Provisioning steps={steps} />}
          {phaseOf(lease) === "Running" && (
            <Suspense fallback={<Skeleton h={172} radius="md" />}>
              <UsagePanel lease={lease} />
            </Suspense>
          )}
          <Tabs defaultValue="logs" keepMounted={false}>
            <Tabs.List mb="sm">
              <Tabs.Tab value="logs">Logs</Tabs.Tab>
              <Tabs.Tab value="yaml">YAML</Tabs.Tab>
            </Tabs.List>
            <Tabs.Panel value="logs">
              <Suspense fallback={<Skeleton h={480} radius="md" />}>
                <LogPanel uid={uidOf(lease)} name={nameOf(lease)} />
              </Suspense>
            </Tabs.Panel>
            <Tabs.Panel value="yaml">
              <Suspense fallback={<Skeleton h={480} radius="md" />}>
                <YAMLView lease={lease} />
              </Suspense>
            </Tabs.Panel>
          </Tabs>
        </div>
        <div className={classes.narrow}>
          <CostCard lease={lease} />
          <Conditions lease={lease} />
          <Timeline
            lease={lease}
            events={history.data ?? []}
            error={history.data ? undefined : history.error}
          />
          <Details lease={lease} />
        </div>
      </div>
    </>
  );
}

/** What may be done to the lease. */
function Actions({ lease }: { lease: ContainerLease }) {
  const session = useSession();
  const leaseClasses = useClasses();
  const navigate = useNavigate();
  const [doomed, setDoomed] = useState<readonly ContainerLease[]>([]);
  const suspended = lease.spec.operatingMode === "Suspended";
  const name = nameOf(lease);
  const change = useLeaseAction(`${name} was not ${suspended ? "resumed" : "suspended"}`, () =>
    setOperatingMode(lease, suspended ? "Running" : "Suspended"),
  );
  if (!mayEdit(session, namespaceOf(lease))) {
    return (
      <Text size="sm" c="dimmed">
        You may look, but not change it
      </Text>
    );
  }
  const ending = isOver(lease) || lease.metadata?.deletionTimestamp !== undefined;
  return (
    <>
      {!ending && (
        <>
          <ExtendMenu lease={lease} leaseClass={leaseClasses.get(lease.spec.className ?? "")} size="xs" />
          <Button
            size="xs"
            variant="default"
            className={classes.action ?? ""}
            loading={change.isPending}
            leftSection={
              suspended ? <IconPlayerPlay size={14} aria-hidden /> : <IconPlayerPause size={14} aria-hidden />
            }
            title={
              suspended ? undefined : "Stops the container and keeps it; the time goes on, the cost does not"
            }
            onClick={() => change.mutate(undefined)}
          >
            {suspended ? "Resume" : "Suspend"}
          </Button>
        </>
      )}
      <Button
        size="xs"
        variant="default"
        className={classes.action ?? ""}
        leftSection={<IconTrash size={14} aria-hidden />}
        disabled={lease.metadata?.deletionTimestamp !== undefined}
        onClick={() => setDoomed([lease])}
      >
        Delete
      </Button>
      <DeleteLeases
        leases={doomed}
        onCancel={() => setDoomed([])}
        onDone={(left) => {
          setDoomed([]);
          // What is still running is worth a look until it has ended; what had ended is gone.
          if (left.length === 0 && isOver(lease)) void navigate({ to: "/" });
        }}
      />
    </>
  );
}
