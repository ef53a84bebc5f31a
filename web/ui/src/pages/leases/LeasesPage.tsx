import { Button, Group, Text } from "@mantine/core";
import { useMediaQuery } from "@mantine/hooks";
import { IconPlus, IconSearchOff, IconServer2 } from "@tabler/icons-react";
import { getRouteApi, Link } from "@tanstack/react-router";
import { useCallback, useDeferredValue, useMemo, useState } from "react";
import { serverNow } from "@/api/http";
import { containerLeases } from "@/api/kubernetes";
import type { ContainerLease } from "@/api/types";
import { useCollection } from "@/api/watch/useCollection";
import { DeleteLeases } from "@/components/DeleteLeases";
import { PageTitle } from "@/components/PageTitle";
import { mayEdit, useScope, useSession } from "@/components/session";
import { EmptyState, ErrorState, LoadingState } from "@/components/states";
import { useClasses } from "@/components/useClasses";
import { count, money } from "@/lib/format";
import { namespaceOf, uidOf } from "@/lib/lease";
import { LeaseCards } from "./LeaseCards";
import { LeaseTable } from "./LeaseTable";
import { Toolbar } from "./Toolbar";
import { hourlyRates, isFiltered, select, type View } from "./view";

const route = getRouteApi("/");

/** Every lease that the person may see, live. */
export function LeasesPage() {
  const leases = useCollection({ resource: containerLeases, namespaces: useScope() });
  return (
    <>
      <PageTitle title="Leases" />
      {leases.data ? (
        leases.data.length > 0 ? (
          <Leases leases={leases.data} />
        ) : (
          <NoLeases />
        )
      ) : leases.isError ? (
        <ErrorState title="The leases could not be read" error={leases.error} />
      ) : (
        <LoadingState label="Loading the leases" />
      )}
    </>
  );
}

function NoLeases() {
  return (
    <EmptyState
      icon={<IconServer2 size={40} />}
      title="Nothing is leased"
      action={
        <Button component={Link} to="/new" leftSection={<IconPlus size={16} aria-hidden />}>
          Lease a container
        </Button>
      }
    >
      A lease is a container for a time: it is stopped, billed and removed when the time is up.
    </EmptyState>
  );
}

function Leases({ leases }: { leases: readonly ContainerLease[] }) {
  const session = useSession();
  const view = route.useSearch();
  const navigate = route.useNavigate();
  const classes = useClasses();
  const phone = useMediaQuery("(max-width: 48em)", undefined, { getInitialValueInEffect: false });

  // A long list is sorted and filtered when there is time for it: what is typed shows at once.
  const wanted = useDeferredValue(view);
  const shown = useMemo(() => select(leases, wanted, serverNow()), [leases, wanted]);
  const [marked, setMarked] = useState<ReadonlySet<string>>(new Set());
  const selected = useMemo(() => shown.filter((lease) => marked.has(uidOf(lease))), [shown, marked]);
  const [doomed, setDoomed] = useState<readonly ContainerLease[]>([]);

  const setView = useCallback(
    (change: Partial<Record<keyof View, unknown>>) =>
      void navigate({
        search: (before) => ({ ...before, ...change }) as View,
        replace: true,
        resetScroll: false,
      }),
    [navigate],
  );
  const mark = useCallback((uids: readonly string[], on: boolean) => {
    setMarked((before) => {
      const after = new Set(before);
      for (const uid of uids) {
        if (on) after.add(uid);
        else after.delete(uid);
      }
      return after;
    });
  }, []);
  const remove = useCallback((lease: ContainerLease) => setDoomed([lease]), []);
  const editable = useCallback((lease: ContainerLease) => mayEdit(session, namespaceOf(lease)), [session]);
  const manyNamespaces = session.admin || session.namespaces.length > 1;

  const list = { leases: shown, classes, marked, onMark: mark, onDelete: remove, editable, manyNamespaces };
  return (
    <>
      <Toolbar leases={leases} view={view} onChange={setView} withSort={phone === true} />
      <Group h={36} mb="xs" gap="sm" aria-live="polite">
        {selected.length === 0 ? (
          <Text size="sm" c="dimmed" className="numbers">
            {shown.length === leases.length
              ? count(leases.length, "lease")
              : `${shown.length.toLocaleString()} of ${count(leases.length, "lease")}`}
            {[...hourlyRates(shown)].map(([currency, rate]) => `, ${money(rate, currency)} an hour`)}
          </Text>
        ) : (
          <>
            <Text size="sm" fw={600} className="numbers">
              {count(selected.length, "lease")} selected
            </Text>
            <Button size="xs" color="red.8" onClick={() => setDoomed(selected)}>
              Delete
            </Button>
            <Button size="xs" variant="default" onClick={() => setMarked(new Set())}>
              Select none
            </Button>
          </>
        )}
      </Group>
      {shown.length === 0 && isFiltered(wanted) ? (
        <EmptyState
          icon={<IconSearchOff size={40} />}
          title="No lease is like that"
          action={
            <Button
              variant="default"
              onClick={() => setView({ q: undefined, phase: undefined, owner: undefined })}
            >
              Show all
            </Button>
          }
        >
          None of the {count(leases.length, "lease")} is what you search and filter for.
        </EmptyState>
      ) : phone ? (
        <LeaseCards {...list} />
      ) : (
        <LeaseTable {...list} view={view} onSort={setView} />
      )}
      <DeleteLeases
        leases={doomed}
        onCancel={() => setDoomed([])}
        onDone={(left) => {
          setDoomed([]);
          setMarked(new Set(left.map(uidOf)));
        }}
      />
    </>
  );
}
