import { Button, Group, SegmentedControl, Text, TextInput } from "@mantine/core";
import { notifications } from "@mantine/notifications";
import { IconDownload, IconReceipt, IconReceiptOff, IconSearch } from "@tabler/icons-react";
import { useMutation } from "@tanstack/react-query";
import { getRouteApi } from "@tanstack/react-router";
import { useMemo, useState } from "react";
import { request, serverNow } from "@/api/http";
import { billingRecords } from "@/api/kubernetes";
import type { BillingRecord } from "@/api/types";
import { useCollection } from "@/api/watch/useCollection";
import { OwnerFilter } from "@/components/OwnerFilter";
import { PageTitle } from "@/components/PageTitle";
import { useScope } from "@/components/session";
import { EmptyState, ErrorState, LoadingState } from "@/components/states";
import { count, money } from "@/lib/format";
import { saveBlob } from "@/lib/save";
import { Bill, BillsHead } from "./Bill";
import classes from "./BillingPage.module.css";
import { Chart } from "./Chart";
import { type Grouping, ownersOf, periods, select, since, totals, type View } from "./view";

const route = getRouteApi("/billing");

/** What the leases that ended cost, live. */
export function BillingPage() {
  const records = useCollection({ resource: billingRecords, namespaces: useScope() });
  return (
    <>
      {records.data ? (
        records.data.length > 0 ? (
          <Bills records={records.data} />
        ) : (
          <>
            <PageTitle title="Billing" />
            <EmptyState icon={<IconReceipt size={40} />} title="Nothing has been billed">
              A lease is billed when it ends, for the time that its container ran.
            </EmptyState>
          </>
        )
      ) : (
        <>
          <PageTitle title="Billing" />
          {records.isError ? (
            <ErrorState title="The bills could not be read" error={records.error} />
          ) : (
            <LoadingState label="Loading the bills" />
          )}
        </>
      )}
    </>
  );
}

/** How many bills are shown at first, and more at a time. */
const pageSize = 50;

const periodLabels = periods.map((period) => ({
  value: String(period),
  label: period === "all" ? "All" : `${period} days`,
}));

function Bills({ records }: { records: readonly BillingRecord[] }) {
  const view = route.useSearch();
  const navigate = route.useNavigate();
  const [limit, setLimit] = useState(pageSize);
  const setView = (change: Partial<Record<keyof View, unknown>>) =>
    void navigate({
      search: (before) => ({ ...before, ...change }) as View,
      replace: true,
      resetScroll: false,
    });
  const period = view.days ?? 30;
  const by: Grouping = view.by ?? "day";
  const shown = useMemo(() => select(records, view, serverNow()), [records, view]);
  const owners = useMemo(() => ownersOf(records), [records]);
  const sums = totals(shown);
  const from = since(period, serverNow());
  return (
    <>
      <PageTitle title="Billing" hint="What the leases that ended cost">
        <Download from={from} />
      </PageTitle>
      <div className={classes.toolbar}>
        <SegmentedControl
          aria-label="Period"
          data={periodLabels}
          value={String(period)}
          onChange={(chosen) => {
            const days = periods.find((each) => String(each) === chosen);
            setView({ days: days === 30 ? undefined : days });
          }}
        />
        <OwnerFilter
          className={classes.owner}
          owners={owners}
          owner={view.owner}
          onChange={(owner) => setView({ owner })}
        />
        <TextInput
          className={classes.search ?? ""}
          aria-label="Search bills"
          placeholder="Search lease, image, class"
          leftSection={<IconSearch size={16} aria-hidden />}
          value={view.q ?? ""}
          onChange={(event) => setView({ q: event.currentTarget.value || undefined })}
          autoComplete="off"
          spellCheck={false}
        />
      </div>
      {shown.length === 0 ? (
        <EmptyState
          icon={<IconReceiptOff size={40} />}
          title="No bill is like that"
          action={
            <Button
              variant="default"
              onClick={() => setView({ days: "all", owner: undefined, q: undefined })}
            >
              Show all
            </Button>
          }
        >
          None of the {count(records.length, "bill")} is of this period and what you filter for.
        </EmptyState>
      ) : (
        <>
          <section className={classes.overview} aria-label="Totals">
            <Group justify="space-between" align="flex-end" mb="sm">
              <div>
                <Text className={`numbers ${classes.total}`} data-testid="bill-total">
                  {sums.map(([currency, sum]) => money(sum, currency)).join(" + ")}
                </Text>
                <Text size="sm" c="dimmed" className="numbers">
                  for {count(shown.length, "lease")}
                </Text>
              </div>
              <SegmentedControl
                aria-label="Chart"
                size="xs"
                data={[
                  { value: "day", label: "By day" },
                  { value: "owner", label: "By owner" },
                ]}
                value={by}
                onChange={(value) => setView({ by: value === "owner" ? "owner" : undefined })}
              />
            </Group>
            {sums.map(([currency]) => (
              <Chart
                key={currency}
                records={shown.filter(({ spec }) => spec.currency === currency)}
                by={by}
                currency={currency}
                from={from}
              />
            ))}
          </section>
          <div className={classes.records}>
            <BillsHead />
            <ul className={classes.bills} aria-label="Bills">
              {shown.slice(0, limit).map((record) => (
                <Bill key={record.metadata?.name} record={record} />
              ))}
            </ul>
          </div>
          {shown.length > limit && (
            <Group justify="center" mt="md">
              <Button variant="default" onClick={() => setLimit(limit + pageSize)}>
                Show more of the {(shown.length - limit).toLocaleString()} others
              </Button>
            </Group>
          )}
        </>
      )}
    </>
  );
}

/** Has all bills of the period, whatever else is filtered for, saved as a table. */
function Download({ from }: { from: number | undefined }) {
  const download = useMutation({
    mutationFn: async () => {
      const query = from === undefined ? "" : `?since=${encodeURIComponent(new Date(from).toISOString())}`;
      const answer = await request(`/api/billing${query}`, { headers: { Accept: "text/csv" } });
      saveBlob(`billing-${new Date(serverNow()).toISOString().slice(0, 10)}.csv`, await answer.blob());
    },
    onError: (error) =>
      notifications.show({ color: "red", title: "The bills were not saved", message: error.message }),
  });
  return (
    <Button
      size="xs"
      variant="default"
      leftSection={<IconDownload size={14} aria-hidden />}
      loading={download.isPending}
      onClick={() => download.mutate()}
    >
      Download CSV
    </Button>
  );
}
