import { Select } from "@mantine/core";

interface Props {
  owners: readonly string[];
  owner: string | undefined;
  onChange: (owner: string | undefined) => void;
  className: string | undefined;
}

/** Filters for what is of one owner. */
export function OwnerFilter({ owners, owner, onChange, className = "" }: Props) {
  return (
    <Select
      className={className}
      aria-label="Owner"
      placeholder="All owners"
      data={owners}
      value={owner ?? null}
      onChange={(chosen) => onChange(chosen ?? undefined)}
      clearable
      searchable
      nothingFoundMessage="No such owner"
    />
  );
}
